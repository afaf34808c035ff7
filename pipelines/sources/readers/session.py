"""What surrounds the reading of a source: the timezone of its texts, and what its exclude rule left out."""

# Queries are put together from our own column names; whatever comes from outside is quoted by stream.text.

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from pipelines.runtime.sql import text
from pipelines.settings.sources import Mapped
from pipelines.sources.expressions.activity_query import Context


@contextmanager
def local_time(con: Any, setting: Mapped, context: Context) -> Iterator[None]:
    """Texts without an offset are read in the connection's timezone: the source's, while it is read."""
    con.execute(f"set timezone = {text(setting.timezone or context.timezone)}")
    try:
        yield
    finally:
        con.execute("set timezone = 'UTC'")


def excluded_rows(con: Any) -> list[str]:
    """A line for every source whose rule kept rows of test and internal accounts out."""
    found = con.execute(
        "select source, sum(excluded)::bigint, sum(rows)::bigint from delivered group by source "
        "having sum(excluded) > 0 order by source"
    ).fetchall()
    return [
        f"sources.{source}: {excluded:,} of {rows:,} rows are left out by its exclude rule."
        for source, excluded, rows in found
    ]
