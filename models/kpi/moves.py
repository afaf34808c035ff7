"""Who came, went and came back between two moments: flags of customers that always balance.

A customer counts by where they stand at the two ends of a period, so whatever the definition of a customer,
start + new + won back - lost = end, in every group of customers. Who was lost and came back within the period was kept.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Flags = npt.NDArray[np.bool_]

NOT_YET, NEW, ACTIVE, AT_RISK, WON_BACK, LAPSED = range(6)
STATES = ("not yet", "new", "active", "at risk", "won back", "lapsed")
"""What a customer is at a moment, by number."""


def moves(start: Flags, end: Flags, before: Flags, came: Flags) -> dict[str, Flags]:
    """Flags by count, shape (customers,) each.

    Args:
        start, end: whether they are customers at either end.
        before: whether they had been customers at any time before the start.
        came: whether they first came within the period.
    """
    return {
        "start": start,
        "end": end,
        "new": end & ~start & ~before,
        "won_back": end & ~start & before,
        "lost": start & ~end,
        "kept": start & end,
        "came_and_went": came & ~start & ~end,
        "former": before & ~start,
    }


def states(earlier: Flags, now: Flags, before: Flags, ever: Flags, at_risk: Flags) -> npt.NDArray[np.int8]:
    """The state of every customer at a moment, shape (customers,), as numbers of STATES.

    Args:
        earlier: whether they were customers one period earlier.
        now: whether they are.
        before: whether they had been customers before that period.
        ever: whether they had been customers at any time until now.
        at_risk: of those who are: whether they were at risk; it goes before `new`, `active` and `won back`.
    """
    found = np.full(len(now), NOT_YET, dtype=np.int8)
    found[ever & ~now] = LAPSED
    found[now & ~earlier & ~before] = NEW
    found[now & ~earlier & before] = WON_BACK
    found[now & earlier] = ACTIVE
    found[now & at_risk] = AT_RISK
    return found


def moved(earlier: npt.NDArray[np.int8], now: npt.NDArray[np.int8]) -> npt.NDArray[np.int64]:
    """How many went from which state to which, shape (states, states): its row sums are the earlier states."""
    size = len(STATES)
    pair = earlier.astype(np.int64) * size + now
    return np.bincount(pair, minlength=size * size).reshape(size, size)
