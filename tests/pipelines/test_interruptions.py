"""kill -9 of a stage, of `dvc`, of `churn` and of `make`: the next run completes, with the same result."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import psutil
import pytest
import yaml

from tests.conftest import PROVING

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]  # one machine may be much busier than another

STAGES = [
    "watch_sources",
    "pull_activity@train",
    "build_features@train",
    "validate_features@train",
    "label_churn@silent_28d",
    "train_model@silent_28d",
    "evaluate_model@silent_28d",
    "pull_activity@score",
    "build_features@score",
    "validate_features@score",
    "score_customers@silent_28d",
    "make_list",
]


def outs(folder: Path) -> dict[str, str]:
    lock = yaml.safe_load((folder / "dvc.lock").read_text())
    return {out["path"]: out["md5"] for stage in lock["stages"].values() for out in stage.get("outs", [])}


def content(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def emptied(shop: Any) -> Any:
    shop.call("bash", "-c", "rm -rf data/*/ dvc.lock mlflow.db mlartifacts .dvc/cache .dvc/tmp")
    return shop


def start(project: Any, *command: str) -> subprocess.Popen[bytes]:
    with (project.folder / "interrupted.txt").open("ab") as log:
        return subprocess.Popen(command, cwd=project.folder, env=project.environment(), stdout=log, stderr=log)


def wait_for_stage(project: Any, wanted: str, top: subprocess.Popen[bytes]) -> int:
    """The process of a stage that has just begun under `top`."""
    state = project.folder / ".dvc/tmp/churn/stage.json"
    while top.poll() is None:
        if state.exists():
            now = json.loads(state.read_text())
            if now["stage"] == wanted and psutil.pid_exists(now["pid"]):
                return int(now["pid"])
        time.sleep(0.002)
    pytest.fail(f"{wanted} never began: {(project.folder / 'interrupted.txt').read_text()[-2000:]}")


def kill_victim(victim: str, stage: int, top: subprocess.Popen[bytes]) -> None:
    """kill -9 the stage, `dvc`, or what was started on top of them, and leave the others as they are."""
    if victim == "dvc":
        os.kill(psutil.Process(stage).ppid(), signal.SIGKILL)
    else:
        os.kill(stage if victim == "stage" else top.pid, signal.SIGKILL)
    if victim != "top":
        top.wait(timeout=550)


CHURN = (sys.executable, "-m", "pipelines.commands.app", "run")


VICTIMS = ["stage", "dvc", "top"]
# Every stage is interrupted, and each victim is killed in a third of them, those of both branches; `make prove` kills
# each victim in every stage.
TURNS = {"each in its turn": VICTIMS * 4}
IN_FULL = {f"always the {victim}": [victim] * len(STAGES) for victim in VICTIMS}


@pytest.mark.law
@pytest.mark.parametrize("victims", (IN_FULL if PROVING else TURNS).values(), ids=(IN_FULL if PROVING else TURNS))
def test_killed_in_every_stage_in_turn_and_completed(shop: Any, empty_store: Path, victims: list[str]) -> None:
    expected, listed = outs(shop.folder), (shop.folder / "data/at_risk/2024-12-02/at_risk.csv").read_bytes()
    emptied(shop)
    if not PROVING:
        shutil.copy(empty_store, shop.folder / "mlflow.db")
    for stage, victim in zip(STAGES, victims, strict=True):
        top = start(shop, *CHURN)
        kill_victim(victim, wait_for_stage(shop, stage, top), top)
        if victim == "top":
            top.wait(timeout=10)
    done = shop.churn("run")
    assert "at_risk.html" in done.stdout
    assert outs(shop.folder) == expected
    assert (shop.folder / "data/at_risk/2024-12-02/at_risk.csv").read_bytes() == listed


def test_killed_make_leaves_a_run_that_the_next_one_waits_for(shop: Any) -> None:
    expected = outs(shop.folder)
    shop.call("bash", "-c", "rm -rf data/*/score data/scores data/at_risk .dvc/cache .dvc/tmp")
    (shop.folder / "Makefile").write_text(f"run:\n\t@{' '.join(CHURN)}\n\t@true\n")
    top = start(shop, "make", "run")
    wait_for_stage(shop, "build_features@score", top)
    top.kill()
    top.wait()
    done = shop.call("make", "run")
    assert "Waiting for it" in done.stdout
    assert outs(shop.folder) == expected


def test_from_nothing_the_hashes_are_the_same_and_a_second_run_is_told_at_once_that_one_is_under_way(
    shop: Any, empty_store: Path
) -> None:
    before, listed = outs(shop.folder), content(shop.folder / "data/at_risk/2024-12-02")
    emptied(shop)
    shutil.copy(empty_store, shop.folder / "mlflow.db")
    first = start(shop, *CHURN)
    wait_for_stage(shop, "pull_activity@train", first)
    shop.churn("--help")  # what a first command waits for is not timed
    started = time.monotonic()
    second = shop.churn("run", check=False)
    assert second.returncode == 1
    assert "A run is under way" in second.stderr
    assert time.monotonic() - started < 30
    assert first.wait(timeout=550) == 0
    assert outs(shop.folder) == before
    assert content(shop.folder / "data/at_risk/2024-12-02") == listed


def test_two_stages_never_write_at_once(shop: Any) -> None:
    from filelock import FileLock

    with FileLock(shop.folder / ".dvc/tmp/churn/stage.lock"):
        refused = shop.call(
            *(sys.executable, "-m", "pipelines.stages.validate_features"),
            *("--features", "data/features/train", "--report", "data/validation/features_train.json"),
            check=False,
        )
    assert refused.returncode == 1
    assert "another stage is writing now" in refused.stderr
