"""Who is eligible, who left: boundaries, gaps, late facts, windows that are not over."""

from __future__ import annotations

import pandas as pd
import pytest

from features.churn import Definition, eligible, label
from features.problems import FeatureProblem
from features.windows import midnight

BERLIN = "Europe/Berlin"
SILENT = Definition("silence", "placed_order", active_within_days=14, horizon_days=7)


def events(
    *rows: tuple[str, str, int], activity: str = "placed_order", value: float | None = 2.5, recorded: str | None = None
) -> pd.DataFrame:
    """Rows of (customer, local day, microseconds after its midnight)."""
    frame = pd.DataFrame(
        {
            "customer_id": [customer for customer, _, _ in rows],
            "activity": activity,
            "occurred_at": pd.to_datetime([midnight(day, BERLIN) + us for _, day, us in rows], unit="us", utc=True),
            "value": pd.Series([value] * len(rows), dtype=float),
        }
    )
    if recorded is not None:
        day, us = recorded.split()
        frame["recorded_at"] = pd.to_datetime([midnight(day, BERLIN) + int(us)] * len(rows), unit="us", utc=True)
    return frame


@pytest.mark.parametrize(
    ("day", "us", "customer"),
    [
        ("2017-11-06", 0, False),  # exactly as_of
        ("2017-11-06", -1, True),
        ("2017-10-23", 0, True),  # 14 local days, one of them with 25 hours
        ("2017-10-23", -1, False),
    ],
)
def test_a_customer_did_it_in_the_days_behind(day: str, us: int, customer: bool) -> None:
    assert list(eligible(events(("a", day, us)), SILENT, "2017-11-06", BERLIN)) == (["a"] if customer else [])


def test_only_the_definition_s_activity_counts() -> None:
    assert eligible(events(("a", "2017-11-01", 0), activity="visited_site"), SILENT, "2017-11-06", BERLIN).empty


@pytest.mark.parametrize(("recorded", "customer"), [("2017-11-06 -1", True), ("2017-11-06 0", False)])
def test_a_customer_who_was_not_known_yet_is_none(recorded: str, customer: bool) -> None:
    assert len(eligible(events(("a", "2017-11-01", 0), recorded=recorded), SILENT, "2017-11-06", BERLIN)) == customer


@pytest.mark.parametrize(
    ("gap", "day", "us", "churned", "value"),
    [
        (0, "2017-11-06", 0, False, 2.5),  # the window's first microsecond
        (0, "2017-11-13", -1, False, 2.5),
        (0, "2017-11-13", 0, True, 0.0),  # one too late
        (3, "2017-11-09", -1, True, 0.0),  # inside the gap
        (3, "2017-11-09", 0, False, 2.5),
        (3, "2017-11-16", -1, False, 2.5),
        (3, "2017-11-16", 0, True, 0.0),
    ],
)
def test_leaving_is_none_of_it_in_the_window_ahead(gap: int, day: str, us: int, churned: bool, value: float) -> None:
    stream = events(("a", "2017-11-01", 0), ("a", day, us))
    definition = Definition("silence", "placed_order", 14, 7, gap)
    found = label(stream, definition, ["2017-11-06"], BERLIN, "2017-12-04")
    assert found.to_dict("records") == [
        {"customer_id": "a", "as_of": pd.Timestamp("2017-11-06"), "churned": churned, "value_ahead": value}
    ]


@pytest.mark.parametrize(("until", "labelled"), [("2017-11-13", True), ("2017-11-12", False)])
def test_a_window_that_is_not_over_gives_no_label(until: str, labelled: bool) -> None:
    found = label(events(("a", "2017-11-01", 0)), SILENT, ["2017-11-06"], BERLIN, until)
    assert len(found) == labelled


def test_nothing_from_until_on_is_known() -> None:
    stream = pd.concat([events(("a", "2017-11-01", 0)), events(("a", "2017-11-08", 0), recorded="2017-11-13 0")])
    assert label(stream, SILENT, ["2017-11-06"], BERLIN, "2017-11-13")["churned"].tolist() == [True]
    assert label(stream, SILENT, ["2017-11-06"], BERLIN, "2017-11-14")["churned"].tolist() == [False]


def test_without_money_value_ahead_is_null() -> None:
    found = label(events(("a", "2017-11-01", 0), value=None), SILENT, ["2017-11-06"], BERLIN, "2017-12-04")
    assert found["value_ahead"].isna().all()


def test_one_row_per_customer_and_moment_in_order() -> None:
    stream = events(("b", "2017-11-01", 0), ("a", "2017-11-01", 0), ("a", "2017-11-02", 5))
    found = label(stream, SILENT, ["2017-11-13", "2017-11-06"], BERLIN, "2017-12-04")
    assert list(zip(found["as_of"].dt.strftime("%m-%d"), found["customer_id"], strict=True)) == [
        ("11-06", "a"), ("11-06", "b"), ("11-13", "a"), ("11-13", "b"),
    ]  # fmt: skip


def test_an_unknown_kind_is_named() -> None:
    with pytest.raises(FeatureProblem, match=r"kind 'quiet' is not known. Allowed: silence"):
        label(
            events(("a", "2017-11-01", 0)),
            Definition("quiet", "placed_order", 14, 7),
            ["2017-11-06"],
            BERLIN,
            "2017-12-04",
        )
