"""The list as files: CSV and XLSX for people, Parquet for programs. Same list in, same bytes out.

Cells that a spreadsheet would run as a formula are defused in the CSV (a `'` before them); the XLSX stores them as text
and the Parquet file is exact.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa

from pipelines.sinks.wording import column_words
from pipelines.tables import write_parquet

MONEY = ("expected_value", "value_at_risk", "expected_net_value")
_RUN_AS_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
_WIDTHS = {
    "rank": 6,
    "customer_id": 16,
    "churn_probability": 12,
    "risk_tier": 11,
    "segment": 18,
    "as_of": 12,
    "model_version": 18,
    "list_id": 18,
} | dict.fromkeys(("reason_1", "reason_2", "reason_3"), 52)


def defused(text: str) -> str:
    """The same text, never run by a spreadsheet. Leading spaces do not hide a formula."""
    return f"'{text}" if text.lstrip(" ").startswith(_RUN_AS_FORMULA) else text


def write_csv(table: pd.DataFrame, path: Path) -> None:
    """UTF-8 with a byte order mark, so that Excel reads it right; probabilities to 6 digits, money to 2, dates ISO."""
    shown = table.copy()
    for name in shown.columns:
        if name in MONEY:
            shown[name] = ["" if pd.isna(value) else f"{value:.2f}" for value in shown[name]]
        elif name.startswith("churn_probability"):
            shown[name] = ["" if pd.isna(value) else f"{value:.6f}" for value in shown[name]]
        elif name == "as_of":
            shown[name] = _days(shown[name])
        elif name != "rank":
            shown[name] = [defused(str(value)) for value in shown[name]]
    path.write_bytes(shown.to_csv(index=False, lineterminator="\r\n").encode("utf-8-sig"))


def list_schema(columns: Sequence[str]) -> pa.Schema:
    """The list's Parquet types: rank int32, probabilities and money double, as_of date32, the rest strings."""

    def kind(name: str) -> pa.DataType:
        if name in MONEY or name.startswith("churn_probability"):
            return pa.float64()
        return {"rank": pa.int32(), "as_of": pa.date32(), "send_by": pa.date32()}.get(name, pa.string())

    return pa.schema([(name, kind(name)) for name in columns])


def write_list_parquet(table: pd.DataFrame, path: Path) -> None:
    """The exact list, in `list_schema`."""
    dated = table.assign(as_of=pd.to_datetime(table["as_of"]).dt.date)
    write_parquet(path, pa.Table.from_pandas(dated, schema=list_schema(list(table.columns)), preserve_index=False))


def write_xlsx(table: pd.DataFrame, path: Path, facts: Mapping[str, Any]) -> None:
    """One sheet with the list (filters, frozen header, formats) and one that explains its columns.

    `facts`: see `wording.column_facts`. The file's creation date is the list's day, so that its bytes repeat.
    """
    import xlsxwriter

    as_text = {"strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}
    made = datetime.fromisoformat(_days(table["as_of"])[0])
    with xlsxwriter.Workbook(str(path), as_text) as book:
        book.set_properties({"title": f"Customers at risk, {made:%Y-%m-%d}", "created": made})
        _list_sheet(book, table, made)
        _columns_sheet(book, table, facts)


def _list_sheet(book: Any, table: pd.DataFrame, made: datetime) -> None:
    header = book.add_format({"bold": True, "bg_color": "#1F3A4D", "font_color": "#FFFFFF", "valign": "vcenter"})
    formats = {
        "rank": book.add_format({"num_format": "0"}),
        "as_of": book.add_format({"num_format": "yyyy-mm-dd"}),
        **{name: book.add_format({"num_format": "#,##0.00"}) for name in MONEY},
    }
    chance, text = book.add_format({"num_format": "0.0%"}), book.add_format({"num_format": "@"})
    sheet = book.add_worksheet("At risk")
    for place, name in enumerate(table.columns):
        style = chance if name.startswith("churn_probability") else formats.get(name, text)
        sheet.set_column(place, place, _WIDTHS.get(name, 15), style)
        sheet.write_string(0, place, name, header)
        _write_column(sheet, place, table[name], style, made)
    sheet.set_row(0, 22)
    sheet.ignore_errors(
        {"number_stored_as_text": f"A1:{chr(ord('A') + min(len(table.columns), 26) - 1)}{len(table) + 1}"}
    )
    sheet.freeze_panes(1, 2)
    sheet.autofilter(0, 0, len(table), len(table.columns) - 1)
    sheet.set_landscape()
    sheet.fit_to_pages(1, 0)
    sheet.repeat_rows(0)


def _write_column(sheet: Any, place: int, values: pd.Series[Any], style: Any, made: datetime) -> None:
    for row, value in enumerate(values, start=1):
        if values.name == "as_of":
            sheet.write_datetime(row, place, made, style)
        elif isinstance(value, (str, date)):
            sheet.write_string(row, place, str(value), style)
        elif not pd.isna(value):
            sheet.write_number(row, place, float(value), style)


def _columns_sheet(book: Any, table: pd.DataFrame, facts: Mapping[str, Any]) -> None:
    header = book.add_format({"bold": True, "bg_color": "#1F3A4D", "font_color": "#FFFFFF"})
    wrapped = book.add_format({"text_wrap": True, "valign": "top"})
    sheet = book.add_worksheet("What the columns mean")
    sheet.set_column(0, 0, 28, wrapped)
    sheet.set_column(1, 1, 100, wrapped)
    sheet.write_row(0, 0, ["column", "what it says"], header)
    for row, name in enumerate(table.columns, start=1):
        sheet.write_string(row, 0, name, wrapped)
        sheet.write_string(row, 1, column_words(name, facts), wrapped)
    sheet.freeze_panes(1, 0)


def _days(values: pd.Series[Any]) -> list[str]:
    return [f"{value:%Y-%m-%d}" for value in pd.to_datetime(values)]
