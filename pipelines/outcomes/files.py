"""The files of `data/outcomes/`: effects.json (a contract), outcomes.html, outcomes.csv, outcomes.xlsx. No ids in any.

The CSV and the workbook's first sheet have one row per list or campaign and figure: `kind`, `name`, `figure`, `value`,
`low`, `high`. The sheet `Lists` has a row per list. Equal figures give equal bytes.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from pipelines.outcomes.page import page
from pipelines.rendering.campaign_sentences import campaign_lines, first_line
from pipelines.rendering.language.language import Language
from pipelines.runtime.files import atomic_file, write_json
from pipelines.runtime.text.spreadsheet_text import defused
from pipelines.settings import artifacts

COLUMNS = ("kind", "name", "figure", "value", "low", "high")
LIST_COLUMNS = (
    "as_of",
    "list_id",
    "matures_on",
    "contact",
    "control",
    "left",
    "predicted",
    "judged_by",
    "share_predicted",
    "share_left",
)
_TEXT = {"strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}


def write_files(content: Mapping[str, Any], folder: Path, language: Language) -> None:
    """Write all of them; each replaces its former self whole, effects.json last."""
    folder.mkdir(parents=True, exist_ok=True)
    with atomic_file(folder / artifacts.OUTCOMES_PAGE) as partial:
        partial.write_text(page(content, language), encoding="utf-8", newline="\n")
    with atomic_file(folder / artifacts.OUTCOMES_CSV) as partial:
        partial.write_bytes(_csv(content))
    with atomic_file(folder / artifacts.OUTCOMES_WORKBOOK) as partial:
        _workbook(content, partial, language)
    write_json(folder / artifacts.EFFECTS, content)


def _csv(content: Mapping[str, Any]) -> bytes:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(COLUMNS)
    for row in figure_rows(content):
        writer.writerow([defused(cell) if isinstance(cell, str) else _cell(cell) for cell in row])
    return out.getvalue().encode("utf-8-sig")


def _cell(value: Any) -> Any:
    return "" if value is None else value


def figure_rows(content: Mapping[str, Any]) -> Iterator[tuple[Any, ...]]:
    """Rows in the order of COLUMNS: counts, shares (0..1) and money."""
    for row in content["lists"]:
        if row["matured"]:
            name = row["list_id"]
            yield ("list", name, "contacted_left", row["hits"]["left"], None, None)
            yield ("list", name, "contacted_predicted_to_leave", row["hits"]["predicted"], None, None)
            yield ("list", name, f"share_left_{row['judged']['by']}", row["judged"]["observed"], None, None)
            yield ("list", name, f"share_predicted_{row['judged']['by']}", row["judged"]["predicted"], None, None)
    for found in content["campaigns"]:
        name = found["campaign"]
        yield ("campaign", name, "verdict", found["verdict"], None, None)
        for arm, customers in found["matured"].items():
            yield ("campaign", name, f"matured_{arm}", customers, None, None)
        yield from (("campaign", name, *row) for row in _effects(found))
        for gate in found["gates"]:
            yield ("gate", name, gate["gate"], "passed" if gate["passed"] else "failed", None, None)


def _effects(found: Mapping[str, Any]) -> Iterator[tuple[Any, ...]]:
    figures = {"effect": found.get("share_left"), "effect_on_reached": found.get("reached")}
    kept = found.get("spend_kept")
    figures["spend_kept"] = kept["in_all"] if kept else None
    figures["cost_per_kept"] = found["cost"]["per_kept"] if "cost" in found else None
    for name, values in figures.items():
        if values:
            yield (name, values["effect"], values["low"], values["high"])
    for group in (found.get("by_group") or {"groups": []})["groups"]:
        believed = group["believed"]
        yield (f"{group['kind']}: {group['name']}", believed["effect"], believed["low"], believed["high"])


def _workbook(content: Mapping[str, Any], path: Path, language: Language) -> None:
    import xlsxwriter

    with xlsxwriter.Workbook(str(path), _TEXT) as book:
        created = datetime.fromisoformat(content["known_until"])
        book.set_properties({"title": language.say("What the lists achieved"), "created": created})
        told = [(line,) for line in _told(content, language)]
        _sheet(book, language.say("In words"), (language.say("What the lists achieved"),), told, 120)
        _sheet(book, language.say("Figures"), COLUMNS, list(figure_rows(content)), 24)
        _sheet(book, language.say("List by list"), LIST_COLUMNS, list(_list_rows(content)), 16)


def _told(content: Mapping[str, Any], language: Language) -> Iterator[str]:
    yield first_line(content, language)
    for found in content["campaigns"]:
        yield f"{language.say('Campaign')} {found['campaign']}"
        yield from campaign_lines(found, language)


def _list_rows(content: Mapping[str, Any]) -> Iterator[tuple[Any, ...]]:
    for row in content["lists"]:
        hits, judged = row.get("hits", {}), row.get("judged", {})
        counts = row["customers"]["contact"], row["customers"]["control"], hits.get("left"), hits.get("predicted")
        shares = judged.get("by"), judged.get("predicted"), judged.get("observed")
        yield (row["as_of"], row["list_id"], row["matures_on"], *counts, *shares)


def _sheet(book: Any, title: str, heads: tuple[str, ...], rows: list[tuple[Any, ...]], width: int) -> None:
    sheet = book.add_worksheet(title)
    wrapped = book.add_format({"text_wrap": True, "valign": "top"})
    sheet.set_column(0, len(heads) - 1, width, wrapped)
    sheet.write_row(0, 0, heads, book.add_format({"bold": True, "bg_color": "#1F3A4D", "font_color": "#FFFFFF"}))
    sheet.freeze_panes(1, 0)
    for line, row in enumerate(rows, start=1):
        for column, value in enumerate(row):
            if isinstance(value, str):
                sheet.write_string(line, column, value)
            elif value is not None:
                sheet.write_number(line, column, value)
