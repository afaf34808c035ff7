"""Where files with customers were written outside `data/`: by `churn score --out` and `churn export --to`.

`data/written_elsewhere.jsonl`, one path a line, noted before the file is begun, so that erasure finds it whatever
happened then. Lines are only ever appended: two may be at it at once.
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path

from pipelines.runtime import closed
from pipelines.settings import artifacts


def note_written(path: Path) -> None:
    """Note a file or folder that is about to be written; one in `data/` is known anyway."""
    place = path.absolute()
    if place.is_relative_to(artifacts.DATA.absolute()) or place in written():
        return
    artifacts.DATA.mkdir(exist_ok=True)
    to = os.open(artifacts.WRITTEN, os.O_WRONLY | os.O_APPEND | os.O_CREAT, closed.mode())
    try:
        os.write(to, f"\n{json.dumps(str(place))}\n".encode())  # a line that was cut ends here
    finally:
        os.close(to)


def written() -> Sequence[Path]:
    """Every place that was noted, in order; a line that was cut is none."""
    lines = artifacts.WRITTEN.read_bytes().splitlines() if artifacts.WRITTEN.is_file() else []
    return [Path(one) for one in dict.fromkeys(map(_place, lines)) if one]


def _place(line: bytes) -> str:
    try:
        place = json.loads(line)
    except ValueError:
        return ""
    return place if isinstance(place, str) else ""
