"""What `churn run` says, and how it tells a run under way from one that was killed."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import psutil
import pytest

from pipelines.commands import run
from pipelines.runtime import run_lock
from pipelines.runtime.errors import ChurnError


def follow(*lines: str) -> tuple[list[str], Any]:
    said: list[str] = []
    follower = run._Follow(said.append)
    for line in lines:
        follower.line(line)
    follower.end()
    return said, follower


def test_one_line_per_stage_and_what_a_stage_says_below_it() -> None:
    said, _ = follow(
        "Running stage 'pull_activity@train':",
        "> python -m pipelines.stages.pull_activity --branch train",
        "pull_activity: 3 rows were put aside",
        "Updating lock file 'dvc.lock'",
        "Stage 'label_churn@silent_28d' didn't change, skipping",
        "Running stage 'make_list':",
    )
    assert said[0] == "      pull_activity: 3 rows were put aside"
    assert [line.split()[0] for line in said[1:]] == ["pull_activity@train", "make_list"]


def test_a_failed_stage_is_not_shown_as_done_and_its_words_are_kept() -> None:
    said, follower = follow(
        "Running stage 'validate_features@train':",
        "validate_features: 2 checks failed",
        "ERROR: failed to reproduce 'validate_features@train': failed to run",
    )
    assert said == ["      validate_features: 2 checks failed"]
    assert "validate_features: 2 checks failed" in follower.failure()


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
    assert run_lock._orphaned(holder) is orphaned


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
