"""Reading delimited files with DuckDB, broken rows counted and located."""

# Statements are put together from our own parts; names of columns and files are quoted.
# ruff: noqa: S608

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from pipelines.runtime.sql import quoted, text
from pipelines.sources.access.headers import LocatedFile
from pipelines.sources.access.json_files import LINES, no_objects, scan_json
from pipelines.sources.access.line_numbers import line_at, line_of

Bad = tuple[int, str, str, str | None]  # line or row, fault, our column, what is there
OPEN_QUOTE = "a quote that is not closed"
BEHINDOPEN_QUOTE = f"behind {OPEN_QUOTE}"
_BROKEN = {
    "MISSING COLUMNS": "too few columns",
    "TOO MANY COLUMNS": "too many columns",
    "INVALID ENCODING": "not UTF-8",
    "UNQUOTED VALUE": OPEN_QUOTE,
    "LINE SIZE OVER MAXIMUM": "a line of more than 2 MB",
}


def drop_rejects(con: Any, file: LocatedFile) -> None:
    """Forget which rows of a delimited file could not be parsed: every scan of one begins with none."""
    if file.delimiter:
        con.execute("drop table if exists reject_errors; drop table if exists reject_scans")


def lines_of(file: LocatedFile, records: list[int], rows: int, broken: list[Bad]) -> dict[int, int]:
    """Record -> its line in a CSV; in Parquet the record itself, counted from 1."""
    if not file.delimiter and file.form != LINES:
        return {record: record for record in records}
    quotes_closed = all(fault != OPEN_QUOTE for _, _, fault, _ in broken)
    return line_of(file, records, rows, {line for line, *_ in broken}, quoted=quotes_closed) if records else {}


def broken_rows(con: Any, file: LocatedFile) -> list[Bad]:
    """Rows that cannot be parsed: line, fault, what is broken."""
    if file.form:
        records = [record for (record,) in con.execute(no_objects(_plain(file), file.form)).fetchall()]
        lines = lines_of(file, records, 0, [])
        return [(lines[record], "broken", "no JSON object", None) for record in records]
    if not file.delimiter:
        return []
    assert isinstance(file.path, Path)
    rejects = con.execute(
        "select line_byte_position, any_value(error_type::varchar) from reject_errors group by all order by all"
    ).fetchall()
    drop_rejects(con, file)
    lines = line_at(file.path, (position - 1 for position, _ in rejects))  # DuckDB counts from 1
    bad: list[Bad] = [
        (lines[position - 1], "broken", _BROKEN.get(error, error.lower()), None) for position, error in rejects
    ]
    return bad


def _plain(file: LocatedFile) -> str:
    """The path with every letter meaning itself, where DuckDB would take a glob."""
    return re.sub(r"([\[*?])", r"[\1]", file.path.as_posix())


def scan(file: LocatedFile, *, numbered: bool = True) -> str:
    """SQL of a file's rows: every column under its place (`c0`, `c1`, ...), and which record it is, from 1.

    `numbered`: False leaves `record` null, which is much quicker: counting keeps rows in their order.
    """
    path = text(_plain(file))
    if file.form:
        return scan_json(_plain(file), file.form, file.columns)
    if not file.delimiter:
        picked = ", ".join(
            f"{quoted(name)} as c{i}" for i, name in enumerate(file.columns) if file.columns.count(name) == 1
        )
        return (
            f"select {'file_row_number + 1' if numbered else 'null::bigint'} as record, {picked} "
            f"from read_parquet({path}, file_row_number = true, hive_partitioning = false)"
        )
    columns = ", ".join(f"'c{i}': 'VARCHAR'" for i in range(len(file.columns)))
    record = "row_number() over ()" if numbered else "null::bigint"
    return (
        f"select {record} as record, * from read_csv({path}, auto_detect = false, header = true, "
        f"delim = {text(file.delimiter)}, quote = '\"', escape = '\"', columns = {{{columns}}}, store_rejects = true, "
        "hive_partitioning = false)"
    )
