"""Covariate balance of the arms before the campaign: each column by itself, and all of them together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.special import chdtrc

from models.errors import ModelError

Floats = npt.NDArray[np.float64]
Places = npt.NDArray[np.int64]
Holds = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Distance:
    """How far apart.

    Attributes:
        differences: standardised mean difference of each column, contacted minus control, within strata.
        largest: of them, without its sign; 0 where there are none.
        column: its place; -1 where there are none.
        probability: of differences as large as all of them together, under the draw; 0..1.
    """

    differences: Floats
    largest: float
    column: int
    probability: float


def covariate_distance(
    contacted: Any, features: Any, stratum: Any = None, *, draws: int = 0, seed: int = 0
) -> Distance:
    """Standardised mean differences, and one test of all columns.

    With d the differences of means, weighted by `n1 n0 / n` over strata, and S their covariance under the draw,
    `d' S^-1 d` is chi-square with as many degrees of freedom as S has rank (Hansen and Bowers 2008, "Covariate balance
    in simple, stratified and clustered comparative studies", Statistical Science 23:219-236). With `draws`, arms are
    drawn anew within strata instead, which holds for small arms as well.

    Args:
        contacted: true where in the contacted arm, one per customer.
        features: customers by columns, finite.
        stratum: any label; None: one stratum.
        draws: of the permutation test; 0: none, chi-square.
        seed: of the draws.
    """
    arm, x = np.asarray(contacted, dtype=bool), np.asarray(features, dtype=np.float64)
    if x.ndim != 2 or len(x) != len(arm) or not np.all(np.isfinite(x)):
        raise ModelError(
            f"balance: features must be {len(arm):,} customers by columns, all finite, found {x.shape}. Fill what is "
            "missing, and give a column of its own to its being missing."
        )
    place = np.zeros(len(arm), np.int64) if stratum is None else np.unique(stratum, return_inverse=True)[1]
    used = _both_arms(arm, place)
    arm, x, place = arm[used], x[used], place[used]
    if not len(arm) or not x.shape[1]:
        return Distance(np.zeros(x.shape[1]), 0.0, -1, 1.0)
    centred, sums = _within(x, place), _covariance(x, place, arm)
    total = centred[arm].sum(axis=0)
    spread = np.sqrt((centred**2).sum(axis=0) / max(len(x) - len(np.unique(place)), 1))
    apart = np.divide(total / _weight(arm, place), spread, out=np.zeros_like(total), where=spread > 1e-12)
    column = int(np.argmax(np.abs(apart)))
    inverse = np.asarray(np.linalg.pinv(sums, rcond=1e-9, hermitian=True), dtype=np.float64)
    found = float(total @ inverse @ total)
    if draws:
        chance = _permuted(_Drawn(centred, arm, place, inverse), found, draws, seed)
    else:
        tolerance = 1e-9 * max(float(np.abs(sums).max()), 1e-300)
        rank = int(np.linalg.matrix_rank(sums, tol=tolerance, hermitian=True))
        chance = float(chdtrc(rank, found)) if rank else 1.0
    return Distance(apart, float(np.abs(apart[column])), column, chance)


def _weight(arm: Holds, place: Places) -> float:
    """Sum over strata of n1 n0 / n."""
    sizes, ones = np.bincount(place), np.bincount(place, weights=arm)
    return float((ones * (sizes - ones) / np.maximum(sizes, 1)).sum())


def _both_arms(arm: Holds, place: Places) -> Holds:
    sizes, ones = np.bincount(place), np.bincount(place, weights=arm)
    return np.asarray(((ones > 0) & (ones < sizes))[place], dtype=bool)


def _within(x: Floats, place: Places) -> Floats:
    """Each column less its mean in the stratum."""
    sizes = np.maximum(np.bincount(place), 1)
    means = np.stack([np.bincount(place, weights=column) / sizes for column in x.T], axis=1)
    return np.asarray(x - means[place], dtype=np.float64)


def _covariance(x: Floats, place: Places, arm: Holds) -> Floats:
    """Of the contacted's sums, if as many of each stratum are drawn."""
    centred, found = _within(x, place), np.zeros((x.shape[1], x.shape[1]))
    for one in np.unique(place):
        rows = place == one
        n, n1 = int(rows.sum()), int((rows & arm).sum())
        found += n1 * (n - n1) / (n * (n - 1)) * (centred[rows].T @ centred[rows])
    return found


@dataclass(frozen=True)
class _Drawn:
    centred: Floats
    arm: Holds
    place: Places
    inverse: Floats


def _permuted(drawn: _Drawn, found: float, draws: int, seed: int) -> float:
    """Share of draws, the one that was made included, whose distance is at least `found`."""
    rng = np.random.Generator(np.random.PCG64(seed))
    order = np.lexsort((np.arange(len(drawn.arm)), drawn.place))
    ordered, strata, arms = drawn.centred[order], drawn.place[order], drawn.arm[order]
    beyond = 0
    for _ in range(draws):
        shuffled = np.lexsort((rng.random(len(arms)), strata))
        total = ordered[shuffled[arms]].sum(axis=0)
        beyond += float(total @ drawn.inverse @ total) >= found * (1 - 1e-9)
    return (1 + beyond) / (1 + draws)
