"""Writing the ledger: append-only, one transaction at a time, so that a killed process leaves it consistent.

Whoever is killed between two steps leaves the ledger as it was before the transaction or as it is after it. What the
tables mean stands in `read.py`. Only `erasure/ledger_rows.py` takes rows away: those of a customer who asked to be
forgotten.
"""

# Queries are put together from our own names; whatever comes from outside is bound as a parameter.
# ruff: noqa: S608

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from pipelines.ledger import chain, record
from pipelines.ledger.assignment import Draws, assign
from pipelines.ledger.migration import keep_former, migrate
from pipelines.ledger.read import ENTRY, FEEDBACK, FILE, has_tables, in_use, opened
from pipelines.ledger.tables import HELD_BACK, REPLACED, WRITTEN, make
from pipelines.ledger.version import VERSION, require_not_newer, stamp, version_of
from pipelines.runtime import closed
from pipelines.runtime.sql import quoted


@contextmanager
def writing(path: Path = FILE) -> Iterator[sqlite3.Connection]:
    """One transaction on the ledger, which is made if need be: all that the block does, or nothing; then the record.

    Raises:
        ChurnError: the ledger is gone, empty, damaged, or older than what was published.
    """
    record.require_present(path)
    with connected(path) as con:
        _bring_up_to_date(con, path)
        with transaction(con):
            if not has_tables(con, path):
                make(con)
                stamp(con)
            record.require_current(con, path)
            before = chain.ends(con)
            yield con
            chain.extend(con, before)
        record.follow(con, path)


def _bring_up_to_date(con: sqlite3.Connection, path: Path) -> None:
    if not has_tables(con, path):
        return
    require_not_newer(con, path)
    if version_of(con) < VERSION:
        record.require_current(con, path)
        keep_former(con, path)
        with transaction(con):
            migrate(con, path)


def begin(path: Path = FILE) -> None:
    """A ledger, empty where there is none. Copies of lists come after it: copies without a ledger mean it was lost."""
    with writing(path):
        pass


@contextmanager
def connected(path: Path) -> Iterator[sqlite3.Connection]:
    """A connection to write by, outside any transaction; the file is made if need be, for its owner alone."""
    closed.folder(path.parent)
    closed.touch(path)
    con = sqlite3.connect(path, isolation_level=None, timeout=60)
    with in_use(con, path):
        for pragma in ("journal_mode = delete", "synchronous = full", "foreign_keys = on", "secure_delete = on"):
            con.execute(f"pragma {pragma}")
        yield con


@contextmanager
def transaction(con: sqlite3.Connection) -> Iterator[None]:
    """All that the block does, or nothing."""
    con.execute("begin immediate")
    try:
        yield
    except BaseException:
        con.execute("rollback")
        raise
    con.execute("commit")


@dataclass(frozen=True)
class Published:
    """A publication as the ledger has it. `number` is 0 before it is written."""

    as_of: str
    list_id: str
    content: str  # digest of what was decided: who is listed, held out and held back
    campaign: str
    definition: str | None = None
    model_version: str | None = None
    revision: int = 1
    replaces: str | None = None
    published_at: str | None = None
    number: int = 0


PUBLISHED = tuple(Published.__dataclass_fields__)
"""Columns of a publication."""


@dataclass(frozen=True)
class Content:
    """What a publication holds: `entries` (columns ENTRY), `held_back` (columns HELD_BACK), its files by digest.

    `share`: of the new customers that are held out, as the manifest says; None where it does not. `draws`: of
    everybody listed or not drawn, where the list's last places were drawn by lot; else None.
    """

    entries: pd.DataFrame
    held_back: pd.DataFrame
    files: Mapping[str, str]
    sinks: Sequence[str] = field(default_factory=tuple)
    share: float | None = None
    draws: Draws | None = None


def publications(path: Path = FILE, as_of: str | None = None) -> list[Published]:
    """Every publication, or those of one day; the oldest first."""
    where, values = ("where as_of = ?", [as_of]) if as_of else ("", [])
    with opened(path) as con:
        if con is None:
            return []
        found = con.execute(f"select {', '.join(PUBLISHED)} from publication {where} order by number", values)
        return [Published(*row) for row in found]


def publish(con: sqlite3.Connection, published: Published, content: Content) -> int:
    """Append a publication with all its rows; `published.number` is given by the ledger and returned."""
    names = [name for name in PUBLISHED if name != "number"]
    marks = ", ".join("?" * len(names))
    values = [getattr(published, name) for name in names]
    done = con.execute(f"insert into publication ({', '.join(names)}) values ({marks})", values)
    number = int(done.lastrowid or 0)
    decided(con, number, content)
    con.executemany("insert into kept values (?, ?, ?)", [(number, *one) for one in sorted(content.files.items())])
    add_due(con, number, content.sinks)
    return number


def decided(con: sqlite3.Connection, number: int, content: Content) -> None:
    """Append whom a publication lists, holds out and holds back, and by which chance."""
    for table, columns, rows in (("entry", ENTRY, content.entries), ("held_back", HELD_BACK, content.held_back)):
        named = ", ".join(map(quoted, columns))
        con.executemany(
            f"insert into {table} (publication, {named}) values (?, {', '.join('?' * len(columns))})",
            [(number, *map(sqlite_value, row)) for row in rows[list(columns)].itertuples(index=False, name=None)],
        )
    assign(con, number, content.share, content.draws)


