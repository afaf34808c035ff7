"""Power and minimum detectable effect of a campaign, under the boundary by which it will be measured.

The statistic is the score statistic of models/effect/shares.py at no effect. With n1 contacted and n0 in the control
group of a stratum (weights w as there), shares p0 and p1 that leave, and p what both have in common:

    s0^2 = sum w^2 p (1 - p) (1/n1 + 1/n0) n / (n - 1)     what the statistic is divided by
    s1^2 = sum w^2 [p1 (1 - p1)/n1 + p0 (1 - p0)/n0]       how much it really varies

So Z_k s0/s1 has drift `effect / s1`, and what is found is what crosses the boundary times s0/s1 (Fleiss, Levin and Paik
2003, section 4.3, for one look; Jennison and Turnbull 2000, chapters 3 and 7, for many). Contacting is supposed to
lower the share by the same factor in every stratum, `p1 = p0 (1 - s)`: where few leave, few can be kept.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import numpy as np
import numpy.typing as npt

from models.effect.counts import FEWEST_EVENTS, Counts
from models.effect.sequential.boundary import KINDS, OBRIEN_FLEMING, boundary, crossing
from models.errors import ModelError

Floats = npt.NDArray[np.float64]

LEVEL, WANTED = 0.05, 0.8
MOST_WEEKS = 104
MARGIN = 1.01
SPARE = 0.015
_FINE = 1e-5


class Planned(Protocol):
    """A campaign with a share held out, before it begins: models/decision/power.py, Plan."""

    @property
    def weekly(self) -> int:
        """Customers contacted in a week."""

    @property
    def weeks(self) -> int:
        """Planned."""

    @property
    def share(self) -> float:
        """Of those assigned that are held out."""

    @property
    def base_rate(self) -> float:
        """Share that leaves if nobody contacts them."""

    @property
    def new_share(self) -> float:
        """Of a later week's list, those who were on none before."""

    @property
    def pool(self) -> int | None:
        """Customers who can come on the list at all; None: no end of them."""

    @property
    def groups(self) -> tuple[int, int]:
        """Different customers contacted, and held out, by the end."""


@dataclass(frozen=True)
class Trial:
    """Two arms as they will be at the planned end, and the looks on the way.

    Attributes:
        contacted, control: customers that are compared, per stratum.
        base_rate: share of each stratum that leaves if nobody contacts them, 0..1.
        fractions: of the planned customers whose outcome is known at each look, rising; the last is the end.
        kind: how the error is spent.
        level: probability of finding an effect that is not there, two-sided, over all looks.
    """

    contacted: Floats
    control: Floats
    base_rate: Floats
    fractions: tuple[float, ...] = (1.0,)
    kind: str = OBRIEN_FLEMING
    level: float = LEVEL

    def __post_init__(self) -> None:
        for name in ("contacted", "control", "base_rate"):
            object.__setattr__(self, name, np.atleast_1d(np.asarray(getattr(self, name), dtype=np.float64)))
        faults = []
        if not np.all((self.base_rate >= 0) & (self.base_rate <= 1)):
            faults.append(f"campaign: base_rate must lie between 0 and 1, found {self.base_rate.tolist()}.")
        if np.any(self.contacted < 0) or np.any(self.control < 0):
            faults.append("campaign: contacted and control must be at least 0.")
        if self.kind not in KINDS:
            faults.append(f"campaign: {self.kind!r} is no way to spend the error. Allowed: {', '.join(KINDS)}.")
        if faults:
            raise ModelError("\n".join(faults))

    @classmethod
    def of_plan(cls, plan: Planned, kind: str = OBRIEN_FLEMING, level: float = LEVEL) -> Trial:
        """A plan with a share held out, looked at after each of its weeks."""
        contacted, held_out = plan.groups
        arms = np.array([contacted]), np.array([held_out]), np.array([plan.base_rate])
        return cls(*arms, fractions=weekly_fractions(plan), kind=kind, level=level)

    @classmethod
    def of_lottery(
        cls, drawn: int, weeks: int, base_rate: float, *, new_share: float = 1.0, kind: str = OBRIEN_FLEMING
    ) -> Trial:
        """A lottery: each week `drawn` of twice as many are contacted, the others are the control group.

        Args:
            drawn: places at the margin, in a week.
            weeks: planned.
            base_rate: of the candidates at the margin, 0..1.
            new_share: of a later week's places, those that are drawn anew.
            kind: how the error is spent.
        """
        arms = drawn * (1 + np.arange(weeks) * new_share)
        whole = np.array([np.floor(arms[-1])])
        fractions = tuple(float(t) for t in np.unique(np.round(arms / arms[-1], 12)))
        return cls(whole, whole, np.array([base_rate]), fractions=fractions, kind=kind)

    @property
    def looks(self) -> tuple[float, ...]:
        """The fractions at which each arm expects enough leavers and stayers for anything to be said; at least the
        last. What an earlier look might have spent is left to the later ones."""
        least = self._expected_cells(self.base_rate).min()
        enough = tuple(t for t in self.fractions if t * least >= FEWEST_EVENTS)
        return enough or self.fractions[-1:]

    @cached_property
    def criticals(self) -> Floats:
        """Standard errors allowed at each of `looks`."""
        return criticals_of(self.looks, self.kind, self.level)

    @property
    def is_enough(self) -> bool:
        """Whether each arm expects enough leavers and stayers at the end."""
        return bool(self._expected_cells(self.base_rate).min() >= FEWEST_EVENTS)

    @property
    def mean_base_rate(self) -> float:
        """Of the strata, with the weights of the comparison: the largest effect there can be; 0 without arms."""
        return float(self.weights @ self.base_rate)

    @property
    def weights(self) -> Floats:
        """Of the strata in the comparison."""
        none = np.zeros_like(self.base_rate)
        return np.broadcast_to(Counts(self.contacted, none, self.control, none).weights, self.base_rate.shape)

    def _expected_cells(self, rate: Floats) -> Floats:
        return np.array([(n * q).sum() for n in (self.contacted, self.control) for q in (rate, 1 - rate)])


