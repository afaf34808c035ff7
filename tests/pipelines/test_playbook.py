"""Which rule takes whom: playbooks and customers on paper."""

from __future__ import annotations

import re
from datetime import date
from typing import Any

import numpy as np
import pandas as pd
import pytest

from pipelines.at_risk.policy.playbook import NONE, Candidates, Playbook, require_possible
from pipelines.runtime.errors import ChurnError
from pipelines.settings.campaign.playbook import PlaybookRule
from pipelines.settings.model import Value
from tests.pipelines.lists_for_tests import DAY

#            customer  segment        tier         expected  at risk
ROWS = [
    ("ann", "high value", "very high", 900.0, 500.0),
    ("bob", "hibernating", "high", 100.0, 40.0),
    ("cat", "new", "low", 20.0, 1.0),
    ("dan", "at risk", "medium", 300.0, 60.0),
]
NAMES = ["customer_id", "segment", "risk_tier", "expected_value", "value_at_risk"]
TABLE = pd.DataFrame(ROWS, columns=NAMES)
FEATURES = pd.DataFrame(
    {
        "complained_since_main_count": [0.0, 2.0, 0.0, 0.0],
        "earned_points_total_value_364d": [500.0, 80.0, 0.0, 40.0],
        "redeemed_points_total_value_364d": [500.0, 20.0, 0.0, 0.0],
    }
)
PERMITTED = [("email", "phone"), ("sms",), (), ("phone", "email")]
CONTACTS = pd.DataFrame({"customer_id": TABLE["customer_id"], "owner": ["Kim", None, None, "Noor"]}).assign(
    language=["en", "th", "en", "th"]
)
ALL = np.arange(len(ROWS))


def playbook(*rules: dict[str, Any], contacts: bool = False, features: pd.DataFrame = FEATURES) -> Playbook:
    people = Candidates(TABLE, features, PERMITTED if contacts else None, CONTACTS if contacts else None)
    entries = [PlaybookRule.model_validate({"action": f"do {place}"} | rule) for place, rule in enumerate(rules)]
    return Playbook(entries, people, Value())


def taken_by(book: Playbook, about: list[set[str]] | None = None) -> str:
    """One digit per customer: the rule that takes them, or `-`."""
    return "".join("-" if place == NONE else str(place) for place in book.chosen(ALL, about))


@pytest.mark.parametrize(
    ("when", "customers"),
    [
        ({}, "0000"),
        ({"segment": "new"}, "--0-"),
        ({"segment": ["new", "at risk"], "risk_tier": "medium"}, "---0"),
        ({"risk_tier": ["very high", "high"]}, "00--"),
        ({"min_value": 100}, "00-0"),
        ({"max_value": 100}, "--0-"),
        ({"min_value": 100, "max_value": 300}, "-0--"),
        ({"top_value_at_risk_share": 0.25}, "0---"),
        ({"not_back_since": "complained"}, "-0--"),
        ({"not_back_since": "contacted_support"}, "----"),  # this stream has none of it
        ({"unused_points": True}, "-0-0"),
        ({"unused_points": False}, "0-0-"),
    ],
)
def test_conditions(when: dict[str, Any], customers: str) -> None:
    assert taken_by(playbook({"when": when})) == customers


def test_the_first_match_wins() -> None:
    book = playbook({"when": {"segment": "new"}}, {"when": {"min_value": 300}}, {"when": {"segment": "at risk"}}, {})
    assert taken_by(book) == "1301"


def test_in_a_stream_without_points_nobody_has_unused_ones() -> None:
    assert taken_by(playbook({"when": {"unused_points": True}}, features=FEATURES[[]])) == "----"


def test_points_without_amounts_are_unused_where_none_were_redeemed() -> None:
    counts = pd.DataFrame({"earned_points_count_364d": [2.0, 1, 0, 3], "redeemed_points_count_364d": [0.0, 1, 0, 0]})
    assert taken_by(playbook({"when": {"unused_points": True}}, features=counts)) == "0--0"


def test_reasons_are_asked_for_only_where_they_may_matter() -> None:
    book = playbook({"when": {"reason_about": "visited_site", "segment": ["new", "at risk"]}}, {"when": {}}, {})
    assert book.needs_reasons
    assert book.possible.tolist() == [[False, False, True, True], [True] * 4, [False] * 4]
    assert not book.may_be_left_over.any()
    assert taken_by(book, [{"visited_site"}, set(), {"visited_site", "placed_order"}, {"placed_order"}]) == "1101"
    assert not playbook({}).needs_reasons


