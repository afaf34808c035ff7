"""Who is a customer at the begin of every month, and who then left: by the churn definition, as lists and labels say.

Silence is read off the months' first and last orders, so it costs no look at single activities. The other kinds are
judged by features/churn/labels.py itself, a bounded number of activities at a time; a test compares the two ways.
What is known today counts, not what was recorded by then: a figure of the past says what is known of the past.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from features.churn.definition import CUSTOMER, Definition, known_at
from features.churn.labels import eligibility, label
from features.windows import boundary, day_number
from pipelines.modelling.eligibility import events_of
from pipelines.outcomes.kpi.monthly import NEVER, Ints, Monthly, midnights
from pipelines.runtime.files import read_json
from pipelines.settings import artifacts

Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Standing:
    """Of all customers at the begin of every month.

    Attributes:
        known: how many of the months' begins lie at or before the end of what is known.
        customer: shape (known, customers): can still be lost.
        before: had been a customer at any time before.
        left: by month: left in the window ahead; only where that is over.
        last: shape (known, customers): the last main activity before, microseconds UTC; below 0 where there is none.
        first: shape (customers,): when they became customers first; NEVER where that is not known.
    """

    known: int
    customer: Flags
    before: Flags
    left: dict[int, Flags]
    last: Ints
    first: Ints


def standing(found: Monthly, definition: Definition, folder: Path, timezone: str, known_until: str) -> Standing:
    """Judge every customer at every month's begin.

    Args:
        found: the stream, counted.
        definition: what a customer is, and what leaving is.
        folder: of the stream: activity/*.parquet and facts.json.
        timezone: of the project.
        known_until: the day at whose midnight knowledge ends.
    """
    known = sum(day <= known_until for day in found.starts)
    last = _last(found, definition, known)
    first = found.first_of(definition.paying)
    bounds = midnights(found.starts[:known], timezone)
    if definition.kind == "silence":
        since = [boundary(day, definition.active_within_days, timezone) for day in found.starts[:known]]
        customer = last >= np.array(since, dtype=np.int64)[:, None]
        left = _silent_ahead(found, definition, timezone, known_until)
        return Standing(known, customer, first[None, :] < bounds[:, None], left, last, first)
    customer, left = _judged(found, definition, folder, timezone, known_until)
    before = np.zeros_like(customer)
    before[1:] = np.logical_or.accumulate(customer, axis=0)[:-1]
    if definition.kind == "cancellation":
        before = first[None, :] < bounds[:, None]
    else:
        first = np.full_like(first, NEVER)
    return Standing(known, customer, before, left, last, first)


def _last(found: Monthly, definition: Definition, known: int) -> Ints:
    last = np.full((known, found.customers), -1, dtype=np.int64)
    for month in range(1, known):
        last[month] = last[month - 1]
        who, when = found.last_in((definition.activity,), month - 1)
        last[month, who] = np.maximum(last[month, who], when)
    return last


def _is_over(day: str, definition: Definition, known_until: str) -> bool:
    return day_number(day) + definition.lead.ahead_days <= day_number(known_until)


def _silent_ahead(found: Monthly, definition: Definition, timezone: str, known_until: str) -> dict[int, Flags]:
    """Nothing from gap to gap and horizon: the next activity behind the gap lies behind the horizon."""
    upcoming = np.full(found.customers, NEVER, dtype=np.int64)
    left: dict[int, Flags] = {}
    for month in reversed(range(len(found.starts) - 1)):
        who, when = _first_ahead(found, definition, month)
        upcoming[who] = np.minimum(when, NEVER)
        if _is_over(found.starts[month], definition, known_until):
            left[month] = upcoming >= boundary(found.starts[month], -definition.lead.ahead_days, timezone)
    return left


def _first_ahead(found: Monthly, definition: Definition, month: int) -> tuple[Ints, Ints]:
    if not definition.gap_days:
        return found.first_in((definition.activity,), month)
    rows = found.first_ahead[definition.gap_days]
    chosen = slice(*np.searchsorted(rows["month"], [month, month + 1]))
    return rows["customer"][chosen], rows["first"][chosen]


def _judged(
    found: Monthly, definition: Definition, folder: Path, timezone: str, known_until: str
) -> tuple[Flags, dict[int, Flags]]:
    import pandas as pd

    ids = pd.Index(found.ids.to_pylist())
    days = [day for day in found.starts if day <= known_until]
    customer = np.zeros((len(days), found.customers), dtype=bool)
    left = {
        month: np.zeros(found.customers, dtype=bool)
        for month, day in enumerate(days)
        if _is_over(day, definition, known_until)
    }
    for known in events_of(folder, read_json(folder / artifacts.FACTS), definition):
        events = known_at(known, known_until, timezone).drop(columns="recorded_at", errors="ignore")
        for month, day in enumerate(days):
            status = eligibility(events, definition, day, timezone)
            customer[month, ids.get_indexer(status.index[status == CUSTOMER])] = True
        labels = label(events, definition, [days[month] for month in left], timezone, known_until)
        gone = labels[labels["churned"].astype(bool)]
        for month, flags in left.items():
            own = gone.loc[gone["as_of"] == pd.Timestamp(days[month]), "customer_id"]
            flags[ids.get_indexer(own)] = True
    return customer, left
