"""What every customer did and was in a period: the counts of models/kpi/declarations.py, one number per customer.

Money, points, scores and days are whole ten-thousandths (monthly.UNITS), so sums are exact; SCALED names them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from features.churn.definition import Definition
from models.kpi.declarations import FIXED_COSTS, LEDGER, MONEY, PAYMENTS
from models.kpi.moves import moves
from pipelines.outcomes.kpi.monthly import UNITS, Monthly, midnights
from pipelines.outcomes.kpi.standing import Standing

Floats = npt.NDArray[np.float64]

SURVEYS = ("answered_nps", "answered_csat", "answered_ces")
CONTACT_COUNTS = ("contacts", "contact_cost")
NUMBERS: Mapping[str, tuple[tuple[str, ...], str]] = {
    "returns": (("returned_order",), "number"),
    "nps_answers": (("answered_nps",), "number"),
    "promoters": (("answered_nps",), "high"),
    "detractors": (("answered_nps",), "low"),
    "csat_answers": (("answered_csat",), "number"),
    "satisfied": (("answered_csat",), "high"),
    "ces_answers": (("answered_ces",), "number"),
    "ces_sum": (("answered_ces",), "units"),
    "surveys": (("received_survey",), "number"),
    "survey_answers": (SURVEYS, "number"),
    "mails": (("received_email",), "number"),
    "opens": (("opened_email",), "number"),
    "clicks": (("clicked_email",), "number"),
    "unsubscribes": (("unsubscribed_email",), "number"),
    "referrals": (("referred_friend",), "number"),
    "points_earned": (("earned_points",), "units"),
    "points_redeemed": (("redeemed_points",), "units"),
    "complaints": (("complained",), "number"),
}
"""Count -> the activities that it counts, and what of them."""
READ = (
    *dict.fromkeys(name for names, _ in NUMBERS.values() for name in names),
    "resolved_complaint",
    "reached_tier",
)
"""Every activity besides the definitions' own that some figure reads."""
SCALED = frozenset(
    (
        "revenue",
        "returning_revenue",
        "first_time_revenue",
        "ces_sum",
        "points_earned",
        "points_redeemed",
        "points_outstanding",
        "days_to_settle",
        "contact_cost",
        "fixed_cost",
    )
)

NO_PART = ("former", "points_outstanding", "fixed_cost")
"""Counts that make nobody a part of a period: what is left of earlier ones, or of everybody."""


@dataclass(frozen=True)
class Doings:
    """What we did to customers, from the ledger; arrays of one length each.

    `customer`: places in Monthly.ids; `month`: numbers of months; `cost`: money in ten-thousandths.
    """

    customer: npt.NDArray[np.int64]
    month: npt.NDArray[np.int64]
    cost: Floats


@dataclass(frozen=True)
class Ground:
    """All that the figures of one definition rest on.

    Attributes:
        found: the stream, counted.
        stands: who is a customer when.
        definition: the definition.
        has: activities of the stream, and MONEY, PAYMENTS, LEDGER, FIXED_COSTS where they are known.
        doings: contacts; None where the ledger knows none.
        fixed_costs: per month, money.
    """

    found: Monthly
    stands: Standing
    definition: Definition
    has: frozenset[str]
    doings: Doings | None
    fixed_costs: float | None

    @cached_property
    def first(self) -> npt.NDArray[np.int64]:
        """The first payment of every customer, microseconds UTC; NEVER where there is none."""
        return self.found.first_of(self.definition.paying)

    @cached_property
    def first_months(self) -> npt.NDArray[np.int64]:
        """The month of it; the number of months where there is none."""
        behind = midnights(self.found.starts, self.found.timezone)[1:]
        return np.searchsorted(behind, self.first, side="right").astype(np.int64)


def has_payments(definition: Definition) -> bool:
    """Whether customers pay again and again in the stream: a subscription without renewals is paid for elsewhere."""
    return definition.kind != "cancellation" or definition.renews is not None


def known_of(
    definition: Definition, facts: Mapping[str, Any], doings: Doings | None, fixed_costs: float | None
) -> frozenset[str]:
    """What figures may need, and is there. `facts`: of the stream."""
    activities = facts["activities"]
    found = set(activities)
    if any(activities.get(name, {}).get("has_value") for name in definition.paying):
        found.add(MONEY)
    if has_payments(definition):
        found.add(PAYMENTS)
    if doings is not None:
        found.add(LEDGER)
    if fixed_costs is not None:
        found.add(FIXED_COSTS)
    return frozenset(found)


