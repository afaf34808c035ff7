"""Validity gates of an effect. Each gate says its name, whether it is passed, and by how much.

A gate that is not passed is said first. `withholds`: no claim is made then; else the claim is made and qualified. What
gates say is a template's name and numbers (`facts`): sentences are made where languages are known.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.special import chdtrc

from models.effect.balance import covariate_distance
from models.effect.counts import FEWEST_EVENTS, Counts
from models.effect.shares import claims, difference, normal_critical
from models.effect.weighted import measurable
from models.errors import ModelError

Floats = npt.NDArray[np.float64]

MISMATCH_LEVEL = 0.001
BALANCE_LEVEL, MOST_APART = 0.001, 0.1
MOST_CONTAMINATED = 0.05
MOST_LOST_APART, LOST_LEVEL = 0.05, 0.01
EXACT_CUSTOMERS = 2000  # up to so many, the exact distribution of the arm's size


@dataclass(frozen=True)
class Gate:
    """One condition.

    Attributes:
        name: `sample_ratio`, `contamination`, `balance`, `attrition` or `events`.
        passed: whether it holds.
        number: what was found.
        threshold: what it is held against.
        template: name of the sentence.
        withholds: whether nothing may be claimed where it does not hold; else what is claimed is qualified.
        facts: further numbers of the sentence.
    """

    name: str
    passed: bool
    number: float
    threshold: float
    template: str
    withholds: bool
    facts: dict[str, float] = field(default_factory=dict)


def sample_ratio(contacted: Any, probability: Any, stratum: Any = None, *, level: float = MISMATCH_LEVEL) -> Gate:
    """Whether the arms have the sizes that the assignment gives (sample-ratio mismatch).

    Up to 2,000 customers in one stratum, the exact distribution of a sum of draws with their own probabilities
    (Poisson-binomial), two-sided, twice the smaller tail; else chi-square over strata, each its squared distance from
    the expected size over the variance. A mismatch says that customers were lost or moved after the draw, and not by
    chance (Fabijan et al. 2019, "Diagnosing sample ratio mismatch", KDD). Draws in blocks vary less: the gate errs on
    the quiet side there.

    Args:
        contacted: true where in the contacted arm, one per customer.
        probability: with which each was assigned to be contacted; those of 0 or 1 do not count.
        stratum: any label; None: one stratum.
        level: of false alarms.
    """
    p = np.asarray(probability, dtype=np.float64)
    free = measurable(p)
    arm, p = np.asarray(contacted, dtype=np.float64)[free], p[free]
    place = (
        np.zeros(len(p), np.int64) if stratum is None else np.unique(np.asarray(stratum)[free], return_inverse=True)[1]
    )
    expected, found = float(p.sum()), float(arm.sum())
    facts = {"contacted": found, "expected": expected, "customers": float(len(p))}
    chance = 1.0
    if len(p):
        chance = _exact(arm, p) if stratum is None and len(p) <= EXACT_CUSTOMERS else _by_strata(arm, p, place)
    return Gate("sample_ratio", chance >= level, chance, level, "sample_ratio_mismatch", True, facts)


def _by_strata(arm: Floats, p: Floats, place: npt.NDArray[np.int64]) -> float:
    apart, variance = np.bincount(place, weights=arm - p), np.bincount(place, weights=p * (1 - p))
    return float(chdtrc(len(apart), (apart**2 / variance).sum()))


def _exact(arm: Floats, p: Floats) -> float:
    """Twice the smaller tail of the Poisson-binomial distribution, at most 1."""
    mass = np.ones(1)
    for one in p:
        mass = np.convolve(mass, [1 - one, one])
    found = round(arm.sum())
    return float(min(1.0, 2 * min(mass[: found + 1].sum(), mass[found:].sum())))


def contamination(contacted: Any, touched: Any, *, most: float = MOST_CONTAMINATED) -> Gate:
    """Whether the control group was left alone by this campaign.

    Contact of the control group hides an effect, it makes none: the claim is qualified, not withheld. Other marketing
    is no breach: compare it between the arms by `attrition`.

    Args:
        contacted: true where in the contacted arm.
        touched: true where this campaign, or the team through this list, contacted the customer.
        most: share of the control group up to which it is passed.
    """
    control = ~np.asarray(contacted, dtype=bool)
    breached = float((np.asarray(touched, dtype=bool) & control).sum())
    share = breached / max(float(control.sum()), 1.0)
    facts = {"breached": breached, "control": float(control.sum())}
    return Gate("contamination", share <= most, share, most, "control_was_contacted", False, facts)


def balance(
    contacted: Any,
    features: Any,
    stratum: Any = None,
    *,
    most: float = MOST_APART,
    level: float = BALANCE_LEVEL,
    draws: int = 0,
    seed: int = 0,
) -> Gate:
    """Whether the arms were alike before the campaign.

    Small arms are apart by chance, so it fails only where some standardised mean difference is beyond `most` (Austin
    2009, Statistics in Medicine 28:3083-3107) and all differences together are less probable than `level` under the
    draw (see models/effect/balance.py).

    Args:
        contacted: true where in the contacted arm.
        features: customers by columns, finite, as of the assignment.
        stratum: within which customers were drawn; None: one stratum.
        most: standard deviations.
        level: of false alarms.
        draws: of a permutation test within strata; 0: the chi-square distribution.
        seed: of the draws.
    """
    found = covariate_distance(contacted, features, stratum, draws=draws, seed=seed)
    facts = {"probability": found.probability, "column": float(found.column)}
    passed = found.largest <= most or found.probability >= level
    return Gate("balance", passed, found.largest, most, "arms_differed_before", True, facts)


def attrition(
    contacted: Any, known: Any, *, most: float = MOST_LOST_APART, level: float = LOST_LEVEL, name: str = "attrition"
) -> Gate:
    """Whether outcomes are missing as often in either arm; or anything else that should not depend on the arm.

    Fails where the shares are apart by more than `most`, or provably apart at `level`.

    Args:
        contacted: true where in the contacted arm.
        known: true where the outcome is known (or where other marketing reached the customer).
        most: shares.
        level: of false alarms.
        name: of the gate and, with `_differs`, of its template.
    """
    counts = Counts.of(contacted, ~np.asarray(known, dtype=bool))
    critical = normal_critical(level)
    apart = float(np.abs(difference(counts, critical).effect))
    is_apart = bool(claims(counts[None], critical)[0])
    enough = float(counts.control.sum()) > 0 and float(counts.contacted.sum()) > 0
    passed = not enough or (not is_apart and (apart <= most or not bool(claims(counts[None])[0])))
    facts = {"contacted_missing": float(counts.contacted_share[0]), "control_missing": float(counts.control_share[0])}
    return Gate(name, passed, apart if enough else 0.0, most, f"{name}_differs", True, facts)


def events(counts: Counts, *, fewest: float = FEWEST_EVENTS) -> Gate:
    """Whether each arm expects enough leavers and stayers, if contacting does nothing, for limits that hold.

    It looks at both arms together, never at their difference, so it chooses no looks at which an effect shows.

    Args:
        counts: of one look (strata along the only axis).
        fewest: leavers, and stayers, of either arm.
    """
    if counts.contacted.ndim != 1:
        raise ModelError("events: one look at a time, strata along the only axis.")
    whole = counts.contacted + counts.control
    left = counts.contacted_left + counts.control_left
    common = np.divide(left, whole, out=np.zeros_like(whole), where=whole > 0)
    cells = [float((n * q).sum()) for n in (counts.contacted, counts.control) for q in (common, 1 - common)]
    facts = {"contacted": float(counts.contacted.sum()), "control": float(counts.control.sum())}
    return Gate("events", min(cells) >= fewest - 1e-9, min(cells), fewest, "too_few_events", True, facts)
