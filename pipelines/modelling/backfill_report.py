"""The report of `churn backfill`: a table, its meaning in words, and a picture. Equal figures give equal bytes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from models.backfill import Backfill, Week
from models.learners.rule_names import IN_WORDS
from pipelines.rendering.wording import leaving, money, percent
from pipelines.settings.churn import Churn

FEW = 30  # leavers on the lists, below which nothing can be said
HEAD = ("list of", "customers", "left", "listed", "hits", "by risk", "rule", "by lot", "promised")
MONEY = ("at risk", "lost", "rule's")
CALIBRATION = ("said", "came")


def report_lines(result: Backfill, definition: Churn, notes: Sequence[str]) -> list[str]:
    """The table, `notes` (lists that cannot be judged), and their meaning, line by line."""
    head = [*HEAD, *(MONEY if result.has_money else ()), *CALIBRATION]
    rows = [head, *(_row(week, result) for week in result.weeks)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(head))]
    lines = ["  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True)) for row in rows]
    return [
        f"What the last {len(result.weeks)} lists of {result.definition} would have said, and what happened.",
        "Each was scored by a model that was trained on what was known on its day, with the settings chosen last.",
        f"Leaving: {leaving(definition)}.",
        "",
        *lines,
        *notes,
        "",
        *_meaning(result),
    ]


def _row(week: Week, result: Backfill) -> list[str]:
    amounts = (week.at_risk_value, week.lost_value, week.rule_lost_value) if result.has_money else ()
    hits = (week.hits, week.hits_by_risk, week.rule_hits, week.chance_hits, week.promised_hits)
    return [
        *(week.as_of, f"{week.customers:,}", f"{week.left:,}", f"{week.listed:,}"),
        *(f"{number:,.0f}" for number in hits),
        *(money(value, result.currency) for value in amounts),
        *(f"{week.promised_share:.1%}", f"{week.left_share:.1%}"),
    ]


def _meaning(result: Backfill) -> list[str]:
    """The sums in sentences."""
    listed = result.total("listed")
    of_100 = {
        name: f"{100 * result.total(name) / listed:.0f}"
        for name in ("hits", "promised_hits", "hits_by_risk", "rule_hits", "chance_hits")
    }
    off = sum(week.ece * week.customers for week in result.weeks) / result.total("customers")
    ranked = "value at risk" if result.has_money else "risk"
    rule = f"by the best simple rule ({IN_WORDS.get(result.rule, result.rule)}) {of_100['rule_hits']}"
    lines = [
        f"hits: of every 100 listed (by {ranked}) {of_100['hits']} left; promised: {of_100['promised_hits']}.",
        f"Lists as long, by risk alone {of_100['hits_by_risk']}, {rule}, by lot {of_100['chance_hits']}.",
    ]
    if result.has_money:
        at_risk, lost, rule_lost = (
            money(result.total(name), result.currency) for name in ("at_risk_value", "lost_value", "rule_lost_value")
        )
        lines.append(
            f"Money: {at_risk} at risk as said; {lost} expected of those who left (rule's lists: {rule_lost})."
        )
    lines.append(f"said, came: over all customers the probabilities were off by {percent(off)} on average.")
    if result.total("hits") < FEW:
        lines.append(
            f"Only {result.total('hits'):,.0f} leavers on all lists together: too few to tell skill from luck."
        )
    return lines


def draw(result: Backfill, path: Path) -> None:
    """Write a PNG with three panels (two without money): leavers on the lists, money, promised against observed."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(15 if result.has_money else 10, 4.8), layout="constrained")
    figure.suptitle(f"{result.definition}: what the last {len(result.weeks)} lists would have said, and what happened")
    panels = figure.subplots(1, 3 if result.has_money else 2)
    rule = f"rule: {result.rule.replace('_', ' ')}"
    hits = {"on the list": "hits", "promised": "promised_hits"}
    hits |= {"list by risk alone": "hits_by_risk"} if result.has_money else {}
    hits |= {rule: "rule_hits", "by lot": "chance_hits"}
    _bars(panels[0], result, hits, "Leavers among those listed", "customers")
    if result.has_money:
        amounts = {"at risk, as said": "at_risk_value", "of those who left": "lost_value", rule: "rule_lost_value"}
        _bars(panels[1], result, amounts, "Money on the list", result.currency)
    _calibration(panels[-1], result.groups)
    with path.open("wb") as file:
        FigureCanvasAgg(figure).print_png(file, metadata={"Software": None})


def _bars(axes: Any, result: Backfill, heights: dict[str, str], title: str, unit: str) -> None:
    position, width = np.arange(len(result.weeks)), 0.8 / len(heights)
    for number, (name, figure) in enumerate(heights.items()):
        values = [getattr(week, figure) for week in result.weeks]
        axes.bar(position + (number + 0.5) * width - 0.4, values, width, label=name)
    axes.set_xticks(position, [week.as_of for week in result.weeks], rotation=45, ha="right")
    axes.set(title=title, ylabel=unit)
    axes.grid(axis="y", alpha=0.3)
    axes.margins(y=0.35)  # room for the legend above the bars
    axes.legend(loc="upper center", ncols=2)


def _calibration(axes: Any, groups: pd.DataFrame) -> None:
    top = float(max(groups["promised"].max(), groups["observed"].max(), 0.01)) * 1.05
    axes.plot([0, top], [0, top], color="grey", linestyle=":", label="exact")
    axes.plot(groups["promised"], groups["observed"], marker="o", label="ten groups of all customers")
    axes.set(title="What was said and what happened", xlabel="probability said", ylabel="share that left")
    axes.grid(alpha=0.3)
    axes.legend()