def counts_of(ground: Ground, first: int, behind: int) -> tuple[dict[str, Floats], npt.NDArray[np.bool_]]:
    """The counts of the months `first <= month < behind`, and who has any part in them.

    Args:
        ground: see Ground.
        first, behind: numbers of months; the period is over where `behind` is known.

    Returns:
        By count, shape (customers,); those that need the period's end are left out while it is not known.
    """
    found: dict[str, Floats] = {**_buying(ground, first, behind), **_others(ground, first, behind)}
    found |= _start(ground, first)
    if behind < ground.stands.known:
        found |= _moves(ground, first, behind, found["orders"])
    parts = [
        column != 0 for name, column in found.items() if name not in ("former", "points_outstanding", "fixed_cost")
    ]
    return found, np.logical_or.reduce(parts)


def _buying(ground: Ground, first: int, behind: int) -> dict[str, Floats]:
    paying = ground.definition.paying
    orders = ground.found.summed("number", paying, first, behind)
    revenue = ground.found.summed("units", paying, first, behind)
    came = ground.first_months < first
    returning, fresh = (orders > 0) & came, (orders > 0) & ~came
    return {
        "orders": orders,
        "revenue": revenue,
        "active": (orders > 0).astype(np.float64),
        "repeat_buyers": (orders > 1).astype(np.float64),
        "returning_buyers": returning.astype(np.float64),
        "first_time_buyers": fresh.astype(np.float64),
        "returning_revenue": np.where(returning, revenue, 0.0),
        "first_time_revenue": np.where(fresh, revenue, 0.0),
    }


def _start(ground: Ground, first: int) -> dict[str, Floats]:
    start = ground.stands.customer[first]
    found = {"start": start.astype(np.float64)}
    if first in ground.stands.left:
        found["start_left"] = (start & ground.stands.left[first]).astype(np.float64)
    return found


def _moves(ground: Ground, first: int, behind: int, orders: Floats) -> dict[str, Floats]:
    stands = ground.stands
    start, end, before = stands.customer[first], stands.customer[behind], stands.before[first]
    came = ~before & stands.before[behind]
    found = {name: flags.astype(np.float64) for name, flags in moves(start, end, before, came).items()}
    found["start_silent"] = (start & (orders == 0)).astype(np.float64)
    return found


def _others(ground: Ground, first: int, behind: int) -> dict[str, Floats]:
    found = {
        name: ground.found.summed(what, activities, first, behind)
        for name, (activities, what) in NUMBERS.items()
        if set(activities) & ground.has
    }
    if "earned_points" in ground.has:
        earned, spent = (
            ground.found.summed("units", (f"{name}_points",), 0, behind) for name in ("earned", "redeemed")
        )
        found["points_outstanding"] = earned - spent
        found.setdefault("points_redeemed", np.zeros(ground.found.customers))
    if ground.found.settled:
        inside = _inside(ground.found.settled["month"], first, behind)
        who = ground.found.settled["customer"][inside]
        for name, column in (("settled", "number"), ("days_to_settle", "units")):
            found[name] = _sums(who, ground.found.settled[column][inside], ground.found.customers)
    return found | _contacts(ground, first, behind)


def _contacts(ground: Ground, first: int, behind: int) -> dict[str, Floats]:
    found: dict[str, Floats] = {}
    size = ground.found.customers
    if ground.doings is not None:
        inside = _inside(ground.doings.month, first, behind)
        who = ground.doings.customer[inside]
        found["contacts"] = _sums(who, np.ones(len(who)), size)
        found["contact_cost"] = _sums(who, ground.doings.cost[inside], size)
    if ground.fixed_costs is not None and size:
        found["fixed_cost"] = np.zeros(size)
        found["fixed_cost"][0] = round(ground.fixed_costs * UNITS) * (behind - first)  # of everybody, not of anybody
    return found


def _sums(who: npt.NDArray[np.int64], weights: npt.NDArray[Any], size: int) -> Floats:
    return np.bincount(who, weights, size).astype(np.float64)


def _inside(month: npt.NDArray[np.int64], first: int, behind: int) -> npt.NDArray[np.bool_]:
    return np.asarray((month >= first) & (month < behind))
