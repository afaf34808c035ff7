"""What a session needs, what it is told, and what travels to the workers. No Java is needed here."""

from __future__ import annotations

import sys
import zipfile
from pathlib import Path

import pytest

from pipelines.commands import run
from pipelines.engines.spark_session import ROOT, java_version, missing_requirements, options_of, session, zip_packages
from pipelines.runtime.errors import ChurnError
from pipelines.runtime.files import digest_of
from pipelines.settings.spark import Spark
from tests.pipelines.activity_folders import settings_with
from tests.pipelines.spark_for_tests import on_spark


def java_that_says(folder: Path, version: str) -> Path:
    """A JAVA_HOME whose java says a version."""
    (folder / "bin").mkdir(parents=True)
    java = folder / "bin" / "java"
    java.write_text(f"#!/bin/sh\necho 'openjdk version \"{version}\" 2025-04-15' >&2\n")
    java.chmod(0o755)
    return folder


@pytest.mark.parametrize(("says", "major"), [("17.0.15", 17), ("21", 21), ("11.0.2", 11), ("1.8.0_402", 8)])
def test_the_java_that_spark_would_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, says: str, major: int
) -> None:
    monkeypatch.setenv("JAVA_HOME", str(java_that_says(tmp_path / "home", says)))
    assert java_version() == major


def test_all_that_is_missing_is_said_at_once_and_before_any_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("JAVA_HOME", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setitem(sys.modules, "pyspark", None)
    settings = on_spark(settings_with())
    first, second = missing_requirements(settings.engine)
    assert "engine: spark" in first
    assert "make setup EXTRAS=spark, or .venv/bin/pip install --editable '.[spark]'" in first
    assert "install Java 17" in second
    with pytest.raises(ChurnError, match="pyspark is not installed"), session(settings.spark):
        pass
    with pytest.raises(ChurnError, match="there is no Java"):
        run.run(settings, say=lambda line: None)
    assert missing_requirements(settings_with().engine) == []


def test_an_old_java_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JAVA_HOME", str(java_that_says(tmp_path / "home", "11.0.2")))
    assert any("Java 11 is too old: install Java 17" in fault for fault in missing_requirements("spark"))
    monkeypatch.setenv("JAVA_HOME", str(tmp_path / "nowhere"))
    assert java_version() is None


def test_options_of_the_settings_win_and_nothing_is_left_in_the_present_folder(tmp_path: Path) -> None:
    wish = {"spark.sql.session.timeZone": "Asia/Bangkok", "spark.executor.cores": 2}
    options = options_of(Spark.model_validate({"master": "spark://h:7077", "options": wish}), tmp_path)
    assert options["spark.sql.session.timeZone"] == "Asia/Bangkok"
    assert options["spark.executor.memory"] == "2g"
    assert options["spark.executor.memoryOverhead"] == "4096m"  # two Python workers of 2g
    assert "spark.driver.host" not in options
    assert options["spark.sql.warehouse.dir"].startswith(str(tmp_path))
    local = options_of(Spark(), tmp_path)
    assert (local["spark.driver.memory"], local["spark.driver.host"]) == ("2g", "127.0.0.1")
    assert local["spark.sql.session.timeZone"] == "UTC"


def test_the_three_packages_travel_as_the_same_bytes(tmp_path: Path) -> None:
    one, two = zip_packages(tmp_path / "one.zip"), zip_packages(tmp_path / "two.zip")
    assert digest_of(one) == digest_of(two)
    names = set(zipfile.ZipFile(one).namelist())
    assert {"features/kernel.py", "models/churn_model.py", "pipelines/engines/spark_worker.py"} <= names
    assert all((ROOT / name).exists() for name in names)
