"""The line of a CSV on which a record begins: DuckDB counts records, people look for lines.

Blank lines and line breaks inside quotes make the two differ; then the file is read once more, which happens only for
files with bad rows.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator
from pathlib import Path

from pipelines.sources.access.headers import LocatedFile, open_bytes, open_text

_CHUNK = 1 << 22


def line_at(path: Path, positions: Iterable[int]) -> dict[int, int]:
    """Byte (from 0) of a record, or of the line break before it -> the line (from 1) that the record begins on."""
    lines: dict[int, int] = {}
    in_order = sorted(set(positions))
    with open_bytes(path) as stream:
        offset, breaks = 0, 0
        for position in in_order:
            before = stream.read(position - offset)
            breaks += before.count(b"\n")
            offset = position
            following = stream.read(1)
            offset += len(following)
            breaks += following == b"\n"
            lines[position] = breaks + 1
    return lines


def lines_in_open_quote(path: Path, quotes: Iterable[int], broken: set[int], read: int) -> list[int]:
    """The lines that DuckDB lost within quotes that are never closed.

    Where several quotes are open, which lines belong to which is a guess; their number is not.

    Args:
        path: the CSV.
        quotes: the lines of the quotes.
        broken: the lines of all rows that cannot be parsed.
        read: how many lines were read as rows, line breaks within texts included.
    """
    filled_lines = _filled_lines(path)
    missing = len(filled_lines) - 1 - read - len(broken)
    behind = [line for line in filled_lines if line > min(quotes) and line not in broken]
    return behind[: max(missing, 0)]


def _filled_lines(path: Path) -> list[int]:
    with open_bytes(path) as stream:
        return [line for line, text in enumerate(stream, start=1) if text.strip()]


def line_of(
    file: LocatedFile, records: list[int], rows: int, rejected: set[int], *, quoted: bool = True
) -> dict[int, int]:
    """Record -> the line it begins on.

    Args:
        file: the CSV.
        records: which records are asked for, counted from 1 among those that were read.
        rows: how many were read.
        rejected: lines of those that were not (too few columns and the like).
        quoted: False where a quote is not closed, behind which line breaks in texts and between rows look alike.
    """
    assert isinstance(file.path, Path)
    if file.delimiter and not rejected and _line_count(file.path) == rows + 1:
        return {record: record + 1 for record in records}
    requested, last = set(records), max(records)
    if file.form:
        return _lines_with_text(file, requested)
    starts = _record_lines(file) if quoted else iter(_filled_lines(file.path)[1:])
    accepted = (line for line in starts if line not in rejected)
    lines: dict[int, int] = {}
    for record, line in enumerate(accepted, start=1):
        if record in requested:
            lines[record] = line
        if record >= last:
            break
    return lines


def _lines_with_text(file: LocatedFile, requested: set[int]) -> dict[int, int]:
    """Of JSON: blank lines are no records."""
    with open_text(file.path) as stream:
        filled = (line for line, text in enumerate(stream, start=1) if text.strip())
        return {record: line for record, line in enumerate(filled, start=1) if record in requested}


def _line_count(path: Path) -> int:
    """Line breaks of a file; a last line without one counts as if it had it."""
    breaks, last = 0, b"\n"
    with open_bytes(path) as stream:
        for chunk in iter(lambda: stream.read(_CHUNK), b""):
            breaks, last = breaks + chunk.count(b"\n"), chunk[-1:]
    return breaks + (last != b"\n")


def _record_lines(file: LocatedFile) -> Iterator[int]:
    """The line on which each record after the header begins; blank lines are no records."""
    csv.field_size_limit(1 << 30)
    with open_text(file.path) as stream:
        rows = csv.reader(stream, delimiter=file.delimiter)
        next(rows, None)
        begins = rows.line_num + 1
        for row in rows:
            if row:
                yield begins
            begins = rows.line_num + 1
