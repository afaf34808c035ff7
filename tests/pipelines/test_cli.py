"""The command line: help that helps, wrong words answered, settings checked before anything else."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner

from pipelines.commands.app import COMMANDS, main

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    shutil.copy(ROOT / "params.yaml", tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_help_names_every_command_with_a_sentence() -> None:
    shown = CliRunner().invoke(main, ["--help"]).output
    for name, listed in COMMANDS.items():
        assert name in shown
        assert len((listed.load().help or "").split()) > 5, f"churn {name} has no help"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["promote", "silent_28"], "Did you mean silent_28d?"),
        (["rollback", "nothing"], "is not a churn definition"),
        (["rnu"], "No such command"),
    ],
)
def test_wrong_words_are_answered(folder: Path, words: list[str], said: str) -> None:
    done = CliRunner().invoke(main, words)
    assert done.exit_code != 0
    assert said in done.output


def test_every_command_outside_a_project_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for command in ("run", "doctor", "promote", "rollback"):
        done = CliRunner().invoke(main, [command])
        assert done.exit_code == 1
        assert "Run from the project's folder" in done.output


def test_every_fault_of_the_settings_is_named_at_once(folder: Path) -> None:
    text = (folder / "params.yaml").read_text()
    (folder / "params.yaml").write_text(
        text.replace("horizon_days", "horizon_day").replace("capacity: 300", "capacity: 0")
    )
    done = CliRunner().invoke(main, ["run"])
    assert done.exit_code == 1
    assert "Did you mean horizon_days?" in done.output
    assert "capacity" in done.output
