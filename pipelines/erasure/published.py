"""Erasing customers from what was published: the ledger, the archived copies, the sinks' files.

First the files without them are made beside the old ones, then one transaction takes their rows out of the ledger and
notes the new digests, then the new files take the old ones' places. Whoever is interrupted does it again: files whose
digests the ledger has go into place, others are made anew.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from pipelines.erasure.copies import stage_list
from pipelines.erasure.formats import Names, UnreadableError, holds
from pipelines.erasure.ledger_rows import erase, vacuum
from pipelines.erasure.staged import Staged
from pipelines.ledger import record, write
from pipelines.ledger.read import FILE, opened
from pipelines.ledger.write import Published
from pipelines.publishing import archive
from pipelines.publishing.deliver import Delivery, file_of, rewrite
from pipelines.runtime.files import digest_of
from pipelines.settings.campaign.publish import SqlTable


@dataclass
class FromPublished:
    """What was rewritten, which former ledgers went, where else published lists are, and what cannot be read."""

    rewritten: list[str] = field(default_factory=list)
    former: list[str] = field(default_factory=list)
    elsewhere: list[str] = field(default_factory=list)
    unreadable: list[str] = field(default_factory=list)


def forget_published(names: Names, delivery: Delivery, texts: Names = frozenset()) -> FromPublished:
    """Take customers out of everything that was ever published.

    Args:
        names: their ids, as columns of customers have them.
        delivery: the sinks.
        texts: further ids of theirs, to be taken out of free texts; see `ledger_rows.erase`.
    """
    record.require_present(FILE)
    done = FromPublished()
    if not FILE.is_file():
        return done
    finish()
    stage, kept, changed = Staged(archive.FOLDER), {}, []
    with stage.made() as folder:
        for one in write.publications():
            copy = archive.folder_of(one)
            digests = stage_list(copy, names, folder / copy.name, done.unreadable) if copy.is_dir() else {}
            known = write.archived_files(one.number)
            changed += [copy.as_posix()] if any((folder / copy.name).glob("*")) else []
            kept[one.number] = {**known, **_sound(one, known, digests)}
    with write.writing() as con:
        erased = erase(con, names, kept, names | texts)
    stage.put_in_place()
    vacuum()
    with opened() as con:
        if con is not None:
            record.rewrite(con, FILE)
    done.former = _forget_former(names, done.unreadable)
    done.rewritten = [*([FILE.as_posix()] if erased else []), *changed, *rewrite(delivery)]
    done.elsewhere = _elsewhere(delivery) if done.rewritten else []
    return done


def finish() -> None:
    """Put files into place whose digests the ledger has: an erasure was killed after its transaction."""
    stage = Staged(archive.FOLDER)
    known = {archive.folder_of(one).name: write.archived_files(one.number) for one in write.publications()}
    if any(known.get(name.parts[0], {}).get(name.name) == digest_of(path) for name, path in stage.files().items()):
        stage.put_in_place()
    else:
        stage.discard()


def _sound(published: Published, known: dict[str, str], digests: dict[str, str]) -> dict[str, str]:
    """The new digests of files that were what the ledger says."""
    copy = archive.folder_of(published)
    return {name: digest for name, digest in digests.items() if known.get(name) == digest_of(copy / name)}


def _forget_former(names: Names, unreadable: list[str]) -> list[str]:
    """Ledgers of before that know them, and those that cannot be read any more, are deleted."""
    gone = []
    for former in record.set_aside(FILE):
        try:
            known = holds(former, names)
        except UnreadableError:
            known = True
        if known:
            former.unlink()
            gone.append(former.as_posix())
    return gone


def _elsewhere(delivery: Delivery) -> list[str]:
    """Where copies may be that are not ours: tables, what imported the files, sinks of old."""
    tables, files = set(), set()
    for published, name in write.completed_deliveries():
        sink = delivery.sinks.get(name)
        if isinstance(sink, SqlTable):
            tables.add(f"table {sink.table} (publish.sinks.{name})")
        elif sink is not None:
            files.add(f"whatever read {file_of(sink, name, published)}")
        else:
            files.add(f"publish.sinks.{name}, which is not in params.yaml any more")
    return sorted({*tables, *files})
