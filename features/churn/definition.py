"""A churn definition, the statuses of a customer under it, and the windows that it reads."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from features.windows import Lead, boundary, local_days

if TYPE_CHECKING:
    import pandas as pd

Customers: TypeAlias = "pd.Index[Any]"

CUSTOMER = "customer"  # eligible: can still be lost
LEAVING = "leaving"  # cancelled already, and what was paid for still runs
PAUSED = "paused"  # nothing is paid or used for a while: not lost, and not to be kept
GONE = "gone"  # by the definition's own measure
UNKNOWN = "no rhythm yet"  # too few pauses to call one of them long
EVER = 3660  # days: as far back as can be looked


@dataclass(frozen=True)
class Definition:
    """One entry under `churn` in params.yaml; see features/churn/labels.py for the kinds. Days are local calendar days.

    Attributes:
        kind: a key of features.churn.KINDS.
        activity: what a customer does when nothing is wrong.
        active_within_days: how long ago the last `activity` may lie at most; silence and rhythm.
        horizon_days: length of the window ahead; of rhythm the longest that any customer's may be.
        gap_days: lead time between the moment and the window.
        starts, renews, ends: activities of a subscription ("" where there is none); cancellation.
        term_days: days that a start or renewal pays for which says nothing else itself; None where a subscription runs
            until it is cancelled.
        pauses, resumes: activities of a subscription that is paused and goes on (None where there are none).
        pays: the activity whose values are what a subscriber pays; where nothing is known of it, starts and renewals.
        grace_days: days after the term in which a renewal still counts.
        quantile: of the customer's own pauses, 0..1; a longer silence than that is leaving; rhythm.
        least_pauses: pauses that a customer needs for a rhythm of their own.
    """

    kind: str
    activity: str
    active_within_days: int = 0
    horizon_days: int = 28
    gap_days: int = 0
    starts: str = ""
    renews: str | None = None
    ends: str = ""
    term_days: int | None = None
    grace_days: int = 0
    quantile: float = 0.9
    least_pauses: int = 5
    pauses: str | None = None
    resumes: str | None = None
    pays: str | None = None

    @property
    def paying(self) -> tuple[str, ...]:
        """Activities by which somebody is a customer: starts and renewals of a subscription, else `activity`."""
        return tuple(name for name in (self.starts, self.renews) if name) or (self.activity,)

    @property
    def standing(self) -> tuple[str, ...]:
        """Every activity that eligibility reads."""
        further = (name for name in (self.ends, self.pauses, self.resumes) if name)
        return tuple(dict.fromkeys((*self.paying, *further)))

    @property
    def activities(self) -> tuple[str, ...]:
        """Every activity that labels read."""
        return tuple(dict.fromkeys((*self.standing, *([self.pays] if self.pays else []))))

    @property
    def paid_days(self) -> int:
        """Days from a start or renewal to the last day on which the next one still counts."""
        return EVER if self.term_days is None else self.term_days + self.grace_days

    @property
    def lookback_days(self) -> int:
        """Every customer eligible at a moment did something in so many days before it."""
        return self.active_within_days or self.paid_days

    @property
    def lead(self) -> Lead:
        """The days that a training moment needs behind and ahead of it."""
        behind = self.active_within_days or (self.horizon_days if self.term_days is None else self.paid_days)
        return Lead(behind_days=behind, ahead_days=self.gap_days + self.horizon_days)


def instant(day: str, days_ahead: int, timezone: str) -> pd.Timestamp:
    """The midnight that lies `days_ahead` local days after a day."""
    import pandas as pd

    return pd.Timestamp(boundary(day, -days_ahead, timezone), unit="us", tz="UTC")


def known_at(events: pd.DataFrame, as_of: str, timezone: str) -> pd.DataFrame:
    """What had occurred and was recorded before a moment, and was not removed by then."""
    moment = instant(as_of, 0, timezone)
    known = events["occurred_at"] < moment
    if "recorded_at" in events:
        known &= ~(events["recorded_at"] >= moment)
    if "removed_at" in events:
        known &= ~(events["removed_at"] <= moment)
    return events[known]


def events_within(
    events: pd.DataFrame, activities: tuple[str, ...], begin: pd.Timestamp, end: pd.Timestamp
) -> pd.DataFrame:
    """Rows of some activities in `[begin, end)`."""
    inside = (events["occurred_at"] >= begin) & (events["occurred_at"] < end)
    return events[inside & events["activity"].isin(activities)]


def window_ahead(definition: Definition, as_of: str, timezone: str) -> tuple[Any, Any]:
    """Begin and end of `[as_of + gap, as_of + gap + horizon)`."""
    begin = instant(as_of, definition.gap_days, timezone)
    return begin, instant(as_of, definition.gap_days + definition.horizon_days, timezone)


def days_of(events: pd.DataFrame, timezone: str) -> Any:
    """The local day of every row, days since 1970."""
    stamps = events["occurred_at"].dt.tz_convert("UTC").dt.tz_localize(None).to_numpy(dtype="datetime64[us]")
    return local_days(stamps.astype(np.int64), timezone)
