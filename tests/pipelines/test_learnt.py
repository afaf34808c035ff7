"""The playbook learns: outcomes of earlier lists move what is believed of an action, and with it the ranking."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.effect.success import Belief
from pipelines.at_risk.decide import decide, rank_everyone
from pipelines.at_risk.policy.learnt import ARM_COUNTS, Learnt, evidence_in, is_applied, learnt, taught_lines
from pipelines.at_risk.summary import learnt_in_words, playbook_summary
from pipelines.outcomes.evidence import evidence_of
from pipelines.rendering.language.language import Language
from pipelines.runtime.files import read_json
from pipelines.settings.campaign.contacts import Campaign
from pipelines.settings.campaign.playbook import PlaybookRule
from pipelines.settings.decision import ListPolicy
from pipelines.settings.model import Value
from pipelines.stages.make_list import make_list
from tests.pipelines.lists_for_tests import Shop, settings, shop
from tests.pipelines.test_deciding import asked
from tests.pipelines.test_deciding import given as inputs

ENGLISH = Language()
RULES = [
    PlaybookRule.model_validate(
        {"action": "call", "when": {"risk_tier": ["very high", "high"]}, "success": 0.35, "cost": 1, "incentive": 0}
    ),
    PlaybookRule.model_validate({"action": "letter", "success": 0.15, "cost": 1, "incentive": 0}),
]


def row(action: str, segment: str, *counts: float) -> dict[str, Any]:
    return {"action": action, "segment": segment, **dict(zip(ARM_COUNTS, counts, strict=True))}


def known(*rows: dict[str, Any]) -> dict[str, Any]:
    return {"campaigns": [{"campaign": "spring", "evidence": list(rows)}, {"campaign": "of an older version"}]}


def believed(*rows: dict[str, Any], value: Value | None = None) -> Learnt:
    found = learnt(known(*rows), RULES, value or Value())
    assert found is not None
    return found


HARM = row("call", "regular", 400, 200, 100, 30)
HELP = row("letter", "regular", 400, 60, 100, 40)


@given(success=st.floats(0, 1), harm=st.floats(0, 0.5), mass=st.floats(2, 50))
def test_a_stated_success_is_what_is_believed_before_there_is_evidence(
    success: float, harm: float, mass: float
) -> None:
    belief = Belief.stated(success, mass, harm)
    mean = (1 - belief.harm) * belief.alpha / (belief.alpha + belief.beta) - 0.2 * belief.harm
    assert mean == pytest.approx(success, abs=0.0011)
    assert belief.harm <= harm
    assert belief.alpha + belief.beta == pytest.approx(mass)


def test_without_outcomes_nothing_is_learnt() -> None:
    for nothing in (None, {"campaigns": []}, known(), known(row("call", "regular", 0, 0, 0, 0))):
        assert learnt(nothing, RULES, Value()) is None
    assert learnt(known(HELP), RULES, Value(learn=False)) is None


def test_evidence_moves_its_own_action_most_and_others_less() -> None:
    found = believed(HELP, row("letter", "lost", 10, 1, 3, 1))
    assert [one.action for one in found.taught] == ["letter"]
    assert found.taught[0].counts == (410, 61, 103, 41)
    own, other = found.means["letter", "regular"], found.means["call", ""]
    assert own == pytest.approx(0.45, abs=0.16)
    assert own > 0.3, "0.15 was stated, 0.6 was seen"
    assert own >= found.means["letter", "lost"] > 0.15, "few customers of another kind"
    assert 0 < other - 0.35 < (own - 0.15) / 2, "another action, of which nothing was seen"
    chosen = found.success(np.array([1, 0, -1]), ["regular", "regular", "unheard of"])
    assert chosen.tolist() == [own, other, found.means["", ""]]


def test_campaigns_are_added_up_and_the_withheld_give_none() -> None:
    both = {"campaigns": [{"evidence": [HELP]}, {"evidence": [HELP, HARM]}, {"evidence": []}]}
    assert evidence_in(both) == {
        ("call", "regular"): (400, 200, 100, 30),
        ("letter", "regular"): (800, 120, 200, 80),
    }


def test_harm_that_is_proven_is_proposed_to_stop_and_not_stopped() -> None:
    found = believed(HARM, HELP)
    by_action = {one.action: one for one in found.taught}
    assert by_action["call"].harms
    assert by_action["call"].mean < 0
    assert not by_action["letter"].harms
    lines = taught_lines(found.taught, ENGLISH, applied=True)
    assert lines[0].startswith("The list goes by what outcomes of earlier lists taught")
    assert lines[1].startswith(
        "call: 35% stated; of 400 to be contacted 200 left, of 100 in the control group 30; now -"
    )
    assert lines[-1] == "call provably makes customers leave. Proposed: leave its customers alone, by the playbook."
    few = believed(row("call", "regular", 20, 10, 5, 1))
    assert not few.taught[0].harms, "that is chance"
    assert taught_lines((), ENGLISH, applied=True) == []


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Shop:
    return shop(tmp_path_factory.mktemp("shop"))


def policy(**other: Any) -> ListPolicy:
    return replace(asked(), playbook=RULES, **other)


def test_the_ranking_goes_by_what_is_believed(small: Shop) -> None:
    plain, taught = inputs(small), inputs(small, learnt=believed(HARM, HELP))
    before, after = (rank_everyone(one, policy(), ENGLISH) for one in (plain, taught))
    changed = (
        after.set_index("customer_id")["expected_net_value"] - before.set_index("customer_id")["expected_net_value"]
    )
    called = before.set_index("customer_id")["rule"] == 0
    assert called.any()
    assert (~called).any()
    assert (changed[called] < 0).all()
    assert (changed[~called] > 0).all()
    listed = decide(taught, policy(), ENGLISH)
    assert playbook_summary(listed, RULES, taught.learnt)[1]["success"]["stated"] == 0.15
    assert "success" not in playbook_summary(listed, RULES)[0]


def test_nothing_learnt_is_applied_where_the_first_ranks_are_not_measured(small: Shop) -> None:
    unmeasured = Campaign(design="lottery", sure_holdout=0)
    assert not is_applied(Value(), unmeasured)
    assert is_applied(Value(), Campaign(design="lottery"))
    lottery = policy(campaign=unmeasured)
    plain, taught = inputs(small), inputs(small, learnt=believed(HARM, HELP))
    assert rank_everyone(taught, lottery, ENGLISH).equals(rank_everyone(plain, lottery, ENGLISH))
    assert "is not applied to this list" in learnt_in_words(taught, lottery, ENGLISH)
    assert learnt_in_words(plain, lottery, ENGLISH) == ""


def test_a_list_of_a_past_day_goes_by_what_was_known_then(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    own = shop(tmp_path)
    chosen = settings().model_copy(update={"playbook": RULES})

    def made() -> dict[str, bytes]:
        make_list(chosen, own.inputs, own.out)
        return {path.name: path.read_bytes() for path in own.out.iterdir()}

    first = made()
    folder = tmp_path / "data/outcomes/known"
    folder.mkdir(parents=True)
    told = {"known_until": "2024-03-01", "newest": None}
    for later in ("2024-03-04", "2024-04-01"):
        (folder / f"{later}.json").write_text(json.dumps(told | {"campaigns": []}))
    assert made() == first
    (folder / "2024-03-01.json").write_text(json.dumps(told | {"campaigns": known(HARM, HELP)["campaigns"][:1]}))
    second = made()
    assert second["at_risk.csv"] != first["at_risk.csv"]
    assert "provably makes customers leave" in second["at_risk.html"].decode()
    rules = read_json(own.out / "manifest.json")["playbook"]
    assert rules[0]["success"]["contacted"] == 400
    assert read_json(own.out / "manifest.json")["inputs"]["outcomes"] is not None


def test_both_arms_are_counted_by_action_and_kind() -> None:
    people = pd.DataFrame(
        {
            "action": ["call"] * 4 + [None] * 2,
            "segment": ["new"] * 4 + ["lost"] * 2,
            "contacted_arm": [True, True, True, False, True, False],
            "chance": [0.75, 0.75, 0.75, 0.75, 0.5, 0.98],
            "left": [1.0, 0.0, 0.0, 1.0, 0.0, 1.0],
        }
    )
    assert evidence_of(people) == [row("", "lost", 1, 0, 1, 1), row("call", "new", 3, 1, 1, 1)]
    weighted = people.iloc[[0, 1]].assign(chance=[0.5, 0.98], action="call", segment="new")
    found = evidence_of(weighted)[0]
    assert found["contacted"] < 2
    assert found["contacted_left"] / found["contacted"] == pytest.approx((1 / 0.5) / (1 / 0.5 + 1 / 0.98), abs=1e-3)
    assert (found["control"], found["control_left"]) == (0, 0)
