from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from models.control import assign
from models.power import Plan
from pipelines.campaign import assigned, expected_effect, new_share_of, plan_of, told
from pipelines.ledger import known
from pipelines.params import Settings
from pipelines.sinks.language import Language
from tests.pipelines.ledgers_for_tests import put
from tests.pipelines.lists_for_tests import settings as shop_settings

FIRST = """
a contact 1 0.8
b control 2 0.7
c contact 3 0.6
"""
SECOND = """
a contact 1 0.9
b control 2 0.8
d contact 3 0.5
e contact 4 0.5
"""
LANGUAGE = Language()


def settings(**campaign: Any) -> Settings:
    content = {"name": "spring", **campaign}
    return Settings.model_validate({**shop_settings().model_dump(exclude_unset=True), "campaign": content})


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def entries(before: str = "2024-03-18") -> pd.DataFrame:
    return known(before, settings()).entries


def test_before_the_first_list_nobody_is_assigned() -> None:
    assert assigned("2024-03-04", settings()).empty
    assert not Path("data").exists()


def test_the_first_assignment_of_the_campaign_counts_and_later_lists_do_not() -> None:
    put("2024-03-04", FIRST)
    put("2024-03-11", SECOND)
    put("2024-03-18", "f contact 1 0.5")
    assert assigned("2024-03-03", settings()).empty
    assert assigned("2024-03-11", settings()).to_dict() == {
        **dict.fromkeys("acde", "contact"),
        "b": "control",
    }
    assert assigned("2024-03-18", settings(name="autumn")).empty


def test_whoever_was_listed_stays_in_their_group_when_the_list_of_the_day_is_revised() -> None:
    put("2024-03-04", FIRST)
    put("2024-03-04", "c contact 1 0.9", list_id="second", content="d", revision=2)
    found = assigned("2024-03-04", settings())
    assert found.to_dict() == {"a": "contact", "b": "control", "c": "contact"}
    table = pd.DataFrame({"customer_id": list("abcdefghijkl"), "risk_tier": "high", "segment": "new"})
    for key in map(str, range(20)):
        again = assign(table, found, key=key, campaign="spring", share=0.5)
        assert again[["a", "b", "c"]].to_list() == ["contact", "control", "contact"]


def test_how_many_are_new_on_later_lists_is_taken_from_the_lists_so_far() -> None:
    assert new_share_of(entries(), settings()) == 0.25
    put("2024-03-04", FIRST)
    assert new_share_of(entries(), settings()) == 0.25
    put("2024-03-11", SECOND)
    assert new_share_of(entries(), settings()) == 2 / 4
    put("2024-03-12", "a contact 1 0.8\nd contact 2 0.7\n")
    assert new_share_of(entries(), settings()) == 2 / 6
    assert new_share_of(entries(), settings(new_share=0.9)) == 0.9


def test_the_plan_is_that_of_the_settings_and_of_this_list() -> None:
    plan = plan_of(300, 0.31, 2235, entries(), settings(weeks=6, share=0.2))
    assert plan == Plan(weekly=300, weeks=6, share=0.2, base_rate=0.31, new_share=0.25, pool=2235)


def test_the_effect_hoped_for_is_a_number_or_follows_from_what_acting_is_thought_to_do() -> None:
    assert expected_effect(0.4, settings()) == pytest.approx(0.4 * 0.3)
    assert expected_effect(0.4, settings(expected_effect=0.05)) == 0.05
    assert expected_effect(0.04, settings(expected_effect=0.05)) == 0.04


def said(plan: Plan, **campaign: Any) -> list[str]:
    content = told(plan, entries(), settings(weeks=plan.weeks, share=plan.share, **campaign), LANGUAGE)
    sentences: list[str] = content["said"]
    return sentences


def test_what_will_not_be_provable_is_said_beforehand_with_the_share_that_would_do() -> None:
    plan = Plan(weekly=300, weeks=8, share=0.1, base_rate=0.4)
    assert said(plan, expected_effect=0.07)[:3] == [
        "With 300 a week, 10% held out and 8 weeks, an effect below 8.6 points will not be provable.",
        "To prove the 7 points that are hoped for, 16% held out would do.",
        "Or keep the share and go on for 13 weeks in all.",
    ]


def test_a_share_that_is_enough_is_called_enough() -> None:
    plan = Plan(weekly=300, weeks=8, share=0.1, base_rate=0.4, new_share=0.5, pool=2235)
    assert said(plan) == [
        "With 300 a week, 10% held out and 8 weeks, an effect below 11.3 points will not be provable.",
        "That is enough for the 12 points that are hoped for; 9% held out would do.",
        (
            "Assumed: 40% of those on the list leave if nobody contacts them, and 50% of a later list are on it for "
            "the first time. That makes 1,350 contacted and 150 held out by the end."
        ),
        "The price of knowing: about 18 customers will leave whom a contact would have kept.",
    ]


@pytest.mark.parametrize(
    ("plan", "effect", "sentences"),
    [
        (
            Plan(weekly=300, weeks=8, share=0.0, base_rate=0.4),
            "auto",
            [
                "Nobody is held out, so nobody will be able to say whether contacting helped.",
                "To prove the 12 points that are hoped for, 5% held out would do.",
            ],
        ),
        (
            Plan(weekly=10, weeks=4, share=0.1, base_rate=0.2),
            0.05,
            [
                "With 10 a week, 10% held out and 4 weeks, no effect at all will be provable.",
                "No share held out would prove the 5 points that are hoped for in that time.",
            ],
        ),
    ],
)
def test_what_cannot_be_proven_is_said(plan: Plan, effect: Any, sentences: list[str]) -> None:
    assert said(plan, expected_effect=effect)[:2] == sentences


def test_the_manifest_has_the_figures_behind_the_sentences() -> None:
    put("2024-03-04", FIRST)
    put("2024-03-11", SECOND)
    plan = Plan(weekly=300, weeks=8, share=0.1, base_rate=0.4, new_share=0.5)
    found = told(plan, entries(), settings(), LANGUAGE)
    assert found | {"said": []} == {
        "name": "spring",
        "share": 0.1,
        "weeks": 8,
        "so_far": {"lists": 2, "contact": 4, "control": 1},
        "by_the_end": {"contact": 1350, "control": 150},
        "assumed": {"base_rate": 0.4, "new_share": 0.5, "expected_effect": 0.12},
        "smallest_effect": 0.112439,
        "share_that_would_do": 0.09,
        "weeks_that_would_do": 7,
        "price": 18,
        "said": [],
    }


@pytest.mark.parametrize(
    ("effect", "told_as"), [(0.0893, "9 points"), (0.0882, "8.9 points"), (0.01, "1 point"), (0.1101, "11.1 points")]
)
def test_no_effect_is_told_as_smaller_than_it_is(effect: float, told_as: str) -> None:
    from pipelines.campaign import _points

    assert _points(effect, LANGUAGE, up=True) == told_as