def criticals_of(fractions: Sequence[float] | Floats, kind: str, level: float = LEVEL, *, ends: bool = True) -> Floats:
    """The boundary, a hundredth further out: customers are whole, and their counts pass a boundary made for normal
    numbers a little too often. It is what the measurement uses and what the sentence before is worked out with.

    Arguments are those of boundary.boundary.
    """
    return MARGIN * boundary([float(t) for t in fractions], kind, level, ends=ends)


def weekly_fractions(plan: Planned) -> tuple[float, ...]:
    """Of a plan's customers, those who came in each week or before; weeks that bring nobody new are no looks."""
    weeks = np.arange(plan.weeks)
    everyone = plan.weekly * (1 + weeks * plan.new_share) / (1 - plan.share)
    if plan.pool is not None:
        everyone = np.minimum(everyone, plan.pool)
    return tuple(float(t) for t in np.unique(np.round(everyone / everyone[-1], 12)))


def power(effect: float, trial: Trial) -> float:
    """Probability (0..1) that some look finds an effect which is there; 0 where the arms expect too few events.

    Args:
        effect: by how much contacting lowers the share that leave, in shares: 0 to `trial.mean_base_rate`.
        trial: see Trial.
    """
    if not trial.is_enough or trial.mean_base_rate == 0:
        return 0.0
    success = effect / trial.mean_base_rate
    p0, p1 = trial.base_rate, trial.base_rate * (1 - success)
    n1, n0, weights = trial.contacted, trial.control, trial.weights
    used = (n1 > 0) & (n0 > 0)
    p0, p1, n1, n0, weights = (one[used] for one in (p0, p1, n1, n0, weights))
    whole = n1 + n0
    common = (n1 * p1 + n0 * p0) / whole
    s0 = np.sqrt((weights**2 * common * (1 - common) * whole**2 / (n1 * n0 * np.maximum(whole - 1, 1))).sum())
    s1 = np.sqrt((weights**2 * (p1 * (1 - p1) / n1 + p0 * (1 - p0) / n0)).sum())
    if s1 == 0:
        return float(effect != 0)
    return float(crossing(trial.looks, trial.criticals * s0 / s1, effect / s1).sum())


def smallest_effect(trial: Trial, *, wanted: float = WANTED) -> float | None:
    """The smallest effect, in shares, found with probability `wanted`; None where none is. At most: nobody leaves.

    With a small control group the normal distribution promises up to a point and a half too much: that is added to what
    is wanted, so that what is named is found as often as is said.
    """
    largest, wanted = trial.mean_base_rate, min(wanted + SPARE, 1 - 1e-6)
    if power(largest, trial) < wanted:
        return None
    low, high = 0.0, largest
    while high - low > _FINE:
        middle = (low + high) / 2
        low, high = (low, middle) if power(middle, trial) >= wanted else (middle, high)
    return high


def weeks_needed(
    effect: float, trial_of: Callable[[int], Trial], *, wanted: float = WANTED, weeks: Sequence[int] = (1, MOST_WEEKS)
) -> int | None:
    """The fewest weeks, of a first to a last, after which an effect is found with probability `wanted`; None: none.

    Args:
        effect: in shares; no larger one than that nobody leaves is looked for.
        trial_of: the trial that so many weeks make; more weeks never make it worse.
        wanted: 0..1.
        weeks: the fewest and the most to be thought of.
    """

    def proves(count: int) -> bool:
        trial = trial_of(count)
        return power(min(effect, trial.mean_base_rate), trial) >= min(wanted + SPARE, 1 - 1e-6)

    low, high = weeks[0], weeks[-1]
    if not proves(high):
        return None
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if proves(middle) else (middle + 1, high)
    return high
