"""One private folder per process for what a pull cannot hold in memory and for copies of files while they are read.

It is deleted when the process ends; what a killed process left behind is deleted by the next one.
"""

from __future__ import annotations

import atexit
import functools
import os
import re
import shutil
import tempfile
from pathlib import Path

import psutil

_NAMED = "churn-pull-"


@functools.cache
def folder() -> Path:
    """The folder; only its owner may look inside."""
    root = Path(tempfile.gettempdir())
    for leftover in root.glob(f"{_NAMED}*"):
        pid = re.fullmatch(r"\d+", leftover.name.removeprefix(_NAMED))
        if pid and (int(pid[0]) == os.getpid() or not psutil.pid_exists(int(pid[0]))):
            shutil.rmtree(leftover, ignore_errors=True)
    own = root / f"{_NAMED}{os.getpid()}"
    own.mkdir(mode=0o700)
    atexit.register(shutil.rmtree, own, ignore_errors=True)
    return own
