"""Drift of the scores since training: the population stability index, and its size by chance alone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.floating[Any]]

CHANCE = 0.001
"""A shift this improbable among scores that did not move is not called chance."""


SPREAD = 0.25
"""Each score counts as spread evenly over so much log-odds to either side."""


def shares_between(scores: Floats, edges: Sequence[float]) -> Floats:
    """Share of scores in each of the len(edges) + 1 classes.

    A calibrated score often stands on a few steps that many customers share. Each score is spread by SPREAD, so that
    a step that moves a little across an edge moves a little of its share, and not all of it at once. Half a score is
    added to each class, so that an empty one leaves the index finite.

    Args:
        scores: shape (customers,), probabilities.
        edges: rising probabilities between the classes.
    """
    positions, between = _log_odds(scores)[:, None], _log_odds(np.asarray(edges, dtype=np.float64))[None, :]
    below = np.clip((between - positions) / (2 * SPREAD) + 0.5, 0, 1).sum(axis=0)
    counts = np.diff(below, prepend=0.0, append=float(len(scores))) + 0.5
    return np.asarray(counts / counts.sum(), dtype=np.float64)


def _log_odds(probability: Floats) -> Floats:
    sure = np.clip(np.asarray(probability, dtype=np.float64), 1e-9, 1 - 1e-9)
    return np.asarray(np.log(sure / (1 - sure)))


def population_stability_index(found: Floats, expected: Floats) -> float:
    """Sum of (found - expected) x ln(found / expected) over the classes of two spreads: 0 where equal, never negative.

    By custom below 0.1 is no shift, above 0.25 a large one (Siddiqi, Credit Risk Scorecards, Wiley 2006); it is the
    symmetrised Kullback-Leibler divergence.

    Args:
        found, expected: shape (classes,), shares above 0.
    """
    return float(np.sum((found - expected) * np.log(found / expected)))


def shift_by_chance(classes: int, found: int, expected: int) -> float:
    """The index that scores which did not move exceed with probability 0.001.

    Yurdakul, Statistical Properties of Population Stability Index (dissertation, Western Michigan University 2018):
    without a shift the index is distributed as (1/found + 1/expected) x chi-squared with classes - 1 degrees of
    freedom.

    Args:
        classes: number of classes compared.
        found, expected: number of scores in either spread, at least 1.
    """
    from scipy.special import chdtri

    return float(chdtri(classes - 1, CHANCE) * (1 / found + 1 / expected))


def smoothed(shares: Sequence[float], count: int) -> Floats:
    """Shares of `count` scores with half a score added to each class, as `shares_between` makes them."""
    counts = np.asarray(shares, dtype=np.float64) * count + 0.5
    return np.asarray(counts / counts.sum(), dtype=np.float64)
