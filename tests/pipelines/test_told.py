"""What a list says of its end, in words."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest

from models.decision import cut
from pipelines.at_risk.summary import bound_in_words, cut_summary, next_in_words
from pipelines.rendering.language.language import Language
from tests.pipelines.lists_for_tests import settings

ENGLISH = Language()


def ranking(nets: list[float | None]) -> pd.DataFrame:
    table = pd.DataFrame({"customer_id": [f"{place:03d}" for place in range(len(nets))]})
    worth = pd.Series(nets, dtype="float64")
    return table.assign(
        churn_probability=0.25, value_at_risk=worth, expected_net_value=worth, spending=2.0, place=cut.CONTACT
    )


def ended(nets: list[float | None], **at_risk: Any) -> tuple[cut.Cut, Any]:
    chosen = settings(**at_risk)
    bounds = {"capacity": chosen.at_risk.capacity, "budget": chosen.at_risk.budget}
    return cut.cut(ranking(nets), stop_when_unprofitable=True, **bounds), chosen.at_risk


@pytest.mark.parametrize(
    ("nets", "at_risk", "said"),
    [
        ([9.0] * 5, {"capacity": 3}, "The list ends at its capacity of 3 customers."),
        ([9.0] * 5, {"capacity": 1}, "The list ends at its capacity of 1 customer."),
        (
            [9.0] * 5,
            {"budget": 5},
            "The list ends where the next contact would cost more than is left of the budget of $5.00.",
        ),
        ([9.0, 1.0, -1.0], {}, "The list ends where a contact is expected to cost more than it brings."),
        ([9.0] * 5, {}, "Everyone who may be contacted is on the list."),
    ],
)
def test_why_it_ends(nets: list[float | None], at_risk: dict[str, Any], said: str) -> None:
    assert bound_in_words(*ended(nets, **at_risk), ENGLISH) == said


@pytest.mark.parametrize(
    ("nets", "at_risk", "said"),
    [
        ([9.0] * 150, {"capacity": 3}, "Contacting the next 100 customers would have brought $900, all costs paid."),
        ([9.0, -1.0, -2.0], {}, "Contacting the next 2 customers would have cost $3.00 more than it brings."),
        ([None] * 15, {"capacity": 3}, "Of the next 12 customers about 3 are expected to leave."),
        ([9.0] * 5, {}, ""),
    ],
)
def test_what_the_next_would_have_brought(nets: list[float | None], at_risk: dict[str, Any], said: str) -> None:
    assert next_in_words(ended(nets, **at_risk)[0], ENGLISH) == said


def test_the_manifest_has_both_as_figures_and_in_words() -> None:
    found = cut_summary(*ended([9.0] * 5, capacity=3), ENGLISH)
    assert (found["bound"], found["listed"]["customers"], found["next"]["customers"]) == ("capacity", 3, 2)
    assert (found["listed"]["expected_net_value"], found["next"]["spending"]) == (27.0, 4.0)
    assert found["said"].startswith("The list ends at its capacity of 3 customers. Contacting the next 2 customers")
