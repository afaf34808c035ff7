"""The DuckDB connection that readers fill, with the relations of relations.py, and its activity rows by month.

Nothing is downloaded: the extensions that come inside DuckDB are enough, and loading others is switched off.
"""

# Queries are put together from our own column names; whatever comes from outside is quoted by runtime.sql.text.
# ruff: noqa: S608

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa

from features.activity import ACTIVITY_ORDER, ACTIVITY_SCHEMA, SINCE_VERSION_2, VERSION_1
from pipelines.runtime import scratch
from pipelines.runtime.sql import text
from pipelines.sources.relations import ACCOUNTED, CURRENCIES, DELIVERED, NOTES, REJECTED, STREAM

COLUMNS = tuple(ACTIVITY_SCHEMA.names)
MEMORY = "500MB"  # of DuckDB's own; pyarrow and Python come on top

_TABLES = f"""
create table {STREAM} (
    source varchar, activity_id varchar, customer_id varchar, occurred_at timestamptz, recorded_at timestamptz,
    activity varchar, value double, quantity double, detail varchar,
    subject varchar, user_id varchar, removed_at timestamptz, term_days double
);
create table {REJECTED} (
    source varchar, file varchar, line bigint, fault varchar, field varchar, found varchar, rows bigint
);
create table {NOTES} (said varchar);
create table {DELIVERED} (source varchar, file varchar, rows bigint, bad bigint);
create table {ACCOUNTED} (source varchar, entry integer, activity varchar, reason varchar, rows bigint);
create table {CURRENCIES} (source varchar, activity varchar, currency varchar, rows bigint);
"""


def connect() -> Any:
    """A DuckDB in memory with empty tables and times in UTC; what exceeds its memory limit spills to disk."""
    con = duckdb.connect(
        config={
            "autoinstall_known_extensions": "false",
            "autoload_known_extensions": "false",
            "memory_limit": MEMORY,
            "temp_directory": str(scratch.folder() / "spilled"),
        }
    )
    con.execute("set timezone = 'UTC'")
    con.execute(_TABLES)
    return con


def months(con: Any, relation: str) -> Iterator[tuple[str, pa.Table]]:
    """Activity rows by UTC month (`2017-03`), each in the contract's order; sorted once, one month in memory.

    Yields:
        Month and its rows in ACTIVITY_SCHEMA, oldest first; months without rows are left out.
    """
    query = f"select {', '.join(COLUMNS)} from {relation} order by {', '.join(ACTIVITY_ORDER)}"
    month = ""
    parts: list[pa.Table] = []
    for batch in con.sql(query).to_arrow_reader(100_000):
        for name, part in by_month(pa.Table.from_batches([batch])):
            if name != month and parts:
                yield month, _contract(parts)
                parts = []
            month = name
            parts.append(part)
    if parts:
        yield month, _contract(parts)


def month_rows(path: Path) -> str:
    """SQL of the rows of a month file, with all columns of the contract whether the file holds them or not."""
    return (
        f"(from (from {STREAM} select {', '.join(COLUMNS)} limit 0) union all by name from read_parquet({text(path)}))"
    )


def as_stored(rows: pa.Table) -> pa.Table:
    """The rows of a file in the contract's types: without the columns of version 2 where no row fills one."""
    filled = any(name in rows.column_names and rows[name].null_count < len(rows) for name in SINCE_VERSION_2)
    return whole(rows).select(COLUMNS if filled else VERSION_1.names)


def whole(rows: pa.Table) -> pa.Table:
    """The rows of a file with all columns of the contract."""
    for column in ACTIVITY_SCHEMA:
        if column.name not in rows.column_names:
            rows = rows.append_column(column.name, pa.nulls(len(rows), column.type))
    return rows.select(COLUMNS).cast(ACTIVITY_SCHEMA)


def by_month(rows: pa.Table) -> Iterator[tuple[str, pa.Table]]:
    """The months of a table that is sorted by time."""
    stamps = rows["occurred_at"].to_numpy()
    months = stamps.astype("datetime64[M]")
    starts = [0, *(np.flatnonzero(months[1:] != months[:-1]) + 1).tolist(), len(months)]
    for start, end in pairwise(starts):
        yield str(months[start]), rows.slice(start, end - start)


def _contract(parts: list[pa.Table]) -> pa.Table:
    return pa.concat_tables(parts).combine_chunks().cast(ACTIVITY_SCHEMA)
