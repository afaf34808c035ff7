"""Erasing customers from what was published: the ledger, the archived copies, the sinks' files.

First the copies without them are made beside the old ones, then one transaction takes their rows out of the ledger and
notes the new digests, then the new files take the old ones' places, one by one. Whoever is interrupted does it again:
what is not done yet is found again, what is done is left as it is.
"""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from pipelines.erasure.ledger_rows import erase, vacuum
from pipelines.erasure.redact import redact
from pipelines.erasure.search import mentions
from pipelines.ledger import record, write
from pipelines.ledger.read import FILE, opened
from pipelines.ledger.write import Published
from pipelines.publishing import archive
from pipelines.publishing.deliver import Delivery, file_of, rewrite
from pipelines.runtime.files import digest_of, read_json, write_json
from pipelines.settings import artifacts
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
    for leftover in FILE.parent.glob(f"{_BESIDE}*"):
        shutil.rmtree(leftover)
    with tempfile.TemporaryDirectory(dir=FILE.parent, prefix=_BESIDE) as folder:
        copies = {one: _redacted_copy(one, names, Path(folder)) for one in _mentioning(names)}
        with write.writing() as con:
            erased = erase(con, names, {one.number: _digests(one, copy) for one, copy in copies.items()})
        for published, copy in copies.items():
            _replace(archive.folder_of(published), copy)
    vacuum()
    with opened() as con:
        if con is not None:
            record.rewrite(con, FILE)
    files = rewrite(delivery)
    rewritten = [*([FILE.as_posix()] if erased else []), *(archive.folder_of(one).as_posix() for one in copies)]
    return [*rewritten, *files], _elsewhere(delivery) if rewritten else []


def _mentioning(names: frozenset[str]) -> list[Published]:
    """Publications whose copies speak of them."""
    return [
        one
        for one in write.publications()
        if any(mentions(path, names, loose=False) for path in _files(archive.folder_of(one)))
    ]


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if path.is_file()) if folder.is_dir() else []


def _redacted_copy(published: Published, names: frozenset[str], folder: Path) -> Path:
    """The copy's files without them, in a folder of their own; a file that cannot be edited is left out."""
    copy = folder / archive.folder_of(published).name
    shutil.copytree(archive.folder_of(published), copy)
    for path in _files(copy):
        redact(path, names)
    path = copy / artifacts.MANIFEST
    if path.is_file():
        content = read_json(path)
        files = {name: digest_of(copy / name) for name in content.get("files", {}) if (copy / name).is_file()}
        write_json(path, {**content, "files": files})
        path.chmod(0o400)
    return copy


def _digests(published: Published, copy: Path) -> dict[str, str]:
    return {name: digest_of(copy / name) for name in write.archived_files(published.number) if (copy / name).is_file()}


def _replace(archived: Path, copy: Path) -> None:
    for path in _files(archived):
        if not (copy / path.name).is_file():
            path.unlink()
    for path in _files(copy):
        path.replace(archived / path.name)


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
