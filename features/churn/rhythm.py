"""Kind `rhythm`: churn is a silence that is long for the customer's own rhythm.

The measure is a quantile of the customer's own pauses, in days between the days on which they did `activity`, as known
at the moment. Who has been silent for longer than that already is gone. Leaving is none of it for that many days from
the begin of the window ahead, at most `horizon_days`: the one longest horizon for which every moment waits, so that
slow customers are neither left out nor judged early.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from features.churn.definition import (
    CUSTOMER,
    GONE,
    UNKNOWN,
    Customers,
    Definition,
    days_of,
    events_within,
    known_at,
    window_ahead,
)
from features.windows import day_number

if TYPE_CHECKING:
    import pandas as pd


def eligibility(known: pd.DataFrame, definition: Definition, as_of: str, timezone: str) -> pd.Series[str]:
    """`customer`, `gone` or `no rhythm yet`, by customer_id, for everyone who ever did the activity."""
    import pandas as pd

    pauses = _own_pauses(known, definition, timezone)
    silent = day_number(as_of) - pauses["last"]
    within = np.minimum(pauses["allowed"], definition.active_within_days)
    status = np.select([pauses["pauses"] < definition.least_pauses, silent > within], [UNKNOWN, GONE], default=CUSTOMER)
    return pd.Series(status, index=pauses.index, dtype="str")


def churned(events: pd.DataFrame, definition: Definition, as_of: str, timezone: str, customers: Customers) -> Any:
    """Whether each customer stays silent for as long as their own measure says."""
    allowed = _own_pauses(known_at(events, as_of, timezone), definition, timezone)["allowed"].reindex(customers)
    ahead = events_within(events, (definition.activity,), *window_ahead(definition, as_of, timezone))
    first = ahead.assign(day=days_of(ahead, timezone)).groupby("customer_id")["day"].min().reindex(customers)
    silent = first - (day_number(as_of) + definition.gap_days)
    return (silent.isna() | (silent >= np.minimum(allowed, definition.horizon_days))).to_numpy(dtype=bool)


def _own_pauses(known: pd.DataFrame, definition: Definition, timezone: str) -> pd.DataFrame:
    """`last` day, number of `pauses`, and `allowed`: whole days of silence that are usual, at least one."""
    import pandas as pd

    rows = known.loc[known["activity"] == definition.activity, ["customer_id", "occurred_at"]]
    visits = rows.assign(day=days_of(rows, timezone))[["customer_id", "day"]].drop_duplicates()
    visits = visits.sort_values(["customer_id", "day"], kind="stable")
    by_customer = visits.groupby("customer_id")["day"]
    pauses = visits.assign(pause=by_customer.diff()).groupby("customer_id")["pause"]
    allowed = np.ceil(pauses.quantile(definition.quantile).round(9)).clip(lower=1)
    return pd.DataFrame({"last": by_customer.max(), "pauses": pauses.count(), "allowed": allowed})
