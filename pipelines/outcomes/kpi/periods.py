"""Calendar months and quarters of the project's timezone, and until when each is open."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from itertools import pairwise

from features.windows import day_number, day_text

MONTH, QUARTER = "month", "quarter"


@dataclass(frozen=True)
class Period:
    """A calendar month or quarter.

    Attributes:
        grain: `month` or `quarter`.
        name: `2017-10` or `2017-Q4`.
        months: first days of its months; the last one is that of the month behind it. Days are ISO.
    """

    grain: str
    name: str
    months: tuple[str, ...]

    @property
    def start(self) -> str:
        """Its first day."""
        return self.months[0]

    @property
    def end(self) -> str:
        """The day behind its last one."""
        return self.months[-1]


def month_starts(first_day: str, until: str) -> list[str]:
    """First days of the months from the one of `first_day` to the one that begins behind the day before `until`."""
    begin, end = date.fromisoformat(first_day), date.fromisoformat(until)
    numbers = range(begin.year * 12 + begin.month - 1, end.year * 12 + end.month - 1 + (end.day > 1) + 1)
    return [date(number // 12, number % 12 + 1, 1).isoformat() for number in numbers]


def periods(starts: Sequence[str]) -> list[Period]:
    """Every month, then every quarter, the oldest first. The first and the last quarter may lack months.

    Args:
        starts: see month_starts.
    """
    found = [Period(MONTH, start[:7], (start, end)) for start, end in pairwise(starts)]
    quarters: dict[str, list[str]] = {}
    for start in starts[:-1]:
        quarters.setdefault(f"{start[:4]}-Q{(int(start[5:7]) - 1) // 3 + 1}", []).append(start)
    for name, months in quarters.items():
        behind = date(int(name[:4]) + (name[-1] == "4"), (int(name[-1]) * 3) % 12 + 1, 1).isoformat()
        found.append(Period(QUARTER, name, (*months, behind)))
    return found


def closes_on(period: Period, ahead_days: int) -> str:
    """The first day at whose midnight gap and horizon behind its end have passed."""
    return day_text(day_number(period.end) + ahead_days)
