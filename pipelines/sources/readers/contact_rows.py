"""Loads rows of a contacts table into DuckDB under our columns, and checks them.

No message repeats the content of a row: a misplaced column may hold anything. Rows are named by their lines.
"""

# Queries are put together from our own column names; whatever comes from outside is quoted by runtime.sql.text.
# ruff: noqa: S608

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import duckdb

from pipelines.runtime.errors import ChurnError
from pipelines.runtime.sql import quoted, text
from pipelines.settings.campaign.contacts import ContactDatabase, ContactFiles, channels_of, is_consent
from pipelines.sources.access.database import connected
from pipelines.sources.access.headers import LocatedFile, local_copy, locate
from pipelines.sources.access.scan import broken_rows, lines_of, scan
from pipelines.sources.expressions.cell import cell
from pipelines.sources.expressions.convert import as_text, as_yes_no
from pipelines.sources.expressions.types import Shape
from pipelines.sources.quarantine import Reason
from pipelines.sources.readers.mapping_checks import contact_columns

SECTION = "contacts"
CHANNEL_SYNONYMS = {"e-mail": "email", "mobile": "phone", "telephone": "phone", "text": "sms", "letter": "post"}


def load_rows(con: Any, setting: ContactFiles | ContactDatabase) -> list[str]:
    """Load the tables `contact_rows_0`, `contact_rows_1`, ..., one per file; gives what is wrong with their rows.

    Columns: ours, as the table has them, and `record`, the row's number. Text is trimmed, null where there is none.
    """
    faults: list[str] = []
    if isinstance(setting, ContactDatabase):
        with fetched_rows(con, setting) as (shape, rows):
            return _load_table(con, setting, shape, rows, 0)
    for part, one in enumerate(locate(setting, SECTION)[0]):
        with local_copy(one) as (file, _):
            try:
                faults += _load_table(con, setting, file, scan(file), part)
            except (duckdb.Error, OSError):  # DuckDB repeats the row that it stumbled over
                faults.append(f"{file.name}: cannot be read to its end. Mend it or export it again. ({SECTION}.path)")
    return faults


@contextmanager
def fetched_rows(con: Any, setting: ContactDatabase) -> Iterator[tuple[Shape, str]]:
    """A database's table: its shape, and SQL of its rows as `record` and `c0`, `c1`, ..., good inside the block."""
    with connected(setting, SECTION) as database:
        shape = database.shape()
        with database.rows(shape, list(shape.columns), "") as reader:
            con.register("fetched", reader)
            named = ", ".join(f"{quoted(name)} as c{i}" for i, name in enumerate(shape.columns))
            try:
                yield shape, f"select row_number() over () as record, {named} from fetched"
            except (duckdb.Error, OSError, database.error()):  # what they say may repeat a row
                raise ChurnError(
                    f"{SECTION}: reading {shape.name} broke off. Try again, or look at the table."
                ) from None
            finally:
                con.unregister("fetched")


def _load_table(con: Any, setting: ContactFiles | ContactDatabase, shape: Shape, rows: str, part: int) -> list[str]:
    cells = {ours: cell(theirs, shape) for ours, theirs in contact_columns(setting, shape).items()}
    written = {ours: as_text(one.sql, one.kind) for ours, one in cells.items()}
    columns = [f"{_as_ours(ours, sql)} as {quoted(ours)}" for ours, sql in written.items()]
    had = {ours: quoted(f"has {ours}") for ours in written if _is_judged(ours)}
    shown = ", ".join([*columns, *(f"{written[ours]} is not null as {name}" for ours, name in had.items())])
    con.execute(f"create temp table contact_rows_{part} as select record, {shown} from ({rows})")
    faults = _row_faults(con, f"contact_rows_{part}", shape, list(written))
    for name in had.values():
        con.execute(f"alter table contact_rows_{part} drop column {name}")
    return faults


def _is_judged(ours: str) -> bool:
    return ours in ("do_not_contact", "preferred_channel") or is_consent(ours)


def _as_ours(ours: str, written: str) -> str:
    """SQL of what a cell says; null where it says nothing, or nothing that we know."""
    small = f"lower({written})"
    if ours == "preferred_channel":
        renamed = " ".join(f"when {text(theirs)} then {text(one)}" for theirs, one in CHANNEL_SYNONYMS.items())
        return f"case {small} {renamed} else {small} end"
    if _is_judged(ours):
        return as_yes_no(written)
    return written


def _row_faults(con: Any, table: str, shape: Shape, ours: list[str]) -> list[str]:
    """Every row that cannot be used, by what is wrong and where."""
    file = shape if isinstance(shape, LocatedFile) else None
    broken = broken_rows(con, file) if file else []
    read = con.execute(f"select count(*) from {table}").fetchall()[0][0]
    rows = read + len(broken)
    faults = [
        Reason(shape.name, rows, fault, field, 1, [line], None).sentence(SECTION) for line, fault, field, _ in broken
    ]
    for field, (condition, sentence) in _judged(table, ours).items():
        bad = [
            one for (one,) in con.execute(f"select record from {table} where {condition} order by record").fetchall()
        ]
        lines = lines_of(file, bad, read, broken) if file else {one: one for one in bad}
        if bad:
            places = _places([lines[one] for one in bad], "line" if file and (file.delimiter or file.form) else "row")
            faults.append(f"{shape.name}: {len(bad):,} of {rows:,} rows {sentence.format(field=field, places=places)}")
    return faults


def _judged(table: str, ours: list[str]) -> dict[str, tuple[str, str]]:
    """By field: SQL of the rows in which it is wrong, and what to say of them."""
    mend = f"Mend them, or map them with an expression in {SECTION}.columns.{{field}}."
    again = f"customer_id in (select customer_id from {table} group by all having count(*) > 1)"
    no_id = ("customer_id is null", f"without a customer_id ({{places}}). Drop or map them in {SECTION}.")
    rules = {"customer_id": no_id, "repeated customer_id": (again, _REPEATED)}
    for one in filter(_is_judged, ours):
        channels = channels_of(ours)
        words, allowed = f"{quoted(one)} is null", _YES_OR_NO
        if one == "preferred_channel":
            words = f"coalesce({quoted(one)} not in ({', '.join(map(text, channels))}), true)"
            allowed = f"with a {{field}} that is no channel ({{places}}). Allowed: {', '.join(channels)}, or nothing. "
        rules[one] = (f"{quoted('has ' + one)} and {words}", allowed + mend)
    return rules


_REPEATED = "with a customer_id that stands on another row too ({places}). Keep one row per customer."
_YES_OR_NO = (
    "with a {field} that is neither yes nor no ({places}). Allowed: yes, no, true, false, 1, 0, or nothing for "
    "unknown. "
)


def _places(lines: list[int], unit: str) -> str:
    shown = ", ".join(map(str, lines[:5])) + (", ..." if len(lines) > 5 else "")
    return f"{unit}{'s' if len(lines) > 1 else ''} {shown}"
