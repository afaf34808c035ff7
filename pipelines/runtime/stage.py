"""What every stage shares: the lock, the errors, who works now.

A stage is `python -m pipelines.<name> --option ...`; its paths come from dvc.yaml as arguments, its numbers from
params.yaml.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

from filelock import FileLock, Timeout

from features.errors import FeatureProblem
from models.errors import ModelProblem
from pipelines.runtime.errors import Problem

MENDABLE = (Problem, FeatureProblem, ModelProblem)
STATE = Path(".dvc/tmp/churn")  # locks and who works now: never an output, never shared


def stage_lock() -> FileLock:
    """Held by the one stage that writes. Whoever kills `dvc` does not kill its stage, so each stage takes it itself."""
    STATE.mkdir(parents=True, exist_ok=True)
    return FileLock(STATE / "stage.lock")


def run_lock() -> FileLock:
    """Held by `churn run` and everything else that drives the graph."""
    STATE.mkdir(parents=True, exist_ok=True)
    return FileLock(STATE / "run.lock")


def write_state(name: str, content: dict[str, Any]) -> None:
    """Who works now, for the next run to read: whole or not at all."""
    beside = STATE / f"{name}.{os.getpid()}"
    beside.write_text(json.dumps(content))
    beside.replace(STATE / name)


def fail(error: Exception, name: str) -> NoReturn:
    """Say every fault in a line of its own, and end with exit code 1."""
    for line in str(error).splitlines():
        print(f"{name}: {line}" if line.strip() else line, file=sys.stderr)
    raise SystemExit(1)


def run_stage(name: str, work: Callable[[], None]) -> None:
    """Run `work` alone, nobody else writes meanwhile; a mendable error is printed without a traceback, exit code 1.

    `name` is the stage as DVC calls it: `build_features@train`.
    """
    # The same settings for every process: no telemetry, no calls home.
    os.environ.update({"GX_ANALYTICS_ENABLED": "false", "MLFLOW_DISABLE_TELEMETRY": "true"})
    try:
        with stage_lock().acquire(timeout=0):
            write_state("stage.json", {"stage": name, "pid": os.getpid()})
            work()
    except Timeout:
        fail(Problem("another stage is writing now. Wait until it has ended, then run again."), name)
    except MENDABLE as error:
        fail(error, name)


def threads() -> int:
    """Processors that this process may use. They change the time, never the model."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
