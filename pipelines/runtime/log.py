"""What a batch job says while it works: sentences for people, or one JSON object a line for a scheduler.

Every JSON line has `at` (UTC), `event` and `text`; the other fields depend on the event. What the stages print on the
way becomes lines of the event `note`, so that nothing but JSON is on standard output.
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
    """`as_json`: JSON lines instead of sentences. `clock`: the present moment as text. `say`: takes a line.

    `under_way`: the stage that runs. `say` must not print to whatever standard output is when it is called: inside
    `notes` that is the log itself.
    """

    as_json: bool
    clock: Callable[[], str]
    say: Callable[[str], None]
    under_way: str = field(default="", init=False)

    def __call__(self, event: str, text: str, **fields: Any) -> None:
        """One line; `fields` are for JSON alone."""
        if self.as_json:
            where = {"stage": self.under_way} if self.under_way else {}
            line = {"at": self.clock(), "event": event, "text": text, **where, **fields}
            self.say(json.dumps(line, ensure_ascii=False, default=str))
        elif text:
            self.say(text)

    @contextlib.contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Name the stage that is under way in every line, and tell how long it took; what fails keeps its name."""
        self.under_way, started = name, time.perf_counter()
        yield
        seconds = round(time.perf_counter() - started, 1)
        self("stage", f"  {name:<32} {seconds:5.1f} s", seconds=seconds)
        self.under_way = ""

    def failed(self, error: Exception, code: int, **fields: Any) -> None:
        """Why it stopped, and the exit code; people read it on standard error."""
        faults = [line for line in str(error).splitlines() if line.strip()] or [type(error).__name__]
        if self.as_json:
            self("failed", faults[0], faults=faults, exit_code=code, **fields)
        else:
            print(f"\n{error}", file=sys.stderr)

    @contextlib.contextmanager
    def notes(self) -> Iterator[None]:
        """What is printed in the block becomes lines of the log."""
        with contextlib.redirect_stdout(_Lines(self)):
            yield


class _Lines(io.TextIOBase):
    """A standard output whose whole lines are notes."""

    def __init__(self, log: Log) -> None:
        self.log, self.begun = log, ""

    def write(self, text: str) -> int:
        *whole, self.begun = (self.begun + text).split("\n")
        for line in whole:
            if line.strip():
                self.log("note", line.strip())
        return len(text)
