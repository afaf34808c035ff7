"""Files without a customer: tables, documents and pages are decoded, and made again from what is left.

A customer is where their id is a whole value under the name of an id (`ID_COLUMNS`): a column of a table, a field of
JSON. Nothing is looked for as text, so that an id like `0`, `-` or `low` is no word of somebody else's. Kinds are told
by their first bytes: objects of DVC's cache have no ending.
"""

from __future__ import annotations

import csv
import io
import json
import sqlite3
import zipfile
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

from pipelines.runtime.files import write_parquet
from pipelines.runtime.sql import quoted
from pipelines.runtime.text.spreadsheet_text import undefused

ID_COLUMNS = ("customer_id", "hashed")
Names = frozenset[str]
_DELIMITERS = (",", ";", "\t")  # spreadsheets of some countries save with the second
_ROW = "row"  # where the ledger's record keeps a row


class UnreadableError(Exception):
    """A file that ought to be a table of customers, and is none that can be read."""


def kind_of(path: Path) -> str:
    """`parquet`, `sqlite`, `workbook`, `json`, `jsonl`, `page`, `csv`; "" for anything else."""
    with path.open("rb") as stream:
        head = stream.read(4096)
    if head.startswith(b"PAR1"):
        return "parquet"
    if head.startswith(b"SQLite format 3\0"):
        return "sqlite"
    if head.startswith(b"PK\x03\x04"):
        return "workbook" if _is_workbook(path) else ""
    text = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    if text[:1] in (b"{", b"["):
        return _kind_of_json(path)
    if text[:15].lower().startswith((b"<!doctype html", b"<html")):
        return "page"
    return "csv" if delimiter_of(text.split(b"\n")[0].decode("latin-1")) else ""


def holds(path: Path, names: Names) -> bool:
    """Whether the file has a row of one of these customers.

    Raises:
        UnreadableError: it is of a kind that may have, and cannot be read.
    """
    return without(path, names, None)


def without(path: Path, names: Names, to: Path | None) -> bool:
    """Make the file again without these customers.

    Args:
        path: the file.
        names: ids of the customers.
        to: where the new file is written, if there was anything to take out; None: only look.

    Returns:
        Whether the file has a row of them.

    Raises:
        UnreadableError: it is of a kind that may have, and cannot be read.
    """
    made = _KINDS.get(kind_of(path))
    if made is None:
        return False
    try:
        return made(path, names, to)
    except (ValueError, KeyError, TypeError, IndexError, csv.Error, sqlite3.DatabaseError, zipfile.BadZipFile) as error:
        raise UnreadableError(f"{path}: cannot be read ({type(error).__name__})") from error


def pruned(content: Any, names: Names) -> Any:
    """JSON without the objects of a list that are about a customer."""
    if isinstance(content, list):
        return [pruned(one, names) for one in content if not _is_about(one, names)]
    if isinstance(content, dict):
        return {key: pruned(value, names) for key, value in content.items()}
    return content


def _is_about(one: Any, names: Names) -> bool:
    if not isinstance(one, dict):
        return False
    return any(str(one[key]) in names for key in ID_COLUMNS if key in one) or _is_about(one.get(_ROW), names)


def _is_workbook(path: Path) -> bool:
    try:
        with zipfile.ZipFile(path) as archive:
            return "xl/workbook.xml" in archive.namelist()
    except zipfile.BadZipFile:
        return path.suffix == ".xlsx"  # a workbook that was cut: whoever reads it says so


def _kind_of_json(path: Path) -> str:
    text = path.read_bytes()
    for kind, texts in (("json", [text]), ("jsonl", text.splitlines())):
        try:
            for one in texts:
                json.loads(one or b"null")
        except ValueError:
            continue
        return kind
    return ""


def delimiter_of(header: str) -> str:
    """Of a table with a column of ids by its first line; "" where it has none."""
    for delimiter in _DELIMITERS:
        names = {name.strip().strip('"') for name in header.strip().split(delimiter)}
        if names & set(ID_COLUMNS):
            return delimiter
    return ""


