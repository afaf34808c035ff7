"""Whether an experiment has enough events to look for whom to treat, and what would have been enough."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import ndtri

from models.effect.shares import normal_critical
from models.effect.uplift.experiment import Experiment

FEWEST_EVENTS = 50
FOUND = 0.8  # share of experiments in which something of the named size would be proven


@dataclass(frozen=True)
class Enough:
    """Whether each arm has enough good and enough other outcomes.

    Attributes:
        is_enough: at least 50 of either in either arm.
        treated, treated_good, control, control_good: rows and good outcomes of the arms.
        fewest: of the four counts.
        needed: what is asked of each.
        customers: of an experiment with the same shares that has as many; None where an arm is empty or an outcome
            never occurred, so that nothing can be said.
    """

    is_enough: bool
    treated: int
    treated_good: int
    control: int
    control_good: int
    fewest: int
    needed: int
    customers: int | None


def enough(experiment: Experiment) -> Enough:
    """Counts of both arms, and what is lacking."""
    arm, good = experiment.treated, experiment.outcome > 0
    treated, treated_good, control, control_good = (int(one.sum()) for one in (arm, arm & good, ~arm, ~arm & good))
    fewest = min(treated_good, treated - treated_good, control_good, control - control_good)
    return Enough(
        is_enough=fewest >= FEWEST_EVENTS,
        treated=treated,
        treated_good=treated_good,
        control=control,
        control_good=control_good,
        fewest=fewest,
        needed=FEWEST_EVENTS,
        customers=int(np.ceil(len(experiment) * FEWEST_EVENTS / fewest)) if fewest else None,
    )


def provable(half_width: float, level: float = 0.05) -> float:
    """The size that four of five such experiments prove, by the half width of their interval at `level`."""
    critical = normal_critical(level)
    return half_width / critical * (critical + float(ndtri(FOUND)))


def customers_for(gain: float, half_width: float, customers: int, level: float = 0.05) -> int | None:
    """Customers among whom a gain of this size would be proven four times of five; None where it is not above 0."""
    if not gain > 0:
        return None
    return int(np.ceil(customers * (provable(half_width, level) / gain) ** 2))
