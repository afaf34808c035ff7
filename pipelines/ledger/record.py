"""The record beside the ledger: a text from which, with the published copies, a lost ledger is rebuilt.

`data/ledger/record.jsonl` holds every row of the tables that no copy of a list holds: publications, digests of their
files, sinks that are due, deliveries, reports and feedback. It is appended to after each transaction; a line with
`until` ends what was appended and names the last row of each table. An end that was not written in full is no such
line, and then the whole is written again. Who is on which list stands in the copies themselves.

The record is also how a ledger that is empty, gone or older than it was is noticed: see `require_present` and
`require_current`, which whoever opens the ledger calls first.
"""

# Queries are put together from our own names.
# ruff: noqa: S608

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from pipelines.ledger import chain
from pipelines.ledger.version import version_of
from pipelines.runtime import closed
from pipelines.runtime.errors import ChurnError
from pipelines.runtime.files import atomic_file

NAME = "record.jsonl"
COPIES = "published"
RECORDED = ("publication", "kept", "due", "delivery", "report", "feedback")
NEVER_FEWER = ("publication", "due", "delivery", "report")  # not even when somebody is forgotten
WAY_OUT = (
    "`churn restore-ledger` rebuilds it from the published copies and the record beside it; or put your backup of "
    "data/ledger back."
)
_TAIL_BYTES = 4096


def file_of(ledger: Path) -> Path:
    """The record of a ledger."""
    return ledger.with_name(NAME)


def copies_of(ledger: Path) -> list[Path]:
    """The folders of published copies beside a ledger, by name."""
    folder = ledger.with_name(COPIES)
    found = folder.iterdir() if folder.is_dir() else ()
    return sorted(path for path in found if path.is_dir() and not path.name.startswith("."))


def set_aside(ledger: Path) -> list[Path]:
    """Former ledgers that were kept under other names; they know whoever was forgotten since."""
    return sorted(path for path in ledger.parent.glob(f"{ledger.name}.*") if path.is_file())


def require_present(ledger: Path) -> None:
    """The ledger is there, or nothing was ever published.

    Raises:
        ChurnError: it is gone or empty, while copies of published lists are here.
    """
    if (ledger.is_file() and ledger.stat().st_size) or not (copies_of(ledger) or file_of(ledger).is_file()):
        return
    raise lost(ledger, "is empty" if ledger.is_file() else "is gone")


def lost(ledger: Path, how: str) -> ChurnError:
    """The error of a ledger that does not know what was published."""
    number = len(copies_of(ledger))
    lists = f"{number:,} published list{'' if number == 1 else 's'}"
    return ChurnError(
        f"{ledger}: {how}, but {ledger.with_name(COPIES)} holds {lists}. Nothing was done: what was published would be "
        f"published and delivered again. {WAY_OUT}"
    )


def require_current(con: sqlite3.Connection, ledger: Path) -> None:
    """The ledger holds at least what the record says.

    Raises:
        ChurnError: it has fewer rows: an older one was put back, or it was begun anew.
    """
    until = _until(file_of(ledger)) or {}
    here = {table: _last(con, table) for table in NEVER_FEWER}
    behind = [table for table in NEVER_FEWER if until.get(table, 0) > here[table]]
    fewer = [f"{table} {here[table]:,} of {until[table]:,}" for table in behind]
    if fewer:
        raise lost(ledger, f"is older than its record ({', '.join(fewer)})")
    if version_of(con) > 1 and _head(file_of(ledger)):
        _require_chained(con, ledger, *_head(file_of(ledger)))


def _require_chained(con: sqlite3.Connection, ledger: Path, number: int, head: str) -> None:
    """The chain is the one that the record followed, and what was added since fits it."""
    if chain.head_of(con, number)[1] != head:
        raise lost(ledger, f"is not the ledger that its record followed (link {number:,} of its chain is another)")
    wrong = chain.faults(con, number)
    if wrong:
        raise lost(ledger, f"was changed since its record was written ({'; '.join(wrong[:3])})")


def follow(con: sqlite3.Connection, ledger: Path) -> None:
    """Append what was committed since; what the disk does not take now is appended the next time."""
    until = _until(file_of(ledger))
    with suppress(OSError):
        if until is None:
            rewrite(con, ledger)
            return
        lines = list(_lines(con, until))
        if len(lines) > 1:
            _append(file_of(ledger), "".join(lines))


def rewrite(con: sqlite3.Connection, ledger: Path) -> None:
    """Write the record anew from the ledger, as erasure needs it."""
    with atomic_file(file_of(ledger)) as partial:
        _append(partial, "".join(_lines(con, dict.fromkeys(RECORDED, 0))))


def rows_of(ledger: Path) -> dict[str, list[dict[str, Any]]]:
    """The recorded rows by table, with their `rowid`, in the order of the ledger; a torn end is left out."""
    found: dict[str, dict[int, dict[str, Any]]] = {table: {} for table in RECORDED}
    file = file_of(ledger)
    for line in file.read_bytes().splitlines() if file.is_file() else ():
        content = _parsed(line)
        if content is not None and content.get("table") in found:
            found[content["table"]][content["rowid"]] = {"rowid": content["rowid"], **content["row"]}
    return {table: [rows[one] for one in sorted(rows)] for table, rows in found.items()}


def rows_in(con: sqlite3.Connection, table: str, after: int = 0) -> list[dict[str, Any]]:
    """The rows of a table of the ledger, as `rows_of` gives them; those after a row."""
    found = con.execute(f"select rowid as rowid, * from {table} where rowid > ? order by rowid", [after])
    names = ["rowid", *(column[0] for column in found.description[1:])]
    return [dict(zip(names, values, strict=True)) for values in found]


def _lines(con: sqlite3.Connection, until: Mapping[str, int]) -> Iterator[str]:
    """A line per row after those of `until`, then the line that ends them."""
    for table in RECORDED:
        for row in rows_in(con, table, until.get(table, 0)):
            rowid = row.pop("rowid")
            yield json.dumps({"table": table, "rowid": rowid, "row": row}, ensure_ascii=False) + "\n"
    end = {"until": {table: _last(con, table) for table in RECORDED}}
    yield json.dumps({**end, "head": chain.head_of(con)} if version_of(con) > 1 else end) + "\n"


def _last(con: sqlite3.Connection, table: str) -> int:
    return int(con.execute(f"select coalesce(max(rowid), 0) from {table}").fetchone()[0])


def _until(file: Path) -> dict[str, int] | None:
    """What the record reaches to; None where there is none, or its end was not written in full."""
    until: dict[str, int] | None = _end(file).get("until")
    return until


def _head(file: Path) -> list[Any]:
    """Number and head of the last link that the record followed; empty where it says none."""
    return list(_end(file).get("head") or [])


def _end(file: Path) -> dict[str, Any]:
    """The line that ends the record; empty where there is none, or it was not written in full."""
    if not file.is_file():
        return {}
    with file.open("rb") as stream:
        stream.seek(max(0, file.stat().st_size - _TAIL_BYTES))
        tail = stream.read()
    return (_parsed(tail.splitlines()[-1]) or {}) if tail.endswith(b"\n") else {}


def _parsed(line: bytes) -> dict[str, Any] | None:
    try:
        content = json.loads(line)
    except ValueError:
        return None
    return content if isinstance(content, dict) else None


def _append(file: Path, text: str) -> None:
    to = os.open(file, os.O_WRONLY | os.O_APPEND | os.O_CREAT, closed.mode())
    try:
        with os.fdopen(to, "wb", closefd=False) as stream:
            stream.write(text.encode())
        os.fsync(to)
    finally:
        os.close(to)
