from __future__ import annotations

import re

import numpy as np
import pandas as pd
import pytest

from models.decision import ranking
from models.errors import ModelError
from models.evaluation import profit

TIERS = {"very high": 6.0, "high": 3.0, "medium": 1.0}
NOBODY = float("nan")


def scores(*rows: tuple[str, float, float]) -> pd.DataFrame:
    """Rows of customer, probability, value at risk."""
    ids, chances, values = zip(*rows, strict=True)
    table = pd.DataFrame({"customer_id": ids, "churn_probability": chances, "value_at_risk": values})
    table["expected_value"] = table["value_at_risk"] / table["churn_probability"]
    return table.assign(as_of=pd.Timestamp("2024-03-04").date(), model_version="abc")


def filled(table: pd.DataFrame) -> pd.DataFrame:
    """With whatever the list's columns lack."""
    lacking = [name for name in ranking.LIST_COLUMNS if name not in table and name != "list_id"]
    return table.assign(**dict.fromkeys(lacking, ""))


def order(table: pd.DataFrame) -> list[str]:
    return list(ranking.with_ranks(table)["customer_id"])


def test_most_value_at_risk_comes_first_then_the_smaller_id() -> None:
    table = scores(("c", 0.9, 10.0), ("b", 0.1, 50.0), ("a", 0.5, 10.0))
    assert order(table) == ["b", "a", "c"]
    assert list(ranking.with_ranks(table)["rank"]) == [1, 2, 3]


def test_without_money_the_most_probable_comes_first() -> None:
    assert order(scores(("a", 0.2, NOBODY), ("b", 0.7, NOBODY), ("c", 0.2, NOBODY))) == ["b", "a", "c"]


def test_most_net_value_comes_first_where_it_is_known() -> None:
    table = scores(("a", 0.5, 90.0), ("b", 0.6, 10.0), ("c", 0.7, 50.0)).assign(expected_net_value=[-1.0, 7.0, 7.0])
    assert order(table) == ["b", "c", "a"]


def test_neither_the_inputs_order_nor_the_last_bits_change_the_list() -> None:
    table = scores(("a", 0.5, 10.0), ("b", 0.5, 10.0), ("c", 0.4, 30.0))
    nudged = table.assign(value_at_risk=table["value_at_risk"] * (1 + np.array([0.0, 2e-16, -2e-16])))
    first, second = (ranking.list_table(filled(ranking.with_ranks(one))) for one in (table, nudged.iloc[::-1]))
    pd.testing.assert_frame_equal(first, second)


def test_nothing_that_was_given_is_changed() -> None:
    table = scores(("b", 0.5, 10.0), ("a", 0.6, 20.0))
    before = table.copy()
    ranking.list_table(filled(ranking.with_reasons(ranking.with_ranks(table), [[], ["One"]])))
    pd.testing.assert_frame_equal(table, before)


@pytest.mark.parametrize(
    ("chance", "worth", "success", "cost", "incentive", "net", "spent"),
    [
        (1.0, 100.0, 1.0, 1.0, 10.0, 89.0, 11.0),  # a sure leaver who stays: the worth, less offer and contact
        (0.0, 100.0, 1.0, 1.0, 10.0, -11.0, 11.0),  # nobody was leaving: the offer is given away
        (0.5, 100.0, 0.3, 1.0, 10.0, 0.5 * 0.3 * 90 - 5 - 1, 1 + 10 * (0.15 + 0.5)),
        (0.4, 50.0, 0.0, 2.0, 0.0, -2.0, 2.0),  # nothing works: only the contact is paid
    ],
)
def test_what_a_contact_brings_and_costs(
    chance: float, worth: float, success: float, cost: float, incentive: float, net: float, spent: float
) -> None:
    money = {"success": success, "cost": cost, "incentive": incentive}
    assert ranking.net_value(np.array([chance]), np.array([worth]), **money) == pytest.approx([net])
    assert ranking.spending(np.array([chance]), **money) == pytest.approx([spent])


def test_the_sum_over_customers_is_the_profit_of_the_evaluation() -> None:
    chance, costs = np.array([0.2, 0.7, 0.05]), profit.Costs(200.0, 1.5, 12.0, 6.0, 14.0)
    each = ranking.net_value(chance, np.full(3, 200.0), success=costs.success_share, cost=1.5, incentive=12.0)
    leavers, stayers = chance.sum(), (1 - chance).sum()
    assert each.sum() == pytest.approx(costs.profit(leavers, stayers, costs.success_share))
    at_break_even = ranking.net_value(
        np.array([costs.break_even]), np.array([200.0]), success=costs.success_share, cost=1.5, incentive=12.0
    )
    assert at_break_even == pytest.approx([0.0], abs=1e-9)


@pytest.mark.parametrize(
    ("base", "floors"),
    [
        (0.02, (0.109, 0.058, 0.02)),
        (0.14, (0.494, 0.328, 0.14)),
        (0.60, (0.900, 0.818, 0.60)),  # no lift of 6 is possible here, odds of 6 are
    ],
)
def test_tiers_begin_at_multiples_of_the_average_odds(base: float, floors: tuple[float, ...]) -> None:
    found = ranking.tier_floors(base, TIERS)
    assert list(found) == ["very high", "high", "medium"]
    assert list(found.values()) == pytest.approx(floors, abs=5e-4)


@pytest.mark.parametrize("base", [0.0, 1.0])
def test_tiers_exist_where_nobody_or_everybody_leaves(base: float) -> None:
    assert all(0 < floor <= 1 for floor in ranking.tier_floors(base, TIERS).values())


def test_a_probability_at_the_floor_belongs_to_the_higher_tier() -> None:
    floors = {"very high": 0.5, "high": 0.3, "medium": 0.1}
    assert ranking.risk_tiers([0.5, 0.499999, 0.3, 0.1, 0.05], floors) == [
        "very high",
        "high",
        "high",
        "medium",
        "low",
    ]


def test_the_list_has_the_columns_of_the_contract_and_those_of_other_definitions() -> None:
    table = ranking.with_ranks(scores(("a", 0.5, 1.0), ("b", 0.4, 2.0)))
    other = pd.DataFrame({"customer_id": ["b"], "churn_probability": [0.25]})
    said = ranking.with_reasons(table, [["One", "Two", "Three"], ["One"]])
    found = ranking.list_table(filled(ranking.with_further_definitions(said, {"silent_56d": other})))
    assert list(found.columns) == [*ranking.LIST_COLUMNS, "churn_probability_silent_56d"]
    assert found["churn_probability_silent_56d"].tolist()[0] == 0.25
    assert found["churn_probability_silent_56d"].isna().tolist() == [False, True]
    assert found.loc[1, ["reason_1", "reason_2", "reason_3"]].tolist() == ["One", "", ""]


def test_the_list_id_is_the_contents() -> None:
    table = ranking.with_ranks(scores(("a", 0.5, 1.0), ("b", 0.4, 2.0)))
    made = [ranking.list_table(filled(ranking.with_reasons(table, [[], [why]]))) for why in "uuv"]
    first, same, other = (one["list_id"].unique().tolist() for one in made)
    assert first == same
    assert first != other
    assert re.fullmatch("L[0-9a-f]{16}", first[0]), "a spreadsheet takes digits, with an e or without, for a number"


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
    with pytest.raises(ModelError, match=re.escape(said)):
        ranking.with_ranks(table)
