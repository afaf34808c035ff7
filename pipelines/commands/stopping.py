"""SIGINT (Ctrl-C) and SIGTERM (`kill`, timeout, systemd, a scheduler): a command ends what it started, then itself.

The first signal unwinds the command like an error: locks are released, what was half-written goes, processes that it
started are ended before it. It ends with 130 (SIGINT) or 143 (SIGTERM), as shells count. Further SIGTERMs are ignored
meanwhile; a second Ctrl-C ends it on the spot.
"""

from __future__ import annotations

import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    import psutil

SIGNALS = (signal.SIGINT, signal.SIGTERM)
STOPPED = tuple(128 + number for number in SIGNALS)
"""Exit codes."""
GRACE_SECONDS, POLL_SECONDS = 10, 0.05


class StoppedError(KeyboardInterrupt):
    """Somebody stopped the command. Passes through whatever handles errors alone."""

    kind: ClassVar[str] = "Stopped"

    def __init__(self, number: int) -> None:
        super().__init__(
            f"Stopped by {signal.Signals(number).name}. What was started was ended first, and earlier results are "
            "untouched. Run the same again, and it goes on."
        )
        self.code = 128 + number


@contextmanager
def stoppable() -> Iterator[None]:
    """Raise StoppedError inside the block at the first signal. Handlers of before come back; a no-op in a thread."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.getsignal(number) for number in SIGNALS}
    for number in SIGNALS:
        if before[number] != signal.SIG_IGN:  # started by nohup, or in a shell's background
            signal.signal(number, _stop)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _stop(number: int, _: FrameType | None) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    raise StoppedError(number)


def end(process: subprocess.Popen[bytes]) -> None:
    """End a process and all that it started: by SIGTERM, and by SIGKILL what is there after GRACE_SECONDS.

    It is suspended first, so that it starts nothing more.
    """
    import psutil

    try:
        top = psutil.Process(process.pid)
        top.suspend()
        family = top.children(recursive=True)
    except psutil.NoSuchProcess:
        return
    for one in family:
        _send(one, signal.SIGTERM)
    until = time.monotonic() + GRACE_SECONDS
    while time.monotonic() < until and not all(map(_is_over, family)):
        time.sleep(POLL_SECONDS)
    for one in (*family, top):
        _send(one, signal.SIGKILL)


def _is_over(process: psutil.Process) -> bool:
    """Its parent is suspended, so it may not have been taken note of."""
    import psutil

    try:
        return bool(process.status() == psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return True


def _send(process: psutil.Process, number: signal.Signals) -> None:
    import psutil

    with suppress(psutil.NoSuchProcess):
        process.send_signal(number)
