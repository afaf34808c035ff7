"""The regressions of uplift, by our LightGBM: outcomes of one arm, and effects.

Effects of single customers are small beside the noise of an outcome (a few points beside a standard deviation of a half
and more), so effects are fitted with small trees, and their number is the one that predicts the effects of customers
left out best, in threes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.special import expit

from models.effect.robust import Fit, Predict
from models.effect.uplift.experiment import Column
from models.learners import boosting

Floats = npt.NDArray[np.float64]

OUTCOME: dict[str, Any] = {"objective": "binary", "learning_rate": 0.06, "num_leaves": 6, "feature_fraction": 0.8}
EFFECT: dict[str, Any] = {"objective": "regression", "learning_rate": 0.03, "num_leaves": 3, "feature_fraction": 0.6}
OUTCOME_ROUNDS = 50
EFFECT_ROUNDS = (20, 40, 80, 160)
PARTS = 3
SEEDS = 2


def outcome_fit(columns: Sequence[Column], seed: int = 0) -> Fit:
    """Regressions of a good outcome (0 or 1) on features; predictions are probabilities.

    Args:
        columns: of the features.
        seed: of the trees.
    """

    def fit(features: Floats, outcome: Floats) -> Predict:
        if outcome.min() == outcome.max():
            level = float(outcome[0])
            return lambda rows: np.full(len(rows), level)
        boosters = _boosters(features, outcome, columns, objective=OUTCOME, rounds=OUTCOME_ROUNDS, seeds=[seed])
        return lambda rows: expit(np.asarray(boosters.raw(_single(rows)), dtype=np.float64))

    return fit


def effect_fit(columns: Sequence[Column], seed: int = 0) -> Fit:
    """Regressions of effects (psi or transformed outcomes) on features.

    Args:
        columns: of the features.
        seed: of trees and of the parts by which the number of trees is found.
    """

    def fit(features: Floats, effect: Floats) -> Predict:
        rounds = _rounds(features, effect, columns, seed)
        seeds = range(seed, seed + SEEDS)
        boosters = _boosters(features, effect, columns, objective=EFFECT, rounds=rounds, seeds=list(seeds))
        return lambda rows: np.asarray(boosters.raw(_single(rows)), dtype=np.float64)

    return fit


def _rounds(features: Floats, effect: Floats, columns: Sequence[Column], seed: int) -> int:
    """The number of trees with the least squared error on parts that fitted nothing; of equal ones the fewest."""
    part = np.random.Generator(np.random.PCG64(seed)).permutation(len(effect)) % PARTS
    losses, most = np.zeros(len(EFFECT_ROUNDS)), EFFECT_ROUNDS[-1]
    for one in range(PARTS):
        rest, own = part != one, part == one
        boosters = _boosters(features[rest], effect[rest], columns, objective=EFFECT, rounds=most, seeds=[seed])
        found = boosters.raw_by_rounds(_single(features[own]), EFFECT_ROUNDS)
        losses += [((effect[own] - found[rounds]) ** 2).sum() for rounds in EFFECT_ROUNDS]
    return EFFECT_ROUNDS[int(np.argmin(losses))]


def _boosters(
    features: Floats,
    target: Floats,
    columns: Sequence[Column],
    *,
    objective: dict[str, Any],
    rounds: int,
    seeds: list[int],
) -> boosting.Boosters:
    return boosting.fit(
        _single(features),
        target,
        [f"c{place}" for place in range(len(columns))],
        categories=[place for place, one in enumerate(columns) if one.levels is not None],
        seeds=seeds,
        rounds=rounds,
        objective={**objective, "min_data_in_leaf": int(np.clip(len(target) // 50, 10, 500))},
    )


def _single(rows: Floats) -> npt.NDArray[np.float32]:
    return np.asarray(rows, dtype=np.float32)
