"""Kind `cancellation`: churn of subscribers. An account has left when its last subscription has ended.

Each subscription (`subject`; where rows name none, all of a customer's are one) is judged at the end of each local day
by the last thing that happened to it on that day: a change of plan within a day is no end. A start or renewal keeps it
going for its term, and `grace_days` more for a late renewal; without a term until it is cancelled. A pause neither
ends it nor lets it lapse. An account is a customer while one of its subscriptions runs and is not paused.

Leaving happens on the day on which the last one is cancelled, or after which a renewal no longer counts; whoever has
cancelled and starts again by the end of the next day (a change of plan over midnight, a renewal by a new contract) has
not left. `ends` is dated when the customer cancels, not when that takes effect: whoever has cancelled all is never
eligible, though what was paid for may still run.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from features.churn.definition import CUSTOMER, GONE, LEAVING, PAUSED, Customers, Definition, days_of
from features.churn.subscriptions import ON, PAUSE, day_ends, spans
from features.windows import day_number

if TYPE_CHECKING:
    import pandas as pd

CHANGE_DAYS = 1
"""Ends of days that an account may be without a subscription between a cancellation and the next start."""

_STATUS = np.array([GONE, LEAVING, PAUSED, CUSTOMER])


def eligibility(known: pd.DataFrame, definition: Definition, as_of: str, timezone: str) -> pd.Series[str]:
    """The status of every subscriber by customer_id: that of the subscription that stands best.

    `customer`, `paused`, `leaving` (all cancelled, and a paid term still runs) or `gone`.
    """
    import pandas as pd

    days, day = day_ends(known, definition, timezone), day_number(as_of)
    paid_until = days.groupby("key")["paid_until"].max()
    last = days.drop_duplicates("key", keep="last").set_index("key")
    runs = last["alive"] & (last["dies"] >= day)
    rank = np.select(
        [runs & (last["state"] == ON), runs & (last["state"] == PAUSE), ~last["alive"] & (paid_until > day)],
        [3, 2, 1],
        0,
    )
    best = pd.Series(rank, index=last["customer_id"]).groupby(level=0).max().sort_index()
    return pd.Series(_STATUS[best.to_numpy(dtype=np.int64)], index=best.index, dtype="str")


def churned(events: pd.DataFrame, definition: Definition, as_of: str, timezone: str, customers: Customers) -> Any:
    """Whether each customer stops being a subscriber on a day of the window ahead.

    Whoever leaves in the gap has not left in the window: the event that is predicted is the one that can be prevented.
    """
    begin = day_number(as_of) + definition.gap_days
    own = events[events["customer_id"].isin(customers)]
    gone = leaving_days(own, definition, timezone)
    inside = gone[(gone["day"] >= begin) & (gone["day"] < begin + definition.horizon_days)]
    return customers.isin(inside["customer_id"].unique())


def leaving_days(events: pd.DataFrame, definition: Definition, timezone: str) -> pd.DataFrame:
    """`customer_id, day` (since 1970) of every day on which an account's last subscription ended."""
    return account_spans(events, definition, timezone)[["customer_id", "end"]].rename(columns={"end": "day"})


def account_spans(events: pd.DataFrame, definition: Definition, timezone: str) -> pd.DataFrame:
    """`customer_id, begin, end`: days (since 1970) at whose end an account has a subscription, `[begin, end)`."""
    return _without_overlap(spans(day_ends(events, definition, timezone)))


def _without_overlap(own: pd.DataFrame) -> pd.DataFrame:
    """Spans of accounts: those of their subscriptions, joined where they overlap or a change lies between them."""
    own = own.sort_values(["customer_id", "begin", "end"], kind="stable", ignore_index=True)
    reach = own["end"] + np.where(own["cancelled"], CHANGE_DAYS, 0)
    before = reach.groupby(own["customer_id"]).cummax().shift(fill_value=-1)
    first = own["customer_id"] != own["customer_id"].shift()
    group = (first | (own["begin"] > before)).cumsum()
    joined = own.groupby(group)
    whole: pd.DataFrame = joined.agg(customer_id=("customer_id", "first"), begin=("begin", "min"), end=("end", "max"))
    return whole.reset_index(drop=True)


def misdated(events: pd.DataFrame, definition: Definition, timezone: str) -> pd.DataFrame:
    """Cancellations that were recorded on an earlier day than they occurred: dated when they take effect.

    At a moment between the two the customer would be taken for one who can still be kept.
    """
    ends = events[events["activity"] == definition.ends]
    if "recorded_at" not in ends or ends.empty:
        return ends.iloc[:0]
    recorded = ends[ends["recorded_at"].notna()]
    recorded_day = days_of(recorded.assign(occurred_at=recorded["recorded_at"]), timezone)
    early: pd.DataFrame = recorded[recorded_day < days_of(recorded, timezone)]
    return early
