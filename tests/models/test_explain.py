from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from models.explanation import reasons as explain
from models.explanation.topics import Topics
from pipelines.rendering.language.english import sentence


def column(name: str, family: str, measure: str, worse: bool | None, sentence: str, **other: Any) -> dict[str, Any]:
    plain = {"activity": "placed_order", "days": None, "silence": 0, "unit": "days"}
    return {"name": name, "family": family, "measure": measure, "higher_is_worse": worse, "sentence": sentence} | {
        **plain,
        **other,
    }


COLUMNS = [
    column(
        "since",
        "recency",
        "days_since_last",
        True,
        "Last order {since:.0f} days ago; usually every {gap:.0f} days",
        silence=1000,
    ),
    column("gap", "rhythm", "gap_mean", None, "Usually every {gap:.0f} days", silence=1000),
    column("longer", "rhythm", "silence_per_gap", True, "Silent for {longer:.1f} times the usual {gap:.0f} days"),
    column("orders", "frequency", "count", False, "{orders:.0f} orders in the last 28 days", days=28),
    column("fewer", "trend", "count_trend", False, "{orders:.0f} orders lately, {before:.0f} before", days=28),
    column("before", "trend", "count_before", None, "", days=28),
    column("spent", "money", "total_value", False, "{spent:,.2f} spent in the last 28 days", days=28, unit="money"),
    column(
        "calls", "support", "count", True, "{calls:.0f} complaints in the last 28 days", days=28, activity="complained"
    ),
]
EVERYONE = pd.DataFrame(
    {
        "since": np.linspace(1, 40, 40),
        "gap": np.tile([5.0, 9.0], 20),
        "longer": np.linspace(0.2, 4, 40),
        "orders": np.tile([2.0, 9.0, 4.0, 6.0], 10),
        "fewer": np.linspace(-1, 1, 40),
        "before": np.linspace(3, 9, 40),
        "spent": np.linspace(10, 400, 40),
        "calls": np.repeat([0.0, 1.0], [36, 4]),
    }
)
USUAL = {
    "since": 20.0,
    "gap": 9.0,
    "longer": 2.0,
    "orders": 5.0,
    "fewer": 0.0,
    "before": 6.0,
    "spent": 200.0,
    "calls": 0.0,
}


def reasons(contributions: dict[str, float], **values: float) -> list[str]:
    row = pd.DataFrame([dict.fromkeys(USUAL, 0.0) | contributions])
    return explain.reasons(row, pd.DataFrame([USUAL | values]), COLUMNS, say=sentence, everyone=EVERYONE)[0]


def test_the_strongest_topic_comes_first_in_the_customers_own_numbers() -> None:
    assert reasons({"since": 0.4, "spent": 0.9, "calls": 0.2}, since=38, spent=12.5, calls=1) == [
        "12.50 spent in the last 28 days",
        "Last order 38 days ago; usually every 9 days",
        "1 complaint in the last 28 days",
    ]


def test_correlated_columns_are_added_up_and_told_once() -> None:
    # Neither of the two beats the money alone; together they do, and say it in one sentence.
    found = reasons({"since": 0.3, "longer": 0.3, "spent": 0.5}, since=38, longer=3.9, spent=12)
    assert found == ["Last order 38 days ago; usually every 9 days", "12.00 spent in the last 28 days"]


def test_only_what_raises_this_customers_risk_is_a_reason() -> None:
    assert reasons({"since": -0.4, "spent": 0.3}, since=38, spent=12) == ["12.00 spent in the last 28 days"]
    assert reasons({"since": 0.4, "longer": -0.6}, since=38, longer=3.9) == []  # the topic as a whole lowers it


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({"orders": 2.0}, True),  # in the lowest third
        ({"orders": 6.0}, False),  # nothing unusual
        ({"orders": 9.0}, False),  # the number says the contrary
    ],
)
def test_a_sentence_is_used_only_where_the_number_points_that_way(values: dict[str, float], told: bool) -> None:
    assert bool(reasons({"orders": 0.5}, **values)) is told


