"""Figures of groups, from one row per customer: sums, ratios, and how sure they are.

A share of customers has Wilson's limits. A mean, or a ratio of two sums of which a customer brings several (orders,
answers), has the limits of a ratio estimator with customers as what is drawn (Cochran 1977, Sampling Techniques, 3rd
edition, equation 6.13: the variance of R = sum y / sum x is n / (n - 1) times the sum of (y - R x) squared, over the
sum of x squared), with Student's t on n - 1 degrees of freedom. All limits are of 95%.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import ndtri, stdtrit

from models.effect.one_share import wilson
from models.kpi.declarations import Figure

Floats = npt.NDArray[np.float64]
Columns = Mapping[str, npt.NDArray[np.float64]]

LEVEL = 0.05
_SQUARES = float(ndtri(1 - LEVEL / 2)) ** 2


@dataclass(frozen=True)
class Estimates:
    """Of one figure, shape (groups,) each; NaN where there is none.

    `denominator` is None where the figure has none; `low` and `high` where it has no interval.
    """

    value: Floats
    numerator: Floats
    denominator: Floats | None
    low: Floats | None
    high: Floats | None


def numerator_of(figure: Figure, columns: Columns) -> Floats:
    """The numerator of every customer, shape (customers,)."""
    parts = [-columns[name[1:]] if name.startswith("-") else columns[name] for name in figure.numerator]
    return np.asarray(sum(parts[1:], start=parts[0]), dtype=np.float64)


def estimate(figure: Figure, columns: Columns, group: npt.NDArray[np.int64], groups: int) -> Estimates:
    """A figure of every group.

    Args:
        figure: see declarations.Figure; its counts are among `columns`.
        columns: by count, shape (customers,), one number per customer.
        group: shape (customers,), 0 .. groups - 1.
        groups: how many there are.
    """
    y = numerator_of(figure, columns)
    top = _sums(group, y, groups)
    if figure.denominator is None:
        return Estimates(top * figure.factor, top, None, None, None)
    x = columns[figure.denominator]
    bottom = _sums(group, x, groups)
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.where(bottom > 0, top / bottom, np.nan)
    low = high = None
    if figure.interval == "share":
        low, high = (np.where(bottom > 0, limit, np.nan) for limit in wilson(np.nan_to_num(ratio), bottom, _SQUARES))
    elif figure.interval == "mean":
        low, high = _ratio_limits(x, y, ratio, bottom, group)
    scaled = [None if limit is None else limit * figure.factor for limit in (low, high)]
    return Estimates(ratio * figure.factor, top, bottom, scaled[0], scaled[1])


def _sums(group: npt.NDArray[np.int64], weights: Floats, groups: int) -> Floats:
    return np.bincount(group, weights, groups).astype(np.float64)


def _ratio_limits(
    x: Floats, y: Floats, ratio: Floats, bottom: Floats, group: npt.NDArray[np.int64]
) -> tuple[Floats, Floats]:
    """Limits of the ratio estimator; NaN with fewer than two customers."""
    groups = len(ratio)
    counted = (x != 0) | (y != 0)
    n = _sums(group, counted.astype(np.float64), groups)
    rest = np.where(counted, y - np.nan_to_num(ratio)[group] * x, 0.0)
    enough = (n > 1) & (bottom > 0)
    free = np.where(enough, n - 1, 1.0)
    variance = _sums(group, rest**2, groups) * np.where(enough, n, 0.0) / free
    half = stdtrit(free, 1 - LEVEL / 2) * np.sqrt(variance) / np.where(enough, bottom, 1.0)
    return np.where(enough, ratio - half, np.nan), np.where(enough, ratio + half, np.nan)
