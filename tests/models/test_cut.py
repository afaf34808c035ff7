"""Where the list ends: lists on paper, one letter per customer in the order of the ranking."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from models.decision import cut
from models.decision.control_group import CONTACT, CONTROL

PLACES = {"c": CONTACT, "o": CONTROL, "h": cut.HELD}


def ranking(places: str, *nets: float, spending: float = 2.0) -> pd.DataFrame:
    """One customer per letter: contact, c(o)ntrol, held. Without `nets` everyone brings 10."""
    table = pd.DataFrame({"customer_id": [f"{place:02d}" for place in range(len(places))]})
    worth = np.array(nets or [10.0] * len(places))
    return table.assign(
        churn_probability=0.5,
        value_at_risk=worth * 3,
        expected_net_value=worth,
        spending=spending,
        place=[PLACES[letter] for letter in places],
    )


def ended(
    table: pd.DataFrame, *, capacity: int = 99, budget: float | None = None, profitable: bool = True
) -> tuple[str, int]:
    """What ended the list, and how many customers are above the cut."""
    found = cut.cut(table, capacity=capacity, budget=budget, stop_when_unprofitable=profitable)
    return found.bound, len(found.above)


@pytest.mark.parametrize(
    ("places", "capacity", "expected"),
    [
        ("cccc", 2, ("capacity", 2)),
        ("cocc", 2, ("capacity", 3)),  # the control group takes no place
        ("hhcc", 1, ("capacity", 3)),  # nor do those who are kept off
        ("cchh", 2, ("everyone", 4)),  # nobody comes after who may be contacted
        ("ccoh", 2, ("capacity", 2)),
        ("ccc", 3, ("everyone", 3)),
        ("ooo", 3, ("everyone", 3)),
    ],
)
def test_capacity(places: str, capacity: int, expected: tuple[str, int]) -> None:
    assert ended(ranking(places), capacity=capacity) == expected


def test_the_budget_ends_the_list_before_the_first_contact_that_it_does_not_cover() -> None:
    assert ended(ranking("ccccc"), budget=6.0) == ("budget", 3)
    assert ended(ranking("cohcc"), budget=4.0) == ("budget", 4)
    assert ended(ranking("ccccc"), budget=5.99) == ("budget", 2)
    assert ended(ranking("ccc"), budget=1.0) == ("budget", 0)
    assert ended(ranking("ccc"), budget=6.0) == ("everyone", 3)


def test_profit_ends_the_list_before_the_first_contact_that_brings_nothing() -> None:
    table = ranking("cccc", 5.0, 1.0, 0.0, -2.0)
    assert ended(table) == ("profit", 2)
    assert ended(table, profitable=False) == ("everyone", 4)
    assert ended(table, capacity=1) == ("capacity", 1)
    assert ended(ranking("coch", 5.0, 1.0, 0.5, -2.0)) == ("everyone", 3)


def test_the_first_bound_that_is_hit_is_named() -> None:
    table = ranking("ccccc", 5.0, 4.0, 3.0, -1.0, -2.0)
    assert ended(table, capacity=2, budget=4.0) == ("capacity", 2)
    assert ended(table, capacity=3, budget=4.0) == ("budget", 2)
    assert ended(table, capacity=4, budget=100.0) == ("profit", 3)


def test_without_money_nothing_is_unprofitable() -> None:
    table = ranking("ccc").assign(expected_net_value=np.nan, value_at_risk=np.nan)
    assert ended(table, capacity=2) == ("capacity", 2)
    assert cut.expected_totals(table)["expected_net_value"] is None


def test_ranks_are_places_on_the_list_or_those_one_would_have_had() -> None:
    above = cut.cut(ranking("ochco"), capacity=9, budget=None, stop_when_unprofitable=True).above
    assert above["rank"].tolist() == [1, 1, 2, 2, 3]
    assert above.loc[above["place"] == cut.CONTACT, "rank"].tolist() == [1, 2]


def test_what_the_next_hundred_would_have_brought() -> None:
    nets = np.linspace(200.0, 1.0, 200)
    found = cut.cut(ranking("c" * 150 + "h" * 50, *nets), capacity=20, budget=None, stop_when_unprofitable=True)
    assert len(found.following) == 100
    assert cut.expected_totals(found.following) == {
        "customers": 100,
        "expected_leavers": 50.0,
        "value_at_risk": round(float(nets[20:120].sum()) * 3, 2),
        "expected_net_value": round(float(nets[20:120].sum()), 2),
        "spending": 200.0,
    }
