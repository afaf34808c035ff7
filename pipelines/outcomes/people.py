"""The customers of a campaign, one row each: their first assignment, what was done, and what became of them.

Who is on several lists of a campaign counts once, on the first: that is when the arm was drawn. What the team reported
counts from there to the end of that list's horizon.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from features.windows import boundary
from models.decision.control_group import CONTACT
from pipelines.ledger.read import REACHED_OUT
from pipelines.outcomes.terms import Terms

if TYPE_CHECKING:
    import pandas as pd

REACHED = ("reached", "kept")
PEOPLE = ("contacted_arm", "chance", "matured", "left", "spent", "marketed", "contacts", "reached", "cost", "stratum")
"""Columns that are added to those of the ledger (`assigned.ASSIGNED`)."""


def first_assignments(entries: pd.DataFrame) -> pd.DataFrame:
    """The rows of a campaign on which customers stand for the first time."""
    return entries.sort_values(["as_of", "rank", "customer_id"]).drop_duplicates("customer_id", ignore_index=True)


def people_of(
    entries: pd.DataFrame,
    reports: pd.DataFrame,
    outcomes: pd.DataFrame,
    terms: Mapping[str, Terms],
    *,
    known_until: str,
    timezone: str,
) -> pd.DataFrame:
    """The customers of a campaign.

    Args:
        entries: of its lists, see assigned.ASSIGNED.
        reports: what the team reported on them, see assigned.REPORTED.
        outcomes: see labels.OUTCOME.
        terms: by the list's day.
        known_until: the day at whose midnight knowledge ends.
        timezone: in which days begin.

    Returns:
        Columns of `entries`, and PEOPLE: `contacted_arm` (true where assigned to be contacted), `chance` (of having
        been assigned to it, 0..1), `matured` (whether the horizon is over), `left`, `spent`, `marketed` (null where no
        outcome is known), `contacts` (times that the team reached out), `reached`, `cost` (money spent through this
        campaign; where nobody reported anything, all who were to be contacted count as contacted once), `stratum`
        (within which arms are compared).
    """
    people = first_assignments(entries)
    ends = {day: one.matures_on for day, one in terms.items()}
    matured = [(ends[day] or "9999") <= known_until for day in people["as_of"]]
    people = people.merge(outcomes, on=["as_of", "customer_id"], how="left")
    people["contacted_arm"] = people["arm"] == CONTACT
    people["chance"] = people["probability"].where(people["contacted_arm"], 1 - people["probability"])
    people["matured"] = matured
    done = _within(people, reports, ends, timezone)
    contacts = done[done["what"].isin(REACHED_OUT)].groupby("customer_id")["occurred_at"].nunique()
    reached = set(done.loc[done["what"].isin(REACHED), "customer_id"])
    people["contacts"] = people["customer_id"].map(contacts).fillna(0.0).astype("float64")
    people["reached"] = people["customer_id"].isin(reached)
    people["cost"] = _costs(people, terms, assumed=reports.empty)
    tier = people["risk_tier"].fillna("").astype("str")
    people["stratum"] = people["chance"].map("{:.6f}".format).str.cat(tier, sep=" ")
    return people


def _within(people: pd.DataFrame, reports: pd.DataFrame, ends: Mapping[str, str | None], timezone: str) -> pd.DataFrame:
    """The reports of each customer from their first list to the end of its horizon."""
    found = reports.merge(people[["customer_id", "as_of"]], on="customer_id")
    if found.empty:
        return found
    begins = {day: boundary(day, 0, timezone) for day in found["as_of"].unique()}
    until = {day: boundary(ends.get(day) or day, 0, timezone) for day in begins}
    inside = (found["occurred_at"] >= found["as_of"].map(begins)) & (found["occurred_at"] < found["as_of"].map(until))
    return found[inside.astype(bool)]


def _costs(people: pd.DataFrame, terms: Mapping[str, Terms], *, assumed: bool) -> Any:
    """Contacts at their price, and the offer of those contacted who stayed: who leaves does not take it."""
    prices = [_price(terms[day], action) for day, action in zip(people["as_of"], people["action"], strict=True)]
    contact, incentive = np.array(prices, dtype=np.float64).reshape(len(people), 2).T
    arm = people["contacted_arm"].to_numpy(dtype=np.float64)
    times = arm if assumed else people["contacts"].to_numpy(dtype=np.float64)
    stayed = 1 - people["left"].fillna(1.0).to_numpy(dtype=np.float64)
    return times * contact + (times > 0) * stayed * incentive


def _price(terms: Terms, action: Any) -> tuple[float, float]:
    return terms.costs.get(str(action), terms.costs[""])
