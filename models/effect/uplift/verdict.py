"""What an experiment says about whom to treat: the verdict, and the figures behind it. Names and numbers, no prose.

A ranking is used where it is proven:

    model           it ranks better than risk and than the best flag, and treating its top share brings more than
                    treating nobody, each with an interval of 95% above 0
    flag, or risk   it ranks better than drawing by lot, and treating its top share brings more than treating nobody,
                    each with an interval of 97.5% above 0; of both the one with the higher coefficient
    nothing         none is

"Ranks better" goes by what treating the top share brings where a share is named, else by the Qini coefficient, which is
that over all shares alike. Together, something is proven of nothing in at most 5% of experiments (2.5 + 1.25 + 1.25%).
Harm is sought in five groups that were formed without their outcomes - the lowest predicted 5, 10, 20 and 40%, and the
worst flag - with the level divided by five (Bonferroni).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from models.effect.uplift.experiment import Experiment
from models.effect.uplift.flags import Flag, Trait, traits
from models.effect.uplift.needed import Enough, customers_for, enough, provable
from models.effect.uplift.qini import (
    Gain,
    Grouping,
    Harm,
    Qini,
    curve,
    harm,
    qini,
    qini_difference,
    top,
    top_gain,
)
from models.effect.uplift.sequential import Judged, Say, judge
from models.effect.weighted import weighted_means

Floats = npt.NDArray[np.float64]
Holds = npt.NDArray[np.bool_]

TOO_FEW, NOTHING = "too_few", "nothing"
MODEL, FLAG, RISK = "model", "flag", "risk"
NOBODY, ANYBODY, EVERYBODY = "nobody", "anybody", "everybody"
USUAL_SHARE = 0.3
LOWEST = (0.05, 0.1, 0.2, 0.4)
LEVEL = 0.05


@dataclass(frozen=True)
class Harmed:
    """A group that contacting provably harms.

    Attributes:
        share: of all judged.
        found: the group's effect, with an interval at the level divided by five.
        lowest: the share with the lowest predicted effect that it is; None: it is the worst flag's.
        flag: the worst flag of the last block; None: it is the lowest predicted.
        traits: what is common among them.
    """

    share: float
    found: Harm
    lowest: float | None
    flag: Flag | None
    traits: tuple[Trait, ...]


@dataclass(frozen=True)
class Figures:
    """Of the judged customers, good outcomes per customer.

    Attributes:
        judged: rows.
        qini: coefficient by ranking: model, flag, risk.
        differences: the model's coefficient less that of flag and risk, paired.
        policies: what treating the top share brings more than treating nobody, by ranking; `everybody`, and `anybody`
            (as many, drawn), beside them.
        gains: what treating the model's top share brings more than flag, risk, nobody; paired.
        shares: of the curves.
        curves: gain by ranking, one per share.
        flag: of the last block, chosen on 85% of the customers; None where no column is one.
        harmed: the group on which the most harm is proven; None where none is.
        provable: the coefficient that four of five such experiments prove.
        needed: customers among whom the model would be proven to rank better than its closest opponent, were it what it
            seems; None where it seems no better.
    """

    judged: int
    qini: dict[str, Qini]
    differences: dict[str, Qini]
    policies: dict[str, Gain]
    gains: dict[str, Gain]
    shares: tuple[float, ...]
    curves: dict[str, tuple[float, ...]]
    flag: Flag | None
    harmed: Harmed | None
    provable: float
    needed: int | None


@dataclass(frozen=True)
class Uplift:
    """The verdict.

    Attributes:
        verdict: `too_few`, `model`, `flag`, `risk` or `nothing`.
        share: that is treated.
        by_share: whether the rankings were compared at that share; else over all shares.
        enough: counts of the arms.
        average: the effect on all, good outcomes per customer.
        figures: None with too few events.
    """

    verdict: str
    share: float
    by_share: bool
    enough: Enough
    average: Gain
    figures: Figures | None


def uplift(experiment: Experiment, share: float | None = None, *, seed: int = 0, say: Say | None = None) -> Uplift:
    """Who can be persuaded, and whether knowing it pays.

    Args:
        experiment: who was treated, and what came of it.
        share: of the customers that one would treat, 0..1; None: rankings are compared over all shares, and what
            treating the top brings is said of 30%.
        seed: of order and trees.
        say: is told of progress.
    """
    counts, top_share, by_share = enough(experiment), USUAL_SHARE if share is None else share, share is not None
    means = weighted_means(experiment.treated, experiment.probability, experiment.outcome)
    average = Gain(means.difference, means.low, means.high)
    if not counts.is_enough:
        return Uplift(TOO_FEW, top_share, by_share, counts, average, None)
    judged = judge(experiment, seed=seed, say=say)
    verdict = verdict_of(judged, top_share, by_share=by_share)
    figures = figures_of(judged, experiment, top_share, by_share=by_share)
    return Uplift(verdict, top_share, by_share, counts, average, figures)


def verdict_of(judged: Judged, share: float, *, by_share: bool) -> str:
    """Which ranking is proven; see the head of this module."""
    rules = {FLAG: judged.flag, RISK: judged.risk}
    if _lowest_limit(judged, judged.model, rules, share, by_share=by_share, level=LEVEL) > 0:
        return MODEL
    drawn = {ANYBODY: np.zeros(len(judged.psi))}
    proven = {
        name: qini(judged.psi, score, judged.grouping).coefficient
        for name, score in rules.items()
        if _lowest_limit(judged, score, drawn, share, by_share=by_share, level=LEVEL / len(rules)) > 0
    }
    return max(proven, key=lambda name: proven[name], default=NOTHING)


def _lowest_limit(
    judged: Judged, score: Floats, opponents: dict[str, Floats], share: float, *, by_share: bool, level: float
) -> float:
    """The lowest of the lower limits by which a ranking is better than each opponent, and than nobody. Each must be
    above 0, so none needs to be corrected for the others (Berger 1982, Technometrics 24:295-300)."""
    psi, held = judged.psi, judged.grouping
    lows = [top_gain(psi, score, None, share, held, level=level).low]
    for other in opponents.values():
        if by_share:
            lows.append(top_gain(psi, score, other, share, held, level=level).low)
        else:
            lows.append(qini_difference(psi, score, other, held, level=level).low)
    return min(lows)


def figures_of(judged: Judged, experiment: Experiment, share: float, *, by_share: bool) -> Figures:
    """The figures behind a verdict.

    Args:
        judged: who fitted nothing.
        experiment: all rows.
        share, by_share: see Uplift.
    """
    psi, held = judged.psi, judged.grouping
    scores = {MODEL: judged.model, FLAG: judged.flag, RISK: judged.risk}
    rules = {name: score for name, score in scores.items() if name != MODEL}
    coefficients = {name: qini(psi, score, held) for name, score in scores.items()}
    differences = {name: qini_difference(psi, judged.model, score, held) for name, score in rules.items()}
    against: dict[str, Floats | None] = {**rules, NOBODY: None}
    gains = {name: top_gain(psi, judged.model, score, share, held) for name, score in against.items()}
    shares = tuple(float(one) for one in np.arange(21) / 20)
    return Figures(
        judged=len(psi),
        qini=coefficients,
        differences=differences,
        policies=_policies(judged, scores, share),
        gains=gains,
        shares=shares,
        curves={name: tuple(map(float, curve(psi, score, shares, held))) for name, score in scores.items()},
        flag=judged.flags[-1],
        harmed=harmed_of(judged, experiment),
        provable=provable(coefficients[MODEL].high - coefficients[MODEL].coefficient),
        needed=_needed(gains if by_share else differences, len(experiment)),
    )


def _policies(judged: Judged, scores: dict[str, Floats], share: float) -> dict[str, Gain]:
    psi, held, alike = judged.psi, judged.grouping, np.zeros(len(judged.psi))
    found = {name: top_gain(psi, score, None, share, held) for name, score in scores.items()}
    found[ANYBODY] = top_gain(psi, alike, None, share, held)
    found[EVERYBODY] = top_gain(psi, alike, None, 1.0, held)
    return found


def _needed(better: Mapping[str, Gain | Qini], customers: int) -> int | None:
    """Customers for the closest of the comparisons."""
    closest = min(better.values(), key=lambda one: one.low)
    value = closest.value if isinstance(closest, Gain) else closest.coefficient
    return customers_for(value, closest.high - value, customers)


def harmed_of(judged: Judged, experiment: Experiment) -> Harmed | None:
    """Of the five groups the one on which the most harm is proven: limit of the effect times customers."""
    by_customer, level = Grouping(customers=judged.customers), LEVEL / (len(LOWEST) + 1)
    groups: list[tuple[Holds, float | None]] = [(_lowest(judged, share), share) for share in LOWEST]
    groups.append((judged.harmed, None))
    x, found = experiment.features[judged.rows], []
    for chosen, lowest in groups:
        one = harm(judged.psi, chosen, by_customer, level=level)
        if one.is_proven:
            flag = judged.worst[-1] if lowest is None else None
            found.append(Harmed(float(chosen.mean()), one, lowest, flag, traits(x, experiment.columns, chosen)))
    return min(found, key=lambda one: one.found.high * one.found.customers, default=None)


def _lowest(judged: Judged, share: float) -> Holds:
    """The lowest predicted share of each block; customers with equal predictions at its end stay outside."""
    return np.asarray(top(-judged.model, share, judged.grouping) >= 1.0, dtype=bool)
