"""The files of `data/kpi/{as_of}/`: tidy rows as CSV and Parquet, cohorts, moves, workbook, page, manifest. No ids.

`kpi.csv` and `kpi.parquet` have rows.COLUMNS, `cohorts.csv` cohorts.COLUMNS, `moves.csv` state_moves.COLUMNS,
`targets.csv` targets.COLUMNS. The workbook has the figures of everybody by month and by quarter, their formulas, the
cohorts, the moves and the targets. Equal figures give equal bytes; the manifest is written last.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from models.kpi.declarations import formula
from models.kpi.figures import FIGURES
from pipelines.outcomes.kpi import cohorts, state_moves, targets
from pipelines.outcomes.kpi.periods import MONTH, QUARTER
from pipelines.outcomes.kpi.presentation.page import page
from pipelines.outcomes.kpi.presentation.words import count_words
from pipelines.outcomes.kpi.report import Report, schema
from pipelines.outcomes.kpi.rows import COLUMNS, Row
from pipelines.rendering.language.language import Language
from pipelines.runtime.files import atomic_file, write_json, write_parquet
from pipelines.runtime.text.spreadsheet_text import defused
from pipelines.settings import artifacts

_TEXT = {"strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}


def write_files(
    rows: Sequence[Row], found: Report, content: Mapping[str, Any], folder: Path, language: Language
) -> None:
    """Write all of them; each replaces its former self whole."""
    folder.mkdir(parents=True, exist_ok=True)
    with atomic_file(folder / artifacts.KPI_PAGE) as partial:
        partial.write_text(page(rows, found, content, language), encoding="utf-8", newline="\n")
    for name, columns, own in (
        (artifacts.KPI_CSV, COLUMNS, rows),
        (artifacts.KPI_COHORTS, cohorts.COLUMNS, found.cohorts),
        (artifacts.KPI_MOVES, state_moves.COLUMNS, found.moves),
        (artifacts.KPI_TARGETS, targets.COLUMNS, found.targets),
    ):
        with atomic_file(folder / name) as partial:
            partial.write_bytes(_csv(own, columns))
    write_parquet(folder / artifacts.KPI, pa.Table.from_pylist([dict(row) for row in rows], schema=schema()))
    with atomic_file(folder / artifacts.KPI_WORKBOOK) as partial:
        _workbook(rows, found, content, partial, language)
    write_json(folder / artifacts.MANIFEST, content)


def read_rows(folder: Path) -> list[Row]:
    """The rows of a day's Parquet file."""
    found: list[Row] = pq.read_table(folder / artifacts.KPI).to_pylist()
    return found


def _csv(rows: Iterable[Mapping[str, Any]], columns: Sequence[str]) -> bytes:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(columns)
    for row in rows:
        writer.writerow([_cell(row[name]) for name in columns])
    return out.getvalue().encode("utf-8-sig")


def _cell(value: Any) -> Any:
    if isinstance(value, str):
        return defused(value)
    return "" if value is None else value


def _workbook(rows: Sequence[Row], found: Report, content: Mapping[str, Any], path: Path, language: Language) -> None:
    import xlsxwriter

    say = language.say
    with xlsxwriter.Workbook(str(path), _TEXT) as book:
        created = datetime.fromisoformat(content["as_of"])
        book.set_properties({"title": say("Retention in figures"), "created": created})
        for grain, title in ((MONTH, say("By month")), (QUARTER, say("By quarter"))):
            _sheet(book, title, *_grid(rows, content, grain, language))
        heads = (say("Figure"), say("Formula"), say("Needs"))
        _sheet(book, say("Formulas"), heads, formula_rows(language))
        _sheet(book, say("Cohorts"), cohorts.COLUMNS, _values(found.cohorts, cohorts.COLUMNS))
        _sheet(book, say("Moves"), state_moves.COLUMNS, _values(found.moves, state_moves.COLUMNS))
        _sheet(book, say("Targets"), targets.COLUMNS, _values(found.targets, targets.COLUMNS))


def formula_rows(language: Language) -> list[tuple[str, ...]]:
    """Title, formula and needs of every figure."""
    words = count_words(language)
    return [(language.say(one.title), formula(one, words), ", ".join(one.needs)) for one in FIGURES]


def _grid(
    rows: Sequence[Row], content: Mapping[str, Any], grain: str, language: Language
) -> tuple[tuple[str, ...], list[tuple[Any, ...]]]:
    """The figures of everybody under the definition that ranks the list: a line per figure, a column per period."""
    own = [
        row
        for row in rows
        if (row["grain"], row["dimension"], row["definition"]) == (grain, "all", content["definition"])
    ]
    names = sorted({str(row["period"]) for row in own})
    cells = {(row["figure"], row["period"]): row["value"] for row in own}
    heads = (language.say("Figure"), *names)
    return heads, [(language.say(one.title), *(cells.get((one.name, name)) for name in names)) for one in FIGURES]


def _values(rows: Iterable[Mapping[str, Any]], columns: Sequence[str]) -> list[tuple[Any, ...]]:
    return [tuple(row[name] for name in columns) for row in rows]


def _sheet(book: Any, title: str, heads: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    sheet = book.add_worksheet(title)
    sheet.set_column(0, 0, 44)
    sheet.set_column(1, max(len(heads) - 1, 1), 14)
    sheet.write_row(0, 0, heads, book.add_format({"bold": True, "bg_color": "#1F3A4D", "font_color": "#FFFFFF"}))
    sheet.freeze_panes(1, 1)
    number = book.add_format({"num_format": "#,##0.0###"})
    for line, row in enumerate(rows, start=1):
        for column, value in enumerate(row):
            if isinstance(value, str):
                sheet.write_string(line, column, value)
            elif value is not None:
                sheet.write_number(line, column, value, number)
