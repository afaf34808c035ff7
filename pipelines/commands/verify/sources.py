"""The landing store's months with the digests they were written under, and the vault."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from functools import partial
from pathlib import Path

from pipelines.commands.verify.check import Check
from pipelines.runtime.files import digest_of, read_json
from pipelines.settings import artifacts
from pipelines.settings.privacy import Privacy
from pipelines.sources.privacy import vault
from pipelines.sources.privacy.pseudonyms import key_from_environment, keyed

LISTS = (("*/*/*/piece.json", "parts"), (".months/*/*/group.json", "months"))
"""Files that name months with their digests, and under which key."""


def landing() -> Iterator[Check]:
    """A check per piece that was read and per group of months that was assembled."""
    for pattern, key in LISTS:
        for file in sorted(artifacts.LANDING.glob(pattern)):
            yield Check("landing", str(file.parent), partial(_landing_faults, file, key))


def _landing_faults(file: Path, key: str) -> Iterator[str]:
    for part in read_json(file)[key]:
        path = file.parent / part.get("file", f"{part['month']}.parquet")
        if not path.is_file() or digest_of(path) != part["digest"]:
            how = "is missing" if not path.is_file() else "is not what was written"
            yield f"{path}: {how}. Delete data/landing: the next pull reads the sources again."


def vaults(privacy: Privacy) -> Iterator[Check]:
    """The vault, where there is one."""
    path = vault.FOLDER / vault.FILE
    if path.is_file():
        yield Check("vault", str(path), partial(_vault_faults, path, key_from_environment(privacy)))


def _vault_faults(path: Path, key: bytes | None) -> Iterator[str]:
    """Pseudonyms of former keys are kept for good, so those of the present key are told by their own kind alone."""
    with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as con:
        pages = [text for (text,) in con.execute("pragma integrity_check") if text != "ok"]
        yield from (f"{path}: {text}. Put it back from a backup." for text in pages)
        rows: list[tuple[str, str]] = con.execute("select hashed, customer_id from customer").fetchall()
    if key is not None and rows and not any(keyed(key, own) == hashed for hashed, own in rows):
        yield f"{path}: no pseudonym is of the present key. Is the key that of this project?"
