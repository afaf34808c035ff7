"""The gaps between the active days of many customers, independent of any moment.

A gap is the number of days from one active day to the next, so two orders of one day are one step of the rhythm.
"""

from __future__ import annotations

import itertools
from functools import cached_property

import numpy as np

from features.windows import Array


def running_sum(numbers: Array, dtype: type = np.int64) -> Array:
    """Sums of the first 0, 1, ..., n numbers. Whole numbers wrap around silently: their differences stay exact."""
    sums: Array = np.zeros(len(numbers) + 1, dtype=dtype)
    np.cumsum(numbers, out=sums[1:], dtype=dtype)
    return sums


def bisect(numbers: Array, low: Array, high: Array, bound: Array) -> Array:
    """Per row, the first position in [low, high) whose number is at least `bound` (high where none is).

    Numbers ascend within every range; all rows step forward at once, by ever smaller powers of two.
    """
    found = low.copy()
    for bit in reversed(range(int((high - low).max(initial=0)).bit_length())):
        ahead = found + (1 << bit)
        below = (numbers.take(ahead - 1, mode="clip") < bound) & (ahead <= high)
        found += below.astype(np.int64) << bit
    return found


def cumulate(table: Array) -> Array:
    """Sums along the first axis, in place. Row by row, which is several times as fast as cumsum."""
    for above, row in itertools.pairwise(table):
        np.add(row, above, out=row)
    return table


def narrowed(numbers: Array) -> Array:
    """The same whole numbers in 16 bits where they fit: so they sort in linear time."""
    return numbers.astype(np.uint16) if not len(numbers) or numbers.max() < 1 << 16 else numbers


def ratio(above: Array, below: Array) -> Array:
    """above / below as float. Nothing of nothing (0 / 0) is NaN: silence."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(above / below)


class Gaps:
    """The gaps of a stream, independent of any moment. Arrays are as long as the stream's active days."""

    def __init__(self, customer: Array, day: Array) -> None:
        self.customer, self.day = customer.astype(np.int64), day
        self.is_gap = np.zeros(len(self.day), dtype=bool)
        self.is_gap[1:] = self.customer[1:] == self.customer[:-1]
        self.gap = np.zeros(len(self.day), dtype=np.int64)
        self.gap[1:] = np.where(self.is_gap[1:], self.day[1:] - self.day[:-1], 0)
        self.squares = running_sum(self.gap * self.gap)
        self._weeks: dict[int, Array] = {}

    @cached_property
    def longest(self) -> Array:
        """The longest gap of the customer so far."""
        span = 1 << 20
        return (
            np.maximum.accumulate(self.gap + self.customer * span) - self.customer * span if len(self.gap) else self.gap
        )

    @cached_property
    def by_length(self) -> tuple[Array, Array]:
        """Lengths of all gaps, and the days on which they ended, sorted by customer and length."""
        order = np.lexsort((narrowed(self.gap), narrowed(self.customer)))
        order = order[self.is_gap[order]]
        return self.gap[order], self.day[order]

    def weeks(self, weekday: int) -> Array:
        """Running count of the active days that are the first of their week, where weeks begin on a day of that number.

        `weekday` is a day number modulo 7. Moments on the same weekday share the count.
        """
        if weekday not in self._weeks:
            week = (self.day - weekday) // 7
            new = np.ones(len(week), dtype=bool)
            new[1:] = (week[1:] != week[:-1]) | ~self.is_gap[1:]
            self._weeks[weekday] = running_sum(new)
        return self._weeks[weekday]
