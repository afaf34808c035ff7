"""Monthly cohorts of customers and their retention: the cohort triangle.

A cohort is everyone whose first activity in the data lies in one calendar month. Only whole months count: the month in
which `as_of` lies is not over yet.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import numpy as np
import numpy.typing as npt

from features.windows import Array, midnight

MONTHS = 12
BEFORE = -1
"""The index of what happened before the first of the months."""


@dataclass(frozen=True)
class Cohorts:
    """The cohort triangle.

    Attributes:
        months: first day of each month (2017-03-01), oldest first.
        sizes: customers who came first in that month.
        active: per month how many of them did something 0, 1, 2, ... months later, as far as is known.
    """

    months: tuple[str, ...]
    sizes: tuple[int, ...]
    active: tuple[tuple[int, ...], ...]


def whole_months(as_of: str, months: int = MONTHS) -> list[str]:
    """First days of the `months` calendar months that are over at `as_of`, oldest first, and of the one after them."""
    end = date.fromisoformat(as_of)
    number = end.year * 12 + end.month - 1
    return [date(month // 12, month % 12 + 1, 1).isoformat() for month in range(number - months, number + 1)]


def months_of(occurred_at: Array, starts: list[str], timezone: str) -> npt.NDArray[np.int64]:
    """Which of the months each instant lies in, BEFORE for earlier ones, `len(starts) - 1` for what came after.

    Args:
        occurred_at: shape (n,), microseconds UTC.
        starts: see `whole_months`.
        timezone: whose days.
    """
    bounds = np.array([midnight(day, timezone) for day in starts], dtype=np.int64)
    return np.searchsorted(bounds, occurred_at, side="right").astype(np.int64) - 1


def retention(customer: Array, month: Array, customers: int, starts: list[str]) -> Cohorts:
    """Count retention by cohort and month.

    Args:
        customer: shape (n,), 0 .. customers - 1.
        month: shape (n,), see `months_of`. The same customer and month may come again and again.
        customers: how many there are.
        starts: see `whole_months`.

    Whoever was seen before the first month belongs to no cohort; a month in which nobody came first has an empty row.
    """
    months = len(starts) - 1
    seen = np.zeros((customers, months), dtype=bool)
    old = np.zeros(customers, dtype=bool)
    old[customer[month == BEFORE]] = True
    known = (month >= 0) & (month < months)
    seen[customer[known], month[known]] = True
    first = np.where(seen.any(axis=1) & ~old, seen.argmax(axis=1), months)
    active = [seen[first == cohort, cohort:].sum(axis=0).tolist() for cohort in range(months)]
    sizes = np.bincount(first, minlength=months + 1)[:months]
    return Cohorts(tuple(starts[:-1]), tuple(map(int, sizes)), tuple(tuple(map(int, row)) for row in active))
