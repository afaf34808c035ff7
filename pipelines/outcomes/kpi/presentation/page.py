"""The figures as one self-contained HTML page: offline, without scripts and requests, as that of the outcomes.

Pictures where people would rather look than read, and behind a fold every figure as a table, with its formula. Periods
that are open are marked. Equal figures give equal bytes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from models.kpi.declarations import Figure, formula
from models.kpi.figures import BY_NAME, CHAPTERS, FIGURES
from models.kpi.moves import STATES
from pipelines.outcomes.kpi.periods import MONTH, QUARTER
from pipelines.outcomes.kpi.presentation import charts, values
from pipelines.outcomes.kpi.presentation.groups import group_tables
from pipelines.outcomes.kpi.presentation.target_words import targets_in_words
from pipelines.outcomes.kpi.presentation.triangles import CELL, triangles
from pipelines.outcomes.kpi.presentation.words import count_words, page_words, state_words
from pipelines.outcomes.kpi.report import COST_PER_KEPT, Report
from pipelines.outcomes.kpi.rows import NOT_IN_DATA, Row
from pipelines.rendering.language.language import Language
from pipelines.rendering.page import list_page

HERE = Path(__file__).parent
MOST_COLUMNS = 13
TILES = ("retention_rate", "churn_rate_horizon", "customers_end", "revenue_per_customer", "average_order_value")
CHURN_LINES = {
    "churn_rate_horizon": "left within the horizon",
    "churn_rate_no_order": "no order in the month",
    "churn_rate": "no customer any more at its end",
}
"""The lines of the churn picture and what they are called."""


def page(rows: Sequence[Row], found: Report, content: Mapping[str, Any], language: Language) -> str:
    """The page of a report.

    Args:
        rows: of figures, see rows.COLUMNS.
        found: the report, for cohorts and moves.
        content: the manifest.
        language: in which it is said.
    """
    import jinja2

    style = _style()
    loader = jinja2.FileSystemLoader(HERE)
    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined, loader=loader)
    main = [row for row in rows if row["definition"] == content["definition"]]
    whole = [row for row in main if row["dimension"] == "all"]
    cohorts = [row for row in found.cohorts if row["definition"] == content["definition"]]
    moves = [row for row in found.moves if row["definition"] == content["definition"]]
    return environment.get_template("page.html.jinja").render(
        policy=list_page.content_policy(style),
        style=style,
        code=language.code,
        currency=language.currency,
        plot=charts.PLOT,
        cell=CELL,
        words=page_words(language),
        lead=_lead(content, language),
        notes=_notes(rows, content, language),
        targets=targets_in_words(found.targets, language),
        tiles=_tiles(whole, content, language),
        pictures=_pictures([row for row in whole if row["grain"] == MONTH], language),
        states=charts.states(moves, state_words(language), language),
        state_words=state_words(language),
        moves=_moves(moves, language),
        triangles=triangles(cohorts, content["first_day"][:7], language),
        tables=[_table(whole, grain, language) for grain in (MONTH, QUARTER)],
        groups=group_tables(main, content, language),
        unknown=_unknown(whole, language),
        formulas=[{"title": language.say(one.title), "text": _formula(one, language)} for one in FIGURES],
    )


def _style() -> str:
    own = (HERE / "page.css").read_text(encoding="utf-8")
    return (Path(list_page.__file__).parent / "list_page.css").read_text(encoding="utf-8") + own


def _formula(figure: Figure, language: Language) -> str:
    return formula(figure, count_words(language))


def _lead(content: Mapping[str, Any], language: Language) -> str:
    return language.say(
        "What was known when {day} began, by the churn definition {definition}. The data begin on {first}: whoever "
        "ordered before is new at the first order in them.",
        day=language.day(content["as_of"]),
        definition=content["definition"],
        first=language.day(content["first_day"]),
    )


def _notes(rows: Sequence[Row], content: Mapping[str, Any], language: Language) -> list[str]:
    notes = []
    if content["restated"]:
        figures = language.number(content["restated"])
        notes.append(
            language.say("{figures} figures of closed periods were restated by late records.", figures=figures)
        )
    for row in rows:
        if row["figure"] == COST_PER_KEPT and row["value"] is not None:
            cost = values.written(row, language, limits=True)
            notes.append(
                language.say("A kept customer cost {cost} in the campaign {name}.", cost=cost, name=row["period"])
            )
    return notes


def newest_closed(content: Mapping[str, Any], grain: str) -> str | None:
    """The newest closed period of a grain."""
    return max((period for kind, period in content["closed"] if kind == grain), default=None)


def _tiles(whole: Sequence[Row], content: Mapping[str, Any], language: Language) -> list[dict[str, str]]:
    newest = newest_closed(content, MONTH)
    months = {(row["figure"], row["period"]): row for row in whole if row["grain"] == MONTH}
    found = []
    for name in TILES if newest else ():
        row = months.get((name, newest))
        if row is not None and row["value"] is not None:
            found.append(
                {
                    "label": language.say(BY_NAME[name].title),
                    "value": values.written(row, language),
                    "note": _note(row, months, language),
                }
            )
    return found


def _note(row: Row, months: Mapping[Any, Row], language: Language) -> str:
    month = language.month(f"{row['period']}-01")
    earlier = [period for figure, period in months if figure == row["figure"] and period < row["period"]]
    before = months[row["figure"], max(earlier)] if earlier else None
    if before is None or before["value"] is None:
        return month
    return language.say("{month}; {before} the month before", month=month, before=values.written(before, language))


def _pictures(months: Sequence[Row], language: Language) -> dict[str, Any]:
    say = language.say
    churn = {name: say(words) for name, words in CHURN_LINES.items()}
    return {
        "moves": charts.comings_and_goings(months, language),
        "churn": charts.over_time(months, churn, language),
        "retention": charts.over_time(months, {"retention_rate": say("Retention rate")}, language),
        "revenue": charts.over_time(months, {"revenue_per_customer": say("Revenue per customer")}, language),
        "order_value": charts.over_time(months, {"average_order_value": say("Average order value")}, language),
    }


def _moves(moves: Sequence[Row], language: Language) -> dict[str, Any] | None:
    """The newest month's moves: a line for each state before, a column for each state behind."""
    newest = max((str(row["month"]) for row in moves), default=None)
    if newest is None:
        return None
    words = state_words(language)
    counted = {(row["from"], row["to"]): row["customers"] for row in moves if row["month"] == newest}
    behind = STATES[1:]
    lines = [
        {"name": words[before], "cells": [language.number(counted.get((before, after), 0)) for after in behind]}
        for before in STATES
    ]
    return {
        "caption": language.say("From line to column, {month}", month=language.month(f"{newest}-01")),
        "heads": [words[name] for name in behind],
        "lines": lines,
    }


