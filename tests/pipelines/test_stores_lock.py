"""Nobody reads or writes stores while somebody is forgotten, and nobody is forgotten meanwhile; readers share."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from pipelines.publishing.written import note_written, written
from pipelines.runtime import run_lock
from pipelines.runtime.errors import TryAgainError
from pipelines.settings import artifacts

HOLDING = """
import sys
from pipelines.runtime import run_lock
with getattr(run_lock, sys.argv[1])(*([print] if sys.argv[1] in ("only_run", "alone_with_stores") else [])):
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / ".dvc").mkdir()
    monkeypatch.chdir(tmp_path)


def holding(name: str) -> subprocess.Popen[str]:
    """Another process that holds a lock until its input ends."""
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    other = subprocess.Popen(
        [sys.executable, "-c", HOLDING, name], env=environment, stdin=-1, stdout=-1, stderr=subprocess.STDOUT, text=True
    )
    assert other.stdout is not None
    assert other.stdout.readline() == "held\n"
    return other


Held = Callable[[], AbstractContextManager[object]]
RUN: Held = lambda: run_lock.only_run(lambda _: None)  # noqa: E731
STAGE: Held = lambda: run_lock.only_stage("a stage")  # noqa: E731


@pytest.mark.parametrize("hold", [RUN, STAGE, run_lock.using_stores], ids=["run", "stage", "reader"])
def test_while_somebody_is_forgotten_nobody_begins(hold: Held) -> None:
    other = holding("alone_with_stores")
    with pytest.raises(TryAgainError), hold():
        pass
    other.kill()
    other.communicate()
    with hold():
        pass  # a lock ends with its process


def test_while_somebody_reads_nobody_is_forgotten_and_others_read() -> None:
    other = holding("using_stores")
    with pytest.raises(TryAgainError, match="nothing was forgotten yet"), run_lock.alone_with_stores(lambda _: None):
        pass
    with run_lock.only_run(lambda _: None), run_lock.only_stage("a stage"), run_lock.using_stores():
        pass
    other.communicate("")
    with run_lock.alone_with_stores(lambda _: None):
        pass


def test_files_that_are_written_elsewhere_are_known_once() -> None:
    for place in ("out/scores.parquet", "data/exports/x", "out/scores.parquet", "other.parquet"):
        note_written(Path(place))
    with artifacts.WRITTEN.open("a") as stream:
        stream.write('"/cut')
    note_written(Path("third.parquet"))
    assert [path.name for path in written()] == ["scores.parquet", "other.parquet", "third.parquet"]
