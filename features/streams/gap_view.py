"""Measures of the gaps between a customer's active days before a moment, and of the present silence against them.

A gap is the number of days from one active day to the next, so two orders of one day are one step of the rhythm.
"""

from __future__ import annotations

from functools import cached_property
from typing import Any, Protocol

import numpy as np

from features.streams.gaps import bisect, ratio, running_sum
from features.streams.stream import Stream
from features.windows import Array

# _PASSED[weekday, 7 * begin + days]: whether so many days that begin on weekday `begin` hold the weekday.
_PASSED = np.array([[(day - begin) % 7 < days for begin in range(7) for days in range(7)] for day in range(7)])


class ActivityView(Protocol):
    """What the gaps are read from: an activity at a moment (day `as_of`), one entry per row."""

    stream: Stream
    as_of: int
    rows: Any

    def at(self, days: int | None) -> Array:
        """Positions in the stream of the boundary `days` before the moment (None: of the customer's beginning)."""

    @property
    def done(self) -> Array:
        """Whether the customer ever did it before the moment."""

    @property
    def last_day(self) -> Array:
        """The last day of the activity; meaningless where it was never done."""

    @property
    def first_day(self) -> Array:
        """The first day of the activity; meaningless where it was never done."""


class GapView:
    """The gaps that lie wholly before the moment of a view, one number per row of the view.

    NaN where there is no gap.
    """

    def __init__(self, view: ActivityView) -> None:
        self.view, self.gaps = view, view.stream.gaps
        self.end = view.stream.days_before[view.at(0)]
        self.begin = view.stream.active_start[view.rows]
        self.number = np.maximum(self.end - self.begin - 1, 0)

    def _day(self, back: int) -> Array:
        """The active day that lies `back` steps before the last (the first where there are fewer)."""
        index = np.maximum(self.end - 1 - back, self.begin)
        days = self.gaps.day
        return days[np.clip(index, 0, len(days) - 1)] if len(days) else np.zeros(len(index), dtype=np.int64)

    @cached_property
    def mean(self) -> Array:
        """Mean gap."""
        return ratio(np.where(self.number > 0, self._day(0) - self._day(1 << 40), 0), self.number)

    @cached_property
    def spread(self) -> Array:
        """Standard deviation of the gaps (of all of them, not of a sample)."""
        squares = self.gaps.squares[self.end] - self.gaps.squares[self.begin]
        total = np.where(self.number > 0, self._day(0) - self._day(1 << 40), 0)
        return ratio(np.sqrt(np.maximum(self.number * squares - total * total, 0)), self.number)

    def recent(self, steps: int) -> Array:
        """Mean of the last `steps` gaps (of all, where there are fewer)."""
        return ratio(np.where(self.number > 0, self._day(0) - self._day(steps), 0), np.minimum(self.number, steps))

    @cached_property
    def longest(self) -> Array:
        """Longest gap."""
        if not len(self.gaps.gap):
            return np.full(len(self.end), np.nan)
        return np.where(self.number > 0, self.gaps.longest[np.clip(self.end - 1, 0, None)], np.nan)

    @cached_property
    def _known(self) -> tuple[Array, Array]:
        """Lengths of the gaps before the moment, sorted by customer and length; and where each row's begin."""
        lengths, ends = self.gaps.by_length
        known = lengths[ends < self.view.as_of]
        numbers = np.zeros(self.view.stream.customers, dtype=np.int64)
        everyone = self.view.stream.days_before[
            self.view.stream.position[self.view.stream.timeline.index[self.view.as_of]]
        ]
        np.maximum(everyone - self.view.stream.active_start - 1, 0, out=numbers)
        return known, running_sum(numbers)[:-1][self.view.rows]

    def quantile(self, share: float) -> Array:
        """The shortest of the gaps that at least `share` of them do not exceed."""
        known, begin = self._known
        if not len(known):
            return np.full(len(begin), np.nan)
        at = begin + np.maximum(np.ceil(share * self.number - 1e-9).astype(np.int64) - 1, 0)
        return np.where(self.number > 0, known[np.clip(at, 0, len(known) - 1)], np.nan)

    def not_shorter(self, days: Array) -> Array:
        """How many of the gaps last at least so many days (shape of the rows)."""
        known, begin = self._known
        end = begin + self.number
        return np.asarray(end - bisect(known, begin, end, days))

    @cached_property
    def silent_days(self) -> Array:
        """Days since the last active day; 0 where there is none."""
        return np.where(self.view.done, self.view.as_of - self.view.last_day, 0)

    @cached_property
    def not_shorter_than_silence(self) -> Array:
        """How many of the gaps last at least as long as the present silence."""
        return self.not_shorter(self.silent_days)

    def weeks_active(self, days: int) -> Array:
        """Of the weeks counted back from the moment, those of the window that have an active day."""
        weeks = self.gaps.weeks(self.view.as_of % 7)
        return np.asarray(weeks[self.end] - weeks[self.view.stream.days_before[self.view.at(days)]])

    def weekday_days(self, weekday: int) -> Array:
        """Active days on a weekday (0: Monday)."""
        stream = self.view.stream
        return np.asarray(stream.weekdays[weekday, stream.timeline.moment_index[self.view.as_of]][self.view.rows])

    def month_days(self, part: int) -> Array:
        """Active days in a third of the month (0: days 1 to 10)."""
        stream = self.view.stream
        return np.asarray(stream.month_parts[part, stream.timeline.moment_index[self.view.as_of]][self.view.rows])

    @cached_property
    def usual_days_missed(self) -> Array:
        """Active days that the customer's weekday habit would have put into the present silence.

        NaN where never done.
        """
        silent = np.where(self.view.done, self.view.as_of - 1 - self.view.last_day, 0)
        weeks = np.where(self.view.done, (self.view.last_day - self.view.first_day) / 7.0, 0.0) + 1.0
        whole, rest = np.divmod(silent, 7)
        odd = (self.view.last_day + 1 + 3) % 7 * 7 + rest  # weekday after the last active day, days of the odd week
        missed = np.zeros(len(silent))
        for weekday in range(7):
            missed += self.weekday_days(weekday) * (whole + _PASSED[weekday].take(odd))
        return np.where(self.view.done, missed / weeks, np.nan)
