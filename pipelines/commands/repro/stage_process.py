"""A stage that DVC starts is a fork of DVC's process, in place of a shell with a new interpreter.

What a stage can tell apart stays as it was: a process of its own, which is killed, stopped and waited for alone; the
environment and the folder that DVC gives it; standard output and error; its exit code; no file of DVC's open, so that
none of its locks is held by a stage that outlives it. Shared are libraries alone (libraries.py). The project's own code
is imported anew from disk by every stage: what runs is what DVC hashes, also where a file is edited in mid-run.

Only commands of the form `python -m pipelines.stages.NAME ...` are taken, on Linux, where a fork keeps no thread's
state; any other is left to DVC.
"""

from __future__ import annotations

import importlib
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from importlib.util import find_spec
from typing import Any

from pipelines.commands.repro import fork, libraries

STAGES = "pipelines.stages."
PLAIN = re.compile(r"[\w\s@%+=:,./-]*")  # in which a shell sees words alone

Run = Callable[..., None]


def install() -> None:
    """DVC's stages start by a fork from now on, where this system and this DVC allow it."""
    if sys.platform != "linux" or find_spec("dvc.stage") is None:
        return
    from dvc.stage import run

    plain: Run | None = getattr(run, "_run", None)
    if plain is not None:
        run._run = starting_with_forks(plain)  # noqa: SLF001  # the one place where DVC starts a process


def starting_with_forks(plain: Run) -> Run:
    """DVC's `_run`, forking where the command is a stage's; `plain` runs all others."""
    from dvc.stage.exceptions import StageCmdFailedError

    def run(executable: str | None, command: str, **options: Any) -> None:
        stage = stage_of(command)
        if stage is None:
            plain(executable, command, **options)
            return
        module, arguments = stage
        libraries.load(module.removeprefix(STAGES))
        code = exit_code_of(module, arguments, environment=options["env"], folder=str(options["cwd"]))
        if code:
            raise StageCmdFailedError(command, code)

    return run


def stage_of(command: str) -> tuple[str, list[str]] | None:
    """Module and arguments of `python -m pipelines.stages.NAME ...`; None for any other command."""
    words = command.split()
    if not PLAIN.fullmatch(command) or words[:2] != ["python", "-m"] or not words[2:3]:
        return None
    if not words[2].startswith(STAGES):
        return None
    return words[2], words[3:]


def exit_code_of(module: str, arguments: Sequence[str], *, environment: Mapping[str, str], folder: str) -> int:
    """Run the stage in a fork and wait for it. Below 0: the signal that killed it."""

    def be_the_stage() -> None:
        sys.argv = [module, *arguments]
        importlib.import_module(module).main(list(arguments), prog_name=f"python -m {module}")

    return fork.exit_code_of(be_the_stage, environment=environment, folder=folder)
