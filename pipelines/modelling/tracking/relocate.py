"""Relocates MLflow's embedded store, which holds absolute addresses, after the project's folder was moved or copied."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

FOLDER = "mlartifacts"

ADDRESS_COLUMNS = (
    ("experiments", "artifact_location"),
    ("runs", "artifact_uri"),
    ("logged_models", "artifact_location"),
    ("model_versions", "source"),
    ("model_versions", "storage_location"),
)


def relocate_artifacts(database: Path, artifacts: str) -> None:
    """Let every address under the former artifacts folder point below `artifacts` (a file: URI), in one transaction.

    The former folder is where MLflow's own default experiment was put when the database was created.
    """
    with closing(sqlite3.connect(database)) as connection, connection:
        default = connection.execute("SELECT artifact_location FROM experiments WHERE experiment_id = 0").fetchone()
        before = default[0].removesuffix("/0") if default else artifacts
        if before == artifacts or not before.endswith(f"/{FOLDER}"):
            return
        for table, column in ADDRESS_COLUMNS:
            connection.execute(
                f"UPDATE {table} SET {column} = ? || substr({column}, ?) WHERE substr({column}, 1, ?) = ?",  # noqa: S608
                (artifacts, len(before) + 1, len(before) + 1, f"{before}/"),
            )
