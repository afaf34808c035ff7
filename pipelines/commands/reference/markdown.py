"""Tables of Markdown."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

_SIDES = {"left": "---", "right": "---:"}


def table(heads: Sequence[str], rows: Iterable[Sequence[str]], *, right: Sequence[str] = ()) -> str:
    """One line per row. `right`: the heads of columns that are set to the right. Cells are on one line, `|` is escaped.

    Raises:
        ValueError: a row has another number of cells than there are heads.
    """
    sides = [_SIDES["right" if head in right else "left"] for head in heads]
    lines = [heads, sides, *([cell(one) for one in row] for row in rows)]
    if any(len(line) != len(heads) for line in lines):
        raise ValueError(f"every row has {len(heads)} cells: {', '.join(heads)}")
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def cell(text: str) -> str:
    """Text as it may stand in a cell."""
    return " ".join(text.split()).replace("|", "\\|")


def code(text: object) -> str:
    """A name or value as it is typed; nothing for nothing."""
    return f"`{text}`" if str(text) else ""
