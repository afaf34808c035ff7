"""Qini curves: rankings judged by the effect of treating their top, the value of "treat the top k", harm.

All on customers that fitted nothing, from their psi (models/effect/robust.py) or transformed outcomes, whose mean over
any group is the effect on it. With r_i the share of customers ranked above i (ties count half), per customer of all:

    gain(k)   = 1/n sum of psi over the top share k
    Qini      = integral over k of gain(k) - k gain(1) = 1/n sum psi_i (1/2 - r_i)

that is, the area between the curve and treating at random (Radcliffe 2007, "Using control groups to target on predicted
lift", Direct Marketing Analytics Journal 1:14-21; here with assignment probabilities, so arms may differ in size). Both
are means over customers, and so are the intervals: normal, from the spread of what each customer adds; for Qini with
the part that comes from the ranks of the others (a U-statistic: van der Vaart 1998, chapter 12).

A yes-or-no flag that a share q of the customers has, with an effect that is d higher on them than on the others, has
the coefficient `q (1 - q) d / 2` = half the covariance of flag and effect: .0042 is a flag of every second customer
with 3.4 points more effect.

Customers may be judged in blocks, each by a ranking of its own: they are ranked within their block, and the figures
are means over all of them. Rows of one customer are one piece of evidence: what they add is summed before the spread
is taken (Liang and Zeger 1986, Biometrika 73:13-22). `Grouping` says both.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from models.effect.shares import normal_critical

Floats = npt.NDArray[np.float64]
Places = npt.NDArray[np.int64]

FEWEST_CUSTOMERS = 200


@dataclass(frozen=True)
class Grouping:
    """How rows hang together; None: all rows are one block, and each is a customer of its own.

    Attributes:
        blocks: within which rows are ranked, one label per row.
        customers: whose rows they are, one label per row.
    """

    blocks: Any = None
    customers: Any = None


ALONE = Grouping()


@dataclass(frozen=True)
class Qini:
    """A coefficient with its interval, in units of the outcome per customer.

    Attributes:
        coefficient, low, high: 0: no better than at random.
    """

    coefficient: float
    low: float
    high: float


@dataclass(frozen=True)
class Gain:
    """What one rule brings more than another, per customer of all, with its interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Harm:
    """Those whom contacting may make leave: whether it does.

    Attributes:
        customers: chosen, of those judged.
        effect, low, high: on them, per customer; NaN with fewer than 200.
        is_proven: whether the whole interval lies below 0.
    """

    customers: int
    effect: float
    low: float
    high: float
    is_proven: bool


def curve(effects: Any, score: Any, shares: Any, grouping: Grouping = ALONE) -> Floats:
    """gain(k) for each share k (0..1); customers with equal scores are taken evenly."""
    psi = np.asarray(effects, dtype=np.float64)
    return np.array([float((psi * top(score, share, grouping)).mean()) for share in np.atleast_1d(shares)])


def qini(effects: Any, score: Any, grouping: Grouping = ALONE, *, level: float = 0.05) -> Qini:
    """The coefficient of a ranking.

    Args:
        effects: psi or transformed outcome, one per customer.
        score: highest first.
        grouping: of the rows.
        level: 0.05: the interval holds 95%.
    """
    mean, half = _mean(_added(effects, score, grouping), grouping, level)
    return Qini(mean, mean - half, mean + half)


def qini_difference(effects: Any, ours: Any, theirs: Any, grouping: Grouping = ALONE, *, level: float = 0.05) -> Qini:
    """Our ranking's coefficient less theirs, on the same customers, paired."""
    added = _added(effects, ours, grouping) - _added(effects, theirs, grouping)
    mean, half = _mean(added, grouping, level)
    return Qini(mean, mean - half, mean + half)


