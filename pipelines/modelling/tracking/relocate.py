"""MLflow's embedded store holds absolute addresses. Where the project's folder is moved or copied, they follow."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

FOLDER = "mlartifacts"

PLACES = (
    ("experiments", "artifact_location"),
    ("runs", "artifact_uri"),
    ("logged_models", "artifact_location"),
    ("model_versions", "source"),
    ("model_versions", "storage_location"),
)


def follow(database: Path, artifacts: str) -> None:
    """Let every address under the former artifacts folder point below `artifacts` (a file: URI), all or none.

    The former folder is where MLflow's own default experiment was put when the database was made.
    """
    with closing(sqlite3.connect(database)) as connection, connection:
        found = connection.execute("SELECT artifact_location FROM experiments WHERE experiment_id = 0").fetchone()
        before = found[0].removesuffix("/0") if found else artifacts
        if before == artifacts or not before.endswith(f"/{FOLDER}"):
            return
        for table, column in PLACES:
            connection.execute(
                f"UPDATE {table} SET {column} = ? || substr({column}, ?) WHERE substr({column}, 1, ?) = ?",  # noqa: S608
                (artifacts, len(before) + 1, len(before) + 1, f"{before}/"),
            )