def test_what_lowers_the_risk_is_told_by_numbers_that_are_good_news() -> None:
    row = pd.DataFrame([dict.fromkeys(USUAL, 0.0) | {"orders": -0.5, "since": -0.3}])
    found = explain.drivers(
        row, pd.DataFrame([USUAL | {"orders": 9.0, "since": 2.0}]), COLUMNS, say=sentence, everyone=EVERYONE
    )[0]
    assert [(driver.log_odds, driver.sentence) for driver in found] == [
        (-0.5, "9 orders in the last 28 days"),
        (-0.3, "Last order 2 days ago; usually every 9 days"),
    ]


def test_a_comparison_that_would_contradict_is_left_out() -> None:
    assert reasons({"since": 0.5}, since=38, gap=60) == ["Last order 38 days ago"]


def test_a_gap_that_never_was_is_not_told() -> None:
    assert reasons({"since": 0.5}, since=38, gap=1000) == ["Last order 38 days ago"]


def test_no_number_is_told_twice() -> None:
    found = reasons({"orders": 0.5, "fewer": 0.4}, orders=2, fewer=-0.9, before=8)
    assert found == ["2 orders in the last 28 days"]


def test_no_orders_in_a_window_is_told_by_the_days_since_the_last() -> None:
    assert reasons({"orders": 0.9, "since": 0.1}, orders=0, since=38) == [
        "Last order 38 days ago; usually every 9 days"
    ]


def test_what_hardly_moves_the_odds_is_no_reason() -> None:
    assert reasons({"orders": 0.04}, orders=2) == []


def test_at_most_so_many() -> None:
    moved = {"since": 0.4, "spent": 0.9, "calls": 0.2, "orders": 0.3}
    row = pd.DataFrame([dict.fromkeys(USUAL, 0.0) | moved])
    values = pd.DataFrame([USUAL | {"since": 38, "spent": 12, "calls": 1, "orders": 2}])
    assert [
        len(explain.reasons(row, values, COLUMNS, count, say=sentence, everyone=EVERYONE)[0]) for count in (1, 3, 9)
    ] == [1, 3, 4]


def test_every_customer_gets_their_own_in_their_order() -> None:
    rows = pd.DataFrame([dict.fromkeys(USUAL, 0.0) | {"spent": moved} for moved in (0.5, 0.0, 0.5)])
    values = pd.DataFrame([USUAL | {"spent": spent} for spent in (11.0, 12.0, 13.0)])
    found = explain.reasons(
        rows, values, COLUMNS, say=sentence, everyone=EVERYONE, money=lambda amount: f"${amount:.0f}"
    )
    assert found == [["$11 spent in the last 28 days"], [], ["$13 spent in the last 28 days"]]


def test_contributions_and_features_must_be_of_the_same_customers() -> None:
    with pytest.raises(ValueError, match="2 rows of contributions for 1 rows of features"):
        explain.reasons(pd.DataFrame([{}, {}]), pd.DataFrame([USUAL]), COLUMNS, say=sentence)


def test_an_activity_that_repeats_the_main_one_has_no_story_of_its_own() -> None:
    saved = column(
        "saved", "engagement", "count", False, "{saved:.0f} savings", days=28, activity="saved_with_discount"
    )
    visits = column("visits", "engagement", "count", False, "{visits:.0f} visits", days=28, activity="visited_site")
    everyone = EVERYONE.assign(saved=EVERYONE["orders"] * 0.9, visits=np.tile([1.0, 2.0], 20))
    topics = Topics([*COLUMNS, saved, visits], everyone)
    assert topics.repeating == {"saved_with_discount"}
    assert [topics.of(saved), topics.of(visits)] == ["placed order: how often", "visited site"]
    assert [topics.spoken(saved), topics.spoken(visits)] == [False, True]
