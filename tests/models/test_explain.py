from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from models.explanation import reasons as explain
from models.explanation.contributions import against_usual
from models.explanation.topics import Topics
from models.explanation.usual import Usuals
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
    column("year", "frequency", "count", False, "{year:.0f} orders in the last 364 days", days=364),
    column("ever", "frequency", "count_ever", False, "{ever:.0f} orders so far"),
    column("first", "tenure", "days_since_first", False, "First order only {first:.0f} days ago"),
    column("fewer", "trend", "count_trend", False, "{orders:.0f} orders lately, {before:.0f} before", days=28),
    column("before", "trend", "count_before", None, "", days=28),
    column("spent", "money", "total_value", False, "{spent:,.2f} spent in the last 28 days", days=28, unit="money"),
    column("spent_year", "money", "total_value", False, "{spent_year:,.2f} in a year", days=364, unit="money"),
    column(
        "calls", "support", "count", True, "{calls:.0f} complaints in the last 28 days", days=28, activity="complained"
    ),
    column("mails", "engagement", "since_main_count", None, "{mails:.0f} mails", activity="received_email"),
]
EVERYONE = pd.DataFrame(
    {
        "since": np.linspace(1, 40, 41),
        "gap": np.tile([7.0], 41),
        "longer": np.linspace(0.2, 4, 41),
        "orders": np.tile([4.0], 41),
        "year": np.tile([52.0], 41),
        "ever": np.tile([60.0], 41),
        "first": np.linspace(300, 500, 41),
        "fewer": np.linspace(-1, 1, 41),
        "before": np.tile([4.0], 41),
        "spent": np.tile([200.0], 41),
        "spent_year": np.tile([2600.0], 41),
        "calls": np.repeat([0.0, 1.0], [37, 4]),
        "mails": np.linspace(1, 9, 41),
    }
)
# A regular, whose year before the last four weeks had 50 orders in 336 days: usually 4 in 28 days. And somebody who
# ordered twice: no habit, so others say what is usual.
REGULAR = {
    "since": 7.0,
    "gap": 7.0,
    "longer": 1.0,
    "orders": 4.0,
    "year": 54.0,
    "ever": 60.0,
    "first": 400.0,
    "fewer": 0.0,
    "before": 4.0,
    "spent": 200.0,
    "spent_year": 2700.0,
    "calls": 0.0,
    "mails": 5.0,
}
SELDOM = REGULAR | {"gap": 60.0, "orders": 0.0, "year": 2.0, "ever": 2.0, "spent_year": 80.0, "first": 400.0}


def drivers(weights: dict[str, float], somebody: dict[str, float], **values: float) -> list[explain.Driver]:
    """Of a scorer that adds `weights` log-odds for each column, beside where it is as usual."""
    features = pd.DataFrame([somebody | values])
    usual = Usuals(COLUMNS, EVERYONE, "placed_order").of(features).values.iloc[0]
    away = {name: features[name].iloc[0] - usual[name] for name in weights}
    assert all(away.values()), "a number that is as usual moves nothing"

    def score(rows: pd.DataFrame) -> Any:
        return sum(weight * (rows[name] - usual[name]) / away[name] for name, weight in weights.items())

    return explain.drivers(score, features, COLUMNS, say=sentence, everyone=EVERYONE)[0]


def reasons(weights: dict[str, float], somebody: dict[str, float] = REGULAR, **values: float) -> list[str]:
    return [one.sentence for one in drivers(weights, somebody, **values) if one.log_odds > 0 and one.sentence]


def test_the_strongest_topic_comes_first_beside_what_is_usual_for_the_customer() -> None:
    # In the 336 days before these 28: $2,687.50.
    assert reasons({"since": 0.4, "spent": 0.9, "calls": 0.2}, since=38, spent=12.5, calls=1) == [
        "12.50 spent in the last 28 days; usually 223.96",
        "Last order 38 days ago; usually every 7 days",
        "1 complaint in the last 28 days; most other customers none",
    ]


def test_without_a_habit_others_say_what_is_usual() -> None:
    assert reasons({"since": 0.4, "gap": 0.3}, SELDOM, since=38) == [
        "Last order 38 days ago; other customers usually 20",
        "Usually every 60 days; other customers usually every 7 days",
    ]
    assert [one.compared for one in drivers({"since": 0.4}, SELDOM, since=38)] == ["kind"]
    assert [one.compared for one in drivers({"since": 0.4}, REGULAR, since=38)] == ["habit"]


def test_new_customers_are_compared_with_new_ones() -> None:
    everyone = pd.concat([EVERYONE, EVERYONE.assign(first=30.0, ever=3.0, since=5.0)], ignore_index=True)
    usuals = Usuals(COLUMNS, everyone, "placed_order")
    fresh = pd.DataFrame([SELDOM | {"first": 20.0, "ever": 1.0, "since": 19.0}])
    assert usuals.of(fresh).values[["since", "ever"]].iloc[0].tolist() == [5.0, 2.0], "three in 30 days, two in 20"
    said = explain.reasons(lambda rows: rows["since"], fresh, COLUMNS, say=sentence, everyone=everyone)[0]
    assert said == ["Last order 19 days ago; other new customers usually 5"]


def test_correlated_columns_are_added_up_and_told_once() -> None:
    # Neither of the two beats the money alone; together they do, and say it in one sentence.
    found = reasons({"since": 0.3, "longer": 0.3, "spent": 0.5}, since=38, longer=3.9, spent=12)
    assert found == ["Last order 38 days ago; usually every 7 days", "12.00 spent in the last 28 days; usually 224.00"]


