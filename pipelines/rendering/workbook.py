"""The list as an Excel workbook: filters, a frozen header, formats; a sheet on its columns, a sheet with the figures.

Headings are words; what is printed fits one page's width, with the header on each page and empty columns for what came
of it (headings.py), and the rest stands to the right of it. Its creation date is the list's day, so that its bytes
repeat. Text is stored as text, whatever it looks like.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipelines.rendering import columns, headings
from pipelines.rendering.language.language import Language
from pipelines.rendering.wording import translated

if TYPE_CHECKING:
    import pandas as pd

FORMATS = {"money": "#,##0.00", "chance": "0.0%", "day": "yyyy-mm-dd", "number": "0", "text": "@"}
"""How a cell of each kind (see `columns.kind`) is shown."""
_HEADER = {"bold": True, "bg_color": "#1F3A4D", "font_color": "#FFFFFF", "valign": "vcenter"}
_CELL = {"valign": "top", "text_wrap": True}
_AS_TEXT = {"strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}


@dataclass(frozen=True)
class Heading:
    """What the file says of itself: its title, and the list's day as the moment of its making."""

    title: str
    created: datetime


@dataclass(frozen=True)
class ListSheet:
    """The list: lines above the header, columns and their headings, and the cells of each row by them."""

    title: str
    notices: Sequence[str]
    names: Sequence[str]
    headings: Sequence[str]
    rows: Sequence[Sequence[object]]


@dataclass(frozen=True)
class FurtherSheet:
    """A sheet of lines: each cell with its kind, "" for running text; the first of a line is running text always."""

    title: str
    heads: Sequence[str]
    widths: Sequence[float]
    lines: Sequence[Sequence[tuple[object, str]]]


def write_workbook(
    table: pd.DataFrame,
    path: Path,
    facts: Mapping[str, Any],
    *,
    figures: Sequence[tuple[str, object, str]],
    language: Language,
    notices: Sequence[str],
) -> None:
    """Write the workbook; see `files.write_xlsx`. `notices`: lines above the header."""
    day = datetime.fromisoformat(columns.formatted("as_of", table["as_of"].iloc[0]))
    shown = translated(table, language)
    names = headings.in_order([str(name) for name in shown.columns])
    titles = [headings.heading(name, language) for name in names]
    cells = [shown[name] if name in shown.columns else [None] * len(shown) for name in names]
    rows = list(zip(*cells, strict=True))
    sheets: list[ListSheet | FurtherSheet] = [ListSheet(language.say("At risk"), notices, names, titles, rows)]
    described = [
        ((title, ""), (columns.description(name, facts, language), ""), (name, ""))
        for name, title in zip(names, titles, strict=True)
    ]
    heads = [language.say("column"), language.say("what it says"), language.say("in the CSV file")]
    sheets.append(FurtherSheet(language.say("What the columns mean"), heads, (26, 90, 24), described))
    if figures:
        lines = [((label, ""), (value, kind)) for label, value, kind in figures]
        heads = [language.say("figure"), language.say("this week")]
        sheets.append(FurtherSheet(language.say("The week"), heads, (58, 70), lines))
    write_sheets(path, Heading(f"{language.say('Customers at risk')}, {day:%Y-%m-%d}", day), sheets)


def write_sheets(path: Path, heading: Heading, sheets: Sequence[ListSheet | FurtherSheet]) -> None:
    """Write a workbook of these sheets, in this order."""
    import xlsxwriter

    with xlsxwriter.Workbook(str(path), _AS_TEXT) as book:
        book.set_properties({"title": heading.title, "created": heading.created})
        for sheet in sheets:
            if isinstance(sheet, ListSheet):
                _list_sheet(book, sheet)
            else:
                _further_sheet(book, sheet)


def _list_sheet(book: Any, content: ListSheet) -> None:
    header = book.add_format({**_HEADER, "text_wrap": True})
    formats = {kind: book.add_format({"num_format": form, **_CELL}) for kind, form in FORMATS.items()}
    empty = book.add_format({"num_format": FORMATS["text"], **_CELL, "border": 1, "border_color": "#B8C4CC"})
    sheet, top = book.add_worksheet(content.title), len(content.notices)
    for line, notice in enumerate(content.notices):
        sheet.write_string(line, 0, notice, book.add_format({"italic": True, "font_color": "#7A4B00"}))
    for column, name in enumerate(content.names):
        kind = columns.kind(name)
        style = empty if name in headings.FILL_IN else formats[kind]
        sheet.set_column(column, column, columns.width(name), style)
        sheet.write_string(top, column, content.headings[column], header)
        for row, cells in enumerate(content.rows, start=top + 1):
            if name in headings.FILL_IN and not columns.text(cells[column]):
                sheet.write_blank(row, column, None, style)
            _write(sheet, (row, column), cells[column], kind, style)
    last_row, last_column = top + len(content.rows), len(content.names) - 1
    sheet.ignore_errors({"number_stored_as_text": f"A1:{_letters(last_column)}{last_row + 1}"})
    sheet.set_row(top, 32)
    sheet.freeze_panes(top + 1, 2)
    sheet.autofilter(top, 0, last_row, last_column)
    _for_paper(sheet, content, top, last_row)


def _for_paper(sheet: Any, content: ListSheet, top: int, last_row: int) -> None:
    """A4 across, one page wide, with the header and the number on each page; only what is meant for paper."""
    printed = [column for column, name in enumerate(content.names) if name in headings.PRINTED]
    sheet.set_landscape()
    sheet.set_paper(9)
    sheet.set_margins(left=0.3, right=0.3, top=0.4, bottom=0.5)
    sheet.set_footer("&L&A&R&P / &N")
    sheet.print_area(0, 0, last_row, max(printed, default=len(content.names) - 1))
    sheet.fit_to_pages(1, 0)
    sheet.repeat_rows(top)


def _letters(column: int) -> str:
    return ("" if column < 26 else chr(ord("A") + column // 26 - 1)) + chr(ord("A") + column % 26)


def _write(sheet: Any, at: tuple[int, int], value: object, kind: str, style: Any) -> None:
    import pandas as pd

    if not columns.text(value) or value is pd.NA:
        return
    if kind == "day":
        day = columns.day(value)
        if day:
            sheet.write_datetime(*at, datetime.combine(day, datetime.min.time()), style)
    elif kind in ("text", ""):
        sheet.write_string(*at, str(value), style)
    else:
        sheet.write_number(*at, float(str(value)), style)


def _further_sheet(book: Any, content: FurtherSheet) -> None:
    wrapped = book.add_format({"text_wrap": True, "valign": "top"})
    sheet = book.add_worksheet(content.title)
    for column, width in enumerate(content.widths):
        sheet.set_column(column, column, width, wrapped)
    sheet.write_row(0, 0, content.heads, book.add_format(_HEADER))
    sheet.freeze_panes(1, 0)
    sheet.set_landscape()
    sheet.fit_to_pages(1, 0)
    left = {"align": "left", "valign": "top", "text_wrap": True}
    styles = {kind: book.add_format({"num_format": form, **left}) for kind, form in FORMATS.items()} | {"": wrapped}
    for row, line in enumerate(content.lines, start=1):
        for column, (value, kind) in enumerate(line):
            _write(sheet, (row, column), value, kind, styles[kind])
