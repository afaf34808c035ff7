"""Every figure of `churn kpi`, declared: numerator over denominator, what the stream must hold, how sure it is.

A figure is a ratio of counts, or a count alone. A count is a number per customer and period that adds up over customers
(COUNTED). The formula that page, workbook and documentation show is made from the declaration, so it cannot go stale.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Unit = Literal["customers", "share", "money", "orders", "score", "days", "points", "number"]
Phase = Literal["start", "flow", "end", "ahead"]
Interval = Literal["share", "mean"]

START, END, NEW, WON_BACK, LOST, KEPT = "start", "end", "new", "won_back", "lost", "kept"
ORDERS, REVENUE, ACTIVE = "orders", "revenue", "active"
MONEY = "money"
LEDGER = "ledger"
PAYMENTS = "payments"
FIXED_COSTS = "fixed_costs"
ATTRIBUTES = "attributes"

COUNTED: Mapping[str, str] = {
    START: "customers at the start",
    NEW: "new customers",
    WON_BACK: "customers won back",
    LOST: "customers lost",
    KEPT: "customers kept",
    END: "customers at the end",
    "came_and_went": "new customers who were lost again within the period",
    "former": "former customers at the start",
    ACTIVE: "customers who ordered",
    "start_silent": "customers at the start without an order in the period",
    "start_left": "customers at the start who left in the horizon behind it",
    ORDERS: "orders",
    REVENUE: "money of all orders",
    "repeat_buyers": "customers with two orders or more",
    "returning_buyers": "customers who ordered and had ordered before",
    "first_time_buyers": "customers who ordered for the first time",
    "returning_revenue": "money of returning buyers",
    "first_time_revenue": "money of first-time buyers",
    "returns": "returns",
    "nps_answers": "answers to the recommendation question",
    "promoters": "answers of 9 or 10",
    "detractors": "answers of 6 or less",
    "csat_answers": "answers to the satisfaction question",
    "satisfied": "satisfied answers",
    "ces_answers": "answers to the effort question",
    "ces_sum": "points of all effort answers",
    "surveys": "surveys received",
    "survey_answers": "answers to surveys",
    "mails": "e-mails received",
    "opens": "e-mails opened",
    "clicks": "e-mails clicked",
    "unsubscribes": "e-mail subscriptions ended",
    "referrals": "referrals",
    "points_earned": "points earned",
    "points_redeemed": "points redeemed",
    "points_outstanding": "points earned and not redeemed so far",
    "complaints": "complaints",
    "settled": "complaints settled",
    "days_to_settle": "days from complaint to settlement",
    "contacts": "contacts reported by the team",
    "contact_cost": "money for contacts and incentives",
    "fixed_cost": "fixed costs",
}
"""Name -> what is counted, in words."""

BACKWARD = frozenset(("returning_buyers", "first_time_buyers", "returning_revenue", "first_time_revenue"))
"""Counts that ask what a customer had done before: not known where the data begin."""


@dataclass(frozen=True)
class Figure:
    """One figure.

    Attributes:
        name: as the files have it.
        title: as people read it.
        unit: of the value.
        numerator: counts added up; with a minus before the name it is subtracted.
        denominator: a count; None: the figure is the numerator alone.
        interval: `share` (Wilson), `mean` (of a ratio, over customers), or None.
        needs: activities that the stream must hold, or MONEY, PAYMENTS, LEDGER, FIXED_COSTS.
        phase: `start`: known when the period begins; `flow`: while it runs; `end`: when it is over; `ahead`: when gap
            and horizon behind its start are over.
        factor: the value is the ratio times this.
        whole_only: of everybody, never of a group.
    """

    name: str
    title: str
    unit: Unit
    numerator: tuple[str, ...]
    denominator: str | None = None
    interval: Interval | None = None
    needs: tuple[str, ...] = ()
    phase: Phase = "flow"
    factor: float = 1.0
    whole_only: bool = False

    @property
    def counts(self) -> tuple[str, ...]:
        """Every count that it reads."""
        return tuple(name.removeprefix("-") for name in self.numerator) + (
            (self.denominator,) if self.denominator else ()
        )


def formula(figure: Figure, words: Mapping[str, str] = COUNTED) -> str:
    """`(customers at the end - new customers) / customers at the start`.

    Args:
        figure: the figure.
        words: of counts, for another language.
    """
    parts = [("- " if name.startswith("-") else "+ ") + words[name.removeprefix("-")] for name in figure.numerator]
    top = " ".join(parts).removeprefix("+ ")
    if figure.factor != 1:
        top, parts = f"{figure.factor:g} x ({top})", []
    if figure.denominator is None:
        return top
    return f"{f'({top})' if len(parts) > 1 else top} / {words[figure.denominator]}"
