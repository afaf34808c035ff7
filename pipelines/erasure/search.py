"""The search for a customer's ids in files. Files are decoded first: ids inside Parquet, XLSX or SQLite are no bytes.

A `loose` search finds an id anywhere as a word, whatever its capitals: for files that are rebuilt at little cost. A
strict one finds it only where it can be nothing but an id: in a column of ids, or as a whole text in JSON. Where a file
does not tell its ids from other texts, only distinctive ids count (`anna-1`, not `7`).
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
    content = path.read_bytes()
    if content[:1] in b"[{" and _parsed_json(content) is not None:
        return "json"
    first_line = content[:4096].lstrip(b"\xef\xbb\xbf").split(b"\n")[0].lower()
    if first_line.startswith((b"<!doctype", b"<html")):
        return "html"
    return "csv" if b"," in first_line and b"{" not in first_line else "text"


def _parsed_json(text: bytes) -> Any:
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
        return any(
            _in_cell(text, names) for part in _zip_members(path) for text in re.findall(r"<t\b[^>]*>([^<]*)<", part)
        )
    content = path.read_bytes()
    text = (gzip.decompress(content) if kind == "gzip" else content).decode("utf-8", "replace")
    return _in_file(text, kind, names, loose=loose)


def distinctive(names: frozenset[str]) -> frozenset[str]:
    """The names that are neither a plain number nor a plain word, and can therefore be nothing but an id."""
    return frozenset(name for name in names if not name.isdigit() and not name.isalpha() and len(name) > 3)


def _in_file(text: str, kind: str, names: frozenset[str], *, loose: bool) -> bool:
    if kind == "json" and not loose:
        return any(_in_cell(one, names) for one in json_texts(json.loads(text)))
    if kind == "csv" and not loose:
        return any(_in_cell(cell, sought) for cell, sought in _csv_cells(text, names))
    return _in_text(text, names, loose=loose)


def whole_word(names: Iterable[str]) -> re.Pattern[str]:
    """Any of the names, standing alone: `07` is neither in `107` nor in `07.5`."""
    return re.compile(rf"(?<![\w.])(?:{'|'.join(re.escape(name) for name in sorted(names))})(?!\w|\.\d)")


def _in_text(text: str, names: frozenset[str], *, loose: bool) -> bool:
    if loose:
        names, text = frozenset(map(str.casefold, names)), text.casefold()
    distinct = names if loose else frozenset(name for name in names if not name.isdigit())
    digits = names - distinct
    in_quotes = digits and re.search(rf"""["'>](?:{"|".join(map(re.escape, sorted(digits)))})["'<]""", text)
    return bool(distinct and whole_word(distinct).search(text)) or bool(in_quotes)


def _in_cell(cell: str, names: frozenset[str], *, loose: bool = False) -> bool:
    """The cell is the id (as a spreadsheet would keep it, too), or a longer text in which an id stands alone."""
    if loose:
        names, cell = frozenset(map(str.casefold, names)), cell.casefold()
    if cell.removeprefix("'") in names:
        return True
    candidates = frozenset(name for name in names if not name.isdigit() and name in cell)
    return bool(candidates and whole_word(candidates).search(cell))


def _zip_members(path: Path) -> Iterator[str]:
    with zipfile.ZipFile(path) as book:
        for name in book.namelist():
            yield book.read(name).decode("utf-8", "replace")


def json_texts(content: Any) -> Iterator[str]:
    """Every text in a JSON value, keys too."""
    if isinstance(content, str):
        yield content
    elif isinstance(content, dict):
        for key, value in content.items():
            yield str(key)
            yield from json_texts(value)
    elif isinstance(content, list):
        for value in content:
            yield from json_texts(value)


def _csv_cells(text: str, names: frozenset[str]) -> Iterator[tuple[str, frozenset[str]]]:
    """Cells of the columns of ids where the header names one, else all of them; and what to look for in them."""
    import csv

    rows = csv.reader(io.StringIO(text.removeprefix("\ufeff")))
    header = next(rows, [])
    id_columns, names_sought = columns_to_search(header, names, loose=False)
    positions = [position for position, name in enumerate(header) if name in id_columns]
    for row in rows:
        yield from ((row[position], names_sought) for position in positions if position < len(row))


def columns_to_search(columns: list[str], names: frozenset[str], *, loose: bool) -> tuple[list[str], frozenset[str]]:
    """Which columns of a table to look into, and for which names: those of ids, else all for distinctive names."""
    id_columns = [column for column in columns if column in ID_COLUMNS]
    if loose:
        return columns, names
    return (id_columns, names) if id_columns else (columns, distinctive(names))


def _cells(path: Path, kind: str, names: frozenset[str], *, loose: bool) -> Iterator[tuple[str, frozenset[str]]]:
    """Distinct texts of a table file, column by column, and what to look for in them."""
    if kind == "parquet":
        yield from _parquet_cells(path, names, loose=loose)
    elif kind == "sqlite":
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as con:
            for table, columns in tables_of(con).items():
                searched, sought = columns_to_search(columns, names, loose=loose)
                for column in searched:
                    cells = con.execute(f"select distinct {quoted(column)} from {quoted(table)}")  # noqa: S608
                    yield from ((str(cell), sought) for (cell,) in cells if cell is not None)
    else:
        import duckdb

        with duckdb.connect(str(path), read_only=True) as con:
            for (table,) in con.execute("select table_name from duckdb_tables()").fetchall():
                columns = [name for name, *_ in con.execute(f"describe {quoted(table)}").fetchall()]
                searched, sought = columns_to_search(columns, names, loose=loose)
                for column in searched:
                    cells = con.execute(f"select distinct {quoted(column)}::varchar from {quoted(table)}").fetchall()  # noqa: S608
                    yield from ((cell, sought) for (cell,) in cells if cell is not None)


def _parquet_cells(path: Path, names: frozenset[str], *, loose: bool) -> Iterator[tuple[str, frozenset[str]]]:
    """Cells that may speak of the names: chosen column by column, without looking at each in Python."""
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    with pq.ParquetFile(path) as file:
        columns, sought = columns_to_search(file.schema_arrow.names, names, loose=loose)
        for name in columns if sought else ():
            column_type = file.schema_arrow.field(name).type
            if pa.types.is_nested(column_type):
                for value in file.read(columns=[name])[name].to_pylist():
                    yield from ((one, sought) for one in json_texts(json.loads(json.dumps(value, default=str))))
            elif _may_hold_ids(column_type):
                cells = pc.unique(file.read(columns=[name])[name]).cast(pa.string())
                matches = [pc.match_substring(cells, one, ignore_case=True) for one in sorted(sought)]
                matching = functools.reduce(pc.or_, matches)
                yield from ((one, sought) for one in cells.filter(matching).to_pylist())


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


def _may_hold_ids(column_type: Any) -> bool:
    from pyarrow import types

    value_type = column_type.value_type if types.is_dictionary(column_type) else column_type
    return bool(types.is_string(value_type) or types.is_large_string(value_type) or types.is_integer(value_type))


def tables_of(con: sqlite3.Connection) -> dict[str, list[str]]:
    """Table -> its columns."""
    tables = [name for (name,) in con.execute("select name from sqlite_master where type = 'table'")]
    return {table: [row[1] for row in con.execute(f"pragma table_info({quoted(table)})")] for table in tables}
