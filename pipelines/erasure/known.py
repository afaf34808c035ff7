"""Whom a file knows: every customer in it, whatever kind of file it is."""

from __future__ import annotations

import csv
import io
import json
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

from pipelines.erasure.formats import ID_COLUMNS, delimiter_of, kind_of
from pipelines.runtime.sql import quoted
from pipelines.runtime.text.spreadsheet_text import undefused


def customers_in(path: Path) -> set[str]:
    """Every id under the name of one (`ID_COLUMNS`); none of a file that cannot be read, or is of another kind."""
    read = _KINDS.get(kind_of(path))
    try:
        return set(read(path)) if read else set()
    except (ValueError, KeyError, TypeError, IndexError, OSError, csv.Error, sqlite3.DatabaseError):
        return set()


def _parquet(path: Path) -> Iterator[str]:
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    with pq.ParquetFile(path) as file:
        for name in (name for name in ID_COLUMNS if name in file.schema_arrow.names):
            ids = pc.unique(file.read(columns=[name])[name]).cast(pa.string()).to_pylist()
            yield from (one for one in ids if one is not None)


def _csv(path: Path) -> Iterator[str]:
    text = path.read_text(encoding="utf-8-sig", errors="replace")
    header, *rows = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter_of(text.partition("\n")[0]))
    places = [place for place, name in enumerate(header) if name.strip() in ID_COLUMNS]
    return (undefused(row[place]) for row in rows for place in places if place < len(row))


def _json(path: Path) -> Iterator[str]:
    return _ids(json.loads(path.read_bytes()))


def _jsonl(path: Path) -> Iterator[str]:
    return (one for line in path.read_bytes().splitlines() if line.strip() for one in _ids(json.loads(line)))


def _ids(content: Any) -> Iterator[str]:
    if isinstance(content, dict):
        yield from (str(content[name]) for name in ID_COLUMNS if name in content)
    for one in content.values() if isinstance(content, dict) else content if isinstance(content, list) else ():
        yield from _ids(one)


def _page(path: Path) -> Iterator[str]:
    from pipelines.rendering.page.data import customers_on

    return iter(customers_on(path.read_text(encoding="utf-8")))


def _workbook(path: Path) -> Iterator[str]:
    from pipelines.rendering.workbook_again import customers_in as in_workbook

    return iter(in_workbook(path))


def _sqlite(path: Path) -> Iterator[str]:
    with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as con:
        tables = [name for (name,) in con.execute("select name from sqlite_master where type = 'table'")]
        for table in tables:
            for _, column, *_ in con.execute(f"pragma table_info({quoted(table)})").fetchall():
                if column in ID_COLUMNS:
                    found = con.execute(f"select distinct {quoted(column)} from {quoted(table)}")  # noqa: S608
                    yield from (str(one) for (one,) in found.fetchall())


_KINDS: dict[str, Callable[[Path], Iterator[str]]] = {
    "csv": _csv,
    "json": _json,
    "jsonl": _jsonl,
    "page": _page,
    "parquet": _parquet,
    "sqlite": _sqlite,
    "workbook": _workbook,
}
