from __future__ import annotations

import re

import numpy as np
import pandas as pd
import pytest

from models import decision
from models.problems import ModelProblem

TIERS = {"very high": 6.0, "high": 3.0, "medium": 1.0}
NOBODY = float("nan")


def scores(*rows: tuple[str, float, float]) -> pd.DataFrame:
    """Rows of customer, probability, value at risk."""
    ids, chances, values = zip(*rows, strict=True)
    table = pd.DataFrame({"customer_id": ids, "churn_probability": chances, "value_at_risk": values})
    table["expected_value"] = table["value_at_risk"] / table["churn_probability"]
    return table.assign(as_of=pd.Timestamp("2024-03-04").date(), model_version="abc")


def order(table: pd.DataFrame) -> list[str]:
    return list(decision.ranked(table)["customer_id"])


def test_most_value_at_risk_comes_first_then_the_smaller_id() -> None:
    table = scores(("c", 0.9, 10.0), ("b", 0.1, 50.0), ("a", 0.5, 10.0))
    assert order(table) == ["b", "a", "c"]
    assert list(decision.ranked(table)["rank"]) == [1, 2, 3]


def test_without_money_the_most_probable_comes_first() -> None:
    assert order(scores(("a", 0.2, NOBODY), ("b", 0.7, NOBODY), ("c", 0.2, NOBODY))) == ["b", "a", "c"]


def test_neither_the_inputs_order_nor_the_last_bits_change_the_list() -> None:
    table = scores(("a", 0.5, 10.0), ("b", 0.5, 10.0), ("c", 0.4, 30.0))
    nudged = table.assign(value_at_risk=table["value_at_risk"] * (1 + np.array([0.0, 2e-16, -2e-16])))
    first, second = (decision.complete(decision.decide(one, capacity=9, tiers=TIERS), ["s"] * 3, [[]] * 3)
                     for one in (table, nudged.iloc[::-1]))  # fmt: skip
    pd.testing.assert_frame_equal(first, second)


def test_nothing_that_was_given_is_changed() -> None:
    table = scores(("b", 0.5, 10.0), ("a", 0.6, 20.0))
    before = table.copy()
    decision.decide(table, capacity=1, tiers=TIERS)
    pd.testing.assert_frame_equal(table, before)


@pytest.mark.parametrize(("capacity", "listed"), [(1, 1), (2, 2), (3, 3), (300, 3)])
def test_capacity_decides_the_length(capacity: int, listed: int) -> None:
    table = scores(("a", 0.5, 1.0), ("b", 0.5, 2.0), ("c", 0.4, 3.0))
    assert len(decision.decide(table, capacity=capacity, tiers=TIERS)) == listed


@pytest.mark.parametrize(
    ("base", "floors"),
    [
        (0.02, (0.109, 0.058, 0.02)),
        (0.14, (0.494, 0.328, 0.14)),
        (0.60, (0.900, 0.818, 0.60)),  # no lift of 6 is possible here, odds of 6 are
    ],
)
def test_tiers_begin_at_multiples_of_the_average_odds(base: float, floors: tuple[float, ...]) -> None:
    found = decision.tier_floors(base, TIERS)
    assert list(found) == ["very high", "high", "medium"]
    assert list(found.values()) == pytest.approx(floors, abs=5e-4)


@pytest.mark.parametrize("base", [0.0, 1.0])
def test_tiers_exist_where_nobody_or_everybody_leaves(base: float) -> None:
    assert all(0 < floor <= 1 for floor in decision.tier_floors(base, TIERS).values())


def test_a_probability_at_the_floor_belongs_to_the_higher_tier() -> None:
    floors = {"very high": 0.5, "high": 0.3, "medium": 0.1}
    assert decision.risk_tiers([0.5, 0.499999, 0.3, 0.1, 0.05], floors) == [
        "very high",
        "high",
        "high",
        "medium",
        "low",
    ]


def test_the_average_is_that_of_everyone_scored_not_of_the_list() -> None:
    table = scores(("a", 0.4, 90.0), *((f"b{i}", 0.02, 1.0) for i in range(9)))
    assert decision.decide(table, capacity=1, tiers=TIERS)["risk_tier"].tolist() == ["very high"]


def test_the_list_has_the_columns_of_the_contract_and_those_of_other_definitions() -> None:
    table = scores(("a", 0.5, 1.0), ("b", 0.4, 2.0))
    other = pd.DataFrame({"customer_id": ["b"], "churn_probability": [0.25]})
    decided = decision.decide(table, capacity=2, tiers=TIERS, others={"silent_56d": other})
    found = decision.complete(decided, ["regular", "new"], [["One", "Two", "Three"], ["One"]])
    assert list(found.columns) == [*decision.LIST_COLUMNS, "churn_probability_silent_56d"]
    assert found["churn_probability_silent_56d"].tolist()[0] == 0.25
    assert found["churn_probability_silent_56d"].isna().tolist() == [False, True]
    assert found.loc[1, ["reason_1", "reason_2", "reason_3"]].tolist() == ["One", "", ""]


def test_the_list_id_is_the_contents() -> None:
    table = scores(("a", 0.5, 1.0), ("b", 0.4, 2.0))
    made = [
        decision.complete(decision.decide(table, capacity=2, tiers=TIERS), ["x", "y"], [[], [why]]) for why in "uuv"
    ]
    first, same, other = (one["list_id"].unique().tolist() for one in made)
    assert first == same
    assert first != other
    assert len(first[0]) == 16


@pytest.mark.parametrize(
    ("table", "said"),
    [
        (scores(("a", 0.5, 1.0)).head(0), "no customer to rank"),
        (scores(("a", 0.5, 1.0), ("a", 0.5, 1.0)), "1 of 2 rows repeat a customer (a)"),
        (scores(("a", float("nan"), 1.0), ("b", 0.5, 1.0)), "1 of 2 customers have no probability (a)"),
        (scores(("a", 0.5, NOBODY), ("b", 0.5, 1.0)), "1 of 2 customers have no value at risk"),
    ],
)
def test_unsound_scores_are_refused_by_name(table: pd.DataFrame, said: str) -> None:
    with pytest.raises(ModelProblem, match=re.escape(said)):
        decision.ranked(table)
