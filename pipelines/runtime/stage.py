"""What every stage shares: its command line, the lock, the errors.

A stage is `python -m pipelines.stages.<name> --option ...`; its paths come from dvc.yaml as arguments, its numbers
from params.yaml.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

import click
from filelock import FileLock, Timeout

from pipelines.runtime.code import require_pinned_libraries
from pipelines.runtime.errors import USER_ERRORS, ChurnError

STATE = Path(".dvc/tmp/churn")  # locks and who works now: never an output, never shared
PATH = click.Path(path_type=Path)
BRANCH = click.Choice(("train", "score"))
NAME = click.STRING
Work = Callable[..., None]
Kind = click.Path | click.Choice[str] | click.ParamType[Any]


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


def stage_command(*, optional: tuple[str, ...] = (), **options: Kind) -> Callable[[Work], click.Command]:
    """Decorates what a stage does with its arguments: each is an option of its own, and required unless `optional`.

    The help is the first line of the stage's module. Wrong use ends with exit code 2.
    """

    def command(work: Work) -> click.Command:
        about = (sys.modules[work.__module__].__doc__ or "").partition("\n")[0]
        given = [
            click.Option([f"--{name}"], type=kind, required=name not in optional, metavar=name.upper())
            for name, kind in options.items()
        ]
        return click.Command(work.__module__.rpartition(".")[2], callback=work, params=[*given], help=about)

    return command


def fail(error: Exception, name: str) -> NoReturn:
    """Say every fault in a line of its own, and end with exit code 1."""
    for line in str(error).splitlines():
        print(f"{name}: {line}" if line.strip() else line, file=sys.stderr)
    raise SystemExit(1)


def run_stage(name: str, work: Callable[[], object]) -> None:
    """Run `work` alone, nobody else writes meanwhile; a mendable error is printed without a traceback, exit code 1.

    `name` is the stage as DVC calls it: `build_features@train`.
    """
    # The same settings for every process: no telemetry, no calls home.
    os.environ.update({"GX_ANALYTICS_ENABLED": "false", "MLFLOW_DISABLE_TELEMETRY": "true"})
    try:
        with stage_lock().acquire(timeout=0):
            require_pinned_libraries()
            write_state("stage.json", {"stage": name, "pid": os.getpid()})
            work()
    except Timeout:
        fail(ChurnError("another stage is writing now. Wait until it has ended, then run again."), name)
    except USER_ERRORS as error:
        fail(error, name)


def threads() -> int:
    """Processors that this process may use. They change the time, never the model."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
