"""The page's tables of groups: of the newest closed quarter, else month, the figures that differ between them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from models.kpi.figures import BY_NAME
from pipelines.outcomes.kpi.dimensions import EVERYBODY
from pipelines.outcomes.kpi.periods import MONTH, QUARTER
from pipelines.outcomes.kpi.presentation import values
from pipelines.outcomes.kpi.presentation.words import GROUPS, dimension_words
from pipelines.outcomes.kpi.rows import Row
from pipelines.rendering.language.language import Language

SHOWN = (
    "customers_start",
    "new",
    "won_back",
    "lost",
    "customers_end",
    "churn_rate_horizon",
    "revenue_per_customer",
    "average_order_value",
    "purchase_frequency",
)


def group_tables(rows: Sequence[Row], content: Mapping[str, Any], language: Language) -> list[dict[str, Any]]:
    """A table for each dimension besides everybody; none where no period is closed."""
    grain, period = _newest(content)
    own = [row for row in rows if (row["grain"], row["period"]) == (grain, period) and row["dimension"] != EVERYBODY]
    names = list(dict.fromkeys(str(row["dimension"]) for row in own))
    return [_table(name, [row for row in own if row["dimension"] == name], str(period), language) for name in names]


def _newest(content: Mapping[str, Any]) -> tuple[str, str | None]:
    for grain in (QUARTER, MONTH):
        closed = [period for kind, period in content["closed"] if kind == grain]
        if closed:
            return grain, max(closed)
    return MONTH, None


def _table(name: str, own: Sequence[Row], period: str, language: Language) -> dict[str, Any]:
    cells = {(row["group"], row["figure"]): row for row in own}
    figures = [figure for figure in SHOWN if any(row["figure"] == figure for row in own)]
    groups = list(dict.fromkeys(str(row["group"]) for row in own))
    shown = period if "Q" in period else language.month(f"{period}-01")
    return {
        "title": dimension_words(name, language),
        "period": shown,
        "heads": [language.say(BY_NAME[figure].title) for figure in figures],
        "lines": [
            {"name": _name(group, language), "cells": [_cell(cells.get((group, one)), language) for one in figures]}
            for group in groups
        ],
    }


def _cell(row: Row | None, language: Language) -> str:
    return "" if row is None else values.written(row, language)


def _name(group: str, language: Language) -> str:
    """A group's name: ours is translated, a month is written out, a customer table's value stays."""
    if group in GROUPS:
        return language.say(group)
    if len(group) == 7 and group[4] == "-" and group.replace("-", "").isdigit():
        return language.month(f"{group}-01")
    return language.say(group)
