"""A customer is forgotten: out of the ledger, out of the copies of what was published, out of the sinks' files.

First the copies without them are made beside the old ones, then one transaction takes their rows out of the ledger and
notes the new digests, then the new files take the old ones' places, one by one. Whoever is interrupted does it again:
what is not done yet is found again, what is done is left as it is.
"""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from pipelines.erasure.ledger_rows import erase, vacuum
from pipelines.erasure.redact import scrub
from pipelines.erasure.search import mentions
from pipelines.ledger import record, write
from pipelines.ledger.read import FILE, opened
from pipelines.ledger.write import Published
from pipelines.publishing import archive
from pipelines.publishing.deliver import Delivery, file_of, rewrite
from pipelines.publishing.draft import MANIFEST
from pipelines.runtime.files import digest_of, read_json, write_json
from pipelines.settings.campaign.publish import SqlTable

_BESIDE = ".forgetting-"


def forget_published(names: frozenset[str], delivery: Delivery) -> tuple[list[str], list[str]]:
    """Take customers out of everything that was ever published.

    Returns:
        What was rewritten; and where else published lists went.
    """
    record.require_present(FILE)
    if not FILE.is_file():
        return [], []
    for left in FILE.parent.glob(f"{_BESIDE}*"):
        shutil.rmtree(left)
    with tempfile.TemporaryDirectory(dir=FILE.parent, prefix=_BESIDE) as beside:
        made = {one: _without(one, names, Path(beside)) for one in _speaking(names)}
        with write.writing() as con:
            gone = erase(con, names, {one.number: _kept(one, new) for one, new in made.items()})
        for published, new in made.items():
            _replace(archive.folder_of(published), new)
    vacuum()
    with opened() as con:
        if con is not None:
            record.rewrite(con, FILE)
    files = rewrite(delivery)
    done = [*([FILE.as_posix()] if gone else []), *(archive.folder_of(one).as_posix() for one in made)]
    return [*done, *files], _elsewhere(delivery) if done else []


def _speaking(names: frozenset[str]) -> list[Published]:
    """Publications whose copies speak of them."""
    return [
        one
        for one in write.publications()
        if any(mentions(path, names, loose=False) for path in _files(archive.folder_of(one)))
    ]


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if path.is_file()) if folder.is_dir() else []


def _without(published: Published, names: frozenset[str], beside: Path) -> Path:
    """The copy's files without them, in a folder of their own; a file that cannot be edited is left out."""
    new = beside / archive.folder_of(published).name
    shutil.copytree(archive.folder_of(published), new)
    for path in _files(new):
        scrub(path, names)
    path = new / MANIFEST
    if path.is_file():
        told = read_json(path)
        files = {name: digest_of(new / name) for name in told.get("files", {}) if (new / name).is_file()}
        write_json(path, {**told, "files": files})
        path.chmod(0o400)
    return new


def _kept(published: Published, new: Path) -> dict[str, str]:
    return {name: digest_of(new / name) for name in write.archived_files(published.number) if (new / name).is_file()}


def _replace(place: Path, new: Path) -> None:
    for path in _files(place):
        if not (new / path.name).is_file():
            path.unlink()
    for path in _files(new):
        path.replace(place / path.name)


def _elsewhere(delivery: Delivery) -> list[str]:
    """Where copies may be that are not ours: tables, what imported the files, sinks of old."""
    tables, files = set(), set()
    for published, name in write.written():
        sink = delivery.sinks.get(name)
        if isinstance(sink, SqlTable):
            tables.add(f"table {sink.table} (publish.sinks.{name})")
        elif sink is not None:
            files.add(f"whatever read {file_of(sink, name, published)}")
        else:
            files.add(f"publish.sinks.{name}, which is not in params.yaml any more")
    return sorted({*tables, *files})
