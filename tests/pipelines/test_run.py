"""What `churn run` says, and how it tells a run under way from one that was killed."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest

from pipelines.commands import run
from pipelines.runtime import run_lock
from pipelines.runtime.errors import ChurnError
from pipelines.runtime.journal import Event

ROOT = Path(__file__).resolve().parents[2]


def reported(*events: Event) -> tuple[list[str], run.Progress]:
    lines: list[str] = []
    progress = run.Progress(lines.append)
    for event in events:
        progress.report([event])
    return lines, progress


def test_one_line_per_stage_below_what_it_printed() -> None:
    lines, progress = reported(
        Event("7", "pull_activity@train", "began"),
        Event("7", "pull_activity@train", "note", text="pull_activity: 3 rows were put aside"),
        Event("7", "pull_activity@train", "ended", seconds=12.34),
        Event("7", "make_list", "began"),
        Event("7", "make_list", "ended", seconds=0.1),
    )
    assert lines == [
        "      pull_activity: 3 rows were put aside",
        "  pull_activity@train               12.3 s",
        "  make_list                          0.1 s",
    ]
    assert progress.failure() == []


def test_a_failed_stage_is_not_shown_as_done_and_its_faults_are_kept() -> None:
    lines, progress = reported(
        Event("7", "validate_features@train", "began"),
        Event("7", "validate_features@train", "failed", seconds=1.0, faults=("2 checks failed", "See the page.")),
    )
    faults = ["validate_features@train: 2 checks failed", "validate_features@train: See the page."]
    assert lines == [f"      {fault}" for fault in faults]
    assert progress.failure() == faults


def test_a_stage_that_began_and_never_ended_was_killed() -> None:
    lines, progress = reported(Event("7", "make_list", "began"), Event("7", "make_list", "note", text="working"))
    assert lines == ["      working"]
    assert progress.failure() == [
        "make_list: was killed before it ended. .dvc/tmp/churn/dvc.log has what it printed. Run again and it goes on."
    ]


FAKE_DVC = """
import os, sys
from pathlib import Path
from pipelines.runtime.errors import ChurnError
from pipelines.runtime.journal import Event

from pipelines.runtime.stage import run_stage
print("Running stage", sys.argv[2:])
run_stage("watch_sources", lambda: print("2 sources are new"))
{last}
"""


@pytest.fixture
def dvc(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Puts another program into the place of `dvc`, which runs a stage and then `last`."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", f"{tmp_path}{os.pathsep}{ROOT}")
    run_lock.STATE.mkdir(parents=True)

    def write(last: str) -> None:
        (tmp_path / "dvc").mkdir(exist_ok=True)
        (tmp_path / "dvc/__init__.py").touch()
        (tmp_path / "dvc/__main__.py").write_text(FAKE_DVC.replace("{last}", last))

    return write


def reproduced() -> tuple[list[str], tuple[str, ...]]:
    lines: list[str] = []
    try:
        run.reproduce(["make_list"], lines.append)
    except ChurnError as error:
        return lines, error.faults
    return lines, ()


def test_what_the_stages_write_is_followed_and_what_dvc_prints_is_not(dvc: Callable[[str], None]) -> None:
    dvc("")
    lines, faults = reproduced()
    assert lines[0] == "      2 sources are new"
    assert lines[1].split()[::2] == ["watch_sources", "s"]
    assert (len(lines), faults) == (2, ())
    assert run.DVC_LOG.read_text().splitlines() == ["Running stage ['make_list']", "2 sources are new"]


def test_the_faults_are_the_stages_and_only_without_any_dvcs_own(dvc: Callable[[str], None]) -> None:
    dvc("def work(): raise ChurnError('no orders', 'map a source')\nrun_stage('make_list', work)")
    lines, faults = reproduced()
    assert lines[2:] == ["      make_list: no orders", "      make_list: map a source"]
    assert faults[1:] == ("make_list: no orders", "make_list: map a source")
    dvc("sys.exit('ERROR: dvc.yaml is not valid')")
    lines, faults = reproduced()
    assert len(lines) == 2
    assert faults[0] == "The run stopped; earlier lists are untouched."
    assert faults[-1] == "ERROR: dvc.yaml is not valid"
    dvc("run_stage('make_list', lambda: os.kill(os.getpid(), 9))")
    assert reproduced()[1][1].startswith("make_list: was killed")


METRICS = {
    "test": {
        "as_of": "2017-11-06",
        "customers": 2213,
        "churn_rate": 0.129,
        **dict.fromkeys((f[0] for f in run.FIGURES), 0.5),
    },
    "baselines": {
        "rfm_score": {"test": dict.fromkeys((f[0] for f in run.FIGURES), 0.4)},
        "days_since_last": {"test": dict.fromkeys((f[0] for f in run.FIGURES), 0.3)},
        "logistic_rfmt": {"test": dict.fromkeys((f[0] for f in run.FIGURES), 0.45)},
    },
    "grade": {"grade": "A", "text": "Clearly better."},
}


def test_the_headline_sets_the_model_beside_the_best_rule_that_needs_no_model() -> None:
    text = run.headline(METRICS, "silent_28d")
    assert "best naive rule: rfm score" in text
    assert "0.500" in text
    assert "0.400" in text
    assert "0.450" not in text
    assert "Grade A" in text


def identity(pid: int) -> dict[str, Any]:
    return {"pid": pid, "created": psutil.Process(pid).create_time()}


@pytest.mark.parametrize(
    ("holder", "orphaned"),
    [
        ({}, False),
        ({"parent": identity(os.getpid())}, False),
        ({"parent": {"pid": os.getpid(), "created": 1.0}}, True),
        ({"parent": {"pid": 2**22 - 1, "created": 1.0}}, True),
    ],
    ids=["nothing known", "parent lives", "parent's number was given to another", "parent is gone"],
)
def test_a_run_is_orphaned_when_whoever_started_it_is_gone(holder: dict[str, Any], orphaned: bool) -> None:
    assert run_lock.is_orphaned(holder) is orphaned


def test_a_second_run_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with run_lock.only_run(print), pytest.raises(ChurnError, match="A run is under way"), run_lock.only_run(print):
        pytest.fail("two runs at once")


def test_the_lock_is_free_again_after_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ChurnError, match="broken"), run_lock.only_run(print):
        raise ChurnError("broken")
    with run_lock.only_run(print):
        pass
