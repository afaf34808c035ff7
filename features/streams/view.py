"""One activity at one moment: the numbers that measures are computed from, one per customer.

Everything here is read at positions of a stream (see `streams`), so nothing from the moment on can be seen.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import Any

import numpy as np

from features.streams.gap_view import GapView
from features.streams.gaps import bisect, ratio
from features.streams.stream import MILLIONTHS, Stream
from features.windows import Array


class View:
    """One activity at the midnight with which day `as_of` begins, for the customers in `rows`.

    `main` is the view of what customers ordinarily do (orders), for measures that compare with it. Windows are days
    behind the moment; None means everything before it.
    """

    def __init__(self, stream: Stream, as_of: int, rows: Array, main: View | None = None) -> None:
        self.stream, self.as_of = stream, as_of
        self.rows: Any = slice(None) if len(rows) == stream.customers else rows
        self.customers = rows
        self.main = main if main is not None else self
        self._read: dict[tuple[Any, ...], Array] = {}

    def at(self, days: int | None) -> Array:
        """Positions in the stream of the boundary `days` before the moment (None: of the customer's beginning)."""
        key = ("at", days)
        if key not in self._read:
            stream = self.stream
            position = stream.start[:-1] if days is None else stream.position[stream.timeline.index[self.as_of - days]]
            self._read[key] = position[self.rows]
        return self._read[key]

    def _sum(self, name: str, days: int | None, until: int = 0) -> Array:
        """Sum of a running sum's steps from `days` before the moment up to `until` days before it."""
        return self._cached((name, days, until), lambda: self._cell(name, until) - self._cell(name, days))

    def _cached(self, key: tuple[Any, ...], read: Callable[[], Array]) -> Array:
        """Cache what several measures read."""
        values = self._read.get(key)
        if values is None:
            values = self._read[key] = read()
        return values

    def _cell(self, name: str, days: int | None) -> Array:
        return self._cached((name, days), lambda: getattr(self.stream, name).take(self.at(days), mode="clip"))

    def count(self, days: int | None, until: int = 0) -> Array:
        """Activities in [as_of - days, as_of - until)."""
        return self._cached(("count", days, until), lambda: self.at(until) - self.at(days))

    def total(self, days: int | None, until: int = 0) -> Array:
        """Sum of values in [as_of - days, as_of - until)."""
        return self._cached(("total", days, until), lambda: self._sum("totals", days, until) / MILLIONTHS)

    def quantity(self, days: int | None) -> Array:
        """Sum of quantities."""
        return self._sum("quantities", days) / MILLIONTHS

    def valued(self, days: int | None) -> Array:
        """Activities that have a value."""
        return self.count(days) if self.stream.all_valued else self._sum("valued", days)

    def active_days(self, days: int | None) -> Array:
        """Different days with the activity."""
        return self._sum("days_before", days)

    @cached_property
    def done(self) -> Array:
        """Whether the customer ever did it before the moment."""
        return self.at(0) > self.at(None)

    @cached_property
    def last_day(self) -> Array:
        """The last day of the activity; meaningless where it was never done."""
        return self._day(self.at(0) - 1)

    @cached_property
    def first_day(self) -> Array:
        """The first day of the activity; meaningless where it was never done."""
        return self._day(self.at(None))

    def _day(self, position: Array) -> Array:
        days = self.stream.day
        return days.take(position, mode="clip") if len(days) else np.zeros(len(position), dtype=np.int64)

    @cached_property
    def since_last(self) -> Array:
        """Days from the last activity to the moment (1: yesterday); NaN where never done."""
        return np.where(self.done, self.as_of - self.last_day, np.nan)

    @cached_property
    def since_first(self) -> Array:
        """Days from the first activity to the moment; NaN where never done."""
        return np.where(self.done, self.as_of - self.first_day, np.nan)

    def decayed(self, half_life: int, *, money: bool = False) -> Array:
        """Activities (or their values), each halved for every `half_life` days of its age."""
        at = self.stream.timeline.moment_index[self.as_of]
        return np.asarray(self.stream.decayed(half_life, money)[at][self.rows])

    def distinct(self, days: int) -> Array:
        """Different details in the window."""
        counted = self.stream.last_of_detail(self.as_of)
        return np.asarray(counted[self.at(0)] - counted[self.at(days)])

    @cached_property
    def last_value(self) -> Array:
        """Mean value on the last day that has one; NaN where there is none."""
        stream = self.stream
        known = stream.known
        end, begin = self._cell("valued", 0), self._cell("valued", None)
        if not len(known):
            return np.full(len(end), np.nan)
        last = known[np.clip(end - 1, 0, len(known) - 1)]
        day_start = stream.first_of_day[stream.days_before[last + 1] - 1]
        total = stream.totals[last + 1] - stream.totals[day_start]
        mean = ratio(total, (stream.valued[last + 1] - stream.valued[day_start]) * float(MILLIONTHS))
        return np.where(end > begin, mean, np.nan)

    @cached_property
    def mean_before_last(self) -> Array:
        """Mean of the values before the last one's day, NaN where there is none."""
        number = self.valued(None) - self._on_last_day("valued")
        total = self._sum("totals", None) - self._on_last_day("totals")
        return ratio(total, number * float(MILLIONTHS))

    def _on_last_day(self, name: str) -> Array:
        """What the last day with a value adds to a running sum."""
        stream = self.stream
        known = stream.known
        if not len(known):
            return np.zeros(len(self.customers), dtype=np.int64)
        last = known[np.clip(self._cell("valued", 0) - 1, 0, len(known) - 1)]
        sums = getattr(stream, name)
        steps = sums[last + 1] - sums[stream.first_of_day[stream.days_before[last + 1] - 1]]
        return np.where(self.valued(None) > 0, steps, 0)

    @cached_property
    def after_first_day(self) -> Array:
        """Mean value per active day, the first day left out; NaN where there was no second day."""
        first_end = self._first_day_end()
        total = self._cell("totals", 0) - self.stream.totals[first_end]
        return ratio(total, np.maximum(self.active_days(None) - 1, 0) * float(MILLIONTHS))

    def _first_day_end(self) -> Array:
        """Position after the last activity of the first day (of the customer's beginning where never done)."""
        stream = self.stream
        if not len(stream.first_of_day):
            return self.at(None)
        return np.where(self.done, stream.day_ends.take(stream.active_start[self.rows], mode="clip"), self.at(None))

    @cached_property
    def value_spread(self) -> Array:
        """Standard deviation of all values before the moment; NaN with fewer than two."""
        at = self.stream.timeline.moment_index[self.as_of]
        off, squares = (sums[at][self.rows] for sums in self.stream.deviations)
        number = self.valued(None)
        variance = ratio(squares - ratio(off, number) * off, number)
        return np.where(number > 1, np.sqrt(np.maximum(variance, 0.0)), np.nan)

    @cached_property
    def since_main(self) -> Array:
        """Activities on days later than the last day of the main activity."""
        next_day = np.where(self.main.done, self.main.last_day + 1, -(1 << 31))
        return self.at(0) - bisect(self.stream.day, self.at(None), self.at(0), next_day)

    @cached_property
    def rhythm(self) -> GapView:
        """The gaps before the moment."""
        return GapView(self)
