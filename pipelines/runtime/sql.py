"""SQL text: quoted names and literals."""

from __future__ import annotations

from pathlib import Path


def quoted(name: str) -> str:
    """A column's name as SQL."""
    return '"' + name.replace('"', '""') + '"'


def _text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"


def text(value: str | Path) -> str:
    """A SQL string."""
    return "'" + str(value).replace("'", "''") + "'"


def column(name: str) -> str:
    """A SQL identifier."""
    return '"' + name.replace('"', '""') + '"'