def top_gain(
    effects: Any,
    ours: Any,
    theirs: Any,
    share: float,
    grouping: Grouping = ALONE,
    *,
    cost: float = 0.0,
    level: float = 0.05,
) -> Gain:
    """What treating our top share brings more than treating theirs, per customer of all.

    Args:
        effects: psi or transformed outcome, one per customer.
        ours, theirs: scores, highest first; `theirs` None: nobody is treated.
        share: that is treated, 0..1.
        grouping: of the rows.
        cost: of treating one customer, in units of the outcome.
        level: 0.05: the interval holds 95%.
    """
    psi = np.asarray(effects, dtype=np.float64) - cost
    apart = top(ours, share, grouping) - (0.0 if theirs is None else top(theirs, share, grouping))
    mean, half = _mean(psi * apart, grouping, level)
    return Gain(mean, mean - half, mean + half)


def harm(effects: Any, chosen: Any, grouping: Grouping = ALONE, *, level: float = 0.05) -> Harm:
    """Whether contacting those makes things worse who were chosen without a look at their outcomes.

    Args:
        effects: psi of customers that fitted nothing.
        chosen: true for those who are asked about, one per customer.
        grouping: of the rows; blocks do not matter here.
        level: 0.05: the interval holds 95%.
    """
    among = np.asarray(chosen, dtype=bool)
    psi, count = np.asarray(effects, dtype=np.float64)[among], int(among.sum())
    if count < FEWEST_CUSTOMERS:
        return Harm(count, np.nan, np.nan, np.nan, False)
    whose = None if grouping.customers is None else np.asarray(grouping.customers)[among]
    mean, half = _mean(psi, Grouping(customers=whose), level)
    return Harm(count, mean, mean - half, mean + half, mean + half < 0)


def top(score: Any, share: float, grouping: Grouping = ALONE) -> Floats:
    """How much of each customer the top share holds: 1, 0, or a part where it ends within equal scores."""
    values = np.asarray(score, dtype=np.float64)
    found = np.zeros(len(values))
    for rows in _blocks(grouping, len(values)):
        below, above = _ranks(values[rows])
        ties = len(rows) - above - below
        found[rows] = np.clip((share * len(rows) - above) / ties, 0.0, 1.0)
    return found


def _mean(added: Floats, grouping: Grouping, level: float) -> tuple[float, float]:
    """The mean, and half the width of its interval."""
    mean, apart = float(added.mean()), added - added.mean()
    if grouping.customers is not None:
        whose = np.unique(np.asarray(grouping.customers), return_inverse=True)[1]
        apart = np.bincount(whose, weights=apart)
    error = float(np.sqrt((apart**2).sum() * len(apart) / max(len(apart) - 1, 1)) / len(added))
    return mean, normal_critical(level) * error


def _blocks(grouping: Grouping, size: int) -> list[Places]:
    if grouping.blocks is None:
        return [np.arange(size)]
    labels = np.asarray(grouping.blocks)
    return [np.flatnonzero(labels == one) for one in np.unique(labels)]


def _added(effects: Any, score: Any, grouping: Grouping) -> Floats:
    """What each customer adds to the coefficient: its own term, and what its rank does to the others'. The mean is the
    coefficient."""
    psi, values = np.asarray(effects, dtype=np.float64), np.asarray(score, dtype=np.float64)
    found = np.zeros(len(psi))
    for rows in _blocks(grouping, len(psi)):
        found[rows] = _added_within(psi[rows], values[rows])
    return found


def _added_within(psi: Floats, score: Floats) -> Floats:
    below, above = _ranks(score)
    n = len(psi)
    own = psi * (0.5 - (above + (n - above - below) / 2) / n)
    order = np.argsort(score, kind="stable")
    sums = np.concatenate([[0.0], np.cumsum(psi[order])])
    lower, upto = below, n - above
    pushed = (sums[lower] + (sums[upto] - sums[lower]) / 2) / n
    return np.asarray(own - (pushed - pushed.mean()), dtype=np.float64)


def _ranks(score: Floats) -> tuple[Places, Places]:
    """Customers with a lower, and with a higher score, per customer."""
    ordered = np.sort(score)
    return np.searchsorted(ordered, score, "left"), len(score) - np.searchsorted(ordered, score, "right")
