"""From the table `arriving`, one file's or query's rows as rows.py reads them, to `stream`, `rejected`, `delivered`."""

# Queries are put together from our own column names; whatever comes from outside is quoted by stream.text.
# ruff: noqa: S608

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from pipelines.source_settings import Mapped
from pipelines.sources.rows import Context
from pipelines.sources.stream import COLUMNS, text

Bad = tuple[int, str, str, str | None]  # line or row, fault, our column, what is there


@contextmanager
def local_time(con: Any, setting: Mapped, context: Context) -> Iterator[None]:
    """Texts without an offset are read in the connection's timezone: the source's, while it is read."""
    con.execute(f"set timezone = {text(setting.timezone or context.timezone)}")
    try:
        yield
    finally:
        con.execute("set timezone = 'UTC'")


def bad_rows(con: Any) -> list[Bad]:
    """Rows of `arriving` that cannot be used, by record; each once per reason."""
    found: list[Bad] = con.execute(
        "select distinct record, fault, field, found from arriving where fault <> 'excluded' order by all"
    ).fetchall()
    return found


def arrive(con: Any, name: str, file: str, bad: list[Bad], broken: int) -> None:
    """Take `arriving` over.

    Args:
        con: the connection.
        name: the source's name.
        file: what the rows came from, as messages call it.
        bad: rows put aside, with their lines.
        broken: how many of them are not in `arriving`, because they are no rows.
    """

    con.execute(f"insert into stream select $1, {', '.join(COLUMNS)} from arriving where fault is null", [name])
    if bad:
        con.executemany("insert into rejected values (?, ?, ?, ?, ?, ?)", [[name, file, *one] for one in bad])
    rows, excluded = con.execute(
        "select count(distinct record), count(distinct record) filter (fault = 'excluded') from arriving"
    ).fetchall()[0]
    con.execute("insert into delivered values (?, ?, ?, ?)", [name, file, rows + broken, excluded])
    con.execute("drop table arriving")


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
