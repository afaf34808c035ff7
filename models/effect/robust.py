"""Doubly robust effects, which use what was known of each customer: a check on the plain estimate.

Augmented inverse probability weighting (Robins, Rotnitzky and Zhao 1994, Journal of the American Statistical
Association 89:846-866) with cross-fitting (Chernozhukov et al. 2018, Econometrics Journal 21:C1-C68). With m1(x), m0(x)
outcomes predicted by regressions of the other folds, and p the known probability of being contacted,

    psi = m1(x) - m0(x) + a (y - m1(x)) / p - (1 - a) (y - m0(x)) / (1 - p)

has the effect as its mean, whatever the regressions are worth, because p is known; the better they are, the narrower
the interval. Both estimates should agree within their noise.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from models.effect.shares import normal_critical
from models.effect.weighted import arm_weights, known_outcome
from models.errors import ModelError

Floats = npt.NDArray[np.float64]
Places = npt.NDArray[np.int64]
Predict = Callable[[Floats], Floats]
Fit = Callable[[Floats, Floats], Predict]  # features, outcome -> predictions from features

FOLDS = 5


@dataclass(frozen=True)
class Robust:
    """A doubly robust effect: mean outcome if all were contacted, minus if none were.

    Attributes:
        effect: in units of the outcome.
        low, high: limits.
        error: the standard error.
    """

    effect: float
    low: float
    high: float
    error: float


def ridge(penalty: float = 1.0) -> Fit:
    """Linear regression on standardised columns with a small quadratic penalty, in standard deviations per row."""

    def fit(features: Floats, outcome: Floats) -> Predict:
        centre, spread = features.mean(axis=0), features.std(axis=0)
        scale = np.where(spread > 1e-12, spread, np.inf)
        z = (features - centre) / scale
        matrix = z.T @ z + penalty * np.eye(z.shape[1])
        slopes, base = np.linalg.solve(matrix, z.T @ (outcome - outcome.mean())), float(outcome.mean())
        return lambda rows: base + ((rows - centre) / scale) @ slopes

    return fit


def folds_of(contacted: Any, folds: int = FOLDS, seed: int = 0) -> Places:
    """A fold for each customer, arms spread evenly; the same for the same seed and order."""
    arm = np.asarray(contacted, dtype=bool)
    if min(arm.sum(), (~arm).sum()) < 2 * folds:
        raise ModelError(
            f"effect: {arm.sum():,} contacted and {(~arm).sum():,} not are too few for {folds} folds; each arm needs "
            f"at least {2 * folds}. Take fewer folds, or the plain estimate."
        )
    rng, found = np.random.Generator(np.random.PCG64(seed)), np.zeros(len(arm), np.int64)
    for rows in (np.flatnonzero(arm), np.flatnonzero(~arm)):
        found[rng.permutation(rows)] = np.arange(len(rows)) % folds
    return found


def pseudo_outcomes(
    contacted: Any, probability: Any, outcome: Any, features: Any, *, fit: Fit, folds: Places
) -> Floats:
    """psi of each customer; its predictions come from the other folds.

    Args:
        contacted, probability: see weighted.arm_weights.
        outcome: a number per customer.
        features: customers by columns, finite, as of the assignment.
        fit: makes a regression from features and outcomes of one arm.
        folds: see folds_of.
    """
    arm = np.asarray(contacted, dtype=bool)
    y = known_outcome(outcome, len(arm))
    x, weights = np.asarray(features, dtype=np.float64), arm_weights(contacted, probability)
    found = np.zeros(len(y))
    for fold in np.unique(folds):
        rest, own = folds != fold, folds == fold
        with_contact = fit(x[rest & arm], y[rest & arm])(x[own])
        without = fit(x[rest & ~arm], y[rest & ~arm])(x[own])
        miss = np.where(arm[own], y[own] - with_contact, without - y[own])
        found[own] = with_contact - without + weights[own] * miss
    return found


def robust_effect(
    contacted: Any,
    probability: Any,
    outcome: Any,
    features: Any,
    critical: float | None = None,
    *,
    fit: Fit | None = None,
    folds: int = FOLDS,
    seed: int = 0,
    level: float = 0.05,
) -> Robust:
    """The doubly robust effect. For the share that leaves take `stayed` as the outcome: above 0 then means kept.

    Args:
        contacted, probability, outcome, features: see pseudo_outcomes.
        critical: standard errors allowed; None: the normal distribution's for one look at `level`.
        fit: of the regressions; None: `ridge()`.
        folds, seed: see folds_of.
    """
    limit = normal_critical(level) if critical is None else critical
    parts = folds_of(contacted, folds, seed)
    psi = pseudo_outcomes(contacted, probability, outcome, features, fit=fit or ridge(), folds=parts)
    effect, error = float(psi.mean()), float(psi.std(ddof=1) / np.sqrt(len(psi)))
    return Robust(effect, effect - limit * error, effect + limit * error, error)
