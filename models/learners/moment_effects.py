"""How far a moment's base rate lies from what was said of it, and what that lets one expect of a moment to come.

A moment's effect is the shift in log-odds that makes what was said of its customers true on average. Effects move with
seasons, prices and the growth of a base, and windows that overlap move together: they are a Gaussian process over days
(Rasmussen and Williams 2006, "Gaussian Processes for Machine Learning", chapter 2). Part of it is the same for good,
part follows the time of the year (their section 5.4.3), the rest is forgotten within about a window (Matern 3/2). How
large effects are, and how they share out, is weighed by how likely each possibility makes the moments that are known
(empirical Bayes over a small fixed grid, with one prior for everybody): a stream whose base rate stands still shrinks
what the newest moment shows to nothing, one whose base rate moves believes it, and both know how wide to be.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.special import expit

Floats = npt.NDArray[np.floating[Any]]

FARTHEST = 40.0  # log-odds: no shift lies beyond it
DIGITS = 9  # of a shift that is kept: other machines add up in another order

SIZES = tuple(float(size) for size in np.geomspace(0.04, 1.4, 8))  # of effects, standard deviations in log-odds
USUAL_SIZE, SPREAD_OF_SIZES = 0.5, 0.6  # the prior of sizes is log-normal: median, and deviation of the logarithm
LASTING = 0.2  # part of the variance that is the same at every moment
YEARLY = (0.1, 0.5)  # parts that follow the time of the year
LENGTHS = (0.5, 1.0)  # windows within which the rest is forgotten
YEAR_DAYS = 364.0  # the same weekday
SEASON = 0.5  # how quickly seasons change, on the circle of the year
YEARS_ALIKE = 1500.0  # days after which a year resembles an earlier one by 1 / e


@dataclass(frozen=True)
class Effects:
    """Effects of known moments, one entry per moment.

    Attributes:
        days: day numbers, any order.
        shifts: log-odds.
        variances: of the shifts, by the number of customers alone; above 0.
    """

    days: Floats
    shifts: Floats
    variances: Floats

    @classmethod
    def of(cls, log_odds: Floats, churned: Floats, days: npt.NDArray[np.integer[Any]]) -> Effects:
        """The effect of every moment among some rows.

        Args:
            log_odds: what was said of each row.
            churned: 0 or 1 per row.
            days: day number of each row's moment.
        """
        known = np.unique(days)
        found = [effect(log_odds[days == day], churned[days == day]) for day in known]
        shifts, variances = (np.array(column, dtype=np.float64) for column in zip(*found, strict=True))
        return cls(known.astype(np.float64), shifts, variances)


@dataclass(frozen=True)
class Expected:
    """What to expect of a moment: mean and standard deviation of its effect, log-odds."""

    shift: float
    spread: float


def effect(log_odds: Floats, churned: Floats) -> tuple[float, float]:
    """The shift of one moment and its variance. Whoever comes first among the rows changes nothing.

    Without churners, or without anybody else, the shift stays finite: one customer's worth of evidence speaks for 0.
    """
    from scipy.optimize import brentq  # a tenth of a second, where nothing is shifted

    odds, left = np.sort(np.asarray(log_odds, dtype=np.float64)), float(np.sum(churned))
    shift = brentq(lambda by: float(expit(odds + by).sum()) - left + by, -FARTHEST, FARTHEST, xtol=1e-12)
    chance = expit(odds + shift)
    return float(shift), 1.0 / (1.0 + float((chance * (1 - chance)).sum()))


def expected(effects: Effects | None, day: float, window_days: int) -> Expected:
    """What the effects of known moments say of another one.

    Args:
        effects: of moments whose outcome was known; None where there are none.
        day: day number of the moment.
        window_days: gap + horizon, at least 1.
    """
    if effects is None:
        effects = Effects(np.zeros(0), np.zeros(0), np.zeros(0))
    grid = list(product(LENGTHS, YEARLY, SIZES))
    found = np.array([_given(effects, day, length * window_days, yearly, size) for length, yearly, size in grid])
    weights = np.exp(found[:, 0] - found[:, 0].max())
    weights /= weights.sum()
    mean = float(weights @ found[:, 1])
    variance = float(weights @ (found[:, 2] + found[:, 1] ** 2)) - mean**2
    return Expected(round(mean, DIGITS), round(variance**0.5, DIGITS))


def _given(effects: Effects, day: float, length: float, yearly: float, size: float) -> tuple[float, float, float]:
    """Log of likelihood times prior, mean and variance of the effect, under one possibility."""
    prior = -0.5 * (np.log(size / USUAL_SIZE) / SPREAD_OF_SIZES) ** 2
    if not len(effects.days):
        return float(prior), 0.0, size**2
    between = size**2 * _alike(effects.days[:, None] - effects.days, length, yearly) + np.diag(effects.variances)
    root = np.linalg.cholesky(between)
    told = np.linalg.solve(root, effects.shifts)
    near = np.linalg.solve(root, size**2 * _alike(day - effects.days, length, yearly))
    likely = -0.5 * float(told @ told) - float(np.log(np.diag(root)).sum())
    return likely + float(prior), float(near @ told), max(size**2 - float(near @ near), 0.0)


def _alike(days: Floats, length: float, yearly: float) -> Floats:
    """Correlation of effects so many days apart."""
    apart = np.abs(days)
    near = (1 + 3**0.5 * apart / length) * np.exp(-(3**0.5) * apart / length)
    season = np.exp(-2 * (np.sin(np.pi * apart / YEAR_DAYS) / SEASON) ** 2 - apart / YEARS_ALIKE)
    return np.asarray(LASTING + yearly * season + (1 - LASTING - yearly) * near, dtype=np.float64)


def shift_to(log_odds: Floats, level: float) -> float:
    """The shift under which the mean probability of some rows, in any order, is `level`, above 0 and below 1."""
    from scipy.optimize import brentq

    odds = np.sort(np.asarray(log_odds, dtype=np.float64))
    wanted = min(max(level, 1e-12), 1 - 1e-12) * len(odds)
    shift = brentq(lambda by: float(expit(odds + by).sum()) - wanted, -FARTHEST, FARTHEST, xtol=1e-12)
    return round(float(shift), DIGITS)


def leaving(probability: Floats, spread: float, *, far: float = 1.645) -> tuple[float, float]:
    """An interval for how many of some customers leave, from their probabilities and how wrong a level can be.

    Two things are uncertain, and their distances from the expected number add up as squares: whether the base rate is
    that of the moment (`spread`, in log-odds, moves everybody together), and who of these leaves (binomial).

    Args:
        probability: of leaving, above 0 and below 1, one per customer.
        spread: standard deviation of the moment's effect, log-odds.
        far: standard deviations to either side: 1.645 for 90%.

    Returns:
        Low and high, between 0 and how many they are.
    """
    chance = np.sort(np.asarray(probability, dtype=np.float64))
    odds, mean = np.log(chance) - np.log1p(-chance), float(chance.sum())
    luck = far**2 * float((chance * (1 - chance)).sum())
    low = mean - float(np.hypot(mean - float(expit(odds - far * spread).sum()), luck**0.5))
    high = mean + float(np.hypot(float(expit(odds + far * spread).sum()) - mean, luck**0.5))
    return max(low, 0.0), min(high, float(len(chance)))
