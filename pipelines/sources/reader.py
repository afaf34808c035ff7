"""What a source must be able to do. A reader is one value of this class; `registry.py` lists them by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pipelines.settings.reading import Reading
from pipelines.sources.access.headers import LocatedFile
from pipelines.sources.landing.store import Part


@dataclass(frozen=True)
class Inspection:
    """A source as its headers and schemas show it: what is wrong with the setting, and the files it consists of."""

    faults: Sequence[str] = ()
    files: Sequence[LocatedFile] = ()


@dataclass(frozen=True)
class Pull:
    """One reading of all sources.

    `landing`: the folder in which rows are kept. `moment` (microseconds, UTC): rows before it are wanted. `inspected`:
    what was found when the sources were checked, by source; it is not looked at again.
    """

    landing: Path
    moment: int
    inspected: Mapping[str, Inspection] = field(default_factory=dict)


@dataclass(frozen=True)
class Reader:
    """The operations on one kind of source; each gets the source's name and its section of params.yaml.

    inspect: look at headers and schemas alone (quick, reads no rows, raises nothing).
    versions: what changes when the source's content does: digests of files; of a database what it holds before the
        moment that comes last.
    read: fills REJECTED and DELIVERED of a DuckDB connection, and gives the landed parts of the stream; what a reader
        does not land it puts into STREAM itself.
    customers: the customers table that comes with the source as a SQL query, or None.
    remembered: the versions of an earlier pull, where the landing store answers for the moment and the source need not
        be opened; None where it must be. Without it a source is always opened.
    version: what besides the files decides what is read, such as a package's version.
    """

    inspect: Callable[[str, Any, Reading], Inspection]
    versions: Callable[[str, Any, Reading, int], list[str]]
    read: Callable[[Any, str, Any, Reading, Pull], list[Part]]
    customers: Callable[[], str] | None = None
    remembered: Callable[[str, Any, Reading, Pull], list[str] | None] | None = None
    version: Callable[[], str] | None = None

    def remembered_versions(self, name: str, setting: Any, reading: Reading, pull: Pull | None) -> list[str] | None:
        """What `remembered` gives; None where the reader remembers nothing or there is no store."""
        return self.remembered(name, setting, reading, pull) if self.remembered and pull else None
