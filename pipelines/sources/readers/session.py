"""The session in which a source is read: the timezone of its texts, and notes on rows that its exclude rule drops."""

# Queries are put together from our own column names; whatever comes from outside is quoted by runtime.sql.text.
# ruff: noqa: S608

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from pipelines.runtime.sql import text
from pipelines.settings.sources import Mapped
from pipelines.settings.types import zone_of
from pipelines.sources.expressions.activity_query import Context
from pipelines.sources.relations import DELIVERED


@contextmanager
def local_timezone(con: Any, setting: Mapped, context: Context) -> Iterator[None]:
    """Set the connection's timezone, in which texts without an offset are read, to the source's while it is read.

    Where its columns have a timezone each, it is the project's.
    """
    con.execute(f"set timezone = {text(zone_of(setting.timezone, '', context.timezone))}")
    try:
        yield
    finally:
        con.execute("set timezone = 'UTC'")


def excluded_notes(con: Any) -> list[str]:
    """A line for every source whose exclude rule left out rows (of test and internal accounts)."""
    counted = con.execute(
        f"select source, sum(excluded)::bigint, sum(rows)::bigint from {DELIVERED} group by source "
        "having sum(excluded) > 0 order by source"
    ).fetchall()
    return [
        f"sources.{source}: {excluded:,} of {rows:,} rows are left out by its exclude rule."
        for source, excluded, rows in counted
    ]
