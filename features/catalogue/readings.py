"""The arithmetic of measures that take more than one expression over a view.

Each returns one number per row, NaN where silent.
"""

from __future__ import annotations

import numpy as np

from features.streams.gaps import ratio
from features.streams.view import View
from features.windows import Array

NEVER = 1000.0  # days: "so long ago, or never"; times and gaps are not told apart beyond it


def twice(days: int) -> tuple[int, ...]:
    """Edges of a window and of the one before it."""
    return days, 2 * days


def eighths(days: int) -> tuple[int, ...]:
    """Edges of the eight equal parts of a window."""
    return tuple(days // 8 * k for k in range(1, 9))


def year_ago(days: int) -> tuple[int, ...]:
    """Edges of a window that began 364 days before the moment."""
    return 364, 364 - days


def capped(days: Array) -> Array:
    """Days, not told apart beyond NEVER."""
    return np.minimum(days, NEVER)


def change(now: Array, before: Array) -> Array:
    """(now - before) / (now + before): -1 stopped, 0 as before, 1 began. Where one is negative only the direction."""
    if now.dtype.kind == "i":  # counts are never negative
        return ratio(now - before, now + before)
    both = (now >= 0) & (before >= 0)
    return np.where(both, ratio(now - before, np.abs(now) + np.abs(before)), np.sign(now - before))


def count_slope(view: View, days: int) -> Array:
    """Least-squares slope of the counts of eight equal parts of the window, in activities per part."""
    step = days // 8
    # Part k counts k - 3.5 times; of the positions that bound the parts, the inner ones remain once each.
    inner = sum((view.at(step * k) for k in range(2, 8)), start=view.at(step))
    rise = 3.5 * (view.at(0) + view.at(8 * step)) - inner
    return np.asarray(rise / 42.0)


def known_days(view: View, days: int) -> Array:
    """Days of the window on which the customer was already known to do it, at least 7; NaN where never done."""
    return np.maximum(np.minimum(view.since_first, days), 7.0)


def outlast(view: View, days: int) -> Array:
    """Share of the gaps at least as long as the present silence that lasted `days` longer.

    One imagined gap of each kind.
    """
    reached = view.rhythm.not_shorter_than_silence
    outlasted = view.rhythm.not_shorter(view.rhythm.silent_days + days)
    return np.where(view.done, (outlasted + 1.0) / (reached + 2.0), np.nan)


def shorter(view: View, _: None) -> Array:
    """Share of the gaps that are shorter than the present silence."""
    return ratio(view.rhythm.number - view.rhythm.not_shorter_than_silence, view.rhythm.number)


def weekday_share(weekday: int, view: View, _: None) -> Array:
    """Share of the active days that fall on a weekday (0: Monday)."""
    return ratio(view.rhythm.weekday_days(weekday), view.active_days(None))


def month_share(part: int, view: View, _: None) -> Array:
    """Share of the active days that fall into a third of the month (0: days 1 to 10, 1: 11 to 20, 2: the rest)."""
    return ratio(view.rhythm.month_days(part), view.active_days(None))


def share_of_main(view: View, days: int) -> Array:
    """Value of the activity beside its own and the main activity's together."""
    mine = np.abs(view.total(days))
    return ratio(mine, mine + np.abs(view.main.total(days)))
