from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from models.decision.power import Plan
from pipelines.at_risk.policy.campaign import (
    Assignments,
    earlier_assignments,
    expected_effect,
    forecast,
    groups,
    new_share_of,
    plan_of,
)
from pipelines.ledger.read import history_before
from pipelines.rendering.language.language import Language
from pipelines.runtime.files import read_json
from pipelines.settings.params import Settings
from pipelines.stages.make_list import make_list
from tests.pipelines.ledgers_for_tests import put
from tests.pipelines.lists_for_tests import DAY, Shop, shop
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
    return history_before(before, settings().timezone).entries


def on(day: str, **campaign: Any) -> Settings:
    plain = settings(**campaign).model_dump(exclude_unset=True)
    return Settings.model_validate({**plain, "observations": {"train": {"until": day}, "score": {"as_of": day}}})


def assigned(chosen: Settings) -> Assignments:
    return earlier_assignments(chosen.campaign.name, chosen.observations.score.as_of)


def told(plan: Plan, chosen: Settings) -> dict[str, Any]:
    return forecast(plan, entries(), chosen.campaign, chosen.value.success, LANGUAGE)


def effect_of(base_rate: float, **campaign: Any) -> float:
    chosen = settings(**campaign)
    return expected_effect(base_rate, chosen.campaign, chosen.value.success)


def before(day: str, **campaign: Any) -> tuple[dict[Any, str], dict[Any, str]]:
    found = assigned(on(day, **campaign))
    return found.before.to_dict(), found.same_day.to_dict()


def test_before_the_first_list_nobody_is_assigned() -> None:
    assert before("2024-03-04") == ({}, {})
    assert not Path("data").exists()


def test_the_first_assignment_of_the_campaign_counts_and_later_lists_do_not() -> None:
    put("2024-03-04", FIRST)
    put("2024-03-11", SECOND)
    put("2024-03-18", "f contact 1 0.5\na control 2 0.5\n")
    first = {"a": "contact", "b": "control", "c": "contact"}
    assert before("2024-03-03") == ({}, {})
    assert before("2024-03-04") == ({}, first)
    assert before("2024-03-11") == (first, {"d": "contact", "e": "contact"})
    assert before("2024-03-12") == (first | {"d": "contact", "e": "contact"}, {})
    assert before("2024-03-18", name="autumn") == ({}, {})


CANDIDATES = pd.DataFrame(
    {"customer_id": [f"{n:03d}" for n in range(200)], "risk_tier": "high", "segment": ["new", "lost"] * 100}
)


def publish(day: str, found: pd.Series[str], count: int, **other: Any) -> None:
    """The first of the ranking become a published list."""
    shown = found.head(count)
    put(day, "\n".join(f"{one} {group} {n + 1} 0.5" for n, (one, group) in enumerate(shown.items())), **other)


def test_a_published_list_that_is_made_again_holds_out_the_same_listed_or_not() -> None:
    week = on("2024-03-04")
    first = groups(CANDIDATES, assigned(week), week.campaign)
    publish("2024-03-04", first, 73)
    assert groups(CANDIDATES, assigned(week), week.campaign).equals(first)


def test_whoever_was_listed_stays_in_their_group_when_the_list_of_the_day_is_revised() -> None:
    week = on("2024-03-04")
    first = groups(CANDIDATES, assigned(week), week.campaign)
    publish("2024-03-04", first, 73)
    changed = CANDIDATES.iloc[5:].sort_values("segment", kind="stable").assign(risk_tier="medium")
    second = groups(changed, assigned(week), week.campaign)
    both = [one for one in first.index[:73] if one in second.index]
    assert second[both].equals(first[both])
    assert (second[second.index[100:]] == "control").sum() >= 5
    publish("2024-03-04", second, 80, revision=2, list_id="revised")
    later = on("2024-03-11")
    third = groups(CANDIDATES, assigned(later), later.campaign)
    assert third[first.index[:73]].equals(first[:73]), "also who is not on the revised list any more"
    seen = second.index[:80].difference(first.index[:73])
    assert third[seen].equals(second[seen])


def test_how_many_are_new_on_later_lists_is_taken_from_the_lists_so_far() -> None:
    assert new_share_of(entries(), settings().campaign) == 0.25
    put("2024-03-04", FIRST)
    assert new_share_of(entries(), settings().campaign) == 0.25
    put("2024-03-11", SECOND)
    assert new_share_of(entries(), settings().campaign) == 2 / 4
    put("2024-03-12", "a contact 1 0.8\nd contact 2 0.7\n")
    assert new_share_of(entries(), settings().campaign) == 2 / 6
    assert new_share_of(entries(), settings(new_share=0.9).campaign) == 0.9


def test_the_plan_is_that_of_the_settings_and_of_this_list() -> None:
    plan = plan_of(300, 0.31, 2235, entries(), settings(weeks=6, share=0.2).campaign)
    assert plan == Plan(weekly=300, weeks=6, share=0.2, base_rate=0.31, new_share=0.25, pool=2235)


def test_the_effect_hoped_for_is_a_number_or_follows_from_what_acting_is_thought_to_do() -> None:
    assert effect_of(0.4) == pytest.approx(0.4 * 0.3)
    assert effect_of(0.4, expected_effect=0.05) == 0.05
    assert effect_of(0.04, expected_effect=0.05) == 0.04


