"""Effects weighted by the probability with which each customer was assigned: for designs in which it varies.

Everybody counts `1 / probability of the arm they are in`; each arm's mean divides by the sum of its weights (Hajek
1971), so it stays within what was observed. Weights join strata and weeks with different shares held out without bias;
where the probability is the same for all, the plain means come out. With e_i the distance to the arm's mean, the
variance of a mean is `sum w^2 e^2 / (sum w)^2`, times `m / (m - 1)` for m customers.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.special import ndtr, stdtrit

from models.effect.one_share import clopper_pearson, wilson
from models.effect.shares import FEW, Difference, normal_critical
from models.errors import ModelError

Floats = npt.NDArray[np.float64]
Holds = npt.NDArray[np.bool_]

FEWEST_CUSTOMERS = 10  # of an arm, for a mean of money


@dataclass(frozen=True)
class Means:
    """The difference of two weighted means, contacted minus control.

    Attributes:
        difference: in units of the outcome; NaN where an arm is empty.
        low, high: limits; NaN where `reason` is given.
        error: the standard error, in the same units.
        reason: why there is no interval: `few_customers` (fewer than 10 in an arm), or empty.
    """

    difference: float
    low: float
    high: float
    error: float
    reason: str


def measurable(probability: Any) -> Holds:
    """Whose effect can be measured: they could have come into either arm. The sure ranks of a lottery could not."""
    p = np.asarray(probability, dtype=np.float64)
    return np.asarray((p > 0) & (p < 1), dtype=bool)


def arm_weights(contacted: Any, probability: Any) -> Floats:
    """One over the probability of the arm that each customer is in.

    Args:
        contacted: true where assigned to be contacted, one per customer.
        probability: with which each customer was assigned to be contacted, between 0 and 1, neither included.

    Raises:
        ModelError: a probability leaves no choice, or the lengths differ.
    """
    arm, p = np.asarray(contacted, dtype=bool), np.asarray(probability, dtype=np.float64)
    if arm.shape != p.shape:
        raise ModelError(f"effect: {arm.shape} arms and {p.shape} probabilities were given; one each is needed.")
    outside = int((~measurable(p)).sum())
    if outside:
        raise ModelError(
            f"effect: {outside:,} of {len(p):,} probabilities are 0, 1 or beyond. Nothing can be said of customers who "
            "could come into one arm only: leave them out (see `measurable`)."
        )
    return np.where(arm, 1 / p, 1 / (1 - p))


def known_outcome(outcome: Any, customers: int, name: str = "outcome") -> Floats:
    """An outcome per customer, as numbers.

    Raises:
        ModelError: there are more or fewer than customers, or some are missing.
    """
    found = np.asarray(outcome, dtype=np.float64)
    if found.shape != (customers,):
        raise ModelError(f"effect: {customers:,} customers were assigned, and {name} has shape {found.shape}.")
    missing = int((~np.isfinite(found)).sum())
    if missing:
        raise ModelError(
            f"effect: {missing:,} of {customers:,} customers have no {name}. Leave them out, after the gate on "
            "attrition has looked at them."
        )
    return found


def weighted_shares(
    contacted: Any, probability: Any, left: Any, critical: float | None = None, *, level: float = 0.05
) -> Difference:
    """The effect on the share that leaves (control minus contacted), weighted.

    The limits are Newcombe's: each arm's score limits, at the number of equally weighted customers that would be as
    much evidence (Kish 1965: `(sum w)^2 / sum w^2`), joined by squares. With fewer than five leavers or stayers in an
    arm exact limits come in, as in shares.difference.

    Args:
        contacted, probability: see arm_weights.
        left: true where the customer left.
        critical: standard errors allowed; None: the normal distribution's for one look at `level`.
    """
    limit = normal_critical(level) if critical is None else critical
    arm = np.asarray(contacted, dtype=bool)
    weights, gone = arm_weights(arm, probability), known_outcome(left, len(arm), "left")
    if arm.all() or not arm.any():
        return _difference(np.nan, -1.0, 1.0, limit)
    (p1, low1, high1), (p0, low0, high0) = (_share_limits(weights[rows], gone[rows], limit) for rows in (arm, ~arm))
    low, high = p0 - p1 - np.hypot(p0 - low0, high1 - p1), p0 - p1 + np.hypot(high0 - p0, p1 - low1)
    return _difference(p0 - p1, max(float(low), -1.0), min(float(high), 1.0), limit)


def _difference(effect: float, low: float, high: float, critical: float) -> Difference:
    return Difference(np.asarray(effect), np.asarray(low), np.asarray(high), np.asarray(critical), "hajek_score")


def _share_limits(weights: Floats, left: Floats, critical: float) -> tuple[float, float, float]:
    share = float(weights @ left / weights.sum())
    size = float(weights.sum() ** 2 / (weights**2).sum())
    few = float(np.clip(1 - min(left.sum(), (1 - left).sum()) / FEW, 0.0, 1.0))
    (low, high), (lowest, highest) = wilson(share, size, critical**2), clopper_pearson(share, size, critical)
    return share, float(low + few * (min(lowest, low) - low)), float(high + few * (max(highest, high) - high))


def weighted_means(
    contacted: Any, probability: Any, outcome: Any, critical: float | None = None, *, level: float = 0.05
) -> Means:
    """What contacted customers spent more than the control group, per customer; or any outcome's difference.

    Money is skewed: a small control group that happens to lack its large spenders has too low a mean and too small a
    spread at once, and Welch's interval (1947, Biometrika 34:28-35) misses too often. So an arm's variance is never
    taken below that of all customers about their arm's mean, and the limit on the side where the difference is skewed
    moves out by `skewness / 6 (t^2 - 1)` (Cornish and Fisher 1937; Hall 1983, Annals of Statistics 11:569-576).
    Student's t has Welch's degrees of freedom. For heavily skewed money the interval is on the wide side.

    Args:
        contacted, probability: see arm_weights.
        outcome: a number per customer.
        critical: standard errors allowed, of a normal distribution; None: those of one look at `level`.
    """
    limit = normal_critical(level) if critical is None else critical
    arm = np.asarray(contacted, dtype=bool)
    weights, found = arm_weights(arm, probability), known_outcome(outcome, len(arm))
    arms = [_Arm.of(weights[rows], found[rows]) for rows in (arm, ~arm) if rows.any()]
    gap = arms[0].mean - arms[1].mean if len(arms) == 2 else np.nan
    if min(arm.sum(), (~arm).sum()) < FEWEST_CUSTOMERS:
        return Means(gap, np.nan, np.nan, np.nan, "few_customers")
    everyone = np.concatenate([one.from_mean for one in arms])
    variance = float((everyone**2).sum() / (len(everyone) - 2))
    error = float(np.sqrt(sum(max(one.variance, (one.weights**2).sum() * variance) for one in arms)))
    if error == 0:
        return Means(gap, gap, gap, 0.0, "")
    t = _student(arms, limit)
    skewness = float((everyone**3).mean() * ((arms[0].weights ** 3).sum() - (arms[1].weights ** 3).sum()) / error**3)
    move = skewness / 6 * (t**2 - 1) if np.isfinite(t) else 0.0
    return Means(gap, gap - error * (t + max(move, 0.0)), gap + error * (t + max(-move, 0.0)), error, "")


@dataclass(frozen=True)
class _Arm:
    """Weights that sum to 1, distances from the arm's mean, the mean and its variance."""

    weights: Floats
    from_mean: Floats
    mean: float
    variance: float

    @classmethod
    def of(cls, weights: Floats, outcome: Floats) -> _Arm:
        share = weights / weights.sum()
        mean, size = float(share @ outcome), len(outcome)
        variance = float((share**2 * (outcome - mean) ** 2).sum() * size / max(size - 1, 1))
        return cls(share, outcome - mean, mean, variance)


def _student(arms: list[_Arm], critical: float) -> float:
    """Student's t that is as improbable as `critical` is of a normal distribution, at Welch's degrees of freedom."""
    if not np.isfinite(critical):
        return float(np.inf)
    total, squares = sum(one.variance for one in arms), sum(one.variance**2 / (len(one.weights) - 1) for one in arms)
    fewest = min(len(one.weights) for one in arms) - 1.0
    freedom = max(total**2 / squares, fewest) if squares > 0 else fewest
    return float(stdtrit(freedom, ndtr(critical)))
