"""A customer's own habit with one activity, and what it makes usual of each measure. NaN where there is none."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Column = Mapping[str, Any]

FEWEST = 3  # activities that make a habit
LEAST_DAYS = 28.0  # of history before the window
READ = (
    "count",
    "total_value",
    "quantity",
    "active_days",
    "mean_value",
    "days_since_first",
    "days_since_last",
    "count_ever",
    "gap_mean",
    "gap_median",
    "gap_p90",
    "longest_gap",
)


@dataclass(frozen=True)
class Habit:
    """Some customers' habit with one activity.

    Attributes:
        numbers: their columns of READ, by measure and window.
        days: since the first one, as far as the longest window of counts reaches.
    """

    numbers: Mapping[tuple[str, int | None], Floats]
    days: Floats

    @classmethod
    def of(cls, numbers: Mapping[tuple[str, int | None], Floats], rows: int) -> Habit:
        """`rows`: how many customers."""
        longest = _longest("count", numbers)
        first = numbers.get(("days_since_first", None), np.full(rows, np.inf))
        return cls(numbers, np.minimum(first, longest) if longest else np.zeros(rows))

    def get(self, measure: str, days: int | None = None) -> Floats:
        """A column; NaN where it is not declared."""
        return self.numbers.get((measure, days), np.full(len(self.days), np.nan))

    def per_day(self, measure: str, after: int) -> Floats:
        """Of a growing measure before the last `after` days; NaN without a habit then."""
        longest = _longest(measure, self.numbers)
        counted = _longest("count", self.numbers)
        if not longest or longest != counted or (measure, after) not in self.numbers or after >= longest:
            return np.full(len(self.days), np.nan)
        before = self.days - after
        number = self.get("count", longest) - self.get("count", after)
        enough = (number >= FEWEST) & (before >= max(after, LEAST_DAYS))
        opened = (self.get("days_since_first") <= longest) if ("days_since_first", None) in self.numbers else False
        gaps = np.where(opened, (number - 1) / np.maximum(number, 1), 1.0)
        earlier = self.get(measure, longest) - self.get(measure, after)
        return np.where(enough, gaps * earlier / np.maximum(before, 1.0), np.nan)

    def is_before(self, days: int | None) -> npt.NDArray[np.bool_]:
        """Whether there was a habit before a window; true where there is no window, or of no counts."""
        if not days or ("count", days) not in self.numbers:
            return np.ones(len(self.days), dtype=bool)
        return np.isfinite(self.per_day("count", days))

    def pace(self, measure: str, days: int) -> Floats:
        """Per day, before the last `days`; where they are too many, before fewer of them."""
        shorter = sorted((d for m, d in self.numbers if m == measure and d and d <= days), reverse=True)
        found = np.full(len(self.days), np.nan)
        for after in shorter:
            found = np.where(np.isfinite(found), found, self.per_day(measure, after))
        return found

    @property
    def gap(self) -> Floats:
        """Usual days from one to the next."""
        if ("gap_mean", None) in self.numbers:
            ever = self.numbers.get(("count_ever", None), np.full(len(self.days), np.inf))
            return np.where(ever >= FEWEST, self.get("gap_mean"), np.nan)
        pace = self.pace("count", 28)
        return np.where(pace > 0, 1.0 / np.maximum(pace, 1e-9), np.nan)


def usual(column: Column, own: Floats, habit: Habit) -> Floats:
    """What is usual of a column by the habit; NaN where there is none, or where the column describes it.

    Args:
        column: entry of columns.json.
        own: the customers' numbers.
        habit: with the column's activity.
    """
    measure, days = str(column["measure"]), column["days"]
    if column["family"] == "tenure" or measure == "days_since_first":
        return np.full(len(own), np.nan)
    if measure in ("count", "active_days", "total_value", "quantity") and days:
        return habit.pace(measure, days) * np.minimum(days, habit.days)
    read = _BY_MEASURE.get(measure)
    return np.full(len(own), np.nan) if read is None else np.asarray(read(habit, days, own), dtype=np.float64)


def _longest(measure: str, numbers: Mapping[tuple[str, int | None], Floats]) -> int:
    return max((days for name, days in numbers if name == measure and days), default=0)


def _where(habit: Habit, value: Floats | float) -> Floats:
    """A number for whoever has a habit."""
    return np.where(np.isfinite(habit.gap), value, np.nan)


def _per(habit: Habit, gap: str) -> Floats:
    """The silence at which the next is due, over one of the gaps that describe the habit."""
    over = habit.get(gap)
    return _where(habit, np.divide(habit.gap, over, out=np.ones(len(over)), where=over > 0))


def _decayed(measure: str) -> Callable[[Habit, Any, Floats], Floats]:
    def read(habit: Habit, half_life: Any, _: Floats) -> Floats:
        shares = 1.0 - np.exp2(-habit.days / half_life)
        return np.asarray(habit.pace(measure, 28) * half_life / np.log(2.0) * shares, dtype=np.float64)

    return read


def _before(habit: Habit, days: Any, _: Floats) -> Floats:
    return np.asarray(habit.pace("count", days) * days, dtype=np.float64)


def _mean_value(habit: Habit, days: Any, own: Floats) -> Floats:
    """Money per order before; of the longest window the customer's own."""
    longest = _longest("mean_value", habit.numbers)
    number, money = habit.pace("count", days), habit.pace("total_value", days)
    found = np.divide(money, number, out=np.full(len(own), np.nan), where=number > 0)
    return _where(habit, own) if days == longest else found


_BY_MEASURE: dict[str, Callable[[Habit, Any, Floats], Floats]] = {
    "count_ever": lambda h, _, own: _where(h, own),
    "total_value_ever": lambda h, _, own: _where(h, own),
    "days_since_last": lambda h, _, own: h.gap,
    "silence_per_gap": lambda h, _, own: _where(h, 1.0),
    "silence_per_median_gap": lambda h, _, own: _per(h, "gap_median"),
    "silence_per_p90_gap": lambda h, _, own: _per(h, "gap_p90"),
    "silence_per_longest_gap": lambda h, _, own: _per(h, "longest_gap"),
    "silence_z": lambda h, _, own: _where(h, 0.0),
    "gap_share_shorter": lambda h, _, own: _where(h, 0.5),
    "usual_days_missed": lambda h, _, own: _where(h, 1.0),
    "gap_change": lambda h, _, own: _where(h, 1.0),
    "last_gap": lambda h, _, own: _where(h, h.gap),
    "recent_gap_mean": lambda h, _, own: _where(h, h.gap),
    "longest_silence": lambda h, _, own: _where(h, h.get("longest_gap")),
    "count_trend": lambda h, days, own: np.where(np.isfinite(h.pace("count", days)), 0.0, np.nan),
    "value_trend": lambda h, days, own: np.where(np.isfinite(h.pace("count", days)), 0.0, np.nan),
    "count_slope": lambda h, _, own: _where(h, 0.0),
    "count_before": _before,
    "decayed_count": _decayed("count"),
    "decayed_value": _decayed("total_value"),
    "mean_value": _mean_value,
    "last_value": lambda h, _, own: _where(h, h.get("mean_value", _longest("mean_value", h.numbers) or None)),
    "per_week": lambda h, days, own: np.minimum(7.0 * h.pace("active_days", days), 7.0),
    "weeks_active_share": lambda h, days, own: 1.0 - np.exp(-7.0 * h.pace("active_days", days)),
}
"""(habit, days, the customers' own numbers) -> the usual number."""
