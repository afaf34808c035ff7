"""`churn restore-ledger`: a ledger that was lost, from the published copies and the record beside it.

Who was listed, held out and held back is read from the copies, each compared with its digests; everything else from
the record (ledger/record.py), rows and numbers as they were; the chain is made anew. Copies of version 0.1 have no
record: then the days, revisions, campaigns and files are those of the copies, every sink of params.yaml counts as
having got them (nothing is delivered twice), and feedback has to be sent again. The new ledger takes the old one's
place in one step.
"""

# Queries are put together from our own names; whatever comes from outside is bound as a parameter.
# ruff: noqa: S608

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pipelines.ledger import chain, record, write
from pipelines.ledger.read import FILE, opened
from pipelines.ledger.tables import WRITTEN, make
from pipelines.ledger.version import stamp
from pipelines.ledger.write import Content, Published
from pipelines.publishing.archive import folder_of
from pipelines.publishing.draft import file_faults, read_draft
from pipelines.runtime.errors import ChurnError
from pipelines.runtime.files import digest_of, read_json
from pipelines.settings.artifacts import MANIFEST

Say = Callable[[str], None]
Rows = Mapping[str, Sequence[Mapping[str, Any]]]
TAKEN = "taken for written when the ledger was rebuilt"
_MADE_AGAIN = " Make the list again: `churn run`."


@dataclass(frozen=True)
class Copy:
    """A published copy, as the ledger is to have it."""

    published: Published
    content: Content


def restore_ledger(sinks: Iterable[str], say: Say = print) -> None:
    """Rebuild the ledger where it is gone, empty, damaged or older than its record; nothing where it is whole.

    Args:
        sinks: of params.yaml, for copies that have no record.
        say: gets what was done.

    Raises:
        ChurnError: nothing was ever published, or a copy is missing or is not what was published. Nothing was changed.
    """
    why = _why()
    if why is None:
        say(f"{FILE}: the ledger is here and whole; nothing was done.")
        return
    rows = record.rows_of(FILE)
    copies = _copies(rows)
    partial = FILE.with_name(f".{FILE.name}.partial")
    _remove(partial)
    with write.connected(partial) as con:
        with write.transaction(con):
            make(con)
            stamp(con)
            _fill(con, rows, copies, sorted(sinks))
            chain.extend(con, dict.fromkeys(chain.KEYS, 0))
        record.rewrite(con, FILE)  # the same rows; the chain is a new one
    aside = _put_aside()
    partial.replace(FILE)
    write.begin()
    for line in _report(rows, copies, why, aside):
        say(line)


def _why() -> str | None:
    """Why the ledger is to be rebuilt, in the words of whoever opens it; None where it is whole."""
    if not (record.copies_of(FILE) or record.file_of(FILE).is_file()):
        raise ChurnError(
            f"{FILE.parent}: holds no published list, so there is no ledger to rebuild. See churn publish."
        )
    try:
        with opened() as con:
            if con is not None and con.execute("pragma integrity_check").fetchall() == [("ok",)]:
                return None
    except ChurnError as error:
        return error.faults[0].partition(". Nothing was")[0]
    return f"{FILE}: the file is damaged"


def _copies(rows: Rows) -> list[Copy]:
    """Every published copy, in the order of the ledger."""
    faults: list[str] = []
    if rows["publication"]:
        known = [Published(**{name: row[name] for name in write.PUBLISHED}) for row in rows["publication"]]
    else:
        known = _derived(faults)
    files: dict[int, dict[str, str]] = {}
    for row in rows["kept"]:
        files.setdefault(row["publication"], {})[row["name"]] = row["digest"]
    found = [copy for one in known if (copy := _read(one, files.get(one.number), faults)) is not None]
    if faults:
        raise ChurnError(
            *faults, "Nothing was changed. Put these published copies back from a backup, then run it again."
        )
    return found


