"""Days, windows and moments.

A day begins at midnight in the stream's timezone; every boundary of a window is such a midnight. Days are counted as
whole numbers since 1970-01-01, so that a window of 28 days holds 28 calendar days, whatever the clocks do meanwhile.
"""

from __future__ import annotations

import zoneinfo
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from features.errors import FeatureError

Array = npt.NDArray[Any]
DAY_US = 86_400_000_000
_EPOCH = date(1970, 1, 1)
MOST_MOMENTS = 30
FEWEST_MOMENTS = 6
MOST_ROWS = 4_000_000


def day_number(day: str) -> int:
    """Days from 1970-01-01 to a day written as 2017-12-04."""
    return (date.fromisoformat(day) - _EPOCH).days


def day_text(number: int) -> str:
    """The day, written as 2017-12-04, that lies `number` days after 1970-01-01."""
    return (_EPOCH + timedelta(days=int(number))).isoformat()


def midnight(day: str, timezone: str) -> int:
    """The instant at which a day begins in a timezone, in microseconds UTC since 1970.

    Where clocks jump over midnight the day begins at the jump; where midnight comes twice it begins at the first.
    """
    local = datetime.combine(date.fromisoformat(day), datetime.min.time(), tzinfo=zoneinfo.ZoneInfo(timezone))
    return (local.astimezone(UTC) - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)


def local_day(instant: str, timezone: str) -> str:
    """The day, written as 2017-12-04, on which an instant lies in a timezone.

    Args:
        instant: ISO 8601; without an offset it is UTC (2017-12-03T23:59:41.000000Z).
        timezone: an IANA name.
    """
    moment = datetime.fromisoformat(instant.replace("Z", "+00:00"))
    known = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return known.astimezone(zoneinfo.ZoneInfo(timezone)).date().isoformat()


def boundary(as_of: str, days: int, timezone: str) -> int:
    """The midnight that lies `days` calendar days before `as_of` (after it where negative), in microseconds UTC."""
    return midnight(day_text(day_number(as_of) - days), timezone)


def local_days(occurred_at: Array, timezone: str) -> npt.NDArray[np.int32]:
    """The local calendar day of every instant.

    Args:
        occurred_at: shape (n,), microseconds UTC since 1970.
        timezone: an IANA name.

    Returns:
        Shape (n,), days since 1970-01-01. `local_days(t) < day_number(d)` exactly when `t < midnight(d)`.
    """
    if not len(occurred_at):
        return np.zeros(0, dtype=np.int32)
    if timezone == "UTC":
        return np.asarray(np.floor_divide(occurred_at, DAY_US), dtype=np.int32)
    first = int(occurred_at.min() // DAY_US) - 2
    last = int(occurred_at.max() // DAY_US) + 3
    begins = np.array([midnight(day_text(day), timezone) for day in range(first, last + 1)], dtype=np.int64)
    # A first guess from 24-hour days is at most two days off (a country may skip a day to cross the date line);
    # looks at the neighbouring midnights put it right.
    guess = np.clip((occurred_at - begins[0]) // DAY_US, 1, len(begins) - 2)
    for _ in range(2):
        guess += occurred_at >= begins[guess + 1]
        guess -= occurred_at < begins[guess]
    return np.asarray(guess + first, dtype=np.int32)


@dataclass(frozen=True)
class Lead:
    """What one churn definition asks of a training moment: days that must lie behind it, and days ahead of it."""

    behind_days: int
    ahead_days: int


def training_moments(
    *,
    until: str,
    leads: Sequence[Lead],
    first_day: str,
    customers: int,
    every_days: int | Literal["auto"] = "auto",
    count: int | Literal["auto"] = "auto",
) -> list[str]:
    """The days on which customers are looked at for training, newest first.

    The newest is the last one whose shortest window ahead ends at or before `until`; from there they count back by
    `every_days`. The newest possible moment of every other definition is added, so that its labels are as recent as
    can be. `auto` steps by a week, or by more (never by more than a quarter of the horizon) where the history is
    long, up to 30 moments; fewer for very many customers. No moment has less than the definition's days of history
    behind it, unless none has.

    Raises:
        FeatureError: no moment has a whole window ahead of it within the history.
    """
    end, begin = day_number(until), day_number(first_day)
    shortest = min(lead.ahead_days for lead in leads)
    newest = end - shortest
    if newest <= begin:
        raise FeatureError(
            f"observations.train.until {until}: activity begins on {first_day}, so no training moment has "
            f"both something behind it and {shortest} whole days ahead of it. Pull a longer history, or shorten "
            "horizon_days."
        )
    oldest = min(newest, begin + min(lead.behind_days for lead in leads))
    most = max(FEWEST_MOMENTS, min(MOST_MOMENTS, MOST_ROWS // max(1, customers))) if count == "auto" else count
    step = _step(newest - oldest, most, shortest) if every_days == "auto" else every_days
    days = [
        day for day in range(newest, newest - step * most, -step) if day >= oldest or (count != "auto" and day > begin)
    ]
    anchors = {end - lead.ahead_days for lead in leads if end - lead.ahead_days > begin}
    return [day_text(day) for day in sorted(anchors | set(days), reverse=True)]


def _step(span: int, most: int, horizon: int) -> int:
    """Whole weeks between moments: as few as cover the span, at most a quarter of the horizon (at least one week)."""
    if horizon < 7:
        return max(1, horizon)
    weeks = -(-span // (7 * max(1, most - 1)))
    return 7 * max(1, min(weeks, horizon // 28))
