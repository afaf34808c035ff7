"""Weekly counts of a customer's activities: the timeline beside each customer on the list."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from features.windows import Array, boundary

WEEKS = 52


def weekly_counts(
    customer: Array, occurred_at: Array, customers: int, *, as_of: str, timezone: str, weeks: int = WEEKS
) -> npt.NDArray[np.int64]:
    """Activities per customer and week; a week is seven local days, the last one ends where `as_of` begins.

    Args:
        customer: shape (n,), 0 .. customers - 1.
        occurred_at: shape (n,), microseconds UTC. What lies outside the weeks is not counted.
        customers: how many there are.
        as_of: the day the weeks end before.
        timezone: whose days.
        weeks: how many, at least 1.

    Returns:
        Shape (customers, weeks), the oldest week first. Silence is 0.
    """
    bounds = np.array([boundary(as_of, 7 * back, timezone) for back in range(weeks, -1, -1)], dtype=np.int64)
    week = np.searchsorted(bounds, occurred_at, side="right") - 1
    inside = (week >= 0) & (week < weeks)
    cell = customer[inside].astype(np.int64) * weeks + week[inside]
    return np.bincount(cell, minlength=customers * weeks).reshape(customers, weeks)
