"""The journal of stages: one JSON line when a stage begins, for every line that it prints, when it ends or fails.

    {"run": "4711", "stage": "make_list", "event": "began"}
    {"run": "4711", "stage": "make_list", "event": "note", "text": "make_list: 12 customers are new"}
    {"run": "4711", "stage": "make_list", "event": "ended", "seconds": 1.2}
    {"run": "4711", "stage": "make_list", "event": "failed", "seconds": 1.2, "faults": ["params.yaml: ..."]}

Lines are only ever appended, whole ones, by whichever process runs the stage; whoever drives the stages follows them
there. `run` is what the driver set in the environment (RUN), empty for a stage that somebody started by hand.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO, Any, cast

from pipelines.runtime.errors import USER_ERRORS
from pipelines.runtime.run_lock import STATE

FILE = STATE / "journal.jsonl"
RUN = "CHURN_RUN"
MAX_BYTES = 1_000_000  # a longer journal is begun anew by the next run


@dataclass(frozen=True)
class Event:
    """One line. `event`: `began`, `note` (with `text`), `ended` or `failed` (with `faults`, one a line)."""

    run: str
    stage: str
    event: str
    text: str = ""
    seconds: float = 0.0
    faults: tuple[str, ...] = ()


@contextmanager
def recording(stage: str) -> Iterator[None]:
    """Write the events of a stage while the block does its work. What it prints is printed all the same."""
    started = time.perf_counter()
    _append(stage, "began")
    try:
        with _noting(stage):
            yield
    except BaseException as error:
        _append(stage, "failed", seconds=time.perf_counter() - started, faults=_faults(error))
        raise
    _append(stage, "ended", seconds=time.perf_counter() - started)


class Follower:
    """Reads the events of one run as they are written, from the moment at which it is made."""

    def __init__(self, run: str) -> None:
        if FILE.is_file() and FILE.stat().st_size > MAX_BYTES:
            FILE.unlink()
        self._run = run
        self._offset = FILE.stat().st_size if FILE.is_file() else 0

    def new_events(self) -> list[Event]:
        """What was appended since the last call."""
        if not FILE.is_file():
            return []
        with FILE.open("rb") as stream:
            stream.seek(self._offset)
            whole, _, _ = stream.read().rpartition(b"\n")
        self._offset += len(whole) + 1 if whole else 0
        events = (_event(line) for line in whole.splitlines())
        return [event for event in events if event is not None and event.run == self._run]


def _event(line: bytes) -> Event | None:
    """None for a line that is none: the disk was full."""
    try:
        content = json.loads(line)
        return Event(**{**content, "faults": tuple(content.get("faults", ()))})
    except (ValueError, TypeError):
        return None


def _append(stage: str, event: str, **more: Any) -> None:
    """A journal that cannot be written stops no stage."""
    line = json.dumps({"run": os.environ.get(RUN, ""), "stage": stage, "event": event, **more}, ensure_ascii=False)
    with contextlib.suppress(OSError):
        FILE.parent.mkdir(parents=True, exist_ok=True)
        to = os.open(FILE, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            os.write(to, f"{line}\n".encode())
        finally:
            os.close(to)


def _faults(error: BaseException) -> list[str]:
    """A mendable error in its own words; of a defect, its traceback."""
    if isinstance(error, KeyboardInterrupt):
        return ["was interrupted."]
    text = str(error) if isinstance(error, USER_ERRORS) else "".join(traceback.format_exception(error))
    return [line for line in text.splitlines() if line.strip()]


@contextmanager
def _noting(stage: str) -> Iterator[None]:
    streams = [_Noted(stream, lambda text: _append(stage, "note", text=text)) for stream in (sys.stdout, sys.stderr)]
    out, err = (cast("IO[str]", stream) for stream in streams)
    try:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            yield
    finally:
        for stream in streams:
            stream.end()


class _Noted:
    """A stream whose lines are noted too. Everything but writing is the stream's own."""

    def __init__(self, stream: IO[str], note: Callable[[str], None]) -> None:
        self._stream, self._note, self._begun = stream, note, ""

    def write(self, text: str) -> int:
        *whole, self._begun = (self._begun + text).split("\n")
        for line in whole:
            if line.strip():
                self._note(line.rstrip())
        return self._stream.write(text)

    def end(self) -> None:
        """The last line, where it has no end."""
        if self._begun.strip():
            self._note(self._begun.rstrip())
        self._begun = ""

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)
