"""A new embedded store of MLflow: a copy of an empty one that this environment has made before, or made by migrations.

MLflow's seventy migrations take longer than most stages, and end in the same tables every time. The first empty store
is kept beside the libraries, by MLflow's version, so that it goes with what made it; an environment that nobody may
write to, and a Python without an environment of its own, keep none. `make setup` makes it, by running this module.
"""

from __future__ import annotations

import importlib.metadata
import logging
import os
import shutil
import sqlite3
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

from pipelines.modelling.tracking.relocate import FOLDER, relocate_artifacts
from pipelines.runtime.files import atomic_file

NOWHERE = f"file:///{FOLDER}"  # the artifacts of the store that is kept: no project's


def create_store(database: Path, artifacts: str) -> None:
    """Write a store without runs to `database`, which is not there yet. `artifacts`: the file: URI of their folder."""
    kept = kept_store()
    if kept is None:
        migrate(database, artifacts)
        return
    with suppress(OSError, sqlite3.Error):
        if not kept.is_file():
            keep(kept)
        shutil.copyfile(kept, database)
        relocate_artifacts(database, artifacts)
        return
    kept.unlink(missing_ok=True)
    database.unlink(missing_ok=True)
    migrate(database, artifacts)


def kept_store() -> Path | None:
    """Where this environment keeps its empty store; None where it cannot."""
    folder = Path(sys.prefix)
    if sys.prefix == sys.base_prefix or not os.access(folder, os.W_OK):
        return None
    return folder / "share" / "churn" / f"mlflow-{importlib.metadata.version('mlflow')}.db"


def keep(kept: Path) -> None:
    """Make the empty store that is copied from now on."""
    kept.parent.mkdir(parents=True, exist_ok=True)
    with atomic_file(kept) as partial:
        migrate(partial, NOWHERE)


def migrate(database: Path, artifacts: str) -> None:
    """MLflow's tables, by its own migrations; not one of them needs to reach the disk before the last has."""
    from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore
    from sqlalchemy import Engine, event

    for name in ("mlflow", "alembic"):
        logging.getLogger(name).setLevel(logging.ERROR)

    def without_sync(connection: sqlite3.Connection, _: Any) -> None:
        connection.execute("PRAGMA synchronous = OFF")

    event.listen(Engine, "connect", without_sync)
    try:
        SqlAlchemyStore(f"sqlite:///{database}", artifacts).engine.dispose()
    finally:
        event.remove(Engine, "connect", without_sync)
    with database.open("rb") as file:
        os.fsync(file.fileno())


if __name__ == "__main__":
    place = kept_store()
    if place is not None and not place.is_file():
        keep(place)
