"""A fork that leaves behind what the process it comes from was doing, and keeps the libraries that it had loaded.

In it no file is open but the standard ones, and no lock held; environment and folder are those that are given; this
project's own code is not loaded yet, so it comes from disk as it is then; what was registered for the end of the other
process is that one's alone. Linux alone: elsewhere a fork does not keep libraries in a state to be used.
"""

from __future__ import annotations

import atexit
import gc
import importlib
import logging
import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path

OUR_PACKAGES = frozenset({"features", "models", "pipelines"})
OPEN_FILES = Path("/proc/self/fd")


def exit_code_of(work: Callable[[], None], *, environment: Mapping[str, str], folder: str) -> int:
    """Do `work` in a fork, wait for it, and give its exit code. Below 0: the signal that killed it.

    Ctrl-C reaches both processes; the fork ends by it, and this one lives to say so.
    """
    process = multiprocessing.get_context("fork").Process(target=_begin_anew, args=(work, environment, folder))
    process.start()
    in_main = threading.current_thread() is threading.main_thread()
    before = signal.signal(signal.SIGINT, signal.SIG_IGN) if in_main else None
    try:
        process.join()
    finally:
        if before is not None:
            signal.signal(signal.SIGINT, before)
    return process.exitcode or 0


def _begin_anew(work: Callable[[], None], environment: Mapping[str, str], folder: str) -> None:
    gc.freeze()  # what was the other's is never finalised here
    atexit._clear()  # noqa: SLF001
    _close_files()
    _undo_logging()
    os.chdir(folder)
    environment = dict(environment)
    os.environ.clear()
    os.environ.update(environment)
    for name in [name for name in sys.modules if name.partition(".")[0] in OUR_PACKAGES]:
        del sys.modules[name]
    importlib.invalidate_caches()
    try:
        work()
    finally:
        atexit._run_exitfuncs()  # noqa: SLF001  # a fork's end does not


def _close_files() -> None:
    """Let go of every file but the standard ones. The numbers stay taken: objects of before may still name them."""
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
