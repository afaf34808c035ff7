"""What becomes of activities after their rows were read, counted by source and activity into ACCOUNTED."""

# Queries are put together from our own names; values are bound as parameters.
# ruff: noqa: S608

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from pipelines.runtime.sql import text
from pipelines.sources.landing.store import Part
from pipelines.sources.landing.tally import KEPT, record, record_by_source
from pipelines.sources.relations import DELIVERED, UNMATCHED

REPLACED, NOBODYS, LATER, REPEATED = "replaced", "nobody's", "later", "repeated"
JOINED = "joined"
AFTERWARDS = (REPLACED, NOBODYS, LATER, REPEATED, JOINED)
"""Why an activity that was read does not count."""


def record_direct(con: Any, source: str) -> None:
    """What a reader put into the stream itself: every row is kept."""
    rows = con.execute(f"select sum(rows)::bigint from {DELIVERED} where source = ?", [source]).fetchall()[0][0]
    record(con, source, {(0, None, KEPT): rows or 0})


def record_replaced(con: Any, parts: Iterable[Part]) -> None:
    """Rows of parts that a later reading replaced."""
    for part in parts:
        if part.kept:
            gone = _by_activity(con, f"from read_parquet({text(part.path)}) where not ({part.kept})")
            record(con, part.source, {(None, activity, REPLACED): n for activity, n in gone.items()})


def record_nobodys(con: Any) -> None:
    """Rows whose id is no customer's, where identities were resolved."""
    known = con.execute("select count(*) from duckdb_tables() where table_name = ?", [UNMATCHED]).fetchall()[0][0]
    if known:
        record_by_source(con, f"from {UNMATCHED}", NOBODYS)


def record_later(con: Any, parts: Iterable[Part], moment: int) -> None:
    """Rows of parts that occurred or were recorded at a moment (microseconds, UTC) or after it."""
    late = f"occurred_at >= make_timestamptz({moment}) or recorded_at >= make_timestamptz({moment})"
    for part in parts:
        if part.summary.ends_before(moment):
            continue
        after = {name: one.count for name, one in part.summary.activities.items()}
        if part.summary.first < moment or part.kept:
            after = _by_activity(
                con, f"from read_parquet({text(part.path)}) where ({part.kept or 'true'}) and ({late})"
            )
        record(con, part.source, {(None, activity, LATER): n for activity, n in after.items()})


def record_repeated(con: Any, copies: Mapping[tuple[str, str], int]) -> None:
    """Rows that are copies of others, or older versions of them. `copies`: by source and activity."""
    for (source, activity), n in copies.items():
        record(con, source, {(None, activity, REPEATED): n})


def _by_activity(con: Any, rows: str) -> dict[str, int]:
    return dict(con.execute(f"select activity, count(*) {rows} group by activity").fetchall())