def sqlite_value(value: Any) -> Any:
    """What SQLite takes; missing values as null."""
    if value is None or value is pd.NA or value != value:  # noqa: PLR0124 - NaN
        return None
    return value.item() if hasattr(value, "item") else value


def add_due(con: sqlite3.Connection, number: int, sinks: Sequence[str]) -> None:
    """Mark a publication as due at these sinks."""
    con.executemany("insert or ignore into due values (?, ?)", [(number, sink) for sink in sinks])


def add_report(con: sqlite3.Connection, digest: str, rows: Sequence[Sequence[Any]], count: int) -> int:
    """Append what a file of the team says: rows in the order of FEEDBACK, `occurred_at` in microseconds UTC.

    Returns:
        How many of them were not in the ledger yet.
    """
    con.execute("insert into report values (?, ?)", [digest, count])
    before = con.total_changes
    marks = ", ".join("?" * (1 + len(FEEDBACK)))
    con.executemany(
        f"insert or ignore into feedback (report, {', '.join(FEEDBACK)}) values ({marks})",
        [(digest, *row) for row in rows],
    )
    return con.total_changes - before


@dataclass(frozen=True)
class PendingDelivery:
    """A publication that a sink has not got.

    `tries`: how often it failed; `last`: what was said then (None: never tried); `current`: whether it still counts.
    """

    published: Published
    sink: str
    tries: int
    last: str | None
    current: bool


_PENDING = f"""
select {", ".join(f"publication.{name}" for name in PUBLISHED)}, due.sink,
    (select count(*) from delivery where publication = number_of and delivery.sink = due.sink),
    (select said from delivery where publication = number_of and delivery.sink = due.sink order by number desc limit 1),
    revision = (select max(revision) from publication as other where other.as_of = publication.as_of)
from (select *, publication as number_of from due) as due join publication on publication.number = due.publication
where not exists (
    select 1 from delivery where delivery.publication = number_of and delivery.sink = due.sink
    and outcome in ('{WRITTEN}', '{REPLACED}')
)
order by publication.number, due.sink
"""


def pending_deliveries(path: Path = FILE) -> list[PendingDelivery]:
    """What is still to be delivered, the oldest publication first."""
    with opened(path) as con:
        rows = con.execute(_PENDING).fetchall() if con else []
    wide = len(PUBLISHED)
    return [
        PendingDelivery(Published(*row[:wide]), row[wide], row[wide + 1], row[wide + 2], bool(row[wide + 3]))
        for row in rows
    ]


def record_attempt(number: int, sink: str, outcome: str, said: str, path: Path = FILE) -> None:
    """Append how an attempt ended: WRITTEN, FAILED, or REPLACED by a revision before it could be written."""
    with writing(path) as con:
        row = (number, sink, outcome, said)
        con.execute("insert into delivery (publication, sink, outcome, said) values (?, ?, ?, ?)", row)


def completed_deliveries(path: Path = FILE) -> list[tuple[Published, str]]:
    """What was delivered and still counts: of every day the last revision, and the sinks that have it."""
    latest = {one.as_of: one for one in publications(path)}
    with opened(path) as con:
        if con is None:
            return []
        rows = con.execute("select distinct publication, sink from delivery where outcome = ? order by 1, 2", [WRITTEN])
        found = {(number, sink) for number, sink in rows}
    return [(one, sink) for one in latest.values() for number, sink in sorted(found) if number == one.number]


def archived_files(number: int, path: Path = FILE) -> dict[str, str]:
    """The files of a publication's immutable copy, by digest."""
    with opened(path) as con:
        return dict(con.execute("select name, digest from kept where publication = ?", [number])) if con else {}


def customers(path: Path = FILE) -> set[str]:
    """Everybody whom the ledger knows."""
    with opened(path) as con:
        if con is None:
            return set()
        tables = ("entry", "held_back", "feedback")
        return {one for table in tables for (one,) in con.execute(f"select distinct customer_id from {table}")}


def content_digest(entries: Sequence[Sequence[Any]], held_back: Sequence[Sequence[Any]]) -> str:
    """SHA-256 of what was decided: who is listed, held out and held back, in any order; not how it is written."""
    sha = hashlib.sha256()
    for rows in (entries, held_back):
        for line in sorted(json.dumps(row, ensure_ascii=False) for row in rows):
            sha.update(line.encode() + b"\n")
        sha.update(b"\n")
    return sha.hexdigest()


def content_of(con: sqlite3.Connection, number: int) -> str:
    """What `content` says of a publication, from the rows that the ledger holds of it."""

    def rows(table: str, columns: Sequence[str]) -> list[tuple[Any, ...]]:
        named = ", ".join(map(quoted, columns))
        return con.execute(f"select {named} from {table} where publication = ?", [number]).fetchall()

    return content_digest(rows("entry", ENTRY), rows("held_back", HELD_BACK))
