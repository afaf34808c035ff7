"""Targets: where a figure must be by now on its way to the goal, whether it is there beyond chance, what moved it.

The way is a straight line from the baseline to the goal, period by period. Baseline and newest value are both found on
customers, so both are uncertain; periods share customers, which makes the comparison cautious, never bold.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import isfinite, sqrt
from typing import Literal

from scipy.special import ndtri

from models.kpi.estimates import LEVEL

Verdict = Literal["on_track", "off_track", "within_chance", "ahead", "behind", "not_begun", "unknown"]
CRITICAL = float(ndtri(1 - LEVEL / 2))


@dataclass(frozen=True)
class Measured:
    """A value and its 95% limits; None where it has none."""

    value: float
    low: float | None = None
    high: float | None = None

    @property
    def error(self) -> float | None:
        """Standard error by the limits."""
        return None if self.low is None or self.high is None else (self.high - self.low) / 2 / CRITICAL


@dataclass(frozen=True)
class Course:
    """Where a target stands.

    Attributes:
        goal: the value at its end.
        required: the value by now.
        verdict: `on_track` or `off_track` beyond chance; `within_chance` of the line; `ahead`, `behind`: where the
            figure has no interval; `not_begun`: nothing newer than the baseline is closed.
    """

    goal: float
    required: float
    verdict: Verdict


def goal_of(baseline: float, change: float, *, relative: bool) -> float:
    """The value aimed at: `change` -0.1 relative of .12 is .108; -0.02 absolute is .10."""
    return baseline * (1 + change) if relative else baseline + change


def course(
    baseline: Measured, newest: Measured | None, change: float, *, relative: bool, part: float, lower_is_better: bool
) -> Course:
    """Where a figure stands on its way.

    Args:
        baseline: at the begin.
        newest: the newest closed period behind it; None where there is none.
        change: from the baseline to the goal, see goal_of.
        relative: whether it is a share of the baseline.
        part: of the way that should be done by now, 0..1.
        lower_is_better: whether less is good.
    """
    goal = goal_of(baseline.value, change, relative=relative)
    required = goal_of(baseline.value, change * part, relative=relative)
    if newest is None:
        return Course(goal, required, "not_begun")
    lead = (required - newest.value) if lower_is_better else (newest.value - required)
    if baseline.error is None or newest.error is None:
        return Course(goal, required, "ahead" if lead >= 0 else "behind")
    factor = 1 + change * part if relative else 1.0
    error = sqrt(newest.error**2 + (factor * baseline.error) ** 2)
    if abs(lead) <= CRITICAL * error:
        return Course(goal, required, "within_chance")
    return Course(goal, required, "on_track" if lead > 0 else "off_track")


@dataclass(frozen=True)
class Split:
    """What moved a ratio between two periods; `mix` + `within` is the whole change, exactly.

    `mix`: other shares of the groups; `within`: other ratios in them; `groups`: both by group.
    """

    mix: float
    within: float
    groups: Mapping[str, tuple[float, float]]


def split(earlier: Mapping[str, tuple[float, float]], later: Mapping[str, tuple[float, float]]) -> Split | None:
    """Kitagawa's decomposition (1955, Journal of the American Statistical Association 50:1168-1194), symmetric.

    Args:
        earlier, later: by group: numerator and denominator.

    Returns:
        None where either period has nothing below the line.
    """
    whole = [sum(bottom for _, bottom in one.values()) for one in (earlier, later)]
    if min(whole) <= 0:
        return None
    found = {}
    for name in dict.fromkeys([*earlier, *later]):
        (w0, r0), (w1, r1) = (
            _weighed(one.get(name, (0.0, 0.0)), of) for one, of in zip((earlier, later), whole, strict=True)
        )
        r0, r1 = (r0 if isfinite(r0) else r1), (r1 if isfinite(r1) else r0)
        if isfinite(r0):
            found[name] = ((w1 - w0) * (r0 + r1) / 2, (w0 + w1) / 2 * (r1 - r0))
    return Split(sum(mix for mix, _ in found.values()), sum(within for _, within in found.values()), found)


def _weighed(group: tuple[float, float], whole: float) -> tuple[float, float]:
    """The group's share below the line, and its ratio; NaN where it has nobody."""
    top, bottom = group
    return bottom / whole, (top / bottom if bottom else float("nan"))
