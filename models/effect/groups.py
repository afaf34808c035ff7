"""Effects of several groups of one campaign (actions, segments, channels), pooled as far as the data say.

    y_g ~ Normal(effect_g, s_g^2),   effect_g ~ Normal(mu, tau^2)

tau^2 by the method of moments (DerSimonian and Laird 1986, "Meta-analysis in clinical trials", Controlled Clinical
Trials 7:177-188); each group's effect moves to what all have in common by `s_g^2 / (s_g^2 + tau^2)` (Gelman et al.
2013, "Bayesian Data Analysis", 3rd edition, chapter 5), the uncertainty of mu included. Where groups differ no more
than chance makes them, all get the common effect.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from models.effect.shares import normal_critical
from models.errors import ModelError

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Pooled:
    """Effects after pooling; arrays have one number per group.

    Attributes:
        common: effect of all groups together, in the unit of the effects.
        spread: tau, the standard deviation of effects between groups, at least 0.
        effects: of each group.
        low, high: between which it lies with the probability asked for, were there this group alone.
    """

    common: float
    spread: float
    effects: Floats
    low: Floats
    high: Floats


def pooled(effects: Any, errors: Any, *, level: float = 0.05) -> Pooled:
    """Effects of groups, each moved to the others as far as its own evidence is weak.

    Args:
        effects: one per group, finite.
        errors: their standard errors, above 0.
        level: 0.05: intervals hold 95%.

    Raises:
        ModelError: there is no group, the lengths differ, or an error is not above 0.
    """
    y, s = np.asarray(effects, dtype=np.float64), np.asarray(errors, dtype=np.float64)
    if y.ndim != 1 or not len(y) or y.shape != s.shape or not (np.all(np.isfinite(y)) and np.all(s > 0)):
        raise ModelError(f"effect: groups need an effect and an error above 0 each, found {y.tolist()}, {s.tolist()}.")
    squares = s**2
    spread = _spread(y, 1 / squares)
    weights = 1 / (squares + spread**2)
    common, variance = float(weights @ y / weights.sum()), float(1 / weights.sum())
    moved = squares / (squares + spread**2)
    found = moved * common + (1 - moved) * y
    half = normal_critical(level) * np.sqrt((1 - moved) * squares + moved**2 * variance)
    return Pooled(common, spread, found, found - half, found + half)


def _spread(y: Floats, weights: Floats) -> float:
    if len(y) == 1:
        return 0.0
    apart = float(weights @ (y - weights @ y / weights.sum()) ** 2) - (len(y) - 1)
    return float(np.sqrt(max(apart, 0.0) / (weights.sum() - (weights**2).sum() / weights.sum())))
