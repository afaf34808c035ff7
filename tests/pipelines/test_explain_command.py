from __future__ import annotations

from pathlib import Path

import pytest

from pipelines.explain import explain_customer
from pipelines.make_list import make_list
from pipelines.problems import Problem
from tests.pipelines.lists_for_tests import Shop, settings, shop


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Shop:
    made = shop(tmp_path_factory.mktemp("shop"))
    make_list(settings(), made.inputs, made.out)
    return made


def explained(small: Shop, customer: str) -> str:
    return explain_customer(customer, settings(), small.data)


def ordered(small: Shop) -> list[str]:
    return list(small.scores.sort_values("value_at_risk", ascending=False)["customer_id"])


def test_on_the_list(small: Shop) -> None:
    listed = ordered(small)[:12]
    chances = small.scores.set_index("customer_id")["churn_probability"]
    customer = str(chances[listed].idxmax())
    own = small.features.set_index("customer_id").loc[customer]
    said = explained(small, customer)
    assert f"Customer {customer} is number {listed.index(customer) + 1} of 12 on the list of 4 March 2024." in said
    assert f"{own['placed_order_days_since_last']:.0f} days before, on" in said
    assert "Value at risk     $" in said
    assert "(the average customer: " in said
    assert "What stands out\n    1. " in said
    assert "Raises the risk most\n    odds " in said


def test_below_the_cut(small: Shop) -> None:
    customer = ordered(small)[20]
    said = explained(small, customer)
    assert f"Customer {customer} is not on the list of 4 March 2024: number 21 of 37 by value at risk" in said
    assert "the list ends after 12." in said
    assert "The last customer on it has a value at risk of $" in said


def test_a_customer_who_left_long_ago(small: Shop) -> None:
    said = explained(small, "0039")
    assert "is not on the list of 4 March 2024 and has no score: no order in the 56 days" in said
    assert "(since 8 January 2024)" in said
    assert "70 days before, on 25 December 2023" in said


@pytest.mark.parametrize(
    ("customer", "near"),
    [
        ("7", "Did you mean 0007?"),
        ("00007", "Did you mean 0007?"),
        ("003x", "Did you mean 003"),
        ("zzz", "40 other ids are."),
    ],
)
def test_an_unknown_id_names_the_nearest(small: Shop, customer: str, near: str) -> None:
    with pytest.raises(Problem, match=f"Customer {customer} is not known in the activity before 4 March 2024. {near}"):
        explained(small, customer)


def test_low_risk_has_no_reasons(small: Shop) -> None:
    said = explained(small, "0000")
    assert "Nothing that goes with a higher risk." in said
    assert "Lowers the risk most" in said


def test_before_there_is_a_list(tmp_path: Path) -> None:
    made = shop(tmp_path)
    with pytest.raises(Problem, match=r"there is no list for this day yet\. Run `churn run`"):
        explained(made, "0001")


def test_without_money_it_speaks_of_risk(tmp_path: Path) -> None:
    made = shop(tmp_path, money=False)
    make_list(settings(), made.inputs, made.out)
    said = explained(made, "0000")
    assert "by risk of leaving" in said
    assert "Value at risk" not in said
