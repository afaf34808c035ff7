"""What every stage shares: its command line, the lock, the journal, the errors.

A stage is `python -m pipelines.stages.<name> --option ...`; its paths come from dvc.yaml as arguments, its numbers
from params.yaml.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

import click

from pipelines.runtime.code import require_pinned_libraries
from pipelines.runtime.errors import USER_ERRORS, system_faults
from pipelines.runtime.journal import recording
from pipelines.runtime.run_lock import only_stage

PATH = click.Path(path_type=Path)
BRANCH = click.Choice(("train", "score"))
NAME = click.STRING
Work = Callable[..., None]
Kind = click.Path | click.Choice[str] | click.ParamType[Any]


def stage_command(*, optional: tuple[str, ...] = (), **options: Kind) -> Callable[[Work], click.Command]:
    """Makes a command of a stage's function: each argument is an option, and required unless it is in `optional`.

    The help is the first line of the stage's module. Wrong use ends with exit code 2.
    """

    def command(work: Work) -> click.Command:
        about = (sys.modules[work.__module__].__doc__ or "").partition("\n")[0]
        parameters = [
            click.Option([f"--{name}"], type=kind, required=name not in optional, metavar=name.upper())
            for name, kind in options.items()
        ]
        return click.Command(work.__module__.rpartition(".")[2], callback=work, params=[*parameters], help=about)

    return command


def fail(error: Exception, name: str) -> NoReturn:
    """Print every fault on a line of its own, and end with exit code 1."""
    for line in str(error).splitlines():
        print(f"{name}: {line}" if line.strip() else line, file=sys.stderr)
    raise SystemExit(1)


def run_stage(name: str, work: Callable[[], object]) -> None:
    """Run `work` under the stage lock, in the journal; a mendable error is printed without a traceback, exit code 1.

    `name` is the stage as DVC calls it: `build_features@train`.
    """
    # The same settings for every process: no telemetry, no calls home.
    os.environ.update({"GX_ANALYTICS_ENABLED": "false", "MLFLOW_DISABLE_TELEMETRY": "true"})
    try:
        with recording(name), only_stage(name):
            require_pinned_libraries()
            with system_faults():
                work()
    except USER_ERRORS as error:
        fail(error, name)


def threads() -> int:
    """Processors that this process may use. They change the time, never the model."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
