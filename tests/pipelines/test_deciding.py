"""From scores to a week's decision, on the small shop: bounds, rules, groups, and work on the head of the ranking."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from features.churn.definition import CUSTOMER
from models.decision import control_group, cut, ranking
from models.decision.control_group import assign
from pipelines.at_risk import decide as deciding
from pipelines.at_risk.decide import LEFT_ALONE, ORDERED_SINCE, ListInputs, decide, rank_everyone
from pipelines.at_risk.tables import tables
from pipelines.ledger.read import ENTRIES, FEEDBACK, LedgerHistory
from pipelines.rendering.language.language import Language
from pipelines.runtime.errors import ChurnError
from pipelines.settings.campaign.contacts import Campaign
from pipelines.settings.campaign.playbook import PlaybookRule
from pipelines.settings.decision import ListPolicy
from tests.pipelines.lists_for_tests import FACTS, Shop, settings, shop

NOTHING = LedgerHistory(pd.DataFrame(columns=list(ENTRIES)), pd.DataFrame(columns=list(FEEDBACK)))
NOTHING = replace(NOTHING, feedback=NOTHING.feedback.astype({"occurred_at": "datetime64[us, UTC]"}))
ENGLISH = Language()
ELIGIBLE = pd.Series({"0000": CUSTOMER})


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Shop:
    return shop(tmp_path_factory.mktemp("shop"))


def given(small: Shop, **other: Any) -> ListInputs:
    activity = small.inputs.activity
    return replace(ListInputs(small.scores, small.features, small.model, activity, FACTS, NOTHING), **other)


def asked(*rules: dict[str, Any], share: float = 0.0, **at_risk: Any) -> ListPolicy:
    entries = [PlaybookRule.model_validate({"action": f"do {place}"} | rule) for place, rule in enumerate(rules)]
    found = settings(**{"capacity": 12, "stop_when_unprofitable": False} | at_risk)
    return ListPolicy.of(found.model_copy(update={"playbook": entries, "campaign": Campaign(share=share)}))


def contacted(small: Shop, wanted: ListPolicy, **other: Any) -> list[str]:
    return list(decide(given(small, **other), wanted, ENGLISH).cut.of(cut.CONTACT)["customer_id"])


def test_the_list_is_in_the_order_of_what_contacting_brings(small: Shop) -> None:
    found = decide(given(small), asked(), ENGLISH).cut
    own = small.scores.set_index("customer_id")
    chance = own["churn_probability"].loc[found.above["customer_id"]].to_numpy()
    worth = own["expected_value"].loc[found.above["customer_id"]].to_numpy() * 365 / 28 * 0.25
    expected = ranking.net_value(chance, worth, success=0.3, cost=1.0, incentive=10.0)
    assert found.above["expected_net_value"].to_numpy() == pytest.approx(expected, abs=1e-4)
    assert found.above["expected_net_value"].is_monotonic_decreasing
    everyone = rank_everyone(given(small), asked(), ENGLISH)
    assert list(everyone["customer_id"][:12]) == list(found.above["customer_id"])


def test_value_over_says_for_how_long_a_kept_customer_counts(small: Shop) -> None:
    worth = {
        over: decide(given(small), asked(value_over=over, capacity=1), ENGLISH).cut.above["expected_net_value"][0]
        for over in ("horizon", 2, "year")
    }
    assert worth["horizon"] < worth[2] < worth["year"]


@pytest.mark.parametrize(
    ("at_risk", "bound"),
    [
        ({"capacity": 5}, "capacity"),
        ({"budget": 40.0}, "budget"),
        ({"stop_when_unprofitable": True, "value_over": 2, "capacity": 40}, "profit"),
        ({"capacity": 40}, "everyone"),
    ],
)
def test_what_ends_the_list(small: Shop, at_risk: dict[str, Any], bound: str) -> None:
    found = decide(given(small), asked(**at_risk), ENGLISH).cut
    assert found.bound == bound
    if bound == "budget":
        assert found.above["spending"].sum() <= 40.0
    if bound == "profit":
        assert (found.above["expected_net_value"] > 0).all()
        assert (found.following["expected_net_value"] <= 0).all()


def test_without_money_by_probability_and_no_contact_is_unprofitable(tmp_path: Path) -> None:
    poor = shop(tmp_path, money=False)
    found = decide(given(poor), asked(stop_when_unprofitable=True, budget=60.0), ENGLISH).cut
    assert found.above["churn_probability"].is_monotonic_decreasing
    assert found.above["expected_net_value"].isna().all()
    assert found.bound == "budget"


def test_who_ordered_since_or_is_left_alone_takes_no_place(small: Shop) -> None:
    first = contacted(small, asked())
    found = decide(given(small, ordered_since=frozenset(first[:2])), asked(), ENGLISH).cut
    kept = found.of(cut.HELD)
    assert kept["customer_id"].tolist() == first[:2]
    assert set(kept["suppressed_by"]) == {ORDERED_SINCE}
    assert kept["rank"].tolist() == [1, 1]
    assert len(found.of(cut.CONTACT)) == 12
    segment = found.above["segment"].iloc[-1]
    alone = decide(given(small), asked({"when": {"segment": segment}, "action": "leave alone"}, {}), ENGLISH).cut
    assert segment not in set(alone.of(cut.CONTACT)["segment"])
    assert set(alone.of(cut.HELD)["suppressed_by"]) <= {LEFT_ALONE}


def test_whom_no_rule_is_for_is_left_alone(small: Shop) -> None:
    found = decide(given(small), asked({"when": {"risk_tier": ["very high", "high"]}}), ENGLISH).cut
    assert set(found.of(cut.CONTACT)["risk_tier"]) <= {"very high", "high"}
    assert set(found.of(cut.HELD)["said"]) <= {"The playbook has no rule for this customer."}


def test_a_rule_s_own_money_moves_its_customers(small: Shop) -> None:
    last = contacted(small, asked())[-1]
    segment = decide(given(small), asked(), ENGLISH).cut.above.set_index("customer_id")["segment"][last]
    cheap = asked({"when": {"segment": segment}, "cost": 0, "incentive": 0, "success": 0.9}, {})
    assert contacted(small, cheap).index(last) < 11


def test_the_control_group_is_met_on_the_way_and_stays(small: Shop) -> None:
    wanted = asked(share=0.3)
    found = decide(given(small), wanted, ENGLISH).cut
    held_out = set(found.of(control_group.CONTROL)["customer_id"])
    assert held_out
    assert len(found.of(cut.CONTACT)) == 12
    free = found.above[found.above["place"] != cut.HELD]
    again = assign(free, pd.Series(dtype="str"), key="held out", campaign="retention", share=0.3)
    full = [one for one in held_out if again[one] == "control"]
    assert full  # blocks that are full are the same, wherever the list is cut


@pytest.mark.parametrize("head", [3, 7, 1000])
def test_how_much_of_the_ranking_is_worked_through_changes_nothing(
    small: Shop, head: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = asked(
        {"when": {"reason_about": "placed_order", "risk_tier": ["high", "very high"]}, "success": 0.9, "incentive": 0},
        {"when": {"segment": "regular"}, "cost": 4},
        {"incentive": 2},
        capacity=4,
    )
    monkeypatch.setattr(deciding, "_HEAD", head)
    found = decide(given(small), wanted, ENGLISH).cut
    everyone = rank_everyone(given(small), wanted, ENGLISH)
    assert list(found.above["customer_id"]) == list(everyone["customer_id"][:4])
    assert list(found.above["rule"]) == list(everyone["rule"][:4])
    assert list(found.following["customer_id"]) == list(everyone["customer_id"][4:])


def test_the_order_of_the_inputs_does_not_matter(small: Shop) -> None:
    wanted = asked({"when": {"segment": "regular"}, "cost": 4}, {}, share=0.2)
    upside_down = given(small, scores=small.scores.iloc[::-1], features=small.features.iloc[::-1])
    first, second = (
        tables(one, decide(one, wanted, ENGLISH), {}, status=ELIGIBLE, policy=wanted, language=ENGLISH)
        for one in (given(small), upside_down)
    )
    pd.testing.assert_frame_equal(first.listed, second.listed)
    pd.testing.assert_frame_equal(first.control, second.control)
    assert first.listed["list_id"].iloc[0] == second.listed["list_id"].iloc[0]


@pytest.mark.parametrize(
    ("at_risk", "rules", "said"),
    [
        ({"stop_when_unprofitable": True}, [{"success": 0}], "nobody is worth a contact this week: the best one"),
        ({"budget": 0.5}, [{}], r"to cost \$.* \(budget: 0.5\)"),
        (
            {},
            [{"action": "leave alone"}],
            r"nobody is left to be contacted: all 37 customers were kept off \(left_alone",
        ),
    ],
)
def test_a_list_of_nobody_says_why(small: Shop, at_risk: dict[str, Any], rules: list[Any], said: str) -> None:
    wanted = asked(*rules, **at_risk)
    decided = decide(given(small), wanted, ENGLISH)
    with pytest.raises(ChurnError, match=said):
        tables(given(small), decided, {}, status=ELIGIBLE, policy=wanted, language=ENGLISH)
