"""The customers table, as it was known at a moment: `customers:` of params.yaml, or what a source brings along.

Columns: customer_id, then `joined_at` and `valid_from` where the table has them, then attributes as text. One row per
customer, or per customer and `valid_from`. It must be right as a whole: nothing of it is put aside. Times are read as
those of sources are: a column in the one way that fits all of it.
"""

# Queries are put together from our own column names; whatever comes from outside is quoted by runtime.sql.text.
# ruff: noqa: S608

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pyarrow as pa

from features.activity import CUSTOMER_SCHEMA
from pipelines.runtime.errors import ChurnError
from pipelines.runtime.sql import quoted, text
from pipelines.settings.reading import Reading
from pipelines.settings.sources import Customers
from pipelines.settings.types import zone_of
from pipelines.sources.access.headers import LocatedFile, digest_at, files_of, local_copy, locate
from pipelines.sources.access.scan import broken_rows, drop_rejects, lines_of, scan
from pipelines.sources.conventions.advice import advise_on_times
from pipelines.sources.conventions.decide import decide
from pipelines.sources.conventions.survey import survey_texts, together
from pipelines.sources.expressions.convert import as_text, as_time
from pipelines.sources.expressions.time_text import YEAR_FIRST
from pipelines.sources.quarantine import Reason
from pipelines.sources.readers.mapping_checks import customer_columns, customer_faults

_TIMES = tuple(CUSTOMER_SCHEMA.names[1:])


def faults_of_customers(customers: Customers | None, attributes: list[str]) -> list[str]:
    """What is wrong with `customers:`, found by headers alone; empty where it is not set."""
    if customers is None:
        return []
    located, faults = locate(customers, "customers")
    return faults + customer_faults(customers, located, attributes)


def customer_versions(customers: Customers | None) -> list[str]:
    """What changes when the content of `customers:` does, sorted."""
    return [] if customers is None else sorted(map(digest_at, files_of(customers)))


def read_customers(con: Any, setting: Customers, reading: Reading, moment: int) -> pa.Table:
    """Sorted rows of the customers table that held before `moment` (microseconds, UTC).

    Raises:
        ChurnError: rows without a customer, times that are none, customers on several rows.
    """
    located, _ = locate(setting, "customers")
    faults: list[str] = []
    parts: list[str] = []
    readings = _readings(con, setting, located, reading.attributes)
    con.execute(f"set timezone = {text(zone_of(setting.timezone, '', reading.timezone))}")
    for one in located:
        with local_copy(one) as (file, _):
            columns = customer_columns(setting, file, reading.attributes)
            selected = _query(setting, file, columns, reading.timezone, readings)
            con.execute(f"create or replace temp table customers_{len(parts)} as {selected}")
            faults += _row_faults(con, f"customers_{len(parts)}", file, columns, setting)
        parts.append(f"from customers_{len(parts)}")
    con.execute("set timezone = 'UTC'")
    if faults:
        raise ChurnError(*faults)
    con.execute(f"create or replace temp table customers as {' union all by name '.join(parts)}")
    names = [name for name, *_ in con.execute("describe customers").fetchall() if not name.startswith("has_")]
    _require_one_row_each(con, names, hidden=reading.privacy.pseudonymise)
    held = f"where valid_from is null or valid_from < make_timestamptz({moment})" if "valid_from" in names else ""
    chosen = ", ".join(quoted(name) for name in _ordered(names))
    return con.sql(f"select distinct {chosen} from customers {held} order by all").to_arrow_table()


def _readings(con: Any, setting: Customers, located: Sequence[LocatedFile], attributes: list[str]) -> dict[str, Any]:
    """How the times of each column are read, by what all files hold.

    Raises:
        ChurnError: columns can be read in several ways.
    """
    surveys = []
    for one in located if setting.time_format is None else ():
        columns = customer_columns(setting, one, attributes)
        places = {columns[name]: one.columns.index(columns[name]) for name in _TIMES if name in columns}
        texts = {name: as_text(f"c{i}", "text") for name, i in places.items() if one.types[i] == "text"}
        if texts:
            with local_copy(one) as (file, _):
                surveys.append(survey_texts(con, {"times": texts}, scan(file, numbered=False)))
                drop_rejects(con, file)
    decided = decide(together(surveys), "customers", share=0.0, day_first=setting.day_first, points=True)
    return dict(decided.times)


