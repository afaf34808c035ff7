"""Uplift: effects of single customers, fitted on some and never judged on the same.

Outcomes are such that more is better: stayed (1 or 0), visits, money. The learner is given as a function that fits a
regression (see robust.Fit), so that any will do.

    transformed outcome   (a - p) y / (p (1 - p))    has the customer's effect as its mean (Athey and Imbens 2016,
                                                     Proceedings of the National Academy of Sciences 113:7353-7360)
    doubly robust         psi of models/effect/robust.py, cross-fitted, then a regression of psi on the features
                          (Kennedy 2023, Electronic Journal of Statistics 17:3008-3049: the DR-learner)
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from models.effect.policy.qini import qini
from models.effect.robust import Fit, Predict, folds_of, pseudo_outcomes
from models.errors import ModelError

Floats = npt.NDArray[np.float64]

TRANSFORMED, DOUBLY_ROBUST = "transformed_outcome", "doubly_robust"
SMALLEST_FLAG = 0.01  # share of customers that a flag must hold for, and must not


@dataclass(frozen=True)
class Flag:
    """The best single yes-or-no column: the rule that a model has to beat.

    Attributes:
        column: its place.
        wanted: whether those go first who have it (else those who have it not).
        qini: its coefficient on the customers among whom it was chosen.
    """

    column: int
    wanted: bool
    qini: float

    def score(self, features: Any) -> Floats:
        """1 for those who go first, else 0."""
        held = np.asarray(features, dtype=np.float64)[:, self.column] > 0
        return np.asarray(held == self.wanted, dtype=np.float64)


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


def best_flag(features: Any, effects: Any, columns: Sequence[int] | None = None) -> Flag:
    """The yes-or-no column, and the way round, with the highest Qini coefficient.

    Args:
        features: training customers by columns.
        effects: their transformed outcomes or psi.
        columns: places of yes-or-no columns; None: all that hold only 0 and 1.

    Raises:
        ModelError: no column is such a flag for 1 to 99% of the customers.
    """
    x, psi = np.asarray(features, dtype=np.float64), np.asarray(effects, dtype=np.float64)
    among = range(x.shape[1]) if columns is None else columns
    found = []
    for column in among:
        held = x[:, column] > 0
        binary = columns is not None or bool(np.isin(x[:, column], (0.0, 1.0)).all())
        if binary and SMALLEST_FLAG <= held.mean() <= 1 - SMALLEST_FLAG:
            for wanted in (True, False):
                score = np.asarray(held == wanted, dtype=np.float64)
                found.append(Flag(column, wanted, qini(psi, score).coefficient))
    if not found:
        raise ModelError("uplift: no column is a yes or no that 1 to 99% of the customers have. Name some columns.")
    return max(found, key=lambda flag: flag.qini)
