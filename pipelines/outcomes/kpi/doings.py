"""What the ledger knows of customers, by their place among the customers of a stream: contacts, and who was listed.

A contact costs what its action costs (the terms of its list), and the offer of the action once per list, as if whoever
was contacted took it: the most that it can have cost.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from pipelines.ledger.assigned import Campaigns
from pipelines.ledger.read import REACHED_OUT
from pipelines.outcomes.kpi.counts import Doings
from pipelines.outcomes.kpi.dimensions import Listed
from pipelines.outcomes.kpi.monthly import UNITS, midnights
from pipelines.outcomes.terms import Terms

if TYPE_CHECKING:
    import pandas as pd


def doings_of(
    ledger: Campaigns | None, terms: Mapping[str, Terms], ids: pa.Array, starts: tuple[str, ...], timezone: str
) -> Doings | None:
    """Contacts that the team reported; None where it never reported any.

    Args:
        ledger: see assigned.campaigns.
        terms: by the list's day.
        ids: customers, sorted.
        starts: first days of the months, and of the one behind the last.
        timezone: in which days begin.
    """
    reports = None if ledger is None else ledger.reports[ledger.reports["what"].isin(REACHED_OUT)]
    if ledger is None or reports is None or reports.empty:
        return None
    once = reports.drop_duplicates(["list_id", "customer_id", "occurred_at"]).sort_values("occurred_at")
    actions = ledger.entries[["list_id", "customer_id", "action"]]
    found = once.merge(actions, on=["list_id", "customer_id"], how="left")
    place = _places(found["customer_id"], ids)
    month = np.searchsorted(midnights(starts, timezone), found["occurred_at"].to_numpy(dtype=np.int64), "right") - 1
    cost = np.array([round(one * UNITS) for one in _costs(found, ledger, terms)], dtype=np.float64)
    inside = (place >= 0) & (month >= 0) & (month < len(starts) - 1)
    return Doings(place[inside], month[inside].astype(np.int64), cost[inside])


def _costs(found: pd.DataFrame, ledger: Campaigns, terms: Mapping[str, Terms]) -> list[float]:
    days = {one.list_id: one.as_of for one in ledger.lists}
    newest = terms[ledger.lists[-1].as_of]
    again = found.duplicated(["list_id", "customer_id"]).to_numpy()
    costs = []
    for list_id, action, repeated in zip(found["list_id"], found["action"], again, strict=True):
        prices = terms.get(days.get(list_id, ""), newest).costs
        contact, incentive = prices.get(str(action), prices[""])
        costs.append(contact + (0.0 if repeated else incentive))
    return costs


def listed_of(ledger: Campaigns | None, ids: pa.Array) -> Listed:
    """Who stood on which published list, control group included, with their tier."""
    if ledger is None:
        return Listed({})
    by_day = {}
    for day, entries in ledger.entries.groupby("as_of"):
        place = _places(entries["customer_id"], ids)
        tiers = entries["risk_tier"].fillna("").astype("str").to_numpy()
        by_day[str(day)] = (place[place >= 0], tiers[place >= 0].tolist())
    return Listed(by_day)


def _places(customers: pd.Series[str], ids: pa.Array) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    import pandas as pd

    return np.asarray(pd.Index(ids.to_pylist()).get_indexer(customers.astype("str")), dtype=np.int64)
