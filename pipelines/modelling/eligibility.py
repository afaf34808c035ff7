"""How customers stand to a churn definition on the day of the list, read from the activity of the scoring branch."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq

from features.activity import ACTIVITY_SCHEMA
from features.churn import labels
from features.churn.definition import CUSTOMER, LEAVING, UNKNOWN, Definition
from pipelines.rendering.wording import staying
from pipelines.runtime.errors import NothingToScoreError
from pipelines.runtime.files import read_json
from pipelines.settings.churn import definition_of
from pipelines.settings.params import Settings

if TYPE_CHECKING:
    import pandas as pd

PART_ROWS = 5_000_000  # of a definition's activities that are looked at together


def standings_of(definition: str, settings: Settings, activity: Path) -> pd.Series[str]:
    """A word by customer_id: `customer` (eligible), `leaving`, `gone` or `no rhythm yet`; see definition.py.

    Raises:
        NothingToScoreError: nobody is a customer.
    """
    import pandas as pd

    facts, known = read_json(activity / "facts.json"), definition_of(settings.churn[definition])
    as_of = settings.observations.score.as_of
    parts = [labels.standings(events, known, as_of, settings.timezone) for events in _events(activity, facts, known)]
    found = parts[0] if len(parts) == 1 else pd.concat(parts).sort_index()
    if not (found == CUSTOMER).any():
        raise NothingToScoreError(
            f"{activity}: on {as_of} nobody is a customer by churn.{definition} "
            f"({staying(settings.churn[definition])}). Check observations.score.as_of and churn.{definition}."
        )
    return found


def _events(activity: Path, facts: dict[str, Any], known: Definition) -> Iterator[pd.DataFrame]:
    """What the definition is made of, whole customers at a time: at most about PART_ROWS rows are in memory."""
    columns = ["customer_id", "activity", "occurred_at", *(["recorded_at"] if facts["has_recorded_at"] else [])]
    rows = sum(facts["activities"].get(name, {}).get("count", 0) for name in known.activities)
    parts = max(1, -(-rows // PART_ROWS))
    if parts == 1:
        chosen = [("activity", "in", known.activities)]
        yield pq.read_table(activity / "activity", columns=columns, filters=chosen).to_pandas()
        return
    import duckdb

    kinds = pa.schema([ACTIVITY_SCHEMA.field(name) for name in columns])
    with duckdb.connect() as con:
        con.execute("set enable_progress_bar = false")
        stream = con.read_parquet(str(activity / "activity" / "*.parquet")).select(", ".join(columns))
        wanted = stream.filter(f"activity in ({', '.join(repr(name) for name in known.activities)})")
        for part in range(parts):
            yield wanted.filter(f"hash(customer_id) % {parts} = {part}").to_arrow_table().cast(kinds).to_pandas()


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
