"""How customers stand to a churn definition on the day of the list, read from the activity of the scoring branch."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq

from features import churn
from features.definition import CUSTOMER, LEAVING, UNKNOWN
from pipelines.churn_settings import definition_of
from pipelines.params import Settings
from pipelines.problems import Problem
from pipelines.sinks.wording import staying
from pipelines.tables import read_json


def standings_of(definition: str, settings: Settings, activity: Path) -> pd.Series[str]:
    """A word by customer_id: `customer` (eligible), `leaving`, `gone` or `no rhythm yet`; see features/definition.py.

    Raises:
        Problem: nobody is a customer.
    """
    facts, known = read_json(activity / "facts.json"), definition_of(settings.churn[definition])
    columns = ["customer_id", "activity", "occurred_at", *(["recorded_at"] if facts["has_recorded_at"] else [])]
    rows = [("activity", "in", known.activities)]
    events = pq.read_table(activity / "activity", columns=columns, filters=rows).to_pandas()
    as_of = settings.observations.score.as_of
    found = churn.standings(events, known, as_of, settings.timezone)
    if not (found == CUSTOMER).any():
        raise Problem(
            f"{activity}: on {as_of} nobody is a customer by churn.{definition} "
            f"({staying(settings.churn[definition])}). Check observations.score.as_of and churn.{definition}."
        )
    return found


def customers(found: pd.Series[str]) -> list[str]:
    """Ids of those who can still be lost."""
    return [str(one) for one in found.index[found == CUSTOMER]]


def counted_apart(found: pd.Series[str]) -> list[str]:
    """In words: who is leaving already, or too new for a rhythm. They are never at risk."""
    leaving, unknown = int((found == LEAVING).sum()), int((found == UNKNOWN).sum())
    lines = []
    if leaving:
        lines.append(f"{leaving:,} have cancelled while what they paid for still runs: leaving, not at risk, no score.")
    if unknown:
        lines.append(f"{unknown:,} have too few pauses for a rhythm of their own: no score by this definition.")
    return lines
