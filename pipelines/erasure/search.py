"""Does a file speak of a customer? Files are decoded first: ids inside Parquet, XLSX or SQLite are not found as bytes.

`loose` asks whether the id stands anywhere as a word, capitals or not, for files that are rebuilt at little cost. Else
only where it can be nothing but an id: in a column of ids, as a JSON text. Where nothing says so, only a name that is
no plain word and no plain number (`anna-1`, not `7`) counts.
"""

from __future__ import annotations

import functools
import gzip
import io
import json
import re
import sqlite3
import zipfile
from collections.abc import Iterable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

from pipelines.runtime.sql import quoted

ID_COLUMNS = ("customer_id", "hashed")
_MAGIC = {b"PAR1": "parquet", b"PK\x03\x04": "zip", b"SQLi": "sqlite", b"\x1f\x8b": "gzip", b"\x89PNG": "picture"}


def kind_of(path: Path) -> str:
    """What a file is by its first bytes (objects in a cache have no ending): parquet, zip, sqlite, json, csv, ..."""
    with path.open("rb") as stream:
        head = stream.read(16)
    for magic, kind in _MAGIC.items():
        if head.startswith(magic):
            return kind
    if head[8:12] == b"DUCK":
        return "duckdb"
    text = path.read_bytes()
    if text[:1] in b"[{" and _json(text) is not None:
        return "json"
    first = text[:4096].lstrip(b"\xef\xbb\xbf").split(b"\n")[0].lower()
    if first.startswith((b"<!doctype", b"<html")):
        return "html"
    return "csv" if b"," in first and b"{" not in first else "text"


def _json(text: bytes) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return None


def mentions(path: Path, names: frozenset[str], *, loose: bool) -> bool:
    """Whether any of the names stands in the file."""
    kind = kind_of(path)
    if kind == "picture":
        return False
    if kind in ("parquet", "sqlite", "duckdb"):
        return any(_in_cell(cell, sought, loose=loose) for cell, sought in _cells(path, kind, names, loose=loose))
    if kind == "zip":  # numbers in a workbook are values or places of texts, never ids
        return any(_in_cell(text, names) for part in _members(path) for text in re.findall(r"<t\b[^>]*>([^<]*)<", part))
    raw = path.read_bytes()
    text = (gzip.decompress(raw) if kind == "gzip" else raw).decode("utf-8", "replace")
    return _in_file(text, kind, names, loose=loose)


def distinctive(names: frozenset[str]) -> frozenset[str]:
    """The names that are neither a plain number nor a plain word, and can therefore be nothing but an id."""
    return frozenset(name for name in names if not name.isdigit() and not name.isalpha() and len(name) > 3)


def _in_file(text: str, kind: str, names: frozenset[str], *, loose: bool) -> bool:
    if kind == "json" and not loose:
        return any(_in_cell(one, names) for one in texts_of(json.loads(text)))
    if kind == "csv" and not loose:
        return any(_in_cell(cell, sought) for cell, sought in _csv_cells(text, names))
    return _in_text(text, names, loose=loose)


def word(names: Iterable[str]) -> re.Pattern[str]:
    """Any of the names, standing alone: `07` is neither in `107` nor in `07.5`."""
    return re.compile(rf"(?<![\w.])(?:{'|'.join(re.escape(name) for name in sorted(names))})(?!\w|\.\d)")


def _in_text(text: str, names: frozenset[str], *, loose: bool) -> bool:
    if loose:
        names, text = frozenset(map(str.casefold, names)), text.casefold()
    wanted = names if loose else frozenset(name for name in names if not name.isdigit())
    plain = names - wanted
    quoted = plain and re.search(rf"""["'>](?:{"|".join(map(re.escape, sorted(plain)))})["'<]""", text)
    return bool(wanted and word(wanted).search(text)) or bool(quoted)


def _in_cell(cell: str, names: frozenset[str], *, loose: bool = False) -> bool:
    """The cell is the id (as a spreadsheet would keep it, too), or a longer text in which an id stands alone."""
    if loose:
        names, cell = frozenset(map(str.casefold, names)), cell.casefold()
    if cell.removeprefix("'") in names:
        return True
    wanted = frozenset(name for name in names if not name.isdigit() and name in cell)
    return bool(wanted and word(wanted).search(cell))


def _members(path: Path) -> Iterator[str]:
    with zipfile.ZipFile(path) as book:
        for name in book.namelist():
            yield book.read(name).decode("utf-8", "replace")


def texts_of(content: Any) -> Iterator[str]:
    """Every text in a JSON value, keys too."""
    if isinstance(content, str):
        yield content
    elif isinstance(content, dict):
        for key, value in content.items():
            yield str(key)
            yield from texts_of(value)
    elif isinstance(content, list):
        for value in content:
            yield from texts_of(value)


