"""Eligibility and churn labels: one module per kind of definition, chosen in `KINDS`.

A window ahead is [as_of + gap_days, as_of + gap_days + horizon_days) in local days. A moment whose window ends after
`until` yields no labels: nobody knows yet. Whoever has left already, by the definition's own measure and by what is
known at the moment, is not eligible: no label, no score.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from features.churn import cancellation, recurring_money, rhythm, silence
from features.churn.definition import CUSTOMER, Customers, Definition, known_at
from features.churn.recurring_money import paid_in_window
from features.errors import FeatureError
from features.windows import day_number

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["COLUMNS", "KINDS", "LABEL_SCHEMA", "Definition", "eligibility", "eligible", "label"]

LABEL_SCHEMA = pa.schema(
    [
        pa.field("customer_id", pa.string(), nullable=False),
        pa.field("as_of", pa.date32(), nullable=False),
        pa.field("churned", pa.bool_(), nullable=False),
        pa.field("value_ahead", pa.float64()),
    ]
)
COLUMNS = LABEL_SCHEMA.names


@dataclass(frozen=True)
class Kind:
    """The two functions of one kind of definition.

    Attributes:
        eligibility: (what is known at the moment, definition, as_of, timezone) -> a status of definition.py per
            customer_id, sorted; `customer` is eligible.
        churned: (what is known at `until`, definition, as_of, timezone, customers) -> bool per customer: whether they
            left in the window ahead.
        money: (what is known at `until`, definition, as_of, timezone) -> what each customer who pays anything pays in
            the window ahead, by customer_id; None where the stream does not say.
    """

    eligibility: Callable[[pd.DataFrame, Definition, str, str], pd.Series[str]]
    churned: Callable[[pd.DataFrame, Definition, str, str, Customers], Any]
    money: Callable[[pd.DataFrame, Definition, str, str], pd.Series[float] | None] = paid_in_window


KINDS: dict[str, Kind] = {
    "silence": Kind(silence.eligibility, silence.churned),
    "cancellation": Kind(cancellation.eligibility, cancellation.churned, recurring_money.ahead),
    "rhythm": Kind(rhythm.eligibility, rhythm.churned),
}


def eligibility(events: pd.DataFrame, definition: Definition, as_of: str, timezone: str) -> pd.Series[str]:
    """The status of everyone at a moment: `customer` (eligible), `leaving`, `paused`, `gone` or `no rhythm yet`.

    Args:
        events: customer_id, activity, occurred_at (UTC); recorded_at, removed_at (UTC), subject, term_days where known.
        definition: what being a customer means.
        as_of: a local day; the moment is its midnight.
        timezone: an IANA name.

    Returns:
        The status by customer_id, sorted.
    """
    return _kind(definition).eligibility(known_at(events, as_of, timezone), definition, as_of, timezone)


def eligible(events: pd.DataFrame, definition: Definition, as_of: str, timezone: str) -> Customers:
    """Customers at a moment, sorted: those who can still be lost. Arguments as of `eligibility`."""
    status = eligibility(events, definition, as_of, timezone)
    customers: Customers = status.index[status == CUSTOMER]
    return customers


def label(
    events: pd.DataFrame, definition: Definition, moments: Sequence[str], timezone: str, until: str
) -> pd.DataFrame:
    """Label every eligible customer at every moment whose window ahead ends at or before `until`.

    Args:
        events: customer_id, activity, occurred_at (UTC), value; recorded_at, removed_at (UTC), subject, term_days where
            known.
        definition: what leaving means.
        moments: local days.
        timezone: an IANA name.
        until: a local day; nothing at or after its midnight is known.

    Returns:
        customer_id, as_of (naive timestamps), churned (bool), value_ahead (what the customer brings in the whole
        horizon; null where the stream does not say), sorted by as_of and customer_id.
    """
    import pandas as pd

    kind = _kind(definition)
    known = known_at(events, until, timezone)
    parts = []
    for as_of in sorted(moments):
        if day_number(as_of) + definition.lead.ahead_days > day_number(until):
            continue
        customers = eligible(known, definition, as_of, timezone)
        value = kind.money(known, definition, as_of, timezone)
        parts.append(
            pd.DataFrame(
                {
                    "customer_id": customers,
                    "as_of": pd.Timestamp(as_of),
                    "churned": kind.churned(known, definition, as_of, timezone, customers),
                    "value_ahead": np.nan if value is None else value.reindex(customers).fillna(0.0).to_numpy(),
                }
            )
        )
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=COLUMNS)


def _kind(definition: Definition) -> Kind:
    if definition.kind not in KINDS:
        raise FeatureError(f"churn: kind {definition.kind!r} is not known. Allowed: {', '.join(KINDS)}.")
    return KINDS[definition.kind]
