"""Interim looks at a campaign: the interval of each, under the boundary that holds for all of them together.

With planned weeks each look has a repeated confidence interval: all effects that the look's boundary does not
contradict (Jennison and Turnbull 2000, chapter 9). Without a planned end it is a confidence sequence. Looks at which an
arm expects too few leavers or stayers are no looks: nothing is said at them, and nothing of the error is spent.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from models.effect.counts import FEWEST_EVENTS, Counts
from models.effect.gates import events
from models.effect.sequential.boundary import OBRIEN_FLEMING
from models.effect.sequential.sequence import sequence_critical
from models.effect.sequential.trial import criticals_of
from models.effect.shares import LEVEL, difference
from models.errors import ModelError

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Look:
    """What was known at one look.

    Attributes:
        number: of the look, from 1.
        fraction: of the planned customers whose outcome was known; NaN without a planned end.
        is_enough: whether each arm expected enough leavers and stayers; else nothing is said.
        critical: standard errors allowed; infinite where nothing may be said.
        effect, low, high: fewer who leave, in shares.
        is_claimed: whether the interval leaves no effect out.
    """

    number: int
    fraction: float
    is_enough: bool
    critical: float
    effect: float
    low: float
    high: float
    is_claimed: bool


def planned_looks(
    counts: Counts,
    fractions: Sequence[float],
    *,
    ends: bool,
    kind: str = OBRIEN_FLEMING,
    level: float = LEVEL,
    fewest: float = FEWEST_EVENTS,
) -> list[Look]:
    """Every look so far at a campaign with planned weeks.

    Args:
        counts: of all customers whose outcome was known at each look, by look and stratum.
        fractions: customers whose outcome was known at each look over the planned ones, rising.
        ends: whether the last look is the campaign's end: then the whole of the level is used up at it.
        kind: how the error is spent; the one that the sentence before the campaign was worked out with.
        level: probability of claiming, at any look, an effect that is not there.
        fewest: leavers and stayers that each arm must expect at a look.
    """
    t = np.asarray(fractions, dtype=np.float64)
    enough = _enough(counts, fewest)
    if t.shape != enough.shape:
        raise ModelError(f"looks: {len(enough)} looks have counts, and fractions are given for {t.shape}.")
    criticals = np.full(len(t), np.inf)
    if enough.any():
        criticals[enough] = criticals_of(t[enough], kind, level, ends=ends and bool(enough[-1]))
    return _told(counts, t, enough, criticals)


def unplanned_looks(
    counts: Counts, *, best_at: float, level: float = LEVEL, fewest: float = FEWEST_EVENTS
) -> list[Look]:
    """Every look so far at a campaign without a planned end.

    Args:
        counts: see planned_looks.
        best_at: customers, of both arms, at which the intervals are to be narrowest; fixed before the first look.
        level: probability that any interval, at whatever time, misses the truth.
        fewest: see planned_looks.
    """
    enough = _enough(counts, fewest)
    customers = (counts.contacted + counts.control).sum(axis=-1)
    criticals = np.where(enough, sequence_critical(customers, best_at=best_at, level=level), np.inf)
    return _told(counts, np.full(len(enough), np.nan), enough, criticals)


def _enough(counts: Counts, fewest: float) -> npt.NDArray[np.bool_]:
    if counts.contacted.ndim != 2:
        raise ModelError(f"looks: counts must be looks by strata, found {counts.contacted.shape}.")
    return np.array([events(counts[look], fewest=fewest).passed for look in range(len(counts.contacted))], dtype=bool)


def _told(counts: Counts, fractions: Floats, enough: npt.NDArray[np.bool_], criticals: Floats) -> list[Look]:
    found = difference(counts, criticals)
    return [
        Look(
            number=look + 1,
            fraction=float(fractions[look]),
            is_enough=bool(enough[look]),
            critical=float(criticals[look]),
            effect=float(found.effect[look]),
            low=float(found.low[look]),
            high=float(found.high[look]),
            is_claimed=bool(found.is_claimed[look]),
        )
        for look in range(len(enough))
    ]
