"""Qini curves: rankings judged by the effect of treating their top, the value of "treat the top k", and the gate.

All on customers that fitted nothing, from their psi (models/effect/robust.py) or transformed outcomes, whose mean over
any group is the effect on it. With r_i the share of customers ranked above i (ties count half), per customer of all:

    gain(k)   = 1/n sum of psi over the top share k
    Qini      = integral over k of gain(k) - k gain(1) = 1/n sum psi_i (1/2 - r_i)

that is, the area between the curve and treating at random (Radcliffe 2007, "Using control groups to target on predicted
lift", Direct Marketing Analytics Journal 1:14-21; here with assignment probabilities, so arms may differ in size). Both
are means over customers, and so are the intervals: normal, from the spread of what each customer adds; for Qini with
the part that comes from the ranks of the others (a U-statistic: van der Vaart 1998, chapter 12).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from models.effect.shares import normal_critical

Floats = npt.NDArray[np.float64]

FEWEST_CUSTOMERS = 200
NOBODY = "nobody"


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
class UpliftVerdict:
    """Whether a ranking by uplift may be used.

    Attributes:
        passed: whether it is provably better than every opponent.
        gains: by opponent (`nobody` is one): what it brings more at the share that is treated.
        opponent: the one against which the lower limit is lowest.
        template: name of the sentence: `uplift_is_better`, `uplift_not_better` or `uplift_too_few`.
    """

    passed: bool
    gains: dict[str, Gain]
    opponent: str
    template: str


@dataclass(frozen=True)
class Harm:
    """Those whom contacting is predicted to make leave: whether it does.

    Attributes:
        customers: predicted to be harmed, of those judged.
        effect, low, high: on them, per customer; NaN with fewer than 200.
        is_proven: whether the whole interval lies below 0.
    """

    customers: int
    effect: float
    low: float
    high: float
    is_proven: bool


def curve(effects: Any, score: Any, shares: Any) -> Floats:
    """gain(k) for each share k (0..1); customers with equal scores are taken evenly."""
    psi = np.asarray(effects, dtype=np.float64)
    return np.array([float((psi * _taken(score, share)).mean()) for share in np.atleast_1d(shares)])


def qini(effects: Any, score: Any, *, level: float = 0.05) -> Qini:
    """The coefficient of a ranking.

    Args:
        effects: psi or transformed outcome, one per customer.
        score: highest first.
        level: 0.05: the interval holds 95%.
    """
    added = _added(np.asarray(effects, dtype=np.float64), np.asarray(score, dtype=np.float64))
    mean, half = _mean(added, level)
    return Qini(mean, mean - half, mean + half)


def qini_difference(effects: Any, ours: Any, theirs: Any, *, level: float = 0.05) -> Qini:
    """Our ranking's coefficient less theirs, on the same customers, paired."""
    psi = np.asarray(effects, dtype=np.float64)
    added = _added(psi, np.asarray(ours, dtype=np.float64)) - _added(psi, np.asarray(theirs, dtype=np.float64))
    mean, half = _mean(added, level)
    return Qini(mean, mean - half, mean + half)


def top_gain(effects: Any, ours: Any, theirs: Any, share: float, *, cost: float = 0.0, level: float = 0.05) -> Gain:
    """What treating our top share brings more than treating theirs, per customer of all.

    Args:
        effects: psi or transformed outcome, one per customer.
        ours, theirs: scores, highest first; `theirs` None: nobody is treated.
        share: that is treated, 0..1.
        cost: of treating one customer, in units of the outcome.
        level: 0.05: the interval holds 95%.
    """
    psi = np.asarray(effects, dtype=np.float64) - cost
    apart = _taken(ours, share) - (0.0 if theirs is None else _taken(theirs, share))
    mean, half = _mean(psi * apart, level)
    return Gain(mean, mean - half, mean + half)


def uplift_verdict(
    effects: Any, uplift: Any, opponents: Mapping[str, Any], share: float, *, cost: float = 0.0, level: float = 0.05
) -> UpliftVerdict:
    """Whether treating by uplift is better than treating by each opponent, and than treating nobody.

    It must be better than every one at `level`, so none of the comparisons needs to be corrected for the others
    (intersection-union test: Berger 1982, Technometrics 24:295-300).

    Args:
        effects: psi of customers that fitted nothing.
        uplift: predicted effects.
        opponents: scores by name: risk, the best flag.
        share, cost, level: see top_gain.
    """
    everybody = {**opponents, NOBODY: None}
    gains = {name: top_gain(effects, uplift, score, share, cost=cost, level=level) for name, score in everybody.items()}
    worst = min(gains, key=lambda name: gains[name].low)
    if len(np.asarray(effects)) < FEWEST_CUSTOMERS:
        return UpliftVerdict(False, gains, worst, "uplift_too_few")
    passed = gains[worst].low > 0
    return UpliftVerdict(passed, gains, worst, "uplift_is_better" if passed else "uplift_not_better")


def harm(effects: Any, uplift: Any, *, below: float = 0.0, level: float = 0.05) -> Harm:
    """Whether contacting those makes things worse whose predicted effect is below `below`."""
    psi, chosen = np.asarray(effects, dtype=np.float64), np.asarray(uplift, dtype=np.float64) < below
    count = int(chosen.sum())
    if count < FEWEST_CUSTOMERS:
        return Harm(count, np.nan, np.nan, np.nan, False)
    mean, half = _mean(psi[chosen], level)
    return Harm(count, mean, mean - half, mean + half, mean + half < 0)


def _mean(added: Floats, level: float) -> tuple[float, float]:
    return float(added.mean()), normal_critical(level) * float(added.std(ddof=1) / np.sqrt(len(added)))


def _added(psi: Floats, score: Floats) -> Floats:
    """What each customer adds to the coefficient: its own term, and what its rank does to the others'. The mean is the
    coefficient."""
    below, above = _ranks(score)
    n = len(psi)
    own = psi * (0.5 - (above + (n - above - below) / 2) / n)
    order = np.argsort(score, kind="stable")
    sums = np.concatenate([[0.0], np.cumsum(psi[order])])
    lower, upto = below, n - above
    pushed = (sums[lower] + (sums[upto] - sums[lower]) / 2) / n
    return np.asarray(own - (pushed - pushed.mean()), dtype=np.float64)


def _ranks(score: Floats) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Customers with a lower, and with a higher score, per customer."""
    ordered = np.sort(score)
    return np.searchsorted(ordered, score, "left"), len(score) - np.searchsorted(ordered, score, "right")


def _taken(score: Any, share: float) -> Floats:
    """How much of each customer the top share holds: 1, 0, or a part where it ends within equal scores."""
    values = np.asarray(score, dtype=np.float64)
    below, above = _ranks(values)
    ties = len(values) - above - below
    return np.clip((share * len(values) - above) / ties, 0.0, 1.0)
