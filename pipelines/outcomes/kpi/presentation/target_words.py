"""Targets in sentences: where each stands, and what moved it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from models.kpi.figures import BY_NAME
from pipelines.outcomes.kpi.presentation.values import number
from pipelines.outcomes.kpi.rows import Row
from pipelines.outcomes.kpi.targets import UNKNOWN
from pipelines.rendering.language.language import Language

VERDICTS = {
    "on_track": "On track, beyond chance",
    "off_track": "Off track, beyond chance",
    "within_chance": "Too close to the line to tell it from chance",
    "ahead": "Ahead of the line (no interval)",
    "behind": "Behind the line (no interval)",
    "not_begun": "No period behind the baseline is closed yet",
    UNKNOWN: "The baseline is not known: its period is not closed, or the data do not hold the figure",
}


def targets_in_words(rows: Sequence[Row], language: Language) -> list[dict[str, Any]]:
    """A heading, a verdict and sentences for each target."""
    return [
        {
            "title": _title(row, language),
            "css": str(row["verdict"]).replace("_", "-"),
            "verdict": language.say(VERDICTS[row["verdict"]]),
            "lines": list(_lines(row, language)),
        }
        for row in rows
    ]


def _title(row: Row, language: Language) -> str:
    title = language.say(BY_NAME[row["figure"]].title)
    return title if row["group"] == "all" else f"{title} ({row['dimension']}: {language.say(row['group'])})"


def _period(name: str, language: Language) -> str:
    return name if "Q" in name else language.month(f"{name}-01")


def _lines(row: Row, language: Language) -> list[str]:
    if row["baseline"] is None:
        return []
    unit = row["unit"]
    lines = [
        language.say(
            "From {baseline} in {begin} to {goal} in {end}.",
            baseline=number(row["baseline"], unit, language),
            begin=_period(row["from"], language),
            goal=number(row["goal"], unit, language),
            end=_period(row["by"], language),
        )
    ]
    if row["value"] is not None:
        lines.append(
            language.say(
                "In {period} it should be {required}, and it is {value}.",
                period=_period(row["period"], language),
                required=number(row["required"], unit, language),
                value=number(row["value"], unit, language),
            )
        )
    if row["moved_by_mix"] is not None:
        mix, within = (_signed(row[name], unit, language) for name in ("moved_by_mix", "moved_within"))
        lines.append(
            language.say(
                "Of the change {mix} come from other shares of the segments, {within} from what happened within them.",
                mix=mix,
                within=within,
            )
        )
    return lines


def _signed(value: float, unit: str, language: Language) -> str:
    """With its sign; shares in points."""
    if unit == "share":
        return language.say("{number} points", number=language.figure(100 * value, "+.2f"))
    return language.figure(value, "+.2f")
