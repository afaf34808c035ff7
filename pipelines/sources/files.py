"""The readers `csv` and `parquet`: a file, folder or glob and a mapping -> activities.

Ids stay text with their leading zeros. Times with an offset keep it, others are local to the source's timezone. A row
without `activity_id` is known by a hash of what is mapped of it (all but `recorded_at`), so that a row delivered twice
counts once. Columns that nothing maps are not read. A row that cannot be read is put aside with its line and reason.
"""

# Queries are put together from our own column names; whatever comes from outside is quoted by stream.text.
# ruff: noqa: S608

from __future__ import annotations

import re
from typing import Any

from pipelines.params import Settings
from pipelines.source_settings import Files
from pipelines.sources.convert import as_number, as_time, as_written
from pipelines.sources.lines import line_at, line_of
from pipelines.sources.located import Located, files_of, locate
from pipelines.sources.mapping import activity_columns, activity_faults
from pipelines.sources.reader import Reader
from pipelines.sources.stream import column, text

# What can be wrong with a row, first things first: the fault, our column, and when. `has_` is what the file has there.
_FAULTS = (
    ("missing", "customer_id", "customer_id is null"),
    ("missing", "occurred_at", "has_occurred_at is null"),
    ("not a time", "occurred_at", "occurred_at is null"),
    ("not a time", "recorded_at", "recorded_at is null and has_recorded_at is not null"),
    ("not a number", "value", "value is null and has_value is not null"),
    ("not a number", "quantity", "quantity is null and has_quantity is not null"),
    ("missing", "activity", "activity is null"),
    ("not an activity", "activity", "not regexp_full_match(activity, '[a-z][a-z0-9_]*')"),
)
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
    zone = setting.timezone or settings.timezone
    con.execute(f"set timezone = {text(zone)}")
    try:
        for file in located:
            _read_file(con, name, setting, file, zone)
    finally:
        con.execute("set timezone = 'UTC'")


def _read_file(con: Any, name: str, setting: Files, file: Located, zone: str) -> None:
    con.execute(f"create or replace temp table arriving as {_query(name, setting, file, zone)}")
    con.execute(
        """
        insert into stream
        select $1, activity_id, customer_id, occurred_at, recorded_at, activity, value, quantity, detail
        from arriving where fault is null
        """,
        [name],
    )
    broken = broken_rows(con, file)
    rows = con.execute("select count(*) from arriving").fetchall()[0][0]
    bad = con.execute(
        "select record, fault, field, found from arriving where fault is not null order by record"
    ).fetchall()
    lines = lines_of(file, [record for record, *_ in bad], rows, {line for line, *_ in broken})
    bad = broken + [(lines[record], fault, field, found) for record, fault, field, found in bad]
    if bad:
        con.executemany("insert into rejected values (?, ?, ?, ?, ?, ?)", [[name, file.name, *one] for one in bad])
    con.execute("insert into delivered values (?, ?, ?)", [name, file.name, rows + len(broken)])
    con.execute("drop table arriving")


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


def _query(name: str, setting: Files, file: Located, zone: str) -> str:
    """SQL of one file's rows in our columns, with `record`, and `fault`, `field`, `found` where a row is bad."""
    mapped = {ours: file.columns.index(theirs) for ours, theirs in activity_columns(setting, file).items()}
    place = {ours: (f"c{i}", file.types[i]) for ours, i in mapped.items()}

    def written(ours: str) -> str:
        return as_written(*place[ours]) if ours in place else "null::varchar"

    def time(ours: str) -> str:
        return as_time(*place[ours], zone, setting.time_format) if ours in place else "null::timestamptz"

    def number(ours: str, unit: float = 1) -> str:
        return as_number(*place[ours], setting.decimal, unit) if ours in place else "null::double"

    read = f"""
        select record, {written("activity_id")} as id, {written("customer_id")} as customer_id,
            {time("occurred_at")} as occurred_at, {written("occurred_at")} as has_occurred_at,
            {time("recorded_at")} as recorded_at, {written("recorded_at")} as has_recorded_at,
            {_activity(setting, written("activity"))} as activity, {written("activity")} as has_activity,
            {number("value", setting.unit)} as value, {written("value")} as has_value,
            {number("quantity")} as quantity, {written("quantity")} as has_quantity, {written("detail")} as detail
        from ({scan(file)})
    """
    turned = f"""
        select record, id, customer_id, occurred_at, recorded_at, {_turned(setting)}, detail,
            {_case("'{fault}'")} as fault, {_case("'{field}'")} as field, {_case("has_{field}")} as found
        from (select *, null as has_customer_id from ({read}))
    """
    return f"select *, {_identity(name, setting)} as activity_id from ({turned})"


def _activity(setting: Files, written: str) -> str:
    """What the row says was done, in our name for it."""
    if setting.activity:
        return text(setting.activity)
    renamed = " ".join(f"when {text(theirs)} then {text(ours)}" for theirs, ours in sorted(setting.activities.items()))
    return f"case {written} {renamed} else {written} end" if renamed else written


def _turned(setting: Files) -> str:
    """Negative rows under their own name and with positive numbers, where params.yaml names them."""
    if not setting.when_negative:
        return "activity, value, quantity, false as negative"
    return f"""
        coalesce(value, quantity) < 0 as negative, if(negative, {text(setting.when_negative)}, activity) as activity,
        if(negative, abs(value), value) as value, if(negative, abs(quantity), quantity) as quantity
    """


def _case(then: str) -> str:
    """The first thing that is wrong with a row; null where nothing is."""
    cases = (f"when {when} then {then.format(fault=fault, field=field)}" for fault, field, when in _FAULTS)
    return f"case {' '.join(cases)} end"


def _identity(name: str, setting: Files) -> str:
    """The row's id, under the source's name unless the file is in our schema already; a hash where it has none.

    A return is often booked under the number of its order: the two stay apart.
    """
    content = ", ".join(
        f"coalesce({one}, '')"
        for one in (
            "customer_id",
            "epoch_us(occurred_at)::varchar",
            "activity",
            "value::varchar",
            "quantity::varchar",
            "detail",
        )
    )
    hashed = f"{text(name + '-')} || md5(concat_ws(chr(31), {content}))"
    own = f"{text(name + '-')} || if(coalesce(negative, false), activity || '-', '') || id" if setting.columns else "id"
    return f"coalesce({own}, {hashed})"


READER = Reader(faults=_faults, files=files_of, read=_read)
