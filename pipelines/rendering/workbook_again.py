"""A workbook of the list made again without some customers: its cells are read, and written by the list's own writer.

What it says besides (its columns, the figures of the week) stays: figures are sums.
"""

from __future__ import annotations

import io
import re
from pathlib import Path
from typing import Any

from pipelines.rendering.headings import column_of
from pipelines.rendering.workbook import FORMATS, FurtherSheet, Heading, ListSheet, write_sheets

ID = "customer_id"
PADDING = 5 / 7  # what a workbook adds to the width of a column, in characters
_CONTROL = re.compile(r"_x(00[01][0-9A-F])_")  # how a workbook writes control characters


def without_customers(path: Path, gone: frozenset[str], to: Path | None) -> bool:
    """Make a workbook again without some customers.

    Args:
        path: the workbook.
        gone: ids of the customers.
        to: where the new one is written, if there was anybody to take out; None: only look.

    Returns:
        Whether any of them is in it.

    Raises:
        ValueError, KeyError, zipfile.BadZipFile: it cannot be read.
    """
    import openpyxl

    book = openpyxl.load_workbook(io.BytesIO(path.read_bytes()))  # by its content: a cache has no endings
    sheets = [(sheet, [list(row) for row in sheet.iter_rows()]) for sheet in book.worksheets]
    found = any(_has(rows, gone) for _, rows in sheets)
    if found and to is not None:
        heading = Heading(book.properties.title or "", book.properties.created)
        write_sheets(to, heading, [_again(sheet, rows, gone) for sheet, rows in sheets])
    return found


def customers_in(path: Path) -> set[str]:
    """Whom a workbook lists."""
    import openpyxl

    book = openpyxl.load_workbook(io.BytesIO(path.read_bytes()))
    sheets = [[list(row) for row in sheet.iter_rows()] for sheet in book.worksheets]
    places = [(rows, at) for rows in sheets if (at := _header(rows)) is not None]
    return {_id(row, rows[at]) for rows, at in places for row in _rows(rows, at)}


def _again(sheet: Any, rows: list[list[Any]], gone: frozenset[str]) -> ListSheet | FurtherSheet:
    header = _header(rows)
    if header is None:
        return _further(sheet, rows)
    titles = _texts(rows[header])
    names = [column_of(title) or title for title in titles]
    kept = [[_value(cell.value) for cell in row] for row in _rows(rows, header) if _id(row, rows[header]) not in gone]
    return ListSheet(sheet.title, [_text(row[0].value) for row in rows[:header]], names, titles, kept)


def _has(rows: list[list[Any]], gone: frozenset[str]) -> bool:
    header = _header(rows)
    return header is not None and any(_id(row, rows[header]) in gone for row in _rows(rows, header))


def _header(rows: list[list[Any]]) -> int | None:
    """The row with the headings, where there is a column of customers; headings, not a line about one of them."""
    return next(
        (
            at
            for at, row in enumerate(rows)
            if ID in map(column_of, texts := _texts(row)) and all(map(_is_heading, texts))
        ),
        None,
    )


def _texts(row: list[Any]) -> list[str]:
    return [_text(cell.value) for cell in row]


def _is_heading(text: str) -> bool:
    return column_of(text) is not None or re.fullmatch(r"\w*", text) is not None


def _rows(rows: list[list[Any]], header: int) -> list[list[Any]]:
    return [row for row in rows[header + 1 :] if any(cell.value is not None for cell in row)]


def _id(row: list[Any], header: list[Any]) -> str:
    return _text(row[next(at for at, cell in enumerate(header) if column_of(_text(cell.value)) == ID)].value)


def _further(sheet: Any, rows: list[list[Any]]) -> FurtherSheet:
    kinds = {form: kind for kind, form in FORMATS.items()}
    heads, *lines = rows or [[]]
    widths = [round(sheet.column_dimensions[cell.column_letter].width - PADDING) for cell in heads]
    cells = [[(_value(cell.value), kinds.get(cell.number_format, "")) for cell in line] for line in lines]
    return FurtherSheet(sheet.title, [_text(cell.value) for cell in heads], widths, cells)


def _value(value: Any) -> Any:
    return _text(value) if isinstance(value, str) else value


def _text(value: Any) -> str:
    return "" if value is None else _CONTROL.sub(lambda found: chr(int(found[1], 16)), str(value))