def _ordered(names: list[str]) -> list[str]:
    first = [name for name in CUSTOMER_SCHEMA.names if name in names]
    return first + [name for name in names if name not in first and name != "record"]


def _query(
    setting: Customers, file: LocatedFile, columns: dict[str, str], project_timezone: str, readings: dict[str, Any]
) -> str:
    selected = ["record"]
    for ours, theirs in columns.items():
        i = file.columns.index(theirs)
        written = as_text(f"c{i}", file.types[i])
        if ours in _TIMES:
            zone, kind = zone_of(setting.timezone, ours, project_timezone), file.types[i]
            reading = readings.get(theirs, YEAR_FIRST)
            instant = as_time(
                f"c{i}", kind, zone, setting.time_format, project_timezone=project_timezone, reading=reading
            )
            selected.append(f"{instant} as {quoted(ours)}")
            selected.append(f"{written} as {quoted('has_' + ours)}")
        else:
            selected.append(f"{written} as {quoted(ours)}")
    return f"select {', '.join(selected)} from ({scan(file)})"


def _row_faults(con: Any, table: str, file: LocatedFile, columns: dict[str, str], setting: Customers) -> list[str]:
    """Every row that cannot be used, by reason and line."""
    broken = broken_rows(con, file)
    read = con.execute(f"select count(*) from {table}").fetchall()[0][0]
    rows = read + len(broken)
    reasons: dict[tuple[str, str], list[tuple[int, str | None]]] = {}
    for line, fault, field, _ in broken:
        reasons.setdefault((fault, field), []).append((line, None))
    for field in ("customer_id", *(name for name in _TIMES if name in columns)):
        missing = field == "customer_id"
        wrong = f"{field} is null" + ("" if missing else f" and has_{field} is not null")
        example = "null" if missing else f"has_{field}"
        bad = con.execute(f"select record, {example} from {table} where {wrong} order by record").fetchall()
        lines = lines_of(file, [record for record, _ in bad], read, broken)
        if bad:
            reasons["missing" if missing else "not a time", field] = [
                (lines[record], example) for record, example in bad
            ]
    return [
        Reason(file.name, rows, fault, field, len(bad), [line for line, _ in bad[:3]], bad[0][1]).sentence(
            "customers", _advice(con, table, field, setting) if fault == "not a time" else ""
        )
        for (fault, field), bad in reasons.items()
    ]


def _advice(con: Any, table: str, field: str, setting: Customers) -> str:
    """The setting that reads the times of a column that could not be read, if there is one."""
    bad = f"{field} is null and has_{field} is not null"
    read = con.execute(f"select count({field}) from {table}").fetchall()[0][0]
    texts = f"select has_{field} as found from {table} where {bad}"
    return advise_on_times(con, texts, setting.time_format, "customers", all_rows=not read)


def _require_one_row_each(con: Any, names: list[str], *, hidden: bool) -> None:
    key = "customer_id, valid_from" if "valid_from" in names else "customer_id"
    columns = ", ".join(quoted(name) for name in names if name != "record")
    several = con.execute(
        f"select customer_id from (select distinct {columns} from customers) group by {key} "
        "having count(*) > 1 order by 1"
    ).fetchall()
    if several:
        shown = ", ".join(row[0] for row in several[:3]) + (", ..." if len(several) > 3 else "")
        named = "" if hidden else f" ({shown})"
        raise ChurnError(
            f"customers: {len(several):,} customers stand on several rows that differ{named}. "
            "Keep one row per customer, or map since when each holds to valid_from."
        )