def _csv_cells(text: str, names: frozenset[str]) -> Iterator[tuple[str, frozenset[str]]]:
    """Cells of the columns of ids where the header names one, else all of them; and what to look for in them."""
    import csv

    rows = csv.reader(io.StringIO(text.removeprefix("\ufeff")))
    header = next(rows, [])
    chosen, sought = columns_to_search(header, names, loose=False)
    places = [place for place, name in enumerate(header) if name in chosen]
    for row in rows:
        yield from ((row[place], sought) for place in places if place < len(row))


def columns_to_search(columns: list[str], names: frozenset[str], *, loose: bool) -> tuple[list[str], frozenset[str]]:
    """Which columns of a table to look into, and for which names: those of ids, else all for distinctive names."""
    ids = [column for column in columns if column in ID_COLUMNS]
    if loose:
        return columns, names
    return (ids, names) if ids else (columns, distinctive(names))


def _cells(path: Path, kind: str, names: frozenset[str], *, loose: bool) -> Iterator[tuple[str, frozenset[str]]]:
    """Distinct texts of a table file, column by column, and what to look for in them."""
    if kind == "parquet":
        yield from _parquet_cells(path, names, loose=loose)
    elif kind == "sqlite":
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as con:
            for table, columns in tables_of(con).items():
                chosen, sought = columns_to_search(columns, names, loose=loose)
                for column in chosen:
                    found = con.execute(f"select distinct {quoted(column)} from {quoted(table)}")  # noqa: S608
                    yield from ((str(cell), sought) for (cell,) in found if cell is not None)
    else:
        import duckdb

        with duckdb.connect(str(path), read_only=True) as con:
            for (table,) in con.execute("select table_name from duckdb_tables()").fetchall():
                columns = [name for name, *_ in con.execute(f"describe {quoted(table)}").fetchall()]
                chosen, sought = columns_to_search(columns, names, loose=loose)
                for column in chosen:
                    found = con.execute(f"select distinct {quoted(column)}::varchar from {quoted(table)}").fetchall()  # noqa: S608
                    yield from ((cell, sought) for (cell,) in found if cell is not None)


def _parquet_cells(path: Path, names: frozenset[str], *, loose: bool) -> Iterator[tuple[str, frozenset[str]]]:
    """Cells that may speak of the names: chosen column by column, without looking at each in Python."""
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    with pq.ParquetFile(path) as file:
        columns, sought = columns_to_search(file.schema_arrow.names, names, loose=loose)
        for name in columns if sought else ():
            kind = file.schema_arrow.field(name).type
            if pa.types.is_nested(kind):
                for value in file.read(columns=[name])[name].to_pylist():
                    yield from ((one, sought) for one in texts_of(json.loads(json.dumps(value, default=str))))
            elif _may_hold_ids(kind):
                cells = pc.unique(file.read(columns=[name])[name]).cast(pa.string())
                found = [pc.match_substring(cells, one, ignore_case=True) for one in sorted(sought)]
                chosen = functools.reduce(pc.or_, found)
                yield from ((one, sought) for one in cells.filter(chosen).to_pylist())


def has_ids(path: Path) -> bool:
    """Whether a table file says itself which of its columns are ids."""
    import pyarrow.parquet as pq

    kind = kind_of(path)
    if kind == "csv":
        header = path.read_text(encoding="utf-8-sig", errors="replace").partition("\n")[0]
        return bool({name.strip() for name in header.split(",")} & set(ID_COLUMNS))
    return kind == "parquet" and bool(set(pq.read_schema(path).names) & set(ID_COLUMNS))


def customers_in(path: Path) -> set[str]:
    """Every customer of a Parquet file; none where it has no column of them or is another kind of file."""
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    if kind_of(path) != "parquet":
        return set()
    with pq.ParquetFile(path) as file:
        if "customer_id" not in file.schema_arrow.names:
            return set()
        return {str(one) for one in pc.unique(file.read(columns=["customer_id"])["customer_id"]).to_pylist()}


def _may_hold_ids(kind: Any) -> bool:
    from pyarrow import types as of

    held = kind.value_type if of.is_dictionary(kind) else kind
    return bool(of.is_string(held) or of.is_large_string(held) or of.is_integer(held))


def tables_of(con: sqlite3.Connection) -> dict[str, list[str]]:
    """Table -> its columns."""
    tables = [name for (name,) in con.execute("select name from sqlite_master where type = 'table'")]
    return {table: [row[1] for row in con.execute(f"pragma table_info({quoted(table)})")] for table in tables}
