"""Progress of long work on a terminal; silent elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable


def progress(work: str, things: str = "customers") -> Callable[[int, int], None]:
    """A function to call with how many customers, or other `things`, are done, and of how many.

    Where stderr is a terminal it keeps one line there: how many are done, and the time left at the pace so far.
    Elsewhere (a pipe, a file, cron) it says nothing.
    """
    started = time.perf_counter()

    def report(done: int, of: int) -> None:
        if sys.stderr.isatty():
            left = (time.perf_counter() - started) * (of - done) / max(1, done)
            line = f"{work}: {done:,} of {of:,} {things}, {in_words(left)} left"
            print(f"\r{line:<79}", end="\n" if done == of else "", file=sys.stderr, flush=True)

    return report


def in_words(seconds: float) -> str:
    """`45 s`, `3 min`, `2.5 h`."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
