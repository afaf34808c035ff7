"""A stage that DVC starts is a fork of DVC's process, in place of a shell with a new interpreter.

What a stage can tell apart stays as it was: a process of its own, which is killed, stopped and waited for alone; the
environment and the folder that DVC gives it; standard output and error; its exit code; no file of DVC's open, so that
none of its locks is held by a stage that outlives it. Shared are libraries alone (libraries.py). The project's own code
is imported anew from disk by every stage: what runs is what DVC hashes, also where a file is edited in mid-run.

Only commands of the form `python -m pipelines.stages.NAME ...` are taken, on Linux, where a fork keeps no thread's
state; any other is left to DVC.
"""

from __future__ import annotations

import atexit
import gc
import importlib
import logging
import multiprocessing
import os
import re
import signal
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from pipelines.commands.repro import libraries

STAGES = "pipelines.stages."
OUR_PACKAGES = frozenset({"features", "models", "pipelines"})
OPEN_FILES = Path("/proc/self/fd")
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
    """Run the stage in a fork and wait for it. Below 0: the signal that killed it.

    Ctrl-C reaches both processes; the stage ends by it, and this one lives to say so.
    """
    stage = multiprocessing.get_context("fork").Process(
        target=_be_stage, args=(module, list(arguments), dict(environment), folder)
    )
    stage.start()
    in_main = threading.current_thread() is threading.main_thread()
    before = signal.signal(signal.SIGINT, signal.SIG_IGN) if in_main else None
    try:
        stage.join()
    finally:
        if before is not None:
            signal.signal(signal.SIGINT, before)
    return stage.exitcode or 0


def _be_stage(module: str, arguments: list[str], environment: dict[str, str], folder: str) -> None:
    """In the fork: leave everything of DVC's behind, then be the stage."""
    gc.freeze()  # what was DVC's is never finalised here
    atexit._clear()  # noqa: SLF001
    _close_files()
    _undo_logging()
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    for name in [name for name in sys.modules if name.partition(".")[0] in OUR_PACKAGES]:
        del sys.modules[name]
    importlib.invalidate_caches()
    sys.argv = [module, *arguments]
    try:
        importlib.import_module(module).main(arguments, prog_name=f"python -m {module}")
    finally:
        atexit._run_exitfuncs()  # noqa: SLF001  # a fork's end does not


def _close_files() -> None:
    """Let go of every open file but the standard ones. The numbers stay taken: objects of DVC's may still name them."""
    nothing = os.open(os.devnull, os.O_RDWR)
    for number in [int(path.name) for path in OPEN_FILES.iterdir()]:
        if number > 2 and number != nothing:
            with suppress(OSError):  # the one through which the folder was listed
                os.fstat(number)
                os.dup2(nothing, number, inheritable=False)


def _undo_logging() -> None:
    """DVC silences the loggers of others, and takes warnings in."""
    logging.captureWarnings(False)
    for one in logging.root.manager.loggerDict.values():
        if isinstance(one, logging.Logger):
            one.disabled = False
