"""A stage works alone, says mendable errors without a traceback, and says who it is."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from filelock import FileLock

from features.errors import FeatureError
from pipelines.runtime import stage


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_a_stage_notes_who_it_is() -> None:
    stage.run_stage("build_features@train", lambda: None)
    assert json.loads((stage.STATE / "stage.json").read_text())["stage"] == "build_features@train"


def test_a_mendable_error_is_said_in_words(capsys: pytest.CaptureFixture[str]) -> None:
    def work() -> None:
        raise FeatureError("no orders\nmap a source")

    with pytest.raises(SystemExit) as ended:
        stage.run_stage("build_features@train", work)
    assert ended.value.code == 1
    said = capsys.readouterr().err
    assert said.splitlines() == ["build_features@train: no orders", "build_features@train: map a source"]


def test_a_defect_keeps_its_traceback() -> None:
    def work() -> None:
        raise KeyError("a defect")

    with pytest.raises(KeyError):
        stage.run_stage("build_features@train", work)


def test_two_stages_never_write_at_once(capsys: pytest.CaptureFixture[str]) -> None:
    stage.STATE.mkdir(parents=True)
    with FileLock(stage.STATE / "stage.lock"), pytest.raises(SystemExit):
        stage.run_stage("build_features@train", lambda: pytest.fail("wrote beside another"))
    assert "another stage is writing now" in capsys.readouterr().err
