"""Atomic writes: a file or folder is written under another name, then renamed. Also the Parquet and JSON conventions.

Equal content gives equal bytes: no times, no host names, sorted keys. Who may read it says `closed`.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import sys
import uuid
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from features.activity import ACTIVITY_SCHEMA
from pipelines.runtime import closed
from pipelines.runtime.errors import DAMAGED


def _partial_path(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    for stale in path.parent.glob(f".{path.name}.partial-*"):
        _remove(stale)
    return path.parent / f".{path.name}.partial-{uuid.uuid4().hex[:8]}"


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


@contextmanager
def atomic_file(path: Path) -> Iterator[Path]:
    """A path to write to; it replaces `path` only when the block ends without an error."""
    partial = _partial_path(path)
    try:
        yield partial
        closed.share(partial)
        partial.replace(path)
    finally:
        _remove(partial)


@contextmanager
def atomic_folder(path: Path, *, private: bool = False) -> Iterator[Path]:
    """An empty folder to fill; it replaces `path` only when the block ends without an error.

    `private`: its owner alone looks into it, whatever group was named.
    """
    partial = _partial_path(path)
    partial.mkdir(mode=0o700 if private else 0o777)
    try:
        yield partial
        (closed.owner_alone if private else closed.share)(partial)
        if path.exists():
            _remove(path)
        partial.replace(path)
    finally:
        _remove(partial)


def write_json(path: Path, content: Any) -> None:
    """Two-space JSON with sorted keys and a newline at its end. NaN is an error."""
    text = json.dumps(content, indent=2, sort_keys=True, ensure_ascii=False, allow_nan=False)
    with atomic_file(path) as partial:
        partial.write_text(text + "\n", encoding="utf-8")


def read_json(path: Path) -> Any:
    """The content of a JSON file.

    Raises:
        ValueError: it is none, or none any more; DAMAGED is noted on the error.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        error.add_note(f"{path}: {DAMAGED}")
        raise


def write_parquet(
    path: Path, table: pa.Table, repeated: list[str] | bool = True, encodings: dict[str, str] | None = None
) -> None:
    """One file, zstd, no pandas metadata (it holds library versions and would change the bytes).

    `repeated`: columns whose values come again and again, all of them by default; for others a dictionary only costs.
    `encodings`: Parquet's name of how a column that is not among them is written.
    """
    bare = table.replace_schema_metadata(None)
    with atomic_file(path) as partial:
        pq.write_table(bare, partial, compression="zstd", use_dictionary=repeated, column_encoding=encodings)


def digest_of(path: Path) -> str:
    """SHA-256 of a file, or of a folder: every file's relative name and content, in order of name."""
    sha = hashlib.sha256()
    files = sorted(p for p in path.rglob("*") if p.is_file()) if path.is_dir() else [path]
    for file in files:
        if path.is_dir():
            sha.update(file.relative_to(path).as_posix().encode() + b"\0")
        with file.open("rb") as stream:
            sha.update(hashlib.file_digest(stream, "sha256").digest())
    return sha.hexdigest()


@contextmanager
def without_bytecode() -> Iterator[None]:
    """Modules that the block imports leave no bytecode beside them."""
    before, sys.dont_write_bytecode = sys.dont_write_bytecode, True
    try:
        yield
    finally:
        sys.dont_write_bytecode = before


def read_activity(folder: Path, names: Iterable[str], columns: Sequence[str]) -> pa.Table:
    """The rows of some activities in a folder of month files, whichever columns of the contract each file holds."""
    only = [("activity", "in", sorted(names))]
    return pq.read_table(folder, schema=ACTIVITY_SCHEMA, columns=list(columns), filters=only)
