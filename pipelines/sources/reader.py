"""What a source must be able to do. A reader is one value of this class; `readers.py` lists them by name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipelines.settings.reading import Reading
from pipelines.sources.landing.store import Part


@dataclass(frozen=True)
class Place:
    """Where read rows are kept (a folder), and the moment (microseconds, UTC) that the pull is for."""

    landing: Path
    moment: int


@dataclass(frozen=True)
class Reader:
    """Five questions to one kind of source; each gets its name and its section of params.yaml.

    faults: what is wrong with the setting, found by headers and schemas alone (quick, reads no rows, raises nothing).
    versions: what changes when the source's content does: digests of files; of a database what it holds before the
        moment that comes last.
    read: fills `rejected` and `delivered` of a DuckDB connection, and gives the landed parts of the stream; what a
        reader does not land it puts into `stream` itself.
    customers: the customers table that comes with the source as a SQL query, or None.
    remembered: the versions as they were, where the landing store answers for a moment and the source is not asked;
        None where it must be. Without it a source is always asked.
    version: what besides the files decides what is read, such as a package's version.
    """

    faults: Callable[[str, Any, Reading], list[str]]
    versions: Callable[[str, Any, Reading, int], list[str]]
    read: Callable[[Any, str, Any, Reading, Place], list[Part]]
    customers: Callable[[], str] | None = None
    remembered: Callable[[str, Any, Reading, Place], list[str] | None] | None = None
    version: Callable[[], str] | None = None

    def recalls(self, name: str, setting: Any, reading: Reading, place: Place | None) -> list[str] | None:
        """What `remembered` gives; None where there is no such question or no store."""
        return self.remembered(name, setting, reading, place) if self.remembered and place else None
