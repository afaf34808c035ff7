"""What earlier pulls read for their moments, in the landing store: `{source}/{key}/steps.json`, oldest moment first.

A moment before the last one is answered by the store alone and gives what it gave then: its source is not asked, not
even whether it is there. What came or changed since then counts from the next moment on.
"""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol
from zoneinfo import ZoneInfo

from pipelines.runtime.files import read_json, write_json

_FILE = "steps.json"


class Source(Protocol):
    """Where the store keeps a source, see landing.py."""

    @property
    def folder(self) -> Path:
        """Its folder."""


def steps_of(source: Source) -> list[dict[str, Any]]:
    """A step for every moment (`moment`: microseconds, UTC), as its reader wrote it; none where a part is gone."""
    path = source.folder / _FILE
    try:
        found: list[dict[str, Any]] = read_json(path) if path.is_file() else []
    except json.JSONDecodeError:
        return []
    pieces = {piece for step in found for piece in (step["pieces"] if "pieces" in step else [step["piece"]])}
    return found if all((source.folder / piece / "piece.json").is_file() for piece in pieces) else []


def remember(source: Source, steps: list[dict[str, Any]]) -> None:
    """Write the steps, all or none."""
    write_json(source.folder / _FILE, steps)


def answering(steps: list[dict[str, Any]], moment: int) -> int | None:
    """Which step answers for a moment without its source: of a moment that none was read for, the next one's."""
    if not steps or moment >= steps[-1]["moment"]:
        return None
    return next(i for i, step in enumerate(steps) if step["moment"] >= moment)


def changed_since(con: Any, name: str, moment: int, timezone: str) -> None:
    """Note that what a source says about the time before an earlier moment is not what it was then."""
    day = f"{datetime.fromtimestamp(moment / 1e6, ZoneInfo(timezone)):%Y-%m-%d}"
    said = (
        f"sources.{name}: what it says about the time before {day} has changed since that moment was pulled, which "
        "goes on giving what it gave then. `churn run --full` reads everything again, for all moments."
    )
    note(con, said)


def note(con: Any, said: str) -> None:
    """Note what a person should know of a source."""
    con.execute("insert into noted values ($1)", [said])


def notes(con: Any) -> list[str]:
    """What sources noted, sorted."""
    return [said for (said,) in con.execute("select said from noted order by said").fetchall()]
