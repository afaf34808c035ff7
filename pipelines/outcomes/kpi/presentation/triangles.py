"""The cohort triangles: customers, orders and money of those who came first in a month, month after month."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from pipelines.outcomes.kpi.rows import Row
from pipelines.rendering.language.language import Language
from pipelines.rendering.page.charts import DARKEST

CELL = {"width": 44.0, "height": 24.0, "left": 186.0, "top": 34.0}
MOST_MONTHS = 12

Measure = Callable[[Row], float | None]
Write = Callable[[float, Language], str]


def _share(row: Row) -> float | None:
    return float(row["share"])


def _orders(row: Row) -> float | None:
    return float(row["orders"]) / float(row["size"])


def _money(row: Row) -> float | None:
    return None if row["money"] is None else float(row["money"]) / float(row["size"])


MEASURES: dict[str, tuple[Measure, Write]] = {
    "cohort_customers": (_share, lambda value, language: language.percent(round(value, 2))),
    "cohort_orders": (_orders, lambda value, language: language.figure(value, ".1f")),
    "cohort_money": (_money, lambda value, language: language.figure(value, ".0f")),
}
"""Heading -> what a cell says of its cohort, and how it is written."""


def triangles(rows: Sequence[Row], first_month: str, language: Language) -> list[dict[str, Any]]:
    """A triangle for each measure that is known; none where no cohort has a later month."""
    later = [row for row in rows if row["months_later"] > 0]
    shown = sorted({str(row["first_month"]) for row in later})[-MOST_MONTHS:]
    found = []
    for name, (measure, write) in MEASURES.items():
        cells = {
            (row["first_month"], row["months_later"]): (row, value)
            for row in later
            if row["first_month"] in shown and row["months_later"] <= MOST_MONTHS
            if (value := measure(row)) is not None
        }
        if cells:
            found.append({"heading": name, **_triangle(cells, shown, first_month, write, language)})
    return found


def _triangle(
    cells: dict[Any, tuple[Row, float]], shown: Sequence[str], first_month: str, write: Write, language: Language
) -> dict[str, Any]:
    most = max((value for _, value in cells.values()), default=0.0) or 1.0
    columns = max(later for _, later in cells)
    rows = []
    for line, cohort in enumerate(shown):
        own = [(later, *cells[cohort, later]) for later in range(1, columns + 1) if (cohort, later) in cells]
        label = language.month(f"{cohort}-01")
        if cohort == first_month:
            label = language.say("{month} or before", month=label)
        y = CELL["top"] + line * CELL["height"]
        rows.append(
            {
                "label": label,
                "size": language.say("of {n}", n=language.number(own[0][1]["size"])),
                "y": f"{y:.1f}",
                "middle": f"{y + CELL['height'] / 2 + 3:.1f}",
                "cells": [
                    _cell(label, later, value / most, write(value, language), language) for later, _, value in own
                ],
            }
        )
    last = max(cells, key=lambda one: (one[0] == shown[0], one[1]))
    summary = _cell(language.month(f"{last[0]}-01"), last[1], 0.0, write(cells[last][1], language), language)["title"]
    heads = [{"x": f"{_x(later) + CELL['width'] / 2:.1f}", "label": f"+{later}"} for later in range(1, columns + 1)]
    size = f"{_x(columns + 1) + 6:.1f} {CELL['top'] + CELL['height'] * len(rows) + 6:.1f}"
    return {"rows": rows, "heads": heads, "size": size, "summary": summary}


def _x(later: int) -> float:
    return CELL["left"] + (later - 1) * CELL["width"]


def _cell(label: str, later: int, part: float, written: str, language: Language) -> dict[str, str]:
    """`part`: of the highest value of the triangle, 0..1."""
    return {
        "x": f"{_x(later):.1f}",
        "middle": f"{_x(later) + CELL['width'] / 2 - 1:.1f}",
        "shade": f"{0.04 + (DARKEST - 0.04) * max(part, 0.0):.3f}",
        "label": written,
        "title": language.say("{month}, {later} months later: {value}", month=label, later=str(later), value=written),
    }
