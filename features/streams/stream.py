"""One activity of one partition of customers, sorted and indexed so that any window is a difference of two sums.

Time is cut at every boundary that moments and windows imply. Counting activities per customer and interval, and
adding up along time, gives where each window begins and ends in the sorted stream; every sum over a window is then
the difference of two cells of a running sum. Money and quantities are added up as whole millionths, so that no digit
is lost on the way.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from features.errors import FeatureError
from features.streams.gaps import Gaps, cumulate, narrowed, running_sum
from features.windows import Array

MILLIONTHS = 1_000_000
LARGEST_VALUE = 1e12


def whole_millionths(numbers: Array, what: str) -> Array:
    """Numbers as whole millionths; nulls (NaN) become 0.

    Raises:
        FeatureError: a number is infinite or beyond 1e12.
    """
    nulls = np.isnan(numbers)
    if nulls.any():
        numbers = np.where(nulls, 0.0, numbers)
    largest = max(numbers.max(initial=0.0), -numbers.min(initial=0.0))
    if not largest <= LARGEST_VALUE:
        raise FeatureError(
            f"activity: a {what} of {largest:g} was found; allowed are numbers between -1e12 and 1e12. "
            "Mend it in the source, or set `unit` so that the numbers become smaller."
        )
    millionths = numbers * MILLIONTHS
    return np.asarray(np.rint(millionths, out=millionths), dtype=np.int64)


def month_part(days: Array) -> Array:
    """The third of the month that a day lies in (0: days 1 to 10, 1: 11 to 20, 2: the rest)."""
    dates = days.astype("datetime64[D]")
    of_month = (dates - dates.astype("datetime64[M]")).astype(np.int64)
    return np.asarray(np.minimum(of_month // 10, 2))


@dataclass(frozen=True)
class Timeline:
    """The days at which time is cut: `boundaries`, and `moments`, each of them a boundary too; both ascending."""

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
        self._last_of_detail: dict[int, Array] = {}

    def _positions(self) -> Array:
        """Shape (boundaries, customers): how far into the stream a boundary lies for a customer."""
        cuts = self.timeline.boundaries
        counts = self._table(self._cells(cuts), len(cuts))
        if len(cuts):
            counts[0] += self.start[:-1]
        return cumulate(counts)

    def _cells(self, cuts: Array) -> Array:
        """Shape (n,): every activity's place in a table of intervals (between cuts) x customers."""
        cells = self._by_day(lambda days: np.searchsorted(cuts, days, side="right") * self.customers)
        cells += self.customer
        return cells

    def _table(self, cells: Array, intervals: int, weights: Array | None = None) -> Array:
        """Shape (intervals, customers): activities (or weights) in each cell; those after the last cut are left out."""
        sums = np.bincount(cells, weights=weights, minlength=self.customers * (intervals + 1))
        return np.asarray(sums.reshape(intervals + 1, self.customers)[:-1])

    def _by_day(self, rule: Callable[[Array], Array]) -> Array:
        """A number that depends on the day alone, looked up for every activity."""
        first, from_first = self._days_from_first
        if not len(from_first):
            return np.zeros(0, dtype=np.int64)
        return np.asarray(rule(np.arange(first, first + int(from_first.max()) + 1)).take(from_first, mode="clip"))

    @cached_property
    def _days_from_first(self) -> tuple[int, Array]:
        first = int(self.day.min()) if len(self.day) else 0
        return first, np.subtract(self.day, first, dtype=np.int64)

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
        if self.all_valued:
            return np.arange(len(self.value) + 1)
        return running_sum(~np.isnan(self.value))

    @property
    def all_valued(self) -> bool:
        """Whether every activity has a value."""
        return self.value is not None and len(self.known) == len(self.value)

    @cached_property
    def known(self) -> Array:
        """Positions of the activities with a value."""
        assert self.value is not None
        return np.flatnonzero(~np.isnan(self.value))

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
    def day_ends(self) -> Array:
        """Positions in the stream behind the last activity of every active day."""
        return np.append(self.first_of_day[1:], len(self.day))

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
    def _moment_cells(self) -> Array:
        return self._cells(self.timeline.moments)

    def per_moment(self, weights: Array) -> Array:
        """Shape (moments, customers): weights of the activities since the moment before, added up."""
        return self._table(self._moment_cells, len(self.timeline.moments), weights).astype(np.float64, copy=False)

    @cached_property
    def weekdays(self) -> Array:
        """Shape (7, moments, customers): active days on each weekday before a moment, Monday first."""
        return self._days_by(lambda days: (days + 3) % 7, 7)

    @cached_property
    def month_parts(self) -> Array:
        """Shape (3, moments, customers): active days in each third of the month before a moment."""
        return self._days_by(month_part, 3)

    def _days_by(self, kind: Callable[[Array], Array], kinds: int) -> Array:
        """Shape (kinds, moments + 1, customers): active days of each kind before a moment (and, last, after all)."""
        moments = len(self.timeline.moments)
        size = (moments + 1) * self.customers
        cells = (self._moment_cells + self._by_day(lambda days: kind(days) * size))[self.first_of_day]
        counts = np.bincount(cells, minlength=kinds * size).reshape(kinds, moments + 1, self.customers)
        for days in counts:
            cumulate(days[:-1])
        return counts

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

        A value of the customer, from which deviations are measured so that squares stay narrowed.
        """
        assert self.value is not None
        backwards = self.known[::-1]
        centre = np.zeros(self.customers)
        centre[self.customer[backwards]] = self.value[backwards]
        return centre

    @cached_property
    def deviations(self) -> tuple[Array, Array]:
        """Two arrays (moments, customers).

        Sums of value minus centre, and of its square, of everything before a moment.
        """
        assert self.value is not None
        off = np.where(np.isnan(self.value), 0.0, self.value - self.centre[self.customer])
        return cumulate(self.per_moment(off)), cumulate(self.per_moment(off * off))

    @cached_property
    def next_day_of_detail(self) -> Array:
        """Shape (n,): the day on which the customer next did this with the same detail; a far day where never."""
        assert self.detail is not None
        order = np.lexsort((self.detail, narrowed(self.customer)))
        following = np.full(len(order), np.iinfo(np.int32).max, dtype=np.int64)
        customer, detail = self.customer[order], self.detail[order]
        same = (customer[1:] == customer[:-1]) & (detail[1:] == detail[:-1])
        following[order[:-1][same]] = self.day[order[1:][same]]
        return following

    def last_of_detail(self, as_of: int) -> Array:
        """Running count of the activities that are not done again with the same detail before a moment."""
        if as_of not in self._last_of_detail:
            assert self.detail is not None
            self._last_of_detail = {as_of: running_sum((self.next_day_of_detail >= as_of) & (self.detail >= 0))}
        return self._last_of_detail[as_of]

    @cached_property
    def gaps(self) -> Gaps:
        """The gaps between active days."""
        return Gaps(self.active_customer, self.active_day)
