"""Who is a customer by a churn definition on the day of the list, read from the activity of the scoring branch."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq

from features.activity import ACTIVITY_SCHEMA, telling
from features.churn import labels
from features.churn.definition import CUSTOMER, LEAVING, PAUSED, UNKNOWN, Definition
from pipelines.rendering.wording import staying
from pipelines.runtime.errors import NothingToScoreError
from pipelines.runtime.files import read_json
from pipelines.runtime.sql import text
from pipelines.settings import artifacts
from pipelines.settings.churn import Churn, definition_of

if TYPE_CHECKING:
    import pandas as pd

PART_ROWS = 5_000_000  # of a definition's activities that are in memory together


def eligibility_of(name: str, churn: Churn, activity: Path, *, as_of: str, timezone: str) -> pd.Series[str]:
    """The status of each customer by a definition; see definition.py. `customer` is eligible.

    Args:
        name: of the definition under `churn`.
        churn: that entry.
        activity: the folder of the scoring branch.
        as_of: the day of the list.
        timezone: in which days begin.

    Returns:
        One status by customer_id, in order of it.

    Raises:
        NothingToScoreError: nobody is a customer.
    """
    import pandas as pd

    facts, definition = read_json(activity / artifacts.FACTS), definition_of(churn)
    parts = [
        labels.eligibility(events, definition, as_of, timezone) for events in events_of(activity, facts, definition)
    ]
    status = parts[0] if len(parts) == 1 else pd.concat(parts).sort_index()
    if not (status == CUSTOMER).any():
        raise NothingToScoreError(
            f"{activity}: on {as_of} nobody is a customer by churn.{name} "
            f"({staying(churn)}). Check observations.score.as_of and churn.{name}."
        )
    return status


def events_of(activity: Path, facts: dict[str, Any], definition: Definition) -> Iterator[pd.DataFrame]:
    """The activities that the definition reads, whole customers at a time, at most about PART_ROWS rows at once."""
    columns = telling(facts, "customer_id", "activity", "occurred_at")
    rows = sum(facts["activities"].get(name, {}).get("count", 0) for name in definition.standing)
    parts = max(1, -(-rows // PART_ROWS))
    if parts == 1:
        its_activities = [("activity", "in", definition.standing)]
        stored = pq.read_table(activity / "activity", schema=ACTIVITY_SCHEMA, columns=columns, filters=its_activities)
        yield stored.to_pandas()
        return
    import duckdb

    schema = pa.schema([ACTIVITY_SCHEMA.field(name) for name in columns])
    with duckdb.connect() as con:
        con.execute("set enable_progress_bar = false")
        files = str(activity / "activity" / "*.parquet")
        stream = con.read_parquet(files, union_by_name=True).select(", ".join(columns))
        events = stream.filter(f"activity in ({', '.join(text(name) for name in definition.standing)})")
        for part in range(parts):
            yield events.filter(f"hash(customer_id) % {parts} = {part}").to_arrow_table().cast(schema).to_pandas()


def eligible_customers(status: pd.Series[str]) -> list[str]:
    """Ids of those who can still be lost."""
    return [str(customer) for customer in status.index[status == CUSTOMER]]


def ineligible_lines(status: pd.Series[str]) -> list[str]:
    """In words: how many are leaving already, in a pause, or too new for a rhythm. They are never at risk."""
    leaving, unknown = int((status == LEAVING).sum()), int((status == UNKNOWN).sum())
    lines = []
    if leaving:
        lines.append(f"{leaving:,} have cancelled while what they paid for still runs: leaving, not at risk, no score.")
    if paused := int((status == PAUSED).sum()):
        lines.append(f"{paused:,} have paused all that they subscribe to: neither lost nor at risk, no score.")
    if unknown:
        lines.append(f"{unknown:,} have too few pauses for a rhythm of their own: no score by this definition.")
    return lines