def _derived(faults: list[str]) -> list[Published]:
    """The publications that the folders speak of: days, revisions, what each replaces; numbers in this order."""
    found: list[Published] = []
    for folder in sorted(record.copies_of(FILE), key=_day_and_revision):
        day, revision = _day_and_revision(folder)
        try:
            told = read_draft(folder, day, None, published=True).published
        except ChurnError as error:
            faults += [fault.replace(_MADE_AGAIN, "") for fault in error.faults]
            continue
        before = found[-1].list_id if found and revision > 1 and found[-1].as_of == day else None
        found.append(replace(told, revision=revision, replaces=before, number=len(found) + 1))
    return found


def _day_and_revision(folder: Path) -> tuple[str, int]:
    day, _, revision = folder.name.partition("_r")
    return day, int(revision) if revision.isdigit() else 1


def _read(published: Published, files: Mapping[str, str] | None, faults: list[str]) -> Copy | None:
    """A copy, where it is what was published; else what is wrong with it goes to `faults`."""
    folder = folder_of(published)
    wrong = file_faults(folder, dict(files or {}))
    try:
        draft = read_draft(folder, published.as_of, published.campaign, published=True)
    except ChurnError as error:
        wrong = [*wrong, *(fault for fault in error.faults if fault not in wrong)]
    else:
        if draft.published.content != published.content:
            wrong.append(f"{folder}: lists, holds out or holds back others than those who were published")
    if wrong:
        faults += [fault.replace(_MADE_AGAIN, "") for fault in wrong]
        return None
    told = {**read_json(folder / MANIFEST)["files"], MANIFEST: digest_of(folder / MANIFEST)}
    return Copy(published, replace(draft.content, files=dict(files or told)))


def _fill(con: sqlite3.Connection, rows: Rows, copies: Sequence[Copy], sinks: Sequence[str]) -> None:
    for copy in copies:
        _insert(con, "publication", [vars(copy.published)])
        write.decided(con, copy.published.number, copy.content)
    if rows["publication"]:
        for table in record.RECORDED[1:]:
            _insert(con, table, rows[table])
        return
    for copy in copies:
        number = copy.published.number
        con.executemany(
            "insert into kept values (?, ?, ?)", [(number, *one) for one in sorted(copy.content.files.items())]
        )
        write.add_due(con, number, sinks)
        taken = [(number, sink, WRITTEN, TAKEN) for sink in sinks]
        con.executemany("insert into delivery (publication, sink, outcome, said) values (?, ?, ?, ?)", taken)


def _insert(con: sqlite3.Connection, table: str, rows: Sequence[Mapping[str, Any]]) -> None:
    for row in rows:
        marks = ", ".join("?" * len(row))
        con.execute(f"insert into {table} ({', '.join(row)}) values ({marks})", list(row.values()))


def _put_aside() -> Path | None:
    """What is left of the old ledger, under another name; its journal must not be taken for the new one's."""
    aside = None
    if FILE.is_file() and FILE.stat().st_size:
        aside = FILE.with_name(f"{FILE.name}.replaced")
        FILE.replace(aside)
    for left in ("-journal", "-wal", "-shm"):
        _remove(FILE.with_name(FILE.name + left))
    return aside


def _remove(path: Path) -> None:
    for one in (path, path.with_name(f"{path.name}-journal")):
        one.unlink(missing_ok=True)


def _report(rows: Rows, copies: Sequence[Copy], why: str, aside: Path | None) -> list[str]:
    entries = sum(len(copy.content.entries) for copy in copies)
    lines = [f"{why}.", f"Rebuilt: {len(copies):,} published lists with {entries:,} customers listed or held out."]
    if rows["publication"]:
        feedback, written = len(rows["feedback"]), sum(row["outcome"] == WRITTEN for row in rows["delivery"])
        lines.append(
            f"From the record: {feedback:,} rows of feedback, {written:,} deliveries; nothing is delivered twice."
        )
    else:
        lines.append(
            "There is no record of version 0.1: the sinks of params.yaml count as having got every list, when lists "
            "were published is not known, and feedback has to be sent again (`churn feedback FILE`)."
        )
    unknown = {folder.name for folder in record.copies_of(FILE)} - {folder_of(copy.published).name for copy in copies}
    lines += [f"Left out, because it never came into the ledger: {name}." for name in sorted(unknown)]
    return [*lines, *([f"What was there is kept as {aside}; delete it when you no longer need it."] if aside else [])]
