"""The list as an Excel workbook: filters, a frozen header, formats; a sheet on its columns, a sheet with the figures.

Its creation date is the list's day, so that its bytes repeat. Text is stored as text, whatever it looks like.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipelines.rendering import columns
from pipelines.rendering.language.language import Language
from pipelines.rendering.wording import translated

if TYPE_CHECKING:
    import pandas as pd

_HEADER = {"bold": True, "bg_color": "#1F3A4D", "font_color": "#FFFFFF", "valign": "vcenter"}
_FORMATS = {"money": "#,##0.00", "chance": "0.0%", "day": "yyyy-mm-dd", "number": "0", "text": "@"}
_AS_TEXT = {"strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}


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
    import xlsxwriter

    day = datetime.fromisoformat(columns.formatted("as_of", table["as_of"].iloc[0]))
    with xlsxwriter.Workbook(str(path), _AS_TEXT) as book:
        book.set_properties({"title": f"{language.say('Customers at risk')}, {day:%Y-%m-%d}", "created": day})
        _list_sheet(book, translated(table, language), language.say("At risk"), notices)
        _columns_sheet(book, table, facts, language)
        if figures:
            _figures_sheet(book, figures, language)


def _list_sheet(book: Any, table: pd.DataFrame, title: str, notices: Sequence[str]) -> None:
    header = book.add_format(_HEADER)
    formats = {kind: book.add_format({"num_format": form, "valign": "top"}) for kind, form in _FORMATS.items()}
    sheet, top = book.add_worksheet(title), len(notices)
    for line, notice in enumerate(notices):
        sheet.write_string(line, 0, notice, book.add_format({"italic": True, "font_color": "#7A4B00"}))
    for column, name in enumerate(map(str, table.columns)):
        style = formats[columns.kind(name)]
        sheet.set_column(column, column, columns.width(name), style)
        sheet.write_string(top, column, name, header)
        for row, value in enumerate(table[name], start=top + 1):
            _write(sheet, (row, column), value, columns.kind(name), style)
    last_row, last_column = top + len(table), len(table.columns) - 1
    sheet.set_row(top, 22)
    sheet.ignore_errors({"number_stored_as_text": f"A1:{_letters(last_column)}{last_row + 1}"})
    sheet.freeze_panes(top + 1, 2)
    sheet.autofilter(top, 0, last_row, last_column)
    sheet.set_landscape()
    sheet.fit_to_pages(1, 0)
    sheet.repeat_rows(0, top)


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
    elif kind == "text":
        sheet.write_string(*at, str(value), style)
    else:
        sheet.write_number(*at, float(str(value)), style)


def _columns_sheet(book: Any, table: pd.DataFrame, facts: Mapping[str, Any], language: Language) -> None:
    descriptions = [(name, columns.description(name, facts, language)) for name in map(str, table.columns)]
    heads = [language.say("column"), language.say("what it says")]
    sheet, wrapped = _sheet(book, language.say("What the columns mean"), heads, (28, 100))
    for row, pair in enumerate(descriptions, start=1):
        sheet.write_string(row, 0, pair[0], wrapped)
        sheet.write_string(row, 1, pair[1], wrapped)


def _figures_sheet(book: Any, figures: Sequence[tuple[str, object, str]], language: Language) -> None:
    heads = [language.say("figure"), language.say("this week")]
    sheet, wrapped = _sheet(book, language.say("The week"), heads, (58, 70))
    left = {"align": "left", "valign": "top", "text_wrap": True}
    styles = {kind: book.add_format({"num_format": form, **left}) for kind, form in _FORMATS.items()}
    for row, (label, value, kind) in enumerate(figures, start=1):
        sheet.write_string(row, 0, label, wrapped)
        _write(sheet, (row, 1), value, kind, styles[kind])


def _sheet(book: Any, title: str, heads: Sequence[str], widths: tuple[int, int]) -> tuple[Any, Any]:
    wrapped = book.add_format({"text_wrap": True, "valign": "top"})
    sheet = book.add_worksheet(title)
    for column, width in enumerate(widths):
        sheet.set_column(column, column, width, wrapped)
    sheet.write_row(0, 0, heads, book.add_format(_HEADER))
    sheet.freeze_panes(1, 0)
    sheet.set_landscape()
    sheet.fit_to_pages(1, 0)
    return sheet, wrapped