def test_only_what_raises_this_customers_risk_is_a_reason() -> None:
    assert len(reasons({"since": -0.4, "spent": 0.3}, since=38, spent=12)) == 1
    assert reasons({"since": 0.4, "longer": -0.6}, since=38, longer=3.9) == []  # the topic as a whole lowers it


@pytest.mark.parametrize(
    ("orders", "said"),
    [(2.0, ["2 orders in the last 28 days; usually 4"]), (4.0, []), (9.0, [])],
)
def test_fewer_than_usual_is_a_reason_and_nothing_else(orders: float, said: list[str]) -> None:
    assert reasons({"orders": 0.5}, orders=orders) == said


def test_what_lowers_the_risk_is_told_by_numbers_that_are_good_news() -> None:
    found = drivers({"orders": -0.5, "since": -0.3}, REGULAR, orders=9.0, year=59.0, since=2.0)
    assert [(round(one.log_odds, 6), one.sentence) for one in found] == [
        (-0.5, "9 orders in the last 28 days; usually 4"),
        (-0.3, "Last order 2 days ago; usually every 7 days"),
    ]


def test_a_comparison_that_would_contradict_is_left_out() -> None:
    assert reasons({"longer": 0.5}, since=6, longer=1.2, gap=5) == ["Last order 6 days ago; usually every 5 days"]
    assert reasons({"longer": 0.5}, since=6, longer=1.2, gap=9) == ["Silent for 1.2 times the usual 9 days"]


def test_a_gap_that_never_was_is_not_told() -> None:
    said = reasons({"since": 0.5}, SELDOM, since=38, gap=1000, ever=1)
    assert said == ["Last order 38 days ago; other customers usually 20"]


def test_no_number_is_told_twice() -> None:
    found = reasons({"orders": 0.5, "fewer": 0.4}, orders=2, fewer=-0.9, before=8)
    assert found == ["2 orders in the last 28 days; usually 4"]


def test_no_orders_in_a_window_is_told_by_the_days_since_the_last() -> None:
    assert reasons({"orders": 0.9, "since": 0.1}, orders=0, since=38) == [
        "Last order 38 days ago; usually every 7 days"
    ]


def test_what_has_no_direction_is_no_reason() -> None:
    assert reasons({"mails": 2.0, "orders": 0.5}, orders=2, mails=9) == ["2 orders in the last 28 days; usually 4"]


def test_what_hardly_moves_the_odds_is_no_reason() -> None:
    assert reasons({"orders": 0.04}, orders=2) == []


def test_at_most_so_many_and_money_as_it_is_written() -> None:
    features = pd.DataFrame([REGULAR | {"spent": spent, "since": 38.0, "calls": 2.0} for spent in (11.0, 200.0)])
    found = [
        explain.reasons(
            lambda rows: rows["since"] - rows["spent"] + rows["calls"],
            features,
            COLUMNS,
            count,
            say=sentence,
            everyone=EVERYONE,
            money=lambda amount: f"${amount:.0f}",
        )
        for count in (1, 9)
    ]
    assert found[0][0] == ["$11 spent in the last 28 days; usually $224"]
    assert [len(of_customer) for of_customer in found[1]] == [3, 2], "200 beside 208 is no news"


def test_an_activity_that_repeats_the_main_one_has_no_story_of_its_own() -> None:
    saved = column(
        "saved", "engagement", "count", False, "{saved:.0f} savings", days=28, activity="saved_with_discount"
    )
    visits = column("visits", "engagement", "count", False, "{visits:.0f} visits", days=28, activity="visited_site")
    orders = np.tile([2.0, 9.0, 4.0, 6.0], 10)
    everyone = EVERYONE.head(40).assign(orders=orders, saved=orders * 0.9, visits=np.tile([1.0, 2.0], 20))
    topics = Topics([*COLUMNS, saved, visits], everyone)
    assert topics.repeating == {"saved_with_discount"}
    assert [topics.of(saved), topics.of(visits)] == ["placed order: how often", "visited site"]
    assert [topics.spoken(saved), topics.spoken(visits)] == [False, True]


def test_of_few_topics_joint_effects_are_shared_and_nothing_is_left() -> None:
    features, usual = pd.DataFrame({"a": [3.0, 1.0], "b": [5.0, 2.0]}), pd.DataFrame({"a": [1.0, 1.0], "b": [2.0, 2.0]})

    def score(rows: pd.DataFrame) -> Any:
        return (rows["a"] * rows["b"]).to_numpy()

    found = against_usual(score, features, usual, {"first": ["a"], "second": ["b"]})
    # By hand: (15 - 5 + 6 - 2) / 2 and (15 - 6 + 5 - 2) / 2; who is as usual has nothing to explain.
    assert found.loc[0].tolist() == [7.0, 6.0]
    assert found.loc[1].tolist() == [0.0, 0.0]


def test_of_many_topics_each_is_set_to_what_is_usual_alone() -> None:
    names = list("abcdef")
    features = pd.DataFrame([dict.fromkeys(names, 3.0)])
    usual = pd.DataFrame([dict.fromkeys(names, 1.0)])
    found = against_usual(lambda rows: rows.prod(axis=1), features, usual, {name: [name] for name in names})
    assert found.iloc[0].tolist() == [3.0**6 - 3.0**5] * 6
