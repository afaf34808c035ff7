"""What a source must be able to do. A reader is one value of this class; `readers.py` lists them by name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from pipelines.params import Settings


@dataclass(frozen=True)
class Reader:
    """Four questions to one kind of source; each gets its name and its section of params.yaml.

    faults: what is wrong with the setting, found by headers and schemas alone (quick, reads no rows, raises nothing).
    versions: what changes when the source's content does, sorted: digests of files.
    read: fills `stream`, `rejected` and `delivered` of a DuckDB connection.
    customers: the customers table that comes with the source as a SQL query, or None.
    version: what besides the files decides what is read, such as a package's version.
    """

    faults: Callable[[str, Any, Settings], list[str]]
    versions: Callable[[Any], list[str]]
    read: Callable[[Any, str, Any, Settings], None]
    customers: Callable[[], str] | None = None
    version: Callable[[], str] | None = None
