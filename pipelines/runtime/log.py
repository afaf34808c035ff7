"""The log of a batch command: sentences for people, or one JSON object a line for a scheduler.

Every JSON line has `at` (UTC), `event` and `text`; further fields depend on the event. What stages print becomes lines
of the event `note`, so that standard output holds JSON only.
"""

from __future__ import annotations

import contextlib
import io
import json
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any


@dataclass
class Log:
    """Writes events as lines.

    `as_json`: JSON instead of sentences. `clock`: gives the present moment as text. `say`: prints a line; it must not
    print to whatever standard output is when it is called, which inside `notes` is the log itself. `running`: the stage
    that runs.
    """

    as_json: bool
    clock: Callable[[], str]
    say: Callable[[str], None]
    running: str = field(default="", init=False)

    def __call__(self, event: str, text: str, **fields: Any) -> None:
        """Write one line; `fields` appear in JSON only."""
        if self.as_json:
            where = {"stage": self.running} if self.running else {}
            line = {"at": self.clock(), "event": event, "text": text, **where, **fields}
            self.say(json.dumps(line, ensure_ascii=False, default=str))
        elif text:
            self.say(text)

    @contextlib.contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Name the running stage in every line and log how long it took; after a failure the name stays."""
        self.running, started = name, time.perf_counter()
        yield
        seconds = round(time.perf_counter() - started, 1)
        self("stage", f"  {name:<32} {seconds:5.1f} s", seconds=seconds)
        self.running = ""

    def failed(self, error: BaseException, code: int, **fields: Any) -> None:
        """Log why the command stopped, and its exit code; people read it on standard error."""
        faults = [line for line in str(error).splitlines() if line.strip()] or [type(error).__name__]
        if self.as_json:
            self("failed", faults[0], faults=faults, exit_code=code, **fields)
        else:
            print(f"\n{error}", file=sys.stderr)

    @contextlib.contextmanager
    def notes(self) -> Iterator[None]:
        """Log what is printed inside the block."""
        with contextlib.redirect_stdout(_Lines(self)):
            yield


class _Lines(io.TextIOBase):
    """A text stream that logs every whole line as a note."""

    def __init__(self, log: Log) -> None:
        self.log, self.unfinished = log, ""

    def write(self, text: str) -> int:
        *whole, self.unfinished = (self.unfinished + text).split("\n")
        for line in whole:
            if line.strip():
                self.log("note", line.strip())
        return len(text)
