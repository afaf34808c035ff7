"""What a declaration says, and what is wrong with a wrong one."""

from __future__ import annotations

import re

import pytest

from features.catalogue.catalogue import Feature, catalogue, unavailable
from features.catalogue.measures import FAMILIES, MEASURES, Measure
from features.errors import FeatureError

ALL = {"has_value": True, "has_quantity": True, "has_detail": True}
NONE = {"has_value": False, "has_quantity": False, "has_detail": False}
EIGHT = (
    "placed_order",
    "returned_order",
    "saved_with_coupon",
    "visited_site",
    "opened_email",
    "complained",
    "answered_nps",
    "earned_points",
)


def names(facts: dict[str, dict[str, bool]], main: str = "placed_order") -> list[str]:
    return [feature.name for feature in catalogue(facts, main)]


def test_names_follow_from_the_declaration() -> None:
    assert Feature("placed_order", "count", 28).name == "placed_order_count_28d"
    assert Feature("placed_order", "gap_mean").name == "placed_order_gap_mean"


@pytest.mark.parametrize(
    ("declared", "fault"),
    [
        (("placed_order", "counts", 28), "measure 'counts' is none of"),
        (("placed_order", "count", None), "measure count needs days"),
        (("placed_order", "gap_mean", 28), "measure gap_mean has no window"),
        (("placed_order", "count", 0), "days must be 1 to 3660, found 0"),
        (("Placed Order", "count", 28), "'Placed Order' is not a name"),
    ],
)
def test_a_faulty_feature_fails_when_declared(declared: tuple[str, str, int | None], fault: str) -> None:
    with pytest.raises(FeatureError, match=re.escape(fault)):
        Feature(*declared)


@pytest.mark.parametrize(
    ("changed", "fault"),
    [
        ({"family": "recent"}, "family 'recent' is none of"),
        ({"silence": float("nan")}, "silence must be a finite number"),
        ({"low": 2.0, "high": 1.0}, "low 2.0 lies above high 1.0"),
        ({"silence": -1.0, "low": 0.0}, "silence -1.0 lies outside"),
    ],
)
def test_a_faulty_measure_fails_when_declared(changed: dict[str, object], fault: str) -> None:
    with pytest.raises(ValueError, match=re.escape(fault)):
        Measure(**{"family": "recency", "unit": "days", "silence": 0.0, "read": lambda v, d: v, **changed})


def test_eight_activities_give_two_hundred_columns() -> None:
    found = names(dict.fromkeys(EIGHT, ALL))
    assert len(found) >= 200
    assert len(found) == len(set(found))


def test_features_appear_only_for_activities_of_the_stream() -> None:
    found = names({"placed_order": ALL, "was_listed": NONE, "was_contacted": NONE, "was_held_out": NONE})
    assert {name.split("_")[0] for name in found} == {"placed", "any"}


def test_a_stream_without_money_works_and_says_what_it_left_out() -> None:
    facts = {"placed_order": NONE}
    assert not [name for name in names(facts) if re.search("value|quantity|monetary|distinct", name)]
    said = " ".join(unavailable(facts, "placed_order"))
    assert "placed_order has no value: no btyd_monetary" in said
    assert "only activity" in said


def test_value_share_needs_money_on_both_sides() -> None:
    assert "saved_with_coupon_value_share_91d" in names({"placed_order": ALL, "saved_with_coupon": ALL})
    assert "saved_with_coupon_value_share_91d" not in names({"placed_order": NONE, "saved_with_coupon": ALL})


def test_a_missing_main_activity_is_named() -> None:
    with pytest.raises(FeatureError, match=r"the stream has no 'placed_order'.*It has: visited_site"):
        catalogue({"visited_site": ALL}, "placed_order")


def test_a_complaint_is_bad_news_where_an_order_is_good() -> None:
    worse = {
        feature.name: feature.higher_is_worse
        for feature in catalogue(dict.fromkeys([*EIGHT, "received_campaign"], ALL), "placed_order")
    }
    assert worse["placed_order_count_28d"] is False
    assert worse["placed_order_days_since_last"] is True
    assert worse["complained_count_28d"] is True
    assert worse["received_campaign_count_28d"] is None


def test_every_column_says_everything() -> None:
    features = catalogue(dict.fromkeys(EIGHT, ALL), "placed_order")
    row = {feature.name: 1.0 for feature in features}
    keys = {
        "name",
        "activity",
        "measure",
        "days",
        "family",
        "unit",
        "silence",
        "low",
        "high",
        "monotone",
        "higher_is_worse",
        "sentence",
    }
    for feature in features:
        column = feature.column()
        assert set(column) == keys
        assert column["monotone"] in (-1, 0, 1)
        assert column["low"] is None or column["low"] <= column["silence"]
        assert "<" not in column["sentence"]
        column["sentence"].format(**row)


def test_sentences_speak_with_the_customer_s_own_numbers() -> None:
    sentences = {f.name: f.sentence for f in catalogue({"placed_order": ALL, "complained": NONE}, "placed_order")}
    row = {
        "placed_order_days_since_last": 41,
        "placed_order_gap_mean": 9.2,
        "placed_order_silence_per_gap": 4.46,
    }
    row |= {"placed_order_count_28d": 1, "placed_order_count_before_28d": 5}
    assert sentences["placed_order_days_since_last"].format(**row) == "Last order 41 days ago; usually every 9 days"
    assert (
        sentences["placed_order_silence_per_gap"].format(**row)
        == "Silent for 4.5 times the usual 9 days between orders"
    )
    assert (
        sentences["placed_order_count_trend_28d"].format(**row)
        == "1 orders in the last 28 days, 5 in the 28 days before"
    )
    assert sentences["complained_since_main_count"] == "", "neither good nor bad news in itself"


def test_every_measure_is_used_and_every_family_has_a_sentence() -> None:
    used = {feature.measure for feature in catalogue(dict.fromkeys(EIGHT, ALL), "placed_order")}
    assert used == set(MEASURES)
    assert all(sentence.endswith(".") for sentence in FAMILIES.values())
