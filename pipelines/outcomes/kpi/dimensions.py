"""By what figures are shown: everybody, segments, tiers, cohorts of the first order, members, attributes.

A group is what a customer was when the period began, by what had happened until then, so that a closed period's groups
never change: whoever was no customer then is a newcomer or a former customer. Segments follow the rules of
models/segments.py; their cut-points are those of the customers of that day.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from features.windows import DAY_US, day_number, day_text, midnight
from models.kpi.declarations import MONEY
from models.segments import NAMED, Quintiles, Roles
from pipelines.engines.customer_attributes import Attributes
from pipelines.outcomes.kpi.counts import Ground
from pipelines.outcomes.kpi.monthly import UNITS

if TYPE_CHECKING:
    import pandas as pd

Ints = npt.NDArray[np.int64]

EVERYBODY, SEGMENT, TIER, RISK_TIER, COHORT, MEMBER = "all", "segment", "tier", "risk_tier", "cohort", "member"
NEWCOMER, FORMER, NONE = "newcomer", "former customer", "none"
NOT_LISTED = "not listed"
YEAR_MONTHS = 12
LISTED_WITHIN_DAYS = 31


@dataclass(frozen=True)
class Groups:
    """Of one dimension: shape (customers,), places in `names`."""

    number: Ints
    names: list[str]


@dataclass(frozen=True)
class Listed:
    """Published lists: by day, the places of the listed customers in Monthly.ids and their risk tiers."""

    by_day: Mapping[str, tuple[Ints, Sequence[str]]]

    def newest(self, day: str) -> tuple[Ints, Sequence[str]] | None:
        """The newest list of a day or before, at most LISTED_WITHIN_DAYS old; None where there is none."""
        since = day_text(day_number(day) - LISTED_WITHIN_DAYS)
        found = [one for one in self.by_day if since < one <= day]
        return self.by_day[max(found)] if found else None


def dimensions(ground: Ground, month: int, attributes: Attributes, listed: Listed) -> dict[str, Groups]:
    """The groups of every customer at the begin of a month.

    Args:
        ground: see counts.Ground.
        month: its number.
        attributes: those that are asked for.
        listed: published lists.
    """
    day = ground.found.starts[month]
    found = {EVERYBODY: Groups(np.zeros(ground.found.customers, dtype=np.int64), [EVERYBODY])}
    if ground.stands.customer[month].any():
        found[SEGMENT] = _segments(ground, month)
    if ground.found.tiers:
        found[TIER] = _tiers(ground, month)
    newest = listed.newest(day)
    if newest is not None:
        names = np.full(ground.found.customers, NOT_LISTED, dtype=object)
        names[newest[0]] = newest[1]
        found[RISK_TIER] = _named(names)
    found[COHORT] = _cohorts(ground)
    if "earned_points" in ground.has:
        found[MEMBER] = _members(ground, month)
    for name, column in zip(attributes.names, attributes.of(ground.found.ids, day), strict=True):
        found[name] = _named(np.array([value or NONE for value in column.to_pylist()], dtype=object))
    return found


def _named(names: npt.NDArray[Any]) -> Groups:
    unique, number = np.unique(names.astype(str), return_inverse=True)
    return Groups(number.astype(np.int64), unique.tolist())


def _segments(ground: Ground, month: int) -> Groups:
    customers = ground.stands.customer[month]
    table = _rfm(ground, month, customers)
    money = "money" if MONEY in ground.has else None
    quintiles = Quintiles.fit(table, Roles("recency", "frequency", money, "tenure"))
    names = [NEWCOMER, FORMER, *(name for name, _, _ in NAMED)]
    number = ground.stands.before[month].astype(np.int64)
    number[customers] = quintiles.segments(table)["segment"].astype("category").cat.set_categories(names).cat.codes
    return Groups(number, names)


def _rfm(ground: Ground, month: int, customers: npt.NDArray[np.bool_]) -> pd.DataFrame:
    """Days since the last and the first order, orders and money of the year before."""
    import pandas as pd

    found, since, paying = ground.found, max(month - YEAR_MONTHS, 0), ground.definition.paying
    moment = midnight(found.starts[month], found.timezone)
    first = np.minimum(ground.first, moment)
    return pd.DataFrame(
        {
            "recency": (moment - ground.stands.last[month][customers]) // DAY_US,
            "frequency": found.summed("number", paying, since, month)[customers],
            "money": found.summed("units", paying, since, month)[customers] / UNITS,
            "tenure": (moment - first[customers]) // DAY_US,
        }
    )


def _cohorts(ground: Ground) -> Groups:
    return Groups(ground.first_months, [*(day[:7] for day in ground.found.starts[:-1]), NONE])


def _tiers(ground: Ground, month: int) -> Groups:
    names = np.full(ground.found.customers, NONE, dtype=object)
    rows = ground.found.tiers
    for place in range(int(np.searchsorted(rows["month"], month))):
        names[rows["customer"][place]] = rows["tier"][place]
    return _named(names)


def _members(ground: Ground, month: int) -> Groups:
    earned = ground.found.summed("number", ("earned_points", "redeemed_points"), 0, month) > 0
    return Groups(earned.astype(np.int64), ["no member yet", "member"])
