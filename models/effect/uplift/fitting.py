"""Uplift: effects of single customers, fitted on some and never judged on the same.

Outcomes are such that more is better: stayed (1 or 0), visits, money. The learner is given as a function that fits a
regression (see robust.Fit), so that any will do.

    transformed outcome   (a - p) y / (p (1 - p))    has the customer's effect as its mean (Athey and Imbens 2016,
                                                     Proceedings of the National Academy of Sciences 113:7353-7360)
    doubly robust         psi of models/effect/robust.py, cross-fitted, then a regression of psi on the features
                          (Kennedy 2023, Electronic Journal of Statistics 17:3008-3049: the DR-learner)
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from models.effect.robust import Fit, Predict, folds_of, pseudo_outcomes

Floats = npt.NDArray[np.float64]

TRANSFORMED, DOUBLY_ROBUST = "transformed_outcome", "doubly_robust"


def transformed_outcome(contacted: Any, probability: Any, outcome: Any) -> Floats:
    """Each customer's transformed outcome; arguments as in weighted.weighted_means."""
    arm, p, y = (np.asarray(one, dtype=np.float64) for one in (contacted, probability, outcome))
    return np.asarray((arm - p) * y / (p * (1 - p)), dtype=np.float64)


def fit_uplift(
    contacted: Any,
    probability: Any,
    outcome: Any,
    features: Any,
    *,
    effect: Fit,
    outcomes: Fit | None = None,
    folds: int = 5,
    seed: int = 0,
) -> Predict:
    """A function from features to the effect of contacting, in units of the outcome.

    Args:
        contacted, probability, outcome, features: of training customers only, see robust.pseudo_outcomes.
        effect: fits effects on features.
        outcomes: fits outcomes of one arm on features, for the doubly robust learner; None: transformed outcomes.
        folds, seed: see robust.folds_of.
    """
    x = np.asarray(features, dtype=np.float64)
    if outcomes is None:
        return effect(x, transformed_outcome(contacted, probability, outcome))
    parts = folds_of(contacted, folds, seed)
    return effect(x, pseudo_outcomes(contacted, probability, outcome, x, fit=outcomes, folds=parts))
