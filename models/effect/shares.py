"""The effect on the share that leaves, with an interval that holds for small and for extreme shares.

    effect = share of the control group that left - share of the contacted that left

0.09 means: of every hundred contacted, nine fewer left. Intention to treat: everybody counts in the arm to which they
were assigned, reached or not. All arrays are counts with the strata of the assignment along the last axis; what stands
before (runs of a simulation, looks, segments) is carried along.

Strata have the weights of Cochran, Mantel and Haenszel, `w = n1 n0 / (n1 + n0)` over their sum: the effect that is
estimated is the mean over strata with these weights. A stratum in which one arm is empty weighs nothing. For a supposed
effect d the score statistic is (Miettinen and Nurminen 1985, "Comparative analysis of two rates", Statistics in
Medicine 4:213-226)

    z(d) = sum w (p0 - p1 - d) / sqrt(sum w^2 V(d)),   V(d) = [q0 (1 - q0)/n0 + q1 (1 - q1)/n1] n / (n - 1)

with `q0 - q1 = d` the most probable shares that differ by d. The interval holds every d with |z(d)| <= critical: 1.96
for one look at the 5% level, the boundary of `models/effect/sequential` for many.

With fewer than five leavers or stayers in an arm the normal distribution is no picture of them, and the score interval
covers less than it says. There, the fewer the more, it is widened to the one that exact limits of either arm give.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.special import ndtri

from models.effect.counts import Counts
from models.effect.one_share import clopper_pearson, wilson

Floats = npt.NDArray[np.float64]

LEVEL = 0.05
HALVINGS = 40  # of the interval in which a limit lies: 1e-12
FEW = 5.0  # leavers or stayers of an arm below which the interval is widened
_TINY = 1e-300
_SAME = 1e-12


@dataclass(frozen=True)
class Difference:
    """An effect in shares with its interval; all of one shape, or numbers.

    Attributes:
        effect: fewer who leave, -1..1; NaN where nothing can be compared.
        low, high: limits, -1..1; (-1, 1) where nothing can be compared.
        critical: the number of standard errors that the interval allows.
        method: `score`, `miettinen_nurminen`, `newcombe` or `hajek_score`.
    """

    effect: Floats
    low: Floats
    high: Floats
    critical: Floats
    method: str

    @property
    def is_claimed(self) -> npt.NDArray[np.bool_]:
        """Whether the interval leaves no effect out."""
        return np.asarray((self.low > 0) | (self.high < 0))


def normal_critical(level: float = LEVEL) -> float:
    """Two-sided critical number of the normal distribution: 1.96 at 0.05."""
    return float(-ndtri(level / 2))


def score(counts: Counts, effect: Any = 0.0) -> Floats:
    """z(effect): above 0 where more was found than `effect` (broadcast over all axes but the strata); 0 for nothing."""
    supposed = np.asarray(effect, dtype=np.float64)[..., None]
    weights = counts.weights
    found = counts.control_share - counts.contacted_share
    above = (weights * (found - supposed)).sum(axis=-1)
    spread = np.sqrt((weights**2 * _variance(counts, supposed)).sum(axis=-1))
    # Nobody left (or everybody did) and no effect supposed: both are certain, and agree.
    certain = np.where(np.abs(above) < _SAME, 0.0, np.copysign(np.inf, above))
    return np.where(spread > 0, np.divide(above, spread, out=np.zeros_like(above), where=spread > 0), certain)


def difference(counts: Counts, critical: Any = None, *, level: float = LEVEL) -> Difference:
    """The effect with the interval that is reported: Miettinen and Nurminen's, widened where events are few.

    With `f` the fewest of leavers and stayers of either arm, the limits are a mean of the score limits and of the outer
    ones of score and exact limits, which count `1 - f / 5` (nothing from five on).

    Args:
        counts: see Counts.
        critical: standard errors allowed, broadcast over all axes but the strata (infinite: nothing is contradicted);
            None: the normal distribution's for one look at `level`.
    """
    found = miettinen_nurminen(counts, critical, level=level)
    few = np.clip(1 - counts.fewest / FEW, 0.0, 1.0)
    if not np.any(few):
        return Difference(found.effect, found.low, found.high, found.critical, "score")
    low, high = _exact(counts, found.critical)
    low = (1 - few) * found.low + few * np.fmin(found.low, low)
    high = (1 - few) * found.high + few * np.fmax(found.high, high)
    return Difference(found.effect, low, high, found.critical, "score")


def claims(counts: Counts, critical: Any = None, *, effect: float = 0.0, level: float = LEVEL) -> npt.NDArray[np.bool_]:
    """Whether the interval of `difference` leaves `effect` out; for many runs at once, limits are only sought where
    they decide. Axes before the strata are needed.
    """
    limit = np.asarray(normal_critical(level) if critical is None else critical, dtype=np.float64)
    beyond = np.abs(score(counts, effect)) > limit
    doubtful = beyond & (counts.fewest < FEW)
    if np.any(doubtful):
        found = difference(counts[doubtful], np.broadcast_to(limit, beyond.shape)[doubtful])
        beyond[doubtful] = (found.low > effect) | (found.high < effect)
    return beyond


def _exact(counts: Counts, critical: Floats) -> tuple[Floats, Floats]:
    """Limits from exact ones of each arm (Clopper and Pearson), joined by squares, strata by their weights."""
    weights, effect = counts.weights, counts.effect

    def arm(share: Floats, size: Floats) -> tuple[Floats, Floats, Floats]:
        mean = (weights * share).sum(axis=-1)
        inverse = np.divide(weights**2, size, out=np.zeros_like(weights + size), where=size > 0).sum(axis=-1)
        worth = np.divide(1.0, inverse, out=np.zeros_like(inverse), where=inverse > 0)
        return (mean, *clopper_pearson(mean, worth, critical))

    p1, low1, high1 = arm(counts.contacted_share, counts.contacted)
    p0, low0, high0 = arm(counts.control_share, counts.control)
    below, above = np.hypot(p0 - low0, high1 - p1), np.hypot(high0 - p0, p1 - low1)
    return np.maximum(effect - below, -1.0), np.minimum(effect + above, 1.0)


def miettinen_nurminen(counts: Counts, critical: Any = None, *, level: float = LEVEL) -> Difference:
    """The effect and all effects that the counts do not contradict. Arguments: see `difference`."""
    limit = np.asarray(normal_critical(level) if critical is None else critical, dtype=np.float64)
    effect = counts.effect
    known = np.isfinite(effect) & np.isfinite(limit)
    start = np.where(np.isfinite(effect), effect, 0.0)

    def end(side: float) -> Floats:
        inner, outer = np.broadcast_arrays(start, side + np.zeros_like(start + limit))
        inner, outer = inner.copy(), outer.copy()
        for _ in range(HALVINGS):
            middle = (inner + outer) / 2
            held = np.abs(score(counts, middle)) <= limit
            inner, outer = np.where(held, middle, inner), np.where(held, outer, middle)
        return np.where(known, outer, side)

    return Difference(effect, end(-1.0), end(1.0), limit, "miettinen_nurminen")


def newcombe(counts: Counts, critical: Any = None, *, level: float = LEVEL) -> Difference:
    """Hybrid score interval: the distance to each arm's Wilson limits, strata joined by their weights.

    Newcombe 1998, "Interval estimation for the difference between independent proportions", Statistics in Medicine
    17:873-890, method 10; strata as in Yan and Su 2010, Statistics in Biopharmaceutical Research 2:329-335, joined by
    squares (Zou and Donner 2008, Statistics in Medicine 27:1693-1702). Quick, and a check on the other.
    """
    limit = np.asarray(normal_critical(level) if critical is None else critical, dtype=np.float64)
    squares, effect, weights = limit[..., None] ** 2, counts.effect, counts.weights
    low1, high1 = wilson(counts.contacted_share, counts.contacted, squares)
    p0 = counts.control_share
    low0, high0 = wilson(p0, counts.control, squares)
    below = np.sqrt((weights**2 * ((p0 - low0) ** 2 + (high1 - counts.contacted_share) ** 2)).sum(axis=-1))
    above = np.sqrt((weights**2 * ((high0 - p0) ** 2 + (counts.contacted_share - low1) ** 2)).sum(axis=-1))
    known = np.isfinite(effect)
    low, high = np.where(known, effect - below, -1.0), np.where(known, effect + above, 1.0)
    return Difference(effect, np.maximum(low, -1.0), np.minimum(high, 1.0), limit, "newcombe")


def _variance(counts: Counts, supposed: Floats) -> Floats:
    """V(d) per stratum; 0 where an arm is empty."""
    n1, n0 = counts.contacted, counts.control
    q1 = _most_probable(counts, supposed)
    q0 = np.clip(q1 + supposed, 0.0, 1.0)
    whole = n1 + n0
    raw = q0 * (1 - q0) / np.maximum(n0, _TINY) + q1 * (1 - q1) / np.maximum(n1, _TINY)
    return np.asarray(np.where((n1 > 0) & (n0 > 0), raw * whole / np.maximum(whole - 1, 1.0), 0.0), dtype=np.float64)


def _most_probable(counts: Counts, d: Floats) -> Floats:
    """The contacted's share that is most probable if the control group's is larger by d: the middle root of a cubic."""
    n1, n0 = counts.contacted, counts.control
    whole, left = np.maximum(n1 + n0, 1.0), counts.contacted_left + counts.control_left
    b = ((n0 + 2 * n1) * d - whole - left) / (3 * whole)
    c = ((n1 * d - whole - 2 * counts.contacted_left) * d + left) / (3 * whole)
    e = counts.contacted_left * d * (1 - d) / (2 * whole)
    q = b**3 - 1.5 * b * c + e
    p = np.where(q >= 0, 1.0, -1.0) * np.sqrt(np.maximum(b**2 - c, 0.0))
    cosine = np.divide(q, p**3, out=np.ones_like(q), where=np.abs(p) > 1e-100)
    root = 2 * p * np.cos((np.pi + np.arccos(np.clip(cosine, -1.0, 1.0))) / 3) - b
    return np.asarray(np.clip(root, np.maximum(0.0, -d), np.minimum(1.0, 1 - d)), dtype=np.float64)
