"""The readers `csv`, `json` and `parquet`: a file, folder or glob and a mapping -> activities.

Ids stay text with their leading zeros. Times with an offset keep it, others are local to the source's timezone. A row
that cannot be read is put aside with its line and reason.
"""

# Queries are put together from our own column names; whatever comes from outside is quoted by stream.text.
# ruff: noqa: S608

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import duckdb

from pipelines.params import Settings
from pipelines.problems import Problem
from pipelines.source_settings import Files
from pipelines.sources.arrival import arrive, bad_rows, local_time
from pipelines.sources.json_files import LINES, no_objects, scan_json
from pipelines.sources.lines import line_at, line_of
from pipelines.sources.located import Located, at_hand, digest_at, files_of, locate
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
    located, faults = locate(setting, f"sources.{name}")
    if faults:
        raise Problem(*faults)
    context = Context.of(name, settings)
    for one in located:
        with at_hand(one) as (file, _):
            read_file(con, setting, file, context)


def read_file(con: Any, setting: Files, file: Located, context: Context) -> None:
    """One file on this machine: its activities to `stream`, its bad rows to `rejected`, its count to `delivered`.

    Raises:
        Problem: it cannot be read to its end.
    """
    try:
        with local_time(con, setting, context):
            con.execute(f"create or replace temp table arriving as {query(setting, file, scan(file), context)}")
    except duckdb.Error as error:
        raise Problem(f"{file.name}: cannot be read to its end. {str(error).splitlines()[0]}") from None
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
    if not file.delimiter and file.form != LINES:
        return {record: record for record in records}
    return line_of(file, records, rows, rejected) if records else {}


def broken_rows(con: Any, file: Located) -> list[tuple[int, str, str, None]]:
    """Rows that are no rows: line, fault, what is broken."""
    if file.form:
        records = [record for (record,) in con.execute(no_objects(_plain(file), file.form)).fetchall()]
        lines = lines_of(file, records, 0, set())
        return [(lines[record], "broken", "no JSON object", None) for record in records]
    if not file.delimiter:
        return []
    assert isinstance(file.path, Path)
    found = con.execute(
        "select line_byte_position, any_value(error_type::varchar) from reject_errors group by all order by all"
    ).fetchall()
    con.execute("drop table reject_errors; drop table reject_scans")
    lines = line_at(file.path, (position - 1 for position, _ in found))  # DuckDB counts from 1
    return [(lines[position - 1], "broken", _BROKEN.get(error, error.lower()), None) for position, error in found]


def _plain(file: Located) -> str:
    """The path with every letter meaning itself, where DuckDB would take a glob."""
    return re.sub(r"([\[*?])", r"[\1]", file.path.as_posix())


def scan(file: Located) -> str:
    """SQL of a file's rows: every column under its place (`c0`, `c1`, ...), and which record it is, from 1."""
    path = text(_plain(file))
    if file.form:
        return scan_json(_plain(file), file.form, file.columns)
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


def _versions(setting: Files) -> list[str]:
    return sorted(digest_at(file) for file in files_of(setting))


READER = Reader(faults=_faults, versions=_versions, read=_read)
