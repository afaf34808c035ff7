from __future__ import annotations

import contextlib
import sqlite3
from pathlib import Path

import pytest

from pipelines.modelling.tracking.relocate import ADDRESS_COLUMNS, relocate_artifacts

NEW = "file:///new/mlartifacts"
TABLE = [
    # stored before                          stored after
    ("file:///old/mlartifacts/1/models/m-1", "file:///new/mlartifacts/1/models/m-1"),
    ("file:///old/mlartifacts2/1", "file:///old/mlartifacts2/1"),  # another folder
    ("models:/m-1", "models:/m-1"),
    ("s3://bucket/mlartifacts/1", "s3://bucket/mlartifacts/1"),
    (None, None),
]


def store(folder: Path, home: str, stored: str | None) -> Path:
    database = folder / "mlflow.db"
    with contextlib.closing(sqlite3.connect(database)) as connection, connection:
        for table in dict(ADDRESS_COLUMNS):
            columns = ", ".join(column for name, column in ADDRESS_COLUMNS if name == table)
            connection.execute(f"CREATE TABLE {table} (experiment_id INTEGER, {columns})")
        connection.execute("INSERT INTO experiments VALUES (0, ?)", (f"{home}/0",))
        for table, column in ADDRESS_COLUMNS:
            connection.execute(f"INSERT INTO {table} (experiment_id, {column}) VALUES (1, ?)", (stored,))
    return database


def stored_in(database: Path) -> set[str | None]:
    with contextlib.closing(sqlite3.connect(database)) as connection:
        found = {
            value
            for table, column in ADDRESS_COLUMNS
            for (value,) in connection.execute(f"SELECT {column} FROM {table} WHERE experiment_id = 1")
        }
    return found - {None}  # the other column of the table with two


@pytest.mark.parametrize(("before", "after"), TABLE)
def test_addresses_below_the_former_folder_follow(tmp_path: Path, before: str | None, after: str | None) -> None:
    database = store(tmp_path, "file:///old/mlartifacts", before)
    relocate_artifacts(database, NEW)
    assert stored_in(database) == ({after} if after else set())


@pytest.mark.parametrize("home", [NEW, "file:///somewhere/mlruns"])
def test_a_store_at_home_and_one_that_is_not_ours_stay_as_they_are(tmp_path: Path, home: str) -> None:
    database = store(tmp_path, home, f"{home}/1")
    relocate_artifacts(database, NEW)
    assert stored_in(database) == {f"{home}/1"}
