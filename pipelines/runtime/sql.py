"""SQL text: quoted names and literals."""

from __future__ import annotations

from pathlib import Path


def quoted(name: str) -> str:
    """A name (of a column, a table) as SQL."""
    return '"' + name.replace('"', '""') + '"'


def text(value: str | Path) -> str:
    """A string literal."""
    return "'" + str(value).replace("'", "''") + "'"
