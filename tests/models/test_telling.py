from __future__ import annotations

import pytest

from models.explanation.templates import columns_in, observed_clauses
from pipelines.rendering.language.english import sentence


@pytest.mark.parametrize(
    ("template", "value", "said"),
    [
        ("Last order {x:.0f} days ago", 41.2, "Last order 41 days ago"),
        ("Last order {x:.0f} days ago", 1.0, "Last order 1 day ago"),
        ("Last order {x:.0f} days ago", 21.0, "Last order 21 days ago"),
        ("usually every {x:.0f} days", 1.0, "Usually every day"),
        ("usually every {x:.0f} days", 0.3, "Usually more than once a day"),
        ("{x:.0f} active days so far", 1.0, "1 active day so far"),
        ("{x:.0f} savings with coupons", 1.0, "1 saving with coupons"),
        ("{x:.0f} opened e-mails", 1.0, "1 opened e-mail"),
        ("{x:.0f} deliveries so far", 1.0, "1 delivery so far"),
        ("The score {x:.0f} was the last", 1.0, "The score 1 was the last"),
        ("{x:.1f} days a week", 1.1, "1.1 days a week"),
        ("{x:.0f} orders so far", 12345.0, "12,345 orders so far"),
        ("{x:.0f} orders so far", 0.0, "No orders so far"),
        ("{x:.0f} points", -0.2, "No points"),
        ("in {x:.0%} of the weeks", 0.125, "In 12% of the weeks"),
        ("scored {x:+.1f} beside earlier ones", -2.0, "Scored -2.0 beside earlier ones"),
    ],
)
def test_numbers_read_as_a_person_writes_them(template: str, value: float, said: str) -> None:
    assert sentence(template, {"x": value}) == said


def test_amounts_are_written_as_money() -> None:
    template = "{spent:,.2f} spent in {n:.0f} orders"
    assert (
        sentence(template, {"spent": 1234.5, "n": 3.0}, {"spent": lambda x: f"${x:,.0f}"}) == "$1,234 spent in 3 orders"
    )


@pytest.mark.parametrize(
    ("since", "gap", "told"),
    [
        (41.0, 9.0, "Last {since:.0f}; every {gap:.0f}"),
        (41.0, 1000.0, "Last {since:.0f}"),  # a gap of silence is no gap
        (1000.0, 9.0, ""),
        (float("nan"), 9.0, ""),
    ],
)
def test_a_number_that_stands_for_silence_is_never_told(since: float, gap: float, told: str) -> None:
    silence = {"since": 1000.0, "gap": 1000.0}
    assert observed_clauses("Last {since:.0f}; every {gap:.0f}", {"since": since, "gap": gap}, silence) == told


def test_zero_is_an_observation_even_where_it_is_silence() -> None:
    assert observed_clauses("{n:.0f} orders", {"n": 0.0}, {"n": 0.0}) == "{n:.0f} orders"


def test_a_clause_about_a_column_that_is_not_there_is_left_out() -> None:
    assert observed_clauses("Last {since:.0f}; every {gap:.0f}", {"since": 3.0}, {}) == "Last {since:.0f}"
    assert observed_clauses("", {}, {}) == ""


def test_the_columns_of_a_template() -> None:
    assert columns_in("{a:.0f} of {b:,.2f} orders") == ["a", "b"]
