"""Realised performance: what published lists predicted, and what happened.

Acting on a list changes what happens: a customer who was kept looks as if the model was wrong. So a list that was acted
upon is judged by those whom nobody contacted: its control group. Pure: rows in, figures out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from models.effect.one_share import wilson
from models.effect.shares import normal_critical
from pipelines.outcomes.terms import Terms

if TYPE_CHECKING:
    import pandas as pd

DECILES = 10
CONTROL_GROUP, EVERYBODY = "control_group", "everybody"


def list_row(terms: Terms, people: pd.DataFrame, *, contacted: int, known_until: str) -> dict[str, Any]:
    """What became of one list.

    Args:
        terms: of the list.
        people: all on it, held out or not: contacted_arm, churn_probability, value_at_risk, left (null: not known).
        contacted: customers whom the team reported as contacted through it.
        known_until: the day at whose midnight knowledge ends.

    Returns:
        Whether and when it matured, customers, and once it has: `hits` (of those to be contacted, who left, and the
        number predicted), `judged` (predicted and observed share of those by whom it is judged, `by` whom), `money`.
    """
    matured = terms.matures_on is not None and terms.matures_on <= known_until
    row = {
        "as_of": terms.published.as_of,
        "list_id": terms.published.list_id,
        "revision": terms.published.revision,
        "campaign": terms.published.campaign,
        "definition": terms.published.definition,
        "definition_from": terms.known_from if terms.definition else None,
        "matures_on": terms.matures_on,
        "matured": matured,
        "customers": {"contact": int(people["contacted_arm"].sum()), "control": int((~people["contacted_arm"]).sum())},
        "reported_contacted": contacted,
    }
    if not matured:
        return row
    known = people[people["left"].notna()]
    untreated = judged_by(known, acted=contacted > 0)
    return row | {
        "unknown": len(people) - len(known),
        "hits": _hits(known),
        "judged": {"by": CONTROL_GROUP if contacted else EVERYBODY, **_shares(untreated)},
        "money": _money(untreated),
        "deciles": deciles(untreated),
    }


def judged_by(people: pd.DataFrame, *, acted: bool) -> pd.DataFrame:
    """Those whom nobody contacted through the list: the control group where it was acted upon, else everybody."""
    return people[~people["contacted_arm"]] if acted else people


def _hits(people: pd.DataFrame) -> dict[str, Any]:
    own = people[people["contacted_arm"]]
    return {
        "customers": len(own),
        "left": int(own["left"].sum()),
        "predicted": round(float(own["churn_probability"].sum()), 2),
    }


def _shares(people: pd.DataFrame) -> dict[str, Any]:
    if people.empty:
        return {"customers": 0, "predicted": None, "observed": None}
    return {
        "customers": len(people),
        "predicted": round(float(people["churn_probability"].mean()), 6),
        "observed": round(float(people["left"].mean()), 6),
    }


def _money(people: pd.DataFrame) -> dict[str, float] | None:
    """Money at risk as predicted, and the money that was expected of those who did leave; None without money."""
    worth = people["value_at_risk"] / people["churn_probability"].where(people["churn_probability"] > 0)
    if people.empty or worth.isna().any():
        return None
    lost = float((worth * people["left"]).sum())
    return {"at_risk": round(float(people["value_at_risk"].sum()), 2), "lost": round(lost, 2)}


def deciles(people: pd.DataFrame) -> list[dict[str, Any]]:
    """Predicted and observed churn in ten groups of equal size by predicted risk, the lowest first.

    Args:
        people: churn_probability and left of each; with `customer_id`, rows of the same customer count as one for the
            interval (Wilson's, 95%).

    Returns:
        `customers` (rows), `predicted`, `observed`, `low`, `high`; fewer groups where there are fewer than ten rows.
    """
    ordered = people.sort_values(["churn_probability", "customer_id"], kind="stable")
    parts = np.array_split(np.arange(len(ordered)), min(DECILES, len(ordered))) if len(ordered) else []
    found = []
    for rows in parts:
        own = ordered.iloc[rows]
        share, size = float(own["left"].mean()), own["customer_id"].nunique()
        low, high = wilson(share, size, normal_critical() ** 2)
        found.append(
            {
                "customers": len(own),
                "predicted": round(float(own["churn_probability"].mean()), 6),
                "observed": round(share, 6),
                "low": round(float(low), 6),
                "high": round(float(high), 6),
            }
        )
    return found
