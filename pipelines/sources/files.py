"""The readers `csv` and `parquet`: a file, folder or glob and a mapping -> activities.

Ids stay text with their leading zeros. Times with an offset keep it, others are local to the source's timezone. A row
that cannot be read is put aside with its line and reason.
"""

# Queries are put together from our own column names; whatever comes from outside is quoted by stream.text.
# ruff: noqa: S608

from __future__ import annotations

import re
from typing import Any

from pipelines.params import Settings
from pipelines.source_settings import Files
from pipelines.sources.arrival import arrive, bad_rows, local_time
from pipelines.sources.lines import line_at, line_of
from pipelines.sources.located import Located, files_of, locate
from pipelines.sources.mapping import activity_faults
from pipelines.sources.reader import Reader
from pipelines.sources.rows import Context, query
from pipelines.sources.stream import column, text

_BROKEN = {
    "MISSING COLUMNS": "too few columns",
    "TOO MANY COLUMNS": "too many columns",
    "INVALID ENCODING": "not UTF-8",
    "UNQUOTED VALUE": "a quote that is not closed",
    "LINE SIZE OVER MAXIMUM": "a line of more than 2 MB",
}


def _faults(name: str, setting: Files, _settings: Settings) -> list[str]:
    located, faults = locate(setting, f"sources.{name}")
    return faults + activity_faults(name, setting, located)


def _read(con: Any, name: str, setting: Files, settings: Settings) -> None:
    located, _ = locate(setting, f"sources.{name}")
    context = Context.of(name, settings)
    for file in located:
        _read_file(con, setting, file, context)


def _read_file(con: Any, setting: Files, file: Located, context: Context) -> None:
    with local_time(con, setting, context):
        con.execute(f"create or replace temp table arriving as {query(setting, file, scan(file), context)}")
    broken = broken_rows(con, file)
    bad = bad_rows(con)
    if bad:
        rows = con.execute(f"select count(*) from ({scan(file)})").fetchall()[0][0]
        if file.delimiter:
            con.execute("drop table reject_errors; drop table reject_scans")
        lines = lines_of(file, [record for record, *_ in bad], rows, {line for line, *_ in broken})
        bad = [(lines[record], fault, field, found) for record, fault, field, found in bad]
    arrive(con, context.name, file.name, broken + bad, len(broken))


def lines_of(file: Located, records: list[int], rows: int, rejected: set[int]) -> dict[int, int]:
    """Where records stand: their lines in a CSV, the records themselves in Parquet, counted from 1."""
    if not file.delimiter:
        return {record: record for record in records}
    return line_of(file, records, rows, rejected) if records else {}


def broken_rows(con: Any, file: Located) -> list[tuple[int, str, str, None]]:
    """Rows that are no rows: line, fault, what is broken."""
    if not file.delimiter:
        return []
    found = con.execute(
        "select line_byte_position, any_value(error_type::varchar) from reject_errors group by all order by all"
    ).fetchall()
    con.execute("drop table reject_errors; drop table reject_scans")
    lines = line_at(file.path, (position - 1 for position, _ in found))  # DuckDB counts from 1
    return [(lines[position - 1], "broken", _BROKEN.get(error, error.lower()), None) for position, error in found]


def scan(file: Located) -> str:
    """SQL of a file's rows: every column under its place (`c0`, `c1`, ...), and which record it is, from 1."""
    path = text(re.sub(r"([\[*?])", r"[\1]", file.path.as_posix()))
    if not file.delimiter:
        named = ", ".join(
            f"{column(name)} as c{i}" for i, name in enumerate(file.columns) if file.columns.count(name) == 1
        )
        return (
            f"select file_row_number + 1 as record, {named} "
            f"from read_parquet({path}, file_row_number = true, hive_partitioning = false)"
        )
    columns = ", ".join(f"'c{i}': 'VARCHAR'" for i in range(len(file.columns)))
    return (
        f"select row_number() over () as record, * from read_csv({path}, auto_detect = false, header = true, "
        f"delim = {text(file.delimiter)}, quote = '\"', escape = '\"', columns = {{{columns}}}, store_rejects = true, "
        "hive_partitioning = false)"
    )


READER = Reader(faults=_faults, files=files_of, read=_read)
