from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from pipelines.modelling.tracking.git_version import code_version


def git(folder: Path, *arguments: str) -> str:
    who = ("-c", "user.name=A", "-c", "user.email=a@example.org", "-c", "commit.gpgsign=false")
    return subprocess.run(
        ["git", *who, *arguments], cwd=folder, check=True, capture_output=True, text=True
    ).stdout.strip()


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    git(tmp_path, "init", "-q")
    (tmp_path / "params.yaml").write_text("a: 1\n")
    (tmp_path / "dvc.lock").write_text("1\n")
    git(tmp_path, "add", "-A")
    git(tmp_path, "commit", "-qm", "first")
    return tmp_path


def test_a_clean_clone_is_its_commit(clone: Path) -> None:
    assert code_version(clone) == git(clone, "rev-parse", "HEAD")


@pytest.mark.parametrize(("file", "edited"), [("params.yaml", True), ("models", True), ("dvc.lock", False)])
def test_only_what_makes_results_counts_as_edited(clone: Path, file: str, edited: bool) -> None:
    if file == "models":
        (clone / file / "training").mkdir(parents=True)
        file = "models/training/new.py"
    (clone / file).write_text("2\n")
    assert code_version(clone).endswith("-edited") is edited


def test_without_git_or_commit_it_is_unversioned(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    assert code_version(tmp_path) == "unversioned"
    git(tmp_path, "init", "-q")
    assert code_version(tmp_path) == "unversioned"
    monkeypatch.setenv("PATH", "")
    assert code_version(tmp_path) == "unversioned"
