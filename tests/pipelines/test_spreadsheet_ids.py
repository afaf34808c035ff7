"""An id that a spreadsheet took for a number is found again, and nothing else is."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.publishing.spreadsheet_ids import KEPT_DIGITS, match_ids

DIGITS = st.text("0123456789", min_size=1, max_size=18)


def as_spreadsheet(number: str, digits: int) -> str:
    """A number as a cell shows it: so many digits, scientific where that is shorter than the number."""
    return f"{Decimal(number):.{digits - 1}E}"


@given(DIGITS, st.integers(1, KEPT_DIGITS))
def test_what_a_spreadsheet_makes_of_digits_means_them(number: str, digits: int) -> None:
    assert number in match_ids(as_spreadsheet(number, digits), [number, "abc"])


@given(DIGITS, DIGITS)
def test_whole_ids_are_never_mixed_up(one: str, other: str) -> None:
    assert match_ids(one, [one, other]) == [one]


@pytest.mark.parametrize(
    ("written", "ids"),
    [
        ("1.3E+15", ["1234567890123456"]),
        ("abc", ["123", "abd"]),
        ("1e5", ["1e5b", "L100000"]),
        ("NaN", ["123"]),
        ("Infinity", ["123"]),
        ("1e999999999", ["123"]),
        ("", ["0"]),
        ("0", ["7"]),
        ("1.23E+3", ["12345"]),
    ],
)
def test_what_does_not_fit_is_not_meant(written: str, ids: list[str]) -> None:
    assert match_ids(written, ids) == []
