"""Kind `silence`: customers did `activity` in the days behind; churn is none of it in the window ahead."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from features.churn.definition import CUSTOMER, GONE, Customers, Definition, events_within, instant, window_ahead

if TYPE_CHECKING:
    import pandas as pd


def eligibility(known: pd.DataFrame, definition: Definition, as_of: str, timezone: str) -> pd.Series[str]:
    """`customer` or `gone`, by customer_id, for everyone who ever did the activity."""
    import pandas as pd

    since = instant(as_of, -definition.active_within_days, timezone)
    ever = known[known["activity"] == definition.activity]
    everyone: Customers = pd.Index(sorted(ever["customer_id"].unique()))
    active = everyone.isin(ever.loc[ever["occurred_at"] >= since, "customer_id"].unique())
    return pd.Series(np.where(active, CUSTOMER, GONE), index=everyone, dtype="str")


def churned(events: pd.DataFrame, definition: Definition, as_of: str, timezone: str, customers: Customers) -> Any:
    """Whether each customer did nothing of it in the window ahead."""
    ahead = events_within(events, (definition.activity,), *window_ahead(definition, as_of, timezone))
    return ~customers.isin(ahead["customer_id"].unique())
