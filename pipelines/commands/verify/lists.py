"""The ledger, the record beside it, the copies of published lists, and the drafts with their manifests."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path

from pipelines.commands.verify.check import Check, differing
from pipelines.ledger import chain, record, write
from pipelines.ledger.read import FILE as LEDGER
from pipelines.ledger.read import opened
from pipelines.ledger.tables import guard_triggers
from pipelines.ledger.version import version_of
from pipelines.publishing.archive import folder_of
from pipelines.runtime.errors import ChurnError
from pipelines.runtime.files import read_json
from pipelines.settings.artifacts import LISTS, MANIFEST

FROM_BACKUP = "Put it back from a backup."
REBUILD = (
    f"Rename {LEDGER.name}, then `churn restore-ledger` rebuilds it from the copies and the record; or use a backup."
)


def ledger() -> Iterator[Check]:
    """The database, the record, and what each publication decided."""
    if LEDGER.is_file() or record.copies_of(LEDGER) or record.file_of(LEDGER).is_file():
        yield Check("ledger", str(LEDGER), _database_faults)
        if record.file_of(LEDGER).is_file():  # a ledger of version 0.1 gets one with its next transaction
            yield Check("ledger", str(record.file_of(LEDGER)), _record_faults)
        for one in _publications():
            yield Check("ledger", f"the list {one.list_id}", partial(_decision_faults, one))


def _publications() -> list[write.Published]:
    """None where the ledger cannot be opened, which is a fault of its own."""
    try:
        return write.publications()
    except ChurnError:
        return []


def _database_faults() -> Iterator[str]:
    with opened() as con:
        if con is None:
            return
        pages = [text for (text,) in con.execute("pragma integrity_check") if text != "ok"]
        yield from (f"{LEDGER}: {text}. {REBUILD}" for text in pages)
        linked = chain.faults(con) if version_of(con) > 1 else []
        yield from (f"{LEDGER}: {fault}. {REBUILD}" for fault in linked)
        loose = con.execute("pragma foreign_key_check").fetchall()
        yield f"{LEDGER}: {len(loose):,} rows belong to no publication. {REBUILD}" if loose else ""
        standing = {name for (name,) in con.execute("select name from sqlite_master where type = 'trigger'")}
        tables = {name for (name,) in con.execute("select name from sqlite_master where type = 'table'")}
        wanted = {name for name, _ in guard_triggers() if name.rpartition("_no_")[0] in tables}
        fallen = sorted(wanted - standing)
        yield f"{LEDGER}: guards are missing: {', '.join(fallen)}. {REBUILD}" if fallen else ""


def _record_faults() -> Iterator[str]:
    """The record holds the same rows."""
    noted = record.rows_of(LEDGER)
    with opened() as con:
        if con is None:
            return
        for table in record.RECORDED:
            last = noted[table][-1]["rowid"] if noted[table] else 0  # what came after it is appended the next time
            here = {tuple(one.values()) for one in record.rows_in(con, table) if one["rowid"] <= last}
            differing_rows = len(here ^ {tuple(one.values()) for one in noted[table]})
            if differing_rows:
                yield (
                    f"{record.file_of(LEDGER)}: {differing_rows:,} rows of {table} are not those of the ledger. One of "
                    f"the two was changed: compare them with your backup. {REBUILD}"
                )


def _decision_faults(one: write.Published) -> Iterator[str]:
    with opened() as con:
        if con is not None and write.content_of(con, one.number) != one.content:
            yield (
                f"{LEDGER}: the entries of the list {one.list_id} of {one.as_of} are not those that were published. "
                f"{REBUILD}"
            )


def copies() -> Iterator[Check]:
    """A check per published copy; one that no ledger knows is a fault where the ledger can be asked."""
    known = {folder_of(one): one for one in _publications()}
    for folder, one in known.items():
        yield Check("copies", str(folder), partial(_copy_faults, folder, one))
    for folder in record.copies_of(LEDGER):
        if known and folder not in known:
            yield Check("copies", str(folder), partial(_unknown, folder))


def _unknown(folder: Path) -> list[str]:
    return [f"{folder}: is in no ledger: `churn publish` was interrupted. Run it again for that day, or delete it."]


def _copy_faults(folder: Path, one: write.Published) -> Iterator[str]:
    wrong = list(differing(folder, write.archived_files(one.number), "the ledger", FROM_BACKUP))
    yield from wrong or differing(folder, _manifest_files(folder), MANIFEST, FROM_BACKUP, beside={MANIFEST})


def drafts() -> Iterator[Check]:
    """A check per list in data/at_risk."""
    for path in sorted(LISTS.glob(f"*/{MANIFEST}")):
        yield Check("lists", str(path.parent), partial(_list_faults, path.parent))


def _list_faults(folder: Path) -> Iterator[str]:
    advice = f"`churn run` or `churn weekly --as-of {folder.name}` makes the list again."
    yield from differing(folder, _manifest_files(folder), MANIFEST, advice, beside=None)  # people save files there


def _manifest_files(folder: Path) -> dict[str, str]:
    return dict(read_json(folder / MANIFEST)["files"])
