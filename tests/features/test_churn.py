"""Who is eligible, who left: boundaries, gaps, late facts, windows that are not over."""

from __future__ import annotations

from datetime import date, timedelta

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from features.churn.labels import Definition, eligible, label
from features.errors import FeatureError
from features.windows import day_number, day_text, midnight

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
    with pytest.raises(FeatureError, match=r"kind 'quiet' is not known. Allowed: silence"):
        label(
            events(("a", "2017-11-01", 0)),
            Definition("quiet", "placed_order", 14, 7),
            ["2017-11-06"],
            BERLIN,
            "2017-12-04",
        )


KINDS_OF_LEAVING = {
    "silence": SILENT,
    "rhythm": Definition("rhythm", "placed_order", 40, 20, least_pauses=2),
    "cancellation": Definition(
        "cancellation", "renewed", 0, 20, starts="placed_order", renews="renewed", ends="ended", term_days=14
    ),
}
DAYS = st.integers(0, 120).map(lambda number: (date(2017, 8, 1) + timedelta(days=number)).isoformat())
ROWS = st.lists(st.tuples(st.sampled_from("abc"), DAYS, st.sampled_from([0, 1, -1, 3600_000_000])), max_size=25)


def mixed(rows: list[tuple[str, str, int]]) -> pd.DataFrame:
    frame = events(*rows)
    names = ["placed_order", "renewed", "placed_order", "ended"]
    return frame.assign(activity=pd.Series([names[place % 4] for place in range(len(frame))], dtype="str"))


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS_OF_LEAVING)
@given(rows=ROWS, future=ROWS, as_of=DAYS)
def test_of_every_kind_the_future_makes_nobody_a_customer_and_labels_are_the_customers(
    kind: str, rows: list[tuple[str, str, int]], future: list[tuple[str, str, int]], as_of: str
) -> None:
    definition, moment = KINDS_OF_LEAVING[kind], pd.Timestamp(midnight(as_of, BERLIN), unit="us", tz="UTC")
    stream, later = mixed(rows), mixed(future)
    told = pd.concat([stream, later[later["occurred_at"] >= moment]], ignore_index=True)
    customers = list(eligible(stream, definition, as_of, BERLIN))
    assert list(eligible(told.sample(frac=1, random_state=1), definition, as_of, BERLIN)) == customers
    assert list(label(told, definition, [as_of], BERLIN, "2019-01-01")["customer_id"]) == customers
    last = day_number(as_of) + definition.lead.ahead_days
    assert label(told, definition, [as_of], BERLIN, day_text(last - 1)).empty


@given(rows=ROWS, as_of=DAYS)
def test_nobody_whose_silence_is_over_the_limit_is_a_customer(rows: list[tuple[str, str, int]], as_of: str) -> None:
    stream = mixed(rows)
    since = pd.Timestamp(midnight(day_text(day_number(as_of) - 14), BERLIN), unit="us", tz="UTC")
    until = pd.Timestamp(midnight(as_of, BERLIN), unit="us", tz="UTC")
    active = stream[(stream["activity"] == "placed_order") & stream["occurred_at"].between(since, until, "left")]
    assert list(eligible(stream, SILENT, as_of, BERLIN)) == sorted(set(active["customer_id"]))
