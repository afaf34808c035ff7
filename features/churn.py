"""Who is still a customer, and what leaving is: one function per kind of definition, in `KINDS`.

A window ahead is [as_of + gap_days, as_of + gap_days + horizon_days) in local days. A moment whose window ends after
`until`
yields no labels: nobody knows yet.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import pandas as pd

from features.problems import FeatureProblem
from features.windows import Lead, boundary, day_number

Customers: TypeAlias = "pd.Index[Any]"

COLUMNS = ["customer_id", "as_of", "churned", "value_ahead"]


@dataclass(frozen=True)
class Definition:
    """One entry under `churn` in params.yaml. Days are local calendar days."""

    kind: str
    activity: str
    active_within_days: int
    horizon_days: int
    gap_days: int = 0

    @property
    def lead(self) -> Lead:
        """What it asks of a training moment."""
        return Lead(behind_days=self.active_within_days, ahead_days=self.gap_days + self.horizon_days)


@dataclass(frozen=True)
class Kind:
    """How one kind of definition decides.

    Attributes:
        eligible: (events, definition, as_of, timezone) -> customer_id of those who are customers at the moment.
        left: (events, definition, as_of, timezone, customers) -> bool per customer: whether they left in the window
        ahead.
    """

    eligible: Callable[[pd.DataFrame, Definition, str, str], Customers]
    left: Callable[[pd.DataFrame, Definition, str, str, Customers], Any]


def eligible(events: pd.DataFrame, definition: Definition, as_of: str, timezone: str) -> Customers:
    """Customers at a moment, sorted.

    Args:
        events: customer_id, activity, occurred_at (UTC), and recorded_at (UTC) where known.
        definition: what being a customer means.
        as_of: a local day; the moment is its midnight.
        timezone: an IANA name.
    """
    return _kind(definition).eligible(_known(events, as_of, timezone), definition, as_of, timezone)


def label(
    events: pd.DataFrame, definition: Definition, moments: Sequence[str], timezone: str, until: str
) -> pd.DataFrame:
    """Who left, for every eligible customer at every moment whose window ahead ends at or before `until`.

    Args:
        events: customer_id, activity, occurred_at (UTC), value, and recorded_at (UTC) where known.
        definition: what leaving means.
        moments: local days.
        timezone: an IANA name.
        until: a local day; nothing at or after its midnight is known.

    Returns:
        customer_id, as_of (naive timestamps), churned (bool), value_ahead (values of the definition's activity in the
        horizon, added up; null where the activity has no values at all), sorted by as_of and customer_id.
    """
    kind = _kind(definition)
    ahead = definition.lead.ahead_days
    known = _known(events, until, timezone)
    money = (
        bool(known.loc[known["activity"] == definition.activity, "value"].notna().any()) if "value" in known else False
    )
    parts = []
    for as_of in sorted(moments):
        if day_number(as_of) + ahead > day_number(until):
            continue
        customers = kind.eligible(_known(known, as_of, timezone), definition, as_of, timezone)
        horizon = _window_ahead(known, definition, as_of, timezone)
        value = horizon.groupby("customer_id")["value"].sum().reindex(customers).fillna(0.0) if money else None
        parts.append(
            pd.DataFrame(
                {
                    "customer_id": customers,
                    "as_of": pd.Timestamp(as_of),
                    "churned": kind.left(known, definition, as_of, timezone, customers),
                    "value_ahead": np.nan if value is None else value.to_numpy(),
                }
            )
        )
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=COLUMNS)


def _kind(definition: Definition) -> Kind:
    if definition.kind not in KINDS:
        raise FeatureProblem(f"churn: kind {definition.kind!r} is not known. Allowed: {', '.join(KINDS)}.")
    return KINDS[definition.kind]


def _instant(day: str, days_ahead: int, timezone: str) -> pd.Timestamp:
    return pd.Timestamp(boundary(day, -days_ahead, timezone), unit="us", tz="UTC")


def _known(events: pd.DataFrame, as_of: str, timezone: str) -> pd.DataFrame:
    """What had occurred and was recorded before a moment."""
    moment = _instant(as_of, 0, timezone)
    known = events["occurred_at"] < moment
    if "recorded_at" in events:
        known &= ~(events["recorded_at"] >= moment)
    return events[known]


def _window_ahead(events: pd.DataFrame, definition: Definition, as_of: str, timezone: str) -> pd.DataFrame:
    begin = _instant(as_of, definition.gap_days, timezone)
    end = _instant(as_of, definition.gap_days + definition.horizon_days, timezone)
    inside = (
        (events["occurred_at"] >= begin) & (events["occurred_at"] < end) & (events["activity"] == definition.activity)
    )
    return events[inside]


def _active(known: pd.DataFrame, definition: Definition, as_of: str, timezone: str) -> Customers:
    since = _instant(as_of, -definition.active_within_days, timezone)
    active = known[(known["activity"] == definition.activity) & (known["occurred_at"] >= since)]
    customers: Customers = pd.Index(sorted(active["customer_id"].unique()))
    return customers


def _silent(events: pd.DataFrame, definition: Definition, as_of: str, timezone: str, customers: Customers) -> Any:
    return ~customers.isin(_window_ahead(events, definition, as_of, timezone)["customer_id"].unique())


KINDS: dict[str, Kind] = {"silence": Kind(eligible=_active, left=_silent)}