def _table(whole: Sequence[Row], grain: str, language: Language) -> dict[str, Any]:
    own = {(row["figure"], row["period"]): row for row in whole if row["grain"] == grain}
    names = sorted({period for _, period in own})[-MOST_COLUMNS:]
    chapters = []
    for title, figures in CHAPTERS:
        lines = [_line(one, own, names, language) for one in figures if (one.name, names[-1]) in own]
        shown = [line for line in lines if any(cell["text"] for cell in line["cells"])]
        if shown:
            chapters.append({"title": language.say(title), "lines": shown})
    return {"grain": grain, "heads": [_head(name, language) for name in names], "chapters": chapters}


def _head(name: str, language: Language) -> str:
    return name if "Q" in name else language.month(f"{name}-01")


def _line(figure: Figure, own: Mapping[Any, Row], names: Sequence[str], language: Language) -> dict[str, Any]:
    cells = [_table_cell(own.get((figure.name, name)), language) for name in names]
    return {"title": language.say(figure.title), "formula": _formula(figure, language), "cells": cells}


def _table_cell(row: Row | None, language: Language) -> dict[str, str]:
    if row is None:
        return {"text": "", "limits": "", "note": "", "css": ""}
    limits = ""
    if row["low"] is not None:
        low, high = (values.number(row[name], row["unit"], language) for name in ("low", "high"))
        limits = f"{low} … {high}"
    note = values.reason(row, language)
    if row["restated"] is not None:
        before = values.number(row["restated"], row["unit"], language)
        note = language.say("restated; before: {value}", value=before)
    return {"text": values.written(row, language), "limits": limits, "note": note, "css": "is-open" if note else ""}


def _unknown(whole: Sequence[Row], language: Language) -> list[dict[str, str]]:
    begin = NOT_IN_DATA.partition("{")[0]
    found = {}
    for row in whole:
        if str(row["reason"]).startswith(begin) and row["figure"] in BY_NAME:
            needs = values.needs(str(row["reason"]).removeprefix(begin), language)
            found[row["figure"]] = {"title": language.say(BY_NAME[row["figure"]].title), "needs": needs}
    return list(found.values())