def _csv(path: Path, names: Names, to: Path | None) -> bool:
    raw = path.read_bytes()
    coding = "utf-8-sig" if raw.startswith(b"\xef\xbb\xbf") else "utf-8"
    try:
        text = raw.decode(coding)
    except UnicodeDecodeError:
        coding = "cp1252"
        text = raw.decode(coding)
    first_line = text.partition("\n")[0]
    delimiter, line_end = delimiter_of(first_line), "\r\n" if first_line.endswith("\r") else "\n"
    header, *rows = list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter))
    places = [place for place, name in enumerate(header) if name.strip() in ID_COLUMNS]
    kept = [row for row in rows if not any(undefused(row[place]) in names for place in places if place < len(row))]
    if to is not None and len(kept) < len(rows):
        with to.open("w", encoding=coding, newline="") as stream:
            csv.writer(stream, delimiter=delimiter, lineterminator=line_end).writerows([header, *kept])
    return len(kept) < len(rows)


def _parquet(path: Path, names: Names, to: Path | None) -> bool:
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    with pq.ParquetFile(path) as file:
        columns = [name for name in ID_COLUMNS if name in file.schema_arrow.names]
        ids, gone = file.read(columns=columns), pa.array(sorted(names), pa.string())
        masks = [pc.is_in(ids[name].cast(pa.string()), value_set=gone) for name in columns]
        if not any(pc.any(mask).as_py() for mask in masks):
            return False
        if to is not None:
            table = file.read()
            for mask in masks:
                table = table.append_column("", mask)
            kept = table.filter(pc.invert(_either(table, len(masks))))
            write_parquet(to, kept.select(list(range(kept.num_columns - len(masks)))))
    return True


def _either(table: Any, masks: int) -> Any:
    import pyarrow.compute as pc

    last = table.num_columns - 1
    mask = table.column(last)
    for place in range(last - masks + 1, last):
        mask = pc.or_(mask, table.column(place))
    return mask


def _json(path: Path, names: Names, to: Path | None) -> bool:
    content = json.loads(path.read_bytes())
    kept = pruned(content, names)
    if to is not None and kept != content:
        text = json.dumps(kept, indent=2, sort_keys=True, ensure_ascii=False)
        to.write_text(text + "\n", encoding="utf-8")
    return bool(kept != content)


def _jsonl(path: Path, names: Names, to: Path | None) -> bool:
    lines = path.read_bytes().splitlines(keepends=True)
    kept = [line for line in lines if not line.strip() or not _is_about(json.loads(line), names)]
    if to is not None and len(kept) < len(lines):
        to.write_bytes(b"".join(kept))
    return len(kept) < len(lines)


def _page(path: Path, names: Names, to: Path | None) -> bool:
    from pipelines.rendering.page.data import without_customers

    page = without_customers(path.read_text(encoding="utf-8"), names)
    if to is not None and page is not None:
        to.write_text(page, encoding="utf-8", newline="\n")
    return page is not None


def _workbook(path: Path, names: Names, to: Path | None) -> bool:
    from pipelines.rendering.workbook_again import without_customers

    return without_customers(path, names, to)


def _sqlite(path: Path, names: Names, to: Path | None) -> bool:
    with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as con:
        found = any(con.execute(f"select 1 {rows} limit 1", sorted(names)).fetchone() for rows in _rows_of(con, names))
        if to is None or not found:
            return found
        with closing(sqlite3.connect(to)) as other:
            con.backup(other)
            other.execute("pragma secure_delete = on")
            for rows in _rows_of(con, names):
                other.execute(f"delete {rows}", sorted(names))
            other.commit()
            other.execute("vacuum")
    return True


def _rows_of(con: sqlite3.Connection, names: Names) -> list[str]:
    """`from TABLE where COLUMN in (...)` of every column of ids."""
    tables = [name for (name,) in con.execute("select name from sqlite_master where type = 'table'")]
    marks = ", ".join("?" * len(names))
    return [
        f"from {quoted(table)} where cast({quoted(column)} as text) in ({marks})"
        for table in tables
        for _, column, *_ in con.execute(f"pragma table_info({quoted(table)})")
        if column in ID_COLUMNS
    ]


_KINDS: dict[str, Callable[[Path, Names, Path | None], bool]] = {
    "csv": _csv,
    "parquet": _parquet,
    "json": _json,
    "jsonl": _jsonl,
    "page": _page,
    "workbook": _workbook,
    "sqlite": _sqlite,
}
