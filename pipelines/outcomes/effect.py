"""The effect of one campaign: looks, the claim, money, those reached, groups. Numbers in, numbers out; no clock.

All figures are those of the latest look at which something may be said. Estimators and their sources: models/effect/.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from models.effect.counts import Counts
from models.effect.ratio import complier_effect, cost_per_kept
from models.effect.sequential.looks import Look, planned_looks, unplanned_looks
from models.effect.shares import difference
from models.effect.weighted import measurable, weighted_means, weighted_shares
from pipelines.settings.campaign.outcomes import Outcomes

if TYPE_CHECKING:
    import pandas as pd

Holds = npt.NDArray[np.bool_]
ANY_TIME = "any_time"


@dataclass(frozen=True)
class Schedule:
    """When a campaign is looked at.

    Attributes:
        days: the days of its lists whose outcome is known, within the planned weeks; one look each, where anybody new
            came.
        planned: customers, of both arms, by the planned end.
        ends: whether the last look is the planned end.
    """

    days: tuple[str, ...]
    planned: int
    ends: bool


@dataclass(frozen=True)
class Seen:
    """A campaign as it was looked at.

    Attributes:
        looks: every one, in order of time.
        days: of the list whose outcome became known at each.
    """

    looks: tuple[Look, ...]
    days: tuple[str, ...]

    @property
    def now(self) -> int | None:
        """The position of the latest look at which something may be said; None where there is none."""
        return next((one.number - 1 for one in reversed(self.looks) if np.isfinite(one.critical)), None)

    @property
    def claimed(self) -> int | None:
        """The position of the first look whose interval leaves no effect out; None where there is none."""
        return next((one.number - 1 for one in self.looks if one.is_claimed), None)


def comparable(people: pd.DataFrame) -> pd.DataFrame:
    """Who can be compared: the outcome is known, and they could have come into either arm."""
    known = people["matured"] & people["left"].notna() & measurable(people["chance"])
    return people[known].reset_index(drop=True)


def looks_at(people: pd.DataFrame, schedule: Schedule, setting: Outcomes, level: float | None = None) -> Seen:
    """Every look at some customers.

    Args:
        people: those who can be compared.
        schedule: of the campaign.
        setting: the section.
        level: of all looks together; None: the section's.
    """
    level = setting.level if level is None else level
    each = [(people["as_of"] <= day).to_numpy(dtype=bool) for day in schedule.days]
    fresh = [place for place, rows in enumerate(each) if rows.sum() > (each[place - 1].sum() if place else 0)]
    if not fresh:
        return Seen((), ())
    counts = stacked_counts(people, [each[place] for place in fresh])
    if setting.looks == ANY_TIME:
        found = unplanned_looks(counts, best_at=float(max(schedule.planned, 1)), level=level)
    else:
        fractions = [float(each[place].sum()) / max(schedule.planned, 1) for place in fresh]
        found = planned_looks(counts, fractions, ends=schedule.ends, kind=setting.spending, level=level)
    return Seen(tuple(found), tuple(schedule.days[place] for place in fresh))


def stacked_counts(people: pd.DataFrame, looks: list[Holds]) -> Counts:
    """Counts by look and stratum."""
    strata = np.unique(people["stratum"].astype("str").to_numpy(), return_inverse=True)[1]
    arm, left = people["contacted_arm"].to_numpy(dtype=bool), people["left"].to_numpy(dtype=np.float64)
    size = int(strata.max()) + 1

    def total(rows: Holds, of: Any = None) -> Any:
        return np.bincount(strata[rows], weights=None if of is None else of[rows], minlength=size).astype(np.float64)

    cells = [(total(r & arm), total(r & arm, left), total(r & ~arm), total(r & ~arm, left)) for r in looks]
    return Counts(*(np.array(column) for column in zip(*cells, strict=True)))


def effect_of(people: pd.DataFrame, critical: float) -> dict[str, Any]:
    """The effect on the share that leaves, within strata, and both arms' counts.

    Returns:
        `contact` and `control` (customers, left, share); `effect`, `low`, `high` in shares (null: cannot be said);
        `weighted`: the same by inverse probability, where probabilities differ, else null.
    """
    counts = stacked_counts(people, [np.ones(len(people), dtype=bool)])
    found = difference(counts, np.array([critical]))
    arm, left, chance = _arms(people)
    weighted = None
    if np.ptp(chance) > 1e-9:
        other = weighted_shares(arm, chance, left, critical)
        weighted = _limits(other.effect, other.low, other.high)
    return {
        "contact": _arm(counts.contacted, counts.contacted_left),
        "control": _arm(counts.control, counts.control_left),
        **_limits(found.effect[0], found.low[0], found.high[0]),
        "method": found.method,
        "weighted": weighted,
    }


def money_of(people: pd.DataFrame, critical: float) -> dict[str, Any]:
    """Spend kept, and what a kept customer cost.

    Returns:
        `spend_kept`: per contacted customer and in all, money within the horizon; None in a stream without money.
        `cost`: spent in all, `per_kept` with its interval, or nulls where it cannot be said.
    """
    arm, left, chance = _arms(people)
    spent, kept = people["spent"].to_numpy(dtype=np.float64), None
    if len(spent) and np.isfinite(spent).all():
        found = weighted_means(arm, chance, spent, critical)
        each = _limits(found.difference, found.low, found.high)
        kept = {
            "per_customer": each,
            "in_all": {
                name: None if value is None else round(value * int(arm.sum()), 2) for name, value in each.items()
            },
            "reason": found.reason or None,
        }
    per = cost_per_kept(arm, chance, left, people["cost"].to_numpy(dtype=np.float64), critical)
    in_all = round(float(people["cost"].sum()), 2)
    return {
        "spend_kept": kept,
        "cost": {"in_all": in_all, "per_kept": _rounded(per.value, per.low, per.high, digits=2), "kind": per.kind},
    }


def reached_of(people: pd.DataFrame, critical: float) -> dict[str, Any]:
    """The effect on those who were reached (complier average): it stands beside the intention to treat."""
    arm, left, chance = _arms(people)
    reached = people["reached"].to_numpy(dtype=bool)
    found = complier_effect(arm, chance, left, reached, critical)
    return {
        "reached": int((reached & arm).sum()),
        "of": int(arm.sum()),
        "control_reached": int((reached & ~arm).sum()),
        **_rounded(found.value, found.low, found.high),
        "kind": found.kind,
    }


def _arms(people: pd.DataFrame) -> tuple[Holds, Any, Any]:
    arm: Holds = people["contacted_arm"].to_numpy(dtype=bool)
    return arm, people["left"].to_numpy(dtype=np.float64), people["chance"].to_numpy(dtype=np.float64)


def _arm(size: Any, left: Any) -> dict[str, Any]:
    customers, gone = round(float(size.sum())), round(float(left.sum()))
    return {"customers": customers, "left": gone, "share": round(gone / customers, 6) if customers else None}


def _limits(effect: Any, low: Any, high: Any) -> dict[str, float | None]:
    return _rounded(float(effect), float(low), float(high))


def _rounded(effect: float | None, low: float | None, high: float | None, digits: int = 6) -> dict[str, float | None]:
    values = {"effect": effect, "low": low, "high": high}
    return {name: None if one is None or not np.isfinite(one) else round(one, digits) for name, one in values.items()}
