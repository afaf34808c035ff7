"""`make setup EXTRAS=...`: a choice is kept, a changed one sets up again, a name that is no extra is refused.

Installers are stood in for by scripts that write down how they were called: what is tested is when make calls them.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    for name in ("Makefile", "pyproject.toml"):
        shutil.copy(ROOT / name, tmp_path)
    (tmp_path / "requirements.lock").write_text("pyspark==4.3.0 ; python_version < '4' \\\n    --hash=sha256:00\n")
    (tmp_path / ".ci").mkdir()
    (tmp_path / ".ci/uv.txt").write_text("")
    (tmp_path / ".venv/bin").mkdir(parents=True)
    for name in ("python", "uv"):
        tool = tmp_path / ".venv/bin" / name
        tool.write_text(f'#!/bin/sh\necho "{name} $*" >> called.txt\n')
        tool.chmod(0o755)
    (tmp_path / ".venv/bin/pip").write_text(f"#!{tmp_path}/.venv/bin/python3\n")
    (tmp_path / "made.sh").write_text('#!/bin/sh\necho "make $*" >> called.txt\n')
    (tmp_path / "made.sh").chmod(0o755)
    return tmp_path


def setup(project: Path, *words: str) -> tuple[int, str, list[str]]:
    """Exit code, what was printed, and how the installers were called."""
    (project / "called.txt").unlink(missing_ok=True)
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith("MAKE") and name != "EXTRAS"
    }
    done = subprocess.run(
        ["make", "setup", "PYTHON=python3", *words],
        cwd=project,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    called = project / "called.txt"
    lines = called.read_text().splitlines() if called.exists() else []
    return done.returncode, done.stdout + done.stderr, [line for line in lines if not line.endswith("new_store")]


def test_an_extra_is_installed_within_the_locks_versions(project: Path) -> None:
    code, _, called = setup(project, "EXTRAS=postgresql,spark")
    assert code == 0
    assert called[-1].endswith("--constraint .venv/locked.txt --editable .[postgresql,spark]")
    assert (project / ".venv/locked.txt").read_text() == "pyspark==4.3.0 ; python_version < '4'\n"


def test_a_choice_is_kept_until_another_is_made(project: Path) -> None:
    assert not any("[" in call for call in setup(project)[2])
    assert setup(project)[2] == []
    assert any("[sqlite]" in call for call in setup(project, "EXTRAS=sqlite")[2])
    assert setup(project)[2] == []
    (project / "requirements.lock").write_text("")
    os.utime(project / "requirements.lock", (4e9, 4e9))
    assert any("[sqlite]" in call for call in setup(project)[2]), "a renewed lock keeps the choice"
    os.utime(project / "requirements.lock", (0, 0))
    assert any("[spark]" in call for call in setup(project, "EXTRAS=spark")[2])
    called = setup(project, "EXTRAS=")[2]
    assert called
    assert not any("[" in call for call in called)


def moved(project: Path) -> None:
    (project / ".venv/bin/pip").write_text("#!/former/place/.venv/bin/python3\n")


def interrupted(project: Path) -> None:
    (project / ".venv/bin/pip").unlink()


@pytest.mark.parametrize("change", [moved, interrupted])
@pytest.mark.parametrize("ready", [True, False])
def test_an_environment_of_another_folder_and_half_of_one_are_made_anew(
    project: Path, change: Callable[[Path], None], *, ready: bool
) -> None:
    if ready:
        setup(project, "EXTRAS=sqlite")
    change(project)
    code, printed, called = setup(project, "PYTHON=./made.sh", "EXTRAS=sqlite")
    assert code == 0
    assert "The folder was moved, or its set-up was interrupted: .venv is made anew." in printed
    assert "make -m venv --clear .venv" in called
    assert (project / ".venv/.extras").read_text() == "sqlite\n"


def test_a_whole_environment_is_not_made_anew(project: Path) -> None:
    _, printed, called = setup(project, "PYTHON=./made.sh")
    assert "made anew" not in printed
    assert not any(call.startswith("make") for call in called)


def test_a_name_that_is_no_extra_is_refused_with_those_that_are(project: Path) -> None:
    code, printed, called = setup(project, "EXTRAS=postgres")
    assert code != 0
    assert "postgres is not an extra of pyproject.toml. Allowed: postgresql sqlite snowflake bigquery spark" in printed
    assert called == []
    assert setup(project, "EXTRAS=dev")[0] != 0, "a group for development is no extra"
