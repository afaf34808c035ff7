"""Ratios of two effects: what a kept customer cost, and the effect on those who were reached.

Both divide by something that is itself estimated and may be nothing. Fieller's set holds every r for which
`numerator - r denominator` is not contradicted (Fieller 1954, "Some problems in interval estimation", Journal of the
Royal Statistical Society B 16:175-185). It is an interval only where the denominator is clearly not 0; else it is
everything, or everything outside an interval, and the answer is that it cannot be said.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from models.effect.shares import normal_critical
from models.effect.weighted import arm_weights, known_outcome

Floats = npt.NDArray[np.float64]

INTERVAL, OUTSIDE, EVERYTHING = "interval", "outside", "everything"
COST_PER_KEPT, COMPLIER_EFFECT = "cost_per_kept", "complier_average_effect"


@dataclass(frozen=True)
class Ratio:
    """A ratio with Fieller's set.

    Attributes:
        name: `cost_per_kept` (money per customer kept) or `complier_average_effect` (in shares, of those reached).
        value: the ratio as found; None where it cannot be said.
        low, high: limits of the interval; None where it cannot be said.
        kind: of the set: `interval`, `outside` (everything but an interval) or `everything`.
    """

    name: str
    value: float | None
    low: float | None
    high: float | None
    kind: str

    @property
    def can_be_said(self) -> bool:
        """Whether the set is an interval."""
        return self.kind == INTERVAL


def fieller(numerator: float, denominator: float, covariance: Any, critical: float) -> tuple[str, float, float]:
    """The set of ratios: its kind and its ends (those of what is left out where it is `outside`; NaN for everything).

    Args:
        numerator, denominator: estimates, jointly normal.
        covariance: 2 by 2, of both.
        critical: standard errors allowed.
    """
    (v11, v12), (_, v22) = np.asarray(covariance, dtype=np.float64)
    squares = critical**2
    a = denominator**2 - squares * v22
    b = numerator * denominator - squares * v12
    c = numerator**2 - squares * v11
    root = b**2 - a * c
    if a <= 0 and root <= 0:
        return EVERYTHING, np.nan, np.nan
    if a == 0:
        return OUTSIDE, np.nan, np.nan
    ends = sorted(((b - np.sqrt(max(root, 0.0))) / a, (b + np.sqrt(max(root, 0.0))) / a))
    return (INTERVAL if a > 0 else OUTSIDE), ends[0], ends[1]


def cost_per_kept(
    contacted: Any, probability: Any, left: Any, cost: Any, critical: float | None = None, *, level: float = 0.05
) -> Ratio:
    """What contacting cost more, over the customers it kept; weighted by assignment.

    Args:
        contacted, probability: see weighted.arm_weights.
        left: true where the customer left.
        cost: spent on each customer through this campaign, incentives that were taken included; 0 in a control group
            that got nothing.
        critical: standard errors allowed; None: the normal distribution's for one look at `level`.
    """
    limit = normal_critical(level) if critical is None else critical
    customers = len(np.asarray(contacted))
    both = np.stack([known_outcome(cost, customers, "cost"), 1 - known_outcome(left, customers, "left")])
    return _ratio(COST_PER_KEPT, contacted, arm_weights(contacted, probability), both, limit)


def complier_effect(
    contacted: Any, probability: Any, left: Any, reached: Any, critical: float | None = None, *, level: float = 0.05
) -> Ratio:
    """The effect on those who are reached if they are to be contacted, and not else (complier average causal effect).

    Wald's ratio of the effect on staying and the difference of the shares reached (Angrist, Imbens and Rubin 1996,
    Journal of the American Statistical Association 91:444-455). It supposes that being assigned does nothing by itself
    and keeps nobody from being reached. It is no figure for everybody: it stands beside the intention to treat.

    Args:
        contacted, probability, left: see cost_per_kept.
        reached: true where the customer was reached through this campaign, in either arm.
        critical: see cost_per_kept.
    """
    limit = normal_critical(level) if critical is None else critical
    customers = len(np.asarray(contacted))
    both = np.stack([1 - known_outcome(left, customers, "left"), known_outcome(reached, customers, "reached")])
    return _ratio(COMPLIER_EFFECT, contacted, arm_weights(contacted, probability), both, limit)


def _ratio(name: str, contacted: Any, weights: Floats, both: Floats, limit: float) -> Ratio:
    arm = np.asarray(contacted, dtype=bool)
    if min(arm.sum(), (~arm).sum()) < 2 or not np.isfinite(limit):
        return Ratio(name, None, None, None, EVERYTHING)
    (mean1, cov1), (mean0, cov0) = (_mean(weights[rows], both[:, rows]) for rows in (arm, ~arm))
    top, bottom = mean1 - mean0
    kind, low, high = fieller(float(top), float(bottom), cov1 + cov0, limit)
    if kind != INTERVAL:
        return Ratio(name, None, None, None, kind)
    return Ratio(name, float(top / bottom), float(low), float(high), kind)


def _mean(weights: Floats, outcomes: Floats) -> tuple[Floats, Floats]:
    """Weighted means of the rows, and their covariance."""
    share = weights / weights.sum()
    mean = outcomes @ share
    parts = (outcomes - mean[:, None]) * share
    return mean, parts @ parts.T * len(weights) / (len(weights) - 1)
