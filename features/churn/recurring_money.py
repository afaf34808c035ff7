"""Money of a window ahead: payments that fall into it, or the recurring amount of what runs in it.

Of subscriptions, in this order: the values of `pays` (invoices that were paid); those of starts and renewals, where
there are renewals; else the value of a start is what the subscription brings in a month, for every day that it lives.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from features.churn.definition import Definition, events_within, window_ahead
from features.churn.subscriptions import day_ends, spans
from features.windows import day_number

if TYPE_CHECKING:
    import pandas as pd

DAYS_OF_A_MONTH = 365.25 / 12


def paid_in_window(
    events: pd.DataFrame, definition: Definition, as_of: str, timezone: str, names: tuple[str, ...] = ()
) -> pd.Series[float] | None:
    """Values of activities in the window ahead, added up by customer_id; None where none of them ever has one.

    `names`: of the activities; those by which somebody is a customer where none are given.
    """
    wanted = names or definition.paying
    if "value" not in events or not events.loc[events["activity"].isin(wanted), "value"].notna().any():
        return None
    horizon = events_within(events, wanted, *window_ahead(definition, as_of, timezone))
    paid: pd.Series[float] = horizon.groupby("customer_id")["value"].sum()
    return paid


def ahead(events: pd.DataFrame, definition: Definition, as_of: str, timezone: str) -> pd.Series[float] | None:
    """What subscribers pay in the window ahead, by customer_id; None where the stream does not say."""
    invoices = paid_in_window(events, definition, as_of, timezone, (definition.pays,)) if definition.pays else None
    if invoices is not None or definition.renews:
        return invoices if invoices is not None else paid_in_window(events, definition, as_of, timezone)
    return _recurring(events, definition, as_of, timezone)


def _recurring(events: pd.DataFrame, definition: Definition, as_of: str, timezone: str) -> pd.Series[float] | None:
    """The monthly amount of every subscription for the days of the window on which it lives."""
    if "value" not in events or not events.loc[events["activity"] == definition.starts, "value"].notna().any():
        return None
    begin = day_number(as_of) + definition.gap_days
    own = spans(day_ends(events, definition, timezone))
    low, high = own["begin"].clip(lower=begin), own["end"].clip(upper=begin + definition.horizon_days)
    months = np.maximum(high - low, 0) / DAYS_OF_A_MONTH
    money: pd.Series[float] = (own["amount"].fillna(0.0) * months).groupby(own["customer_id"]).sum()
    return money
