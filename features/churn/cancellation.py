"""Kind `cancellation`: churn of subscribers, by cancellation or by a lapsed term.

A customer is judged at the end of each local day by the last thing that happened to the subscription on it: a change
of plan (cancelled and started again on one day) is no churn. A start or renewal keeps it going for `term_days`, and
`grace_days` more for a late renewal; without `term_days` until it is cancelled. Leaving happens on the day of the
cancellation, or on the day after which a renewal no longer counts. `ends` is dated when the customer cancels, not when
that takes effect: whoever has cancelled is never eligible, though what was paid for may still run.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from features.churn.definition import CUSTOMER, GONE, LEAVING, Customers, Definition, days_of
from features.windows import day_number

if TYPE_CHECKING:
    import pandas as pd

NEVER = np.iinfo(np.int32).max


def eligibility(known: pd.DataFrame, definition: Definition, as_of: str, timezone: str) -> pd.Series[str]:
    """`customer`, `leaving` (cancelled, and the paid term still runs) or `gone`, by customer_id of every subscriber."""
    import pandas as pd

    days = _day_ends(known, definition, timezone)
    last = days.drop_duplicates("customer_id", keep="last").set_index("customer_id")
    started = days[days["paid"] > -1].groupby("customer_id")["paid"].max().reindex(last.index, fill_value=-NEVER)
    silent = day_number(as_of) - started
    paid = silent < (definition.term_days or 0)
    status = np.select(
        [last["on"] & (silent <= definition.paid_days), ~last["on"] & paid], [CUSTOMER, LEAVING], default=GONE
    )
    return pd.Series(status, index=last.index, dtype="str").sort_index()


def churned(events: pd.DataFrame, definition: Definition, as_of: str, timezone: str, customers: Customers) -> Any:
    """Whether each customer stops being a subscriber on a day of the window ahead.

    Whoever leaves in the gap has not left in the window: the event that is predicted is the one that can be prevented.
    """
    begin = day_number(as_of) + definition.gap_days
    own = events[events["customer_id"].isin(customers)]
    gone = _churn_days(_day_ends(own, definition, timezone), definition.paid_days)
    inside = gone[(gone["day"] >= begin) & (gone["day"] < begin + definition.horizon_days)]
    return customers.isin(inside["customer_id"].unique())


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


def _day_ends(events: pd.DataFrame, definition: Definition, timezone: str) -> pd.DataFrame:
    """One row per customer and day on which something happened: `on` at its end, `paid`: the day if paid on, else -1.

    Sorted by customer and day. Where a start and a cancellation bear the same time, the start counts.
    """
    rows = events.loc[events["activity"].isin(definition.activities), ["customer_id", "activity", "occurred_at"]]
    rows = rows.assign(day=days_of(rows, timezone).astype(np.int64), on=rows["activity"] != definition.ends)
    rows = rows.sort_values(["customer_id", "occurred_at", "on"], kind="stable")
    paid = rows.groupby(["customer_id", "day"])["on"].transform("max")
    rows = rows.assign(paid=np.where(paid, rows["day"], -1))
    return rows.drop_duplicates(["customer_id", "day"], keep="last")[["customer_id", "day", "on", "paid"]]


def _churn_days(day_ends: pd.DataFrame, paid_days: int) -> pd.DataFrame:
    """`customer_id, day` of every cancellation by a subscriber and of every lapse."""
    import pandas as pd

    customer, day, on = (day_ends[name].to_numpy() for name in ("customer_id", "day", "on"))
    day = day.astype(np.int64)
    same = np.append(customer[1:] == customer[:-1], False)
    following = np.where(same, np.append(day[1:], 0), NEVER)
    lapsed = on & (following > day + paid_days)
    was_on = np.append(False, (on & ~lapsed)[:-1] & same[:-1]) if len(day) else on
    cancelled = ~on & was_on
    return pd.DataFrame(
        {
            "customer_id": np.concatenate([customer[cancelled], customer[lapsed]]),
            "day": np.concatenate([day[cancelled], day[lapsed] + paid_days]),
        }
    )
