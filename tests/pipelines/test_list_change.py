"""What is different since the lists that were published before."""

from __future__ import annotations

import pandas as pd
import pytest

from pipelines.at_risk.changes import changes
from pipelines.ledger.read import ENTRIES
from pipelines.rendering.language.language import Language

NOW = "2024-03-04"
OLD = "Last order 34 days ago"
NEW = "Last order 41 days ago"


def entry(customer: str, as_of: str, chance: float, *, reason: str = OLD, group: str = "contact") -> dict[str, object]:
    told = {"customer_id": customer, "as_of": pd.Timestamp(as_of), "churn_probability": chance, "group": group}
    return dict.fromkeys(ENTRIES, "") | told | {"reason_1": reason}


def change(chance: float, *entries: dict[str, object], good_news: str = "", reason: str = NEW) -> str:
    """What is said of customer `a`."""
    row = {"customer_id": "a", "churn_probability": chance, "as_of": pd.Timestamp(NOW).date()}
    listed = pd.DataFrame([row | {"reason_1": reason, "reason_2": OLD, "reason_3": ""}])
    past = pd.DataFrame(list(entries), columns=list(ENTRIES))
    return changes(listed, past, [good_news], Language())[0]


def test_new_and_back() -> None:
    assert change(0.4) == "", "on a first list everybody is new"
    assert change(0.4, entry("b", "2024-02-26", 0.3)) == "New on the list"
    back = change(0.4, entry("a", "2024-02-12", 0.3), entry("b", "2024-02-26", 0.3))
    assert back == "Back on the list, where it last was on 12 February 2024"


@pytest.mark.parametrize(
    ("then", "now", "said"),
    [
        (0.31, 0.48, f"Risk up from 31% to 48%: {NEW}. 2 weeks in a row"),
        (0.48, 0.31, "Risk down from 48% to 31%: 3 orders in the last 28 days. 2 weeks in a row"),
        (0.312, 0.314, "Risk as before, 31%. 2 weeks in a row"),
    ],
)
def test_up_and_down_and_why(then: float, now: float, said: str) -> None:
    assert change(now, entry("a", "2024-02-26", then), good_news="3 orders in the last 28 days") == said


def test_what_was_said_before_explains_no_change() -> None:
    assert change(0.5, entry("a", "2024-02-26", 0.3), reason=OLD) == "Risk up from 30% to 50%. 2 weeks in a row"
    assert change(0.2, entry("a", "2024-02-26", 0.3)) == "Risk down from 30% to 20%. 2 weeks in a row"


def test_weeks_in_a_row_end_at_a_list_without_the_customer() -> None:
    days = ("2024-02-05", "2024-02-12", "2024-02-19", "2024-02-26")
    every = [entry("a", day, 0.4) for day in days]
    assert change(0.4, *every).endswith("5 weeks in a row")
    broken = [entry("b" if day == "2024-02-12" else "a", day, 0.4) for day in days]
    assert change(0.4, *broken).endswith("3 weeks in a row")


def test_lists_that_are_no_week_apart_are_no_weeks() -> None:
    assert change(0.4, entry("a", "2024-02-20", 0.4)) == "Risk as before, 40%. 2 lists in a row"


def test_whoever_was_held_out_was_on_the_list_too() -> None:
    assert change(0.4, entry("a", "2024-02-26", 0.4, group="control")) == "Risk as before, 40%. 2 weeks in a row"