def said(plan: Plan, **campaign: Any) -> list[str]:
    content = told(plan, settings(weeks=plan.weeks, share=plan.share, **campaign))
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


def test_a_campaign_that_runs_out_of_customers_says_so() -> None:
    plan = Plan(weekly=300, weeks=8, share=0.1, base_rate=0.4, new_share=0.5, pool=775)
    assert plan.groups == (697, 78)
    assert "More than 775 customers cannot come on it, as things stand today." in said(plan)
    assert not Plan(weekly=300, weeks=1, share=0.1, base_rate=0.4, pool=775).is_exhausted


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


def listed(day: str, *, contacted: int, held_out: int, of: str) -> None:
    """A published list of so many customers who were on none before; `of` begins their ids."""
    groups = ["contact"] * contacted + ["control"] * held_out
    put(day, "\n".join(f"{of}{n:04d} {group} {n + 1} 0.5" for n, group in enumerate(groups)))


@pytest.mark.parametrize(
    ("contacted", "held_out", "sentences"),
    [
        (
            1350,
            150,
            [
                (
                    "Nobody new is held out; the 150 held out on earlier lists of this campaign still are. Beside the "
                    "1,350 contacted on those lists, an effect below 11.3 points will not be provable."
                ),
                "That is enough for the 12 points that are hoped for.",
            ],
        ),
        (
            40,
            5,
            [
                (
                    "Nobody new is held out; the 5 held out on earlier lists of this campaign still are. Beside the "
                    "40 contacted on those lists they will prove no effect at all."
                ),
                "To prove the 12 points that are hoped for, 5% held out would do.",
            ],
        ),
    ],
)
def test_a_running_campaign_without_a_share_says_who_still_is_held_out_and_what_that_proves(
    contacted: int, held_out: int, sentences: list[str]
) -> None:
    listed("2024-03-04", contacted=contacted, held_out=held_out, of="a")
    listed("2024-03-11", contacted=20, held_out=0, of="b")  # the share was 0 by then: nobody to compare them with
    plan = Plan(weekly=300, weeks=8, share=0.0, base_rate=0.4)
    assert said(plan)[:2] == sentences
    found = told(plan, settings(share=0.0))
    assert found["so_far"] == {"lists": 2, "contact": contacted + 20, "control": held_out}
    assert found["by_the_end"] == {"contact": 2400, "control": held_out}
    assert found["price"] == round(held_out * 0.12 + 0.4)
    assert f"{held_out} held out by the end" in " ".join(found["said"])
    assert said(plan, name="autumn")[0] == (
        "Nobody is held out, so nobody will be able to say whether contacting helped."
    ), "another campaign has nobody held out"
    within = told(Plan(300, 8, 0.0, 0.4, pool=1600), settings(share=0.0))["by_the_end"]
    assert within == {"contact": 1600 - held_out, "control": held_out}


def test_the_manifest_has_the_figures_behind_the_sentences() -> None:
    put("2024-03-04", FIRST)
    put("2024-03-11", SECOND)
    plan = Plan(weekly=300, weeks=8, share=0.1, base_rate=0.4, new_share=0.5)
    found = told(plan, settings())
    assert found | {"said": []} == {
        "name": "spring",
        "design": "holdout",
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
    from pipelines.rendering.points import points

    assert points(effect, LANGUAGE, up=True) == told_as


def made(small: Shop, chosen: Settings) -> dict[str, bytes]:
    make_list(chosen, small.inputs, small.out)
    return {path.name: path.read_bytes() for path in small.out.iterdir()}


def test_a_list_says_what_the_campaign_can_prove_and_stays_the_same_once_it_is_published(tmp_path: Path) -> None:
    small, chosen = shop(tmp_path), settings(share=0.3)
    first = made(small, chosen)
    told = read_json(small.out / "manifest.json")["campaign"]
    assert told["name"] == "spring"
    assert told["said"][0].startswith("With ")
    assert told["said"][0] in first["at_risk.html"].decode()
    groups = [pd.read_csv(small.out / f"{name}.csv", dtype=str) for name in ("at_risk", "control")]
    assert len(groups[1]), "somebody is held out"
    rows = [
        f"{row.customer_id} {row.group} {row.rank} {row.churn_probability}" for row in pd.concat(groups).itertuples()
    ]
    put(DAY, "\n".join(rows))
    assert made(small, chosen) == first


def test_a_revised_list_moves_nobody_between_the_groups(tmp_path: Path) -> None:
    small, chosen = shop(tmp_path), settings(share=0.3)
    made(small, chosen)
    before = {name: pd.read_csv(small.out / f"{name}.csv", dtype=str) for name in ("at_risk", "control")}
    rows = [
        f"{row.customer_id} {row.group} {row.rank} {row.churn_probability}" for row in pd.concat(before).itertuples()
    ]
    put(DAY, "\n".join(rows))
    listed, held_out = (set(before[name]["customer_id"]) for name in ("at_risk", "control"))
    made(small, settings(share=0.3, key="another key altogether"))
    assert not set(pd.read_csv(small.out / "control.csv", dtype=str)["customer_id"]) & listed
    assert not set(pd.read_csv(small.out / "at_risk.csv", dtype=str)["customer_id"]) & held_out
