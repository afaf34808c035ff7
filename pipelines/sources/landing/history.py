"""The history of pulls in the landing store, one step per moment: `{source}/{key}/steps.json`, oldest first.

A moment before the last one is answered from the store alone and gives what it gave then: its source is not opened.
What arrived or changed since then counts from the next moment on.
"""

# Queries are put together from our own names; values are bound as parameters.
# ruff: noqa: S608

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol
from zoneinfo import ZoneInfo

from pipelines.runtime.files import read_json, write_json
from pipelines.sources.relations import NOTES

_FILE = "steps.json"


class Source(Protocol):
    """Where the store keeps a source, see store.py."""

    @property
    def folder(self) -> Path:
        """Its folder."""


def read_steps(source: Source) -> list[dict[str, Any]]:
    """A step for every moment (`moment`: microseconds, UTC), as its reader wrote it; none where a part is gone."""
    path = source.folder / _FILE
    try:
        steps: list[dict[str, Any]] = read_json(path) if path.is_file() else []
    except json.JSONDecodeError:
        return []
    pieces = {piece for step in steps for piece in (step["pieces"] if "pieces" in step else [step["piece"]])}
    return steps if all((source.folder / piece / "piece.json").is_file() for piece in pieces) else []


def write_steps(source: Source, steps: list[dict[str, Any]]) -> None:
    """Write the steps atomically."""
    write_json(source.folder / _FILE, steps)


def answering_step(steps: list[dict[str, Any]], moment: int) -> int | None:
    """The index of the step that answers for a moment: its own, else the next later one; None after the last."""
    if not steps or moment >= steps[-1]["moment"]:
        return None
    return next(i for i, step in enumerate(steps) if step["moment"] >= moment)


def note_change(con: Any, name: str, moment: int, timezone: str) -> None:
    """Note that a source's rows before an earlier moment have changed since that moment was pulled."""
    day = f"{datetime.fromtimestamp(moment / 1e6, ZoneInfo(timezone)):%Y-%m-%d}"
    sentence = (
        f"sources.{name}: what it says about the time before {day} has changed since that moment was pulled, which "
        "goes on giving what it gave then. `churn run --full` reads everything again, for all moments."
    )
    note(con, sentence)


def note(con: Any, sentence: str) -> None:
    """Note what a person should know of a source."""
    con.execute(f"insert into {NOTES} values ($1)", [sentence])


def notes(con: Any) -> list[str]:
    """The notes of all sources, sorted."""
    return [sentence for (sentence,) in con.execute(f"select said from {NOTES} order by said").fetchall()]
