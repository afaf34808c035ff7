"""`churn backup FOLDER`: a copy of everything that nobody could make again, consistent while others work.

Databases are copied by SQLite's backup API, which gives one moment of each. Of the ledger's copies those are taken that
this moment knows, each compared with its digest; a champion is compared with its SHA256SUMS. What was changed under the
copy (erasure, promotion) is copied again. FOLDER appears whole or not at all; its SHA256SUMS covers every file.
"""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from functools import partial
from pathlib import Path

from models.sums import write_sums
from pipelines.ledger import record, write
from pipelines.ledger.read import FILE as LEDGER
from pipelines.modelling.model_folder import is_model, require_known
from pipelines.publishing.archive import folder_of
from pipelines.runtime.errors import ChurnError
from pipelines.runtime.files import atomic_folder, digest_of
from pipelines.settings import artifacts
from pipelines.sources.privacy.erased import FILE as TOMBSTONES
from pipelines.sources.privacy.erased import KEY_FILE
from pipelines.sources.privacy.vault import FILE as VAULT
from pipelines.sources.privacy.vault import FOLDER as VAULTS

MLFLOW, ARTIFACTS = Path("mlflow.db"), Path("mlartifacts")
FILES = (Path("params.yaml"), TOMBSTONES, KEY_FILE, artifacts.WRITTEN)
TRIES = 3


def backup(folder: Path, say: Callable[[str], None] = print) -> None:
    """Copy params.yaml, ledger, champions, MLflow's store, vault and tombstones.

    Args:
        folder: must be new or empty; only its owner may look inside.
        say: gets what was copied.

    Raises:
        ChurnError: the folder is not empty, there is nothing to copy, the disk refuses, or a store does not fit its
            digests; then there is no new folder.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise ChurnError(f"{folder}: is there already, and a backup never replaces one. Name a new folder.")
    try:
        with atomic_folder(folder, private=True) as made:
            said = [line for part in (_files, _ledger, _champions, _mlflow, _vault) for line in part(made)]
            if not said:
                raise ChurnError(f"{Path.cwd()}: holds nothing to back up. Is it the project's folder? See `churn -C`.")
            write_sums(made)
    except OSError as error:
        raise ChurnError(f"{folder}: could not be written: {error}. There is no backup.") from error
    for line in said:
        say(line)
    say(f"Backup: {folder}. Copied back over a project's folder, it is that of now; then: churn verify")


def copy_database(path: Path, to: Path) -> None:
    """One moment of a SQLite database, whoever writes meanwhile."""
    to.parent.mkdir(parents=True, exist_ok=True)
    to.touch(mode=0o600)
    with (
        closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=rw", uri=True, timeout=60)) as con,
        closing(sqlite3.connect(to)) as other,
    ):
        con.backup(other)


def _files(to: Path) -> Iterator[str]:
    for path in FILES:
        if path.is_file():
            _copy(path, to)
            yield f"{path}"


def _copy(path: Path, to: Path) -> None:
    (to / path).parent.mkdir(parents=True, exist_ok=True)
    (shutil.copytree if path.is_dir() else shutil.copy2)(path, to / path)


def _ledger(to: Path) -> Iterator[str]:
    record.require_present(LEDGER)
    if not LEDGER.is_file():
        return
    number = _unchanged(lambda: _copied_ledger(to), to / LEDGER.parent)
    yield f"{LEDGER.parent}: {number:,} published lists"


def _copied_ledger(to: Path) -> int:
    copy_database(LEDGER, to / LEDGER)
    published = write.publications(to / LEDGER)
    for one in published:
        folder = folder_of(one)
        _copy(folder, to)
        for name, digest in write.archived_files(one.number, to / LEDGER).items():
            if not (to / folder / name).is_file() or digest_of(to / folder / name) != digest:
                raise ChurnError(f"{folder / name}: is not what was published. See `churn verify`.")
    with write.connected(to / LEDGER) as con:
        record.rewrite(con, to / LEDGER)
    return len(published)


def _champions(to: Path) -> Iterator[str]:
    for folder in sorted(artifacts.CHAMPIONS.glob("*")):
        if is_model(folder):
            _unchanged(partial(_copied_champion, folder, to), to / folder)
            yield f"{folder}"


def _copied_champion(folder: Path, to: Path) -> int:
    _copy(folder, to)
    require_known(to / folder)
    return 1


def _mlflow(to: Path) -> Iterator[str]:
    """The database first: artifacts that it speaks of are there by then, and stay."""
    if MLFLOW.is_file():
        copy_database(MLFLOW, to / MLFLOW)
        yield f"{MLFLOW}"
        if ARTIFACTS.is_dir():
            _unchanged(lambda: _copied(ARTIFACTS, to), to / ARTIFACTS)
            yield f"{ARTIFACTS}"


def _copied(path: Path, to: Path) -> int:
    _copy(path, to)
    return 1


def _vault(to: Path) -> Iterator[str]:
    if (VAULTS / VAULT).is_file():
        copy_database(VAULTS / VAULT, to / VAULTS / VAULT)
        (to / VAULTS).chmod(0o700)
        yield f"{VAULTS / VAULT}"


def _unchanged(copy: Callable[[], int], made: Path) -> int:
    """Copy again what somebody changed meanwhile; what still does not fit after that never did."""
    for left in reversed(range(TRIES)):
        try:
            return copy()
        except (ChurnError, OSError):
            shutil.rmtree(made, ignore_errors=True)
            if not left:
                raise
    raise AssertionError("unreachable")