def test_a_rule_passes_by_customers_who_permit_other_channels() -> None:
    book = playbook({"channel": "phone"}, {"channel": ["email", "sms"]}, contacts=True)
    assert taken_by(book) == "0100"  # cat permits none: the contact rules keep her off, whatever the action
    assert taken_by(playbook({"when": {"channel": "sms"}}, contacts=True)) == "-0--"
    assert taken_by(playbook({"when": {"contact": {"language": "th"}}}, contacts=True)) == "-0-0"


def test_channel_owner_and_day() -> None:
    rule = {"channel": ["phone", "email"], "owner": "team", "send_within_days": 3}
    found = playbook(rule, contacts=True).orders(ALL, np.zeros(4, dtype=int), DAY)
    assert found["channel"].tolist() == ["email", "", "", "phone"]  # the customer's preferred one of the two
    assert found["owner"].tolist() == ["Kim", "team", "team", "Noor"]  # account owners first
    assert set(found["send_by"]) == {date(2024, 3, 7)}
    own = playbook(rule | {"account_owner": False}, contacts=True).orders(ALL, np.zeros(4, dtype=int), DAY)
    assert set(own["owner"]) == {"team"}
    without = playbook(rule, {"channel": "any"}).orders(ALL[:2], np.array([0, 1]), DAY)
    assert without["channel"].tolist() == ["phone", ""]
    assert playbook({"channel": "any"}, contacts=True).orders(ALL, np.zeros(4, dtype=int), DAY)["channel"].tolist() == [
        "email", "sms", "", "phone",
    ]  # fmt: skip


def test_who_is_left_alone() -> None:
    book = playbook(
        {"when": {"segment": "new"}, "action": "leave alone", "owner": "nobody"}, {"when": {"min_value": 300}}
    )
    chosen = book.chosen(ALL)
    assert book.left_alone(chosen).tolist() == [False, True, True, False]  # bob has no rule
    assert book.orders(ALL, chosen, DAY)["action"].tolist() == ["do 1", "", "leave alone", "do 1"]
    assert book.orders(ALL, chosen, DAY)["send_by"].isna().tolist() == [False, True, True, False]
    assert not playbook().left_alone(playbook().chosen(ALL)).any()  # without a playbook everybody may be contacted


def test_money_of_a_rule_is_its_own_or_that_of_value() -> None:
    book = playbook({"cost": 0, "success": 0.5}, {"incentive": 2})
    assert book.money("cost").tolist() == [0.0, 1.0, 1.0]
    assert book.money("incentive").tolist() == [10.0, 2.0, 10.0]
    assert book.money("success").tolist() == [0.5, 0.3, 0.3]


@pytest.mark.parametrize(
    ("when", "said"),
    [
        (
            {"min_value": 5},
            "params.yaml: playbook, rule 1 (x), when.min_value can never match: the activity holds no money.",
        ),
        (
            {"not_back_since": "complaind"},
            "playbook, rule 1 (x), when.not_back_since: nobody does 'complaind' here. Did you mean complained?",
        ),
        ({"reason_about": "vistied_site"}, "playbook, rule 1 (x), when.reason_about: nobody does 'vistied_site' here."),
        ({"not_back_since": "placed_order"}, "can never match 'placed_order': that is what coming back means."),
        (
            {"contact": {"langage": "th"}},
            "playbook, rule 1 (x), when.contact.langage is not a column of the contacts. Did you",
        ),
    ],
)
def test_what_only_the_data_can_tell(when: dict[str, Any], said: str) -> None:
    poor = TABLE.assign(expected_value=np.nan, value_at_risk=np.nan)
    rules = [PlaybookRule.model_validate({"action": "x", "when": when})]
    with pytest.raises(ChurnError, match=re.escape(said)):
        require_possible(rules, "placed_order", {"activities": {}}, Candidates(poor, FEATURES, PERMITTED, CONTACTS))


def test_an_activity_that_has_a_name_may_be_absent() -> None:
    rule = PlaybookRule.model_validate({"action": "x", "when": {"not_back_since": "complained", "unused_points": True}})
    require_possible([rule], "placed_order", {}, Candidates(TABLE, FEATURES[[]]))
