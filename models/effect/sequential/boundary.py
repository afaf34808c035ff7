"""Group-sequential boundaries, which keep the promised error over all planned looks, and what will cross them.

At look k the fraction t_k of the planned information is in (matured customers over planned ones). Under no effect the
statistics Z_k behave like `B(t_k) / sqrt(t_k)` of a Brownian motion. An error-spending function says how much of the
level may be used up by t; the boundary c_k is such that exactly the increase is spent at look k (Lan and DeMets 1983,
"Discrete sequential boundaries for clinical trials", Biometrika 70:659-663). For each of two sides, with a = level/2:

    obrien_fleming   2 (1 - Phi(z_{a/2} / sqrt(t)))      hardly anything early, nearly everything at the end
    pocock           a log(1 + (e - 1) t)                about the same at every look

Probabilities are worked out look by look: the density of the sum of those who were not stopped, convolved with the
normal increment (Armitage, McPherson and Rowe 1969, Journal of the Royal Statistical Society A 132:235-244; Jennison
and Turnbull 2000, "Group Sequential Methods", chapters 7 and 19), by Gauss-Legendre quadrature.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.special import ndtr, ndtri

from models.errors import ModelError

Floats = npt.NDArray[np.float64]

OBRIEN_FLEMING, POCOCK = "obrien_fleming", "pocock"
KINDS = (OBRIEN_FLEMING, POCOCK)
NODES = 160
FARTHEST = 8.0  # standard deviations: beyond it lies less than the arithmetic can tell from nothing
_STEPS, _FINE = 60, 1e-11
_LEAST = 1e-14


def spent(kind: str, fraction: Any, level: float = 0.05) -> Floats:
    """How much of the two-sided `level` may be used up when `fraction` (above 0; above 1 counts as 1) is in."""
    _require_kind(kind)
    t = np.clip(np.asarray(fraction, dtype=np.float64), 1e-9, 1.0)
    if kind == POCOCK:
        return np.asarray(level * np.log1p((np.e - 1) * t), dtype=np.float64)
    return np.asarray(4 * ndtr(ndtri(level / 4) / np.sqrt(t)), dtype=np.float64)


def boundary(
    fractions: Sequence[float], kind: str = OBRIEN_FLEMING, level: float = 0.05, *, ends: bool = True
) -> Floats:
    """The critical number of standard errors at each look, two-sided and symmetric.

    Args:
        fractions: of the planned information at each look, rising and above 0. More than planned counts as all.
        kind: `obrien_fleming` or `pocock`.
        level: probability of claiming an effect that is not there at any look.
        ends: whether the last look is the last there is: then whatever is left of the level is spent at it.

    Returns:
        One number per look; infinite where nothing may be spent yet.
    """
    t = _require_rising(fractions)
    allowed = spent(kind, t, level)
    if ends:
        allowed[-1] = level
    criticals: list[float] = []
    walk, used = _Walk(), 0.0
    for now, most in zip(t, allowed, strict=True):
        walk.step_to(now)
        if most - used < _LEAST:
            criticals.append(np.inf)
        else:
            criticals.append(walk.critical(float(most) - used))
            used = float(most)
        walk.stop(criticals[-1] * np.sqrt(now))
    return np.asarray(criticals, dtype=np.float64)


def crossing(fractions: Sequence[float], criticals: Sequence[float], drift: float = 0.0) -> Floats:
    """Probability of crossing first at each look, upwards and downwards: looks by two.

    Args:
        fractions: see boundary.
        criticals: of each look, above 0.
        drift: mean of Z when all the information is in; 0: no effect.
    """
    t = _require_rising(fractions)
    walk, found = _Walk(drift), []
    for now, critical in zip(t, criticals, strict=True):
        edge = critical * np.sqrt(now)
        walk.step_to(now)
        found.append(walk.beyond(edge, edge))
        walk.stop(edge)
    return np.asarray(found, dtype=np.float64)


@cache
def _legendre() -> tuple[Floats, Floats]:
    nodes, weights = np.polynomial.legendre.leggauss(NODES)
    return np.asarray(nodes, dtype=np.float64), np.asarray(weights, dtype=np.float64)


class _Walk:
    """The sum `sqrt(t) Z` of those who were not stopped: a density on nodes, and the increment that comes next."""

    def __init__(self, drift: float = 0.0) -> None:
        self.drift, self.time, self.next = drift, 0.0, 0.0
        self.at, self.mass = np.zeros(1), np.ones(1)  # before the first look all are at nothing
        self.nodes, self.weights = _legendre()

    def step_to(self, time: float) -> None:
        """The look that follows."""
        self.next = time

    @property
    def _spread(self) -> float:
        return float(np.sqrt(max(self.next - self.time, _LEAST)))

    @property
    def _means(self) -> Floats:
        return self.at + self.drift * (self.next - self.time)

    def beyond(self, upper: float, lower: float) -> Floats:
        """Probability of lying above `upper` and below `-lower` at the look, not having been stopped before."""
        means, spread = self._means, self._spread
        up = float(self.mass @ ndtr((means - upper) / spread))
        return np.array([up, float(self.mass @ ndtr((-lower - means) / spread))])

    def critical(self, wanted: float) -> float:
        """The number beyond which, either way, Z lies with probability `wanted` at the look."""
        low, high, root = 0.0, FARTHEST, float(np.sqrt(self.next))
        at = float(-ndtri(wanted / 2))
        for _ in range(_STEPS):
            found = float(self.beyond(at * root, at * root).sum())
            low, high = (at, high) if found > wanted else (low, at)
            # Newton's step on the logarithm, which is nearly a parabola; halving where that leads out.
            slope = max(self._density(at * root) * root, 1e-300)
            step = float(np.log(max(found, 1e-300) / wanted)) * found / slope
            if abs(step) < _FINE:
                return at + step
            at = at + step if low < at + step < high else (low + high) / 2
        return at

    def _density(self, edge: float) -> float:
        """Of the sum, at the edges above and below together."""
        means, spread = self._means, self._spread
        far = np.stack([(edge - means) / spread, (edge + means) / spread])
        return float((np.exp(-(far**2) / 2) @ self.mass).sum() / (spread * np.sqrt(2 * np.pi)))

    def stop(self, edge: float) -> None:
        """Whoever lies beyond `edge` either way is stopped; the others walk on."""
        means, spread = self._means, self._spread
        low = max(-edge, float(means.min()) - FARTHEST * spread)
        high = min(edge, float(means.max()) + FARTHEST * spread)
        at = (low + high) / 2 + (high - low) / 2 * self.nodes
        density = np.exp(-(((at[:, None] - means[None, :]) / spread) ** 2) / 2) / (spread * np.sqrt(2 * np.pi))
        self.mass = (density @ self.mass) * self.weights * (high - low) / 2
        self.at, self.time = at, self.next


def _require_kind(kind: str) -> None:
    if kind not in KINDS:
        raise ModelError(f"looks: {kind!r} is no way to spend the error. Allowed: {', '.join(KINDS)}.")


def _require_rising(fractions: Sequence[float]) -> Floats:
    t = np.asarray(fractions, dtype=np.float64)
    if t.ndim != 1 or not len(t) or not np.all(np.isfinite(t)) or t[0] <= 0 or np.any(np.diff(t) <= 0):
        raise ModelError(f"looks: fractions must rise from above 0, one per look, found {t.tolist()}.")
    return t
