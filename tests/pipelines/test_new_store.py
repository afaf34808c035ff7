"""An empty MLflow store is copied from one that is kept, and is the one that migrations would make."""

from __future__ import annotations

import shutil
import sqlite3
import sys
from contextlib import closing
from pathlib import Path

import pytest

from pipelines.modelling.tracking import new_store
from pipelines.modelling.tracking.relocate import relocate_artifacts

ARTIFACTS = "file:///somewhere/mlartifacts"


def content(database: Path) -> dict[str, list[tuple[object, ...]]]:
    """Every table's statement and rows."""
    with closing(sqlite3.connect(database)) as connection:
        made = connection.execute("SELECT name, sql FROM sqlite_master WHERE type = 'table' ORDER BY name").fetchall()
        return {name: [(sql,), *connection.execute(f'SELECT * FROM "{name}"')] for name, sql in made}


@pytest.fixture
def environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, empty_store: Path) -> list[Path]:
    """An environment of its own; the databases that migrations were asked for. They end as `empty_store` is."""
    asked = list[Path]()

    def migrate(database: Path, artifacts: str) -> None:
        asked.append(database)
        shutil.copyfile(empty_store, database)
        relocate_artifacts(database, artifacts)

    monkeypatch.setattr(new_store, "migrate", migrate)
    monkeypatch.setattr(sys, "prefix", str(tmp_path / "environment"))
    (tmp_path / "environment").mkdir()
    return asked


def test_the_first_store_is_migrated_and_the_next_are_copies(
    tmp_path: Path, environment: list[Path], empty_store: Path
) -> None:
    for name in ("first.db", "second.db"):
        new_store.create_store(tmp_path / name, ARTIFACTS)
    kept = new_store.kept_store()
    assert kept is not None
    assert len(environment) == 1
    assert kept.parent == environment[0].parent
    shutil.copyfile(empty_store, tmp_path / "expected.db")
    relocate_artifacts(tmp_path / "expected.db", ARTIFACTS)
    expected = content(tmp_path / "expected.db")
    assert content(tmp_path / "first.db") == content(tmp_path / "second.db") == expected
    assert any("/somewhere/mlartifacts/0" in str(row) for row in expected["experiments"])


def test_a_damaged_one_is_not_copied(tmp_path: Path, environment: list[Path]) -> None:
    kept = new_store.kept_store()
    assert kept is not None
    kept.parent.mkdir(parents=True)
    kept.write_bytes(b"not a database" * 400)
    new_store.create_store(tmp_path / "mlflow.db", ARTIFACTS)
    assert environment == [tmp_path / "mlflow.db"]
    assert "experiments" in content(tmp_path / "mlflow.db")
    assert not kept.exists()


def test_a_python_without_an_environment_of_its_own_keeps_none(
    tmp_path: Path, environment: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "base_prefix", sys.prefix)
    assert new_store.kept_store() is None
    new_store.create_store(tmp_path / "mlflow.db", ARTIFACTS)
    assert environment == [tmp_path / "mlflow.db"]


def test_it_goes_with_the_version_of_mlflow(environment: list[Path], monkeypatch: pytest.MonkeyPatch) -> None:
    before = new_store.kept_store()
    monkeypatch.setattr("importlib.metadata.version", lambda _: "0.0")
    assert new_store.kept_store() != before
    assert environment == []
