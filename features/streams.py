"""One activity of one partition of customers, ready to be read at any moment.

Time is cut at every boundary that moments and windows imply. Counting activities per customer and interval, and
adding up along time, tells where each window begins and ends in the sorted stream; every sum over a window is then
the difference of two cells of a running sum. Money and quantities are added up as whole millionths, so that no digit
is lost on the way.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from features.gaps import Gaps, running_sum
from features.problems import FeatureProblem
from features.windows import Array

MILLIONTHS = 1_000_000
LARGEST_VALUE = 1e12


def whole_millionths(numbers: Array, what: str) -> Array:
    """Numbers as whole millionths; nulls (NaN) become 0.

    Raises:
        FeatureProblem: a number is infinite or beyond 1e12.
    """
    numbers = np.where(np.isnan(numbers), 0.0, numbers)
    if len(numbers) and not np.abs(numbers).max() <= LARGEST_VALUE:
        raise FeatureProblem(
            f"activity: a {what} of {np.abs(numbers).max():g} was found; allowed are numbers between -1e12 and 1e12. "
            "Mend it in the source, or set `unit` so that the numbers become smaller."
        )
    return np.asarray(np.rint(numbers * MILLIONTHS), dtype=np.int64)


@dataclass(frozen=True)
class Timeline:
    """Where time is cut: `boundaries` (ascending days) and `moments` (ascending days, each of them a boundary too)."""

    boundaries: Array
    moments: Array

    @cached_property
    def index(self) -> dict[int, int]:
        """Position of a boundary among the boundaries."""
        return {int(day): i for i, day in enumerate(self.boundaries)}

    @cached_property
    def moment_index(self) -> dict[int, int]:
        """Position of a moment among the moments."""
        return {int(day): i for i, day in enumerate(self.moments)}


class Stream:
    """The activities of one kind, sorted by customer and day.

    Args:
        customer: shape (n,), 0 .. customers - 1, ascending.
        day: shape (n,), local days, ascending within a customer.
        value, quantity: shape (n,), NaN where null; None where the activity has none.
        detail: shape (n,), codes, -1 where null; None where the activity has none.
        customers: how many customers the partition has.
    """

    def __init__(
        self,
        *,
        customer: Array,
        day: Array,
        value: Array | None,
        quantity: Array | None,
        detail: Array | None,
        customers: int,
        timeline: Timeline,
    ) -> None:
        self.customer, self.day, self.value, self.quantity, self.detail = customer, day, value, quantity, detail
        self.customers, self.timeline = customers, timeline
        self.start = running_sum(np.bincount(customer, minlength=customers))
        self.position = self._positions()
        self._decayed: dict[tuple[float, bool], Array] = {}
        self._trailing: tuple[Array, Array] | None = None

    def _positions(self) -> Array:
        """Shape (boundaries, customers): how far into the stream a boundary lies for a customer."""
        cuts = self.timeline.boundaries
        interval = self._by_day(lambda days: np.searchsorted(cuts, days, side="right"))
        width = len(cuts) + 1
        cells = np.bincount(self.customer * np.int64(width) + interval, minlength=self.customers * width)
        counts = cells.reshape(self.customers, width)[:, :-1].cumsum(axis=1)
        counts += self.start[:-1, None]
        return np.ascontiguousarray(counts.T)

    def _by_day(self, rule: Callable[[Array], Array]) -> Array:
        """A number that depends on the day alone, looked up for every activity."""
        if not len(self.day):
            return np.zeros(0, dtype=np.int64)
        first, last = int(self.day.min()), int(self.day.max())
        return np.asarray(rule(np.arange(first, last + 1))[self.day - first])

    @cached_property
    def totals(self) -> Array:
        """Running sum of values in millionths."""
        assert self.value is not None
        return running_sum(whole_millionths(self.value, "value"))

    @cached_property
    def quantities(self) -> Array:
        """Running sum of quantities in millionths."""
        assert self.quantity is not None
        return running_sum(whole_millionths(self.quantity, "quantity"))

    @cached_property
    def valued(self) -> Array:
        """Running count of activities with a value."""
        assert self.value is not None
        return running_sum(~np.isnan(self.value))

    @cached_property
    def day_starts(self) -> Array:
        """Shape (n,): true for the first activity of a customer's day."""
        starts = np.ones(len(self.day), dtype=bool)
        starts[1:] = (self.day[1:] != self.day[:-1]) | (self.customer[1:] != self.customer[:-1])
        return starts

    @cached_property
    def days_before(self) -> Array:
        """Running count of active days: where a position of the stream lies among the active days."""
        return running_sum(self.day_starts)

    @cached_property
    def first_of_day(self) -> Array:
        """Positions in the stream of the first activity of every active day."""
        return np.flatnonzero(self.day_starts)

    @cached_property
    def active_day(self) -> Array:
        """Every active day, sorted by customer and day."""
        return self.day[self.first_of_day].astype(np.int64)

    @cached_property
    def active_customer(self) -> Array:
        """The customer of every active day."""
        return self.customer[self.first_of_day]

    @cached_property
    def active_start(self) -> Array:
        """Shape (customers,): where a customer's active days begin."""
        return self.days_before[self.start[:-1]]

    @cached_property
    def next_moment(self) -> Array:
        """Shape (n,): index of the first moment after every activity (the number of moments where there is none)."""
        return self._by_day(lambda days: np.searchsorted(self.timeline.moments, days, side="right"))

    def per_moment(self, weights: Array) -> Array:
        """Shape (moments, customers): weights of the activities since the moment before, added up."""
        width = len(self.timeline.moments) + 1
        cell = self.customer * np.int64(width) + self.next_moment
        sums = np.bincount(cell, weights=weights, minlength=self.customers * width).astype(np.float64, copy=False)
        return np.ascontiguousarray(sums.reshape(self.customers, width)[:, :-1].T)

    def decayed(self, half_life: float, money: bool) -> Array:
        """Shape (moments, customers).

        Activities (or their values), each halved for every `half_life` days of its age.
        """
        key = (half_life, money)
        if key not in self._decayed:
            self._decayed[key] = self._decay(half_life, money)
        return self._decayed[key]

    def _decay(self, half_life: float, money: bool) -> Array:
        moments = self.timeline.moments
        later = np.append(moments, moments[-1])

        def weight(days: Array) -> Array:
            return np.asarray(np.exp2((days - later[np.searchsorted(moments, days, side="right")]) / half_life))

        weights = self._by_day(lambda days: weight(np.minimum(days, moments[-1])))
        if money:
            assert self.value is not None
            weights = weights * np.where(np.isnan(self.value), 0.0, self.value)
        sums = self.per_moment(weights)
        for i in range(1, len(moments)):
            sums[i] += sums[i - 1] * np.exp2((moments[i - 1] - moments[i]) / half_life)
        return sums

    @cached_property
    def centre(self) -> Array:
        """Shape (customers,).

        A value of the customer, from which deviations are measured so that squares stay small.
        """
        assert self.value is not None
        known = np.flatnonzero(~np.isnan(self.value))
        centre = np.zeros(self.customers)
        centre[self.customer[known[::-1]]] = self.value[known[::-1]]
        return centre

    @cached_property
    def deviations(self) -> tuple[Array, Array]:
        """Two arrays (moments, customers).

        Sums of value minus centre, and of its square, of everything before a moment.
        """
        assert self.value is not None
        off = np.where(np.isnan(self.value), 0.0, self.value - self.centre[self.customer])
        return self.per_moment(off).cumsum(axis=0), self.per_moment(off * off).cumsum(axis=0)

    @cached_property
    def next_day_of_detail(self) -> Array:
        """Shape (n,): the day on which the customer next did this with the same detail; a far day where never."""
        assert self.detail is not None
        order = np.lexsort((self.detail, self.customer))
        following = np.full(len(order), np.iinfo(np.int32).max, dtype=np.int64)
        customer, detail = self.customer[order], self.detail[order]
        same = (customer[1:] == customer[:-1]) & (detail[1:] == detail[:-1])
        following[order[:-1][same]] = self.day[order[1:][same]]
        return following

    def trailing(self, main: Stream) -> tuple[Array, Array]:
        """For every activity: where the run of activities since the same day of `main` begins, and how many days of
        `main` (the same customer's) lie before its own day. Each shape (n,)."""
        if self._trailing is None:
            span = 1 << 20  # more days than any calendar here
            theirs = main.active_customer.astype(np.int64) * span + main.active_day
            mine = self.customer.astype(np.int64) * span + self.day
            before = np.searchsorted(theirs, mine, side="left") - main.active_start[self.customer]
            begins = np.ones(len(mine), dtype=bool)
            begins[1:] = (before[1:] != before[:-1]) | (self.customer[1:] != self.customer[:-1])
            at = np.where(begins, np.arange(len(mine)), 0)
            self._trailing = np.maximum.accumulate(at) if len(at) else at, before
        return self._trailing

    @cached_property
    def gaps(self) -> Gaps:
        """The gaps between active days."""
        return Gaps(self.active_customer, self.active_day)
