"""A command answers from a fork as it does from a new process."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT, Project

pytestmark = pytest.mark.slow


@pytest.mark.parametrize(
    "command", [("pipelines.commands.app", "weekly", "--help"), ("pipelines.commands.app", "nonsense"), ("dvc", "root")]
)
def test_code_output_and_errors_are_those_of_a_new_process(command: tuple[str, ...], tmp_path: Path) -> None:
    for name in ("features", "models", "pipelines"):
        (tmp_path / name).symlink_to(ROOT / name)
    project = Project(tmp_path)
    forked = project.call(sys.executable, "-m", *command, check=False)
    plain = subprocess.run(
        [sys.executable, "-m", *command],
        cwd=tmp_path,
        env=project.environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert (forked.returncode, forked.stdout, forked.stderr) == (plain.returncode, plain.stdout, plain.stderr)
