"""The page's charts that do not change when the list is filtered, as positions and sizes for the markup."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from features.cohorts import Cohorts
from pipelines.rendering.language.language import Language
from pipelines.rendering.wording import capitalised, segment_description

if TYPE_CHECKING:
    import pandas as pd

MOST_BARS = 7
STORIES = {
    "time since the last": "Time since the last {noun}",
    "how often": "How many {nouns}",
    "own pace": "Usual pace of {nouns}",
    "how much": "How much was spent",
    "lately beside before": "Change in {nouns} lately",
    "what kind": "What kind of {nouns}",
    "how many different": "Variety of {nouns}",
    "how long a customer": "How long a customer",
}
SMALL_SIGNS = "Many small signs together"

PLOT = {"left": 40.0, "top": 10.0, "width": 470.0, "height": 170.0}
CELL = {"width": 38.0, "height": 24.0, "left": 186.0, "top": 34.0}
DARKEST = 0.45

Bar = dict[str, str]


def segment_bars(table: pd.DataFrame, language: Language) -> list[Bar]:
    """Customers on the list by segment, most first, with their money at risk."""
    import pandas as pd

    worth = table.groupby("segment")["value_at_risk"].sum(min_count=1)
    counts = Counter(table["segment"].astype(str))

    def note(name: str) -> str:
        customers = language.count(counts[name], "customer", "customers")
        money = worth.get(name)
        return customers if money is None or pd.isna(money) else f"{customers}, {language.money(float(money))}"

    return [
        _bar(language.say(name), counts[name], counts, note(name)) | {"title": segment_description(name, language)}
        for name, _ in counts.most_common(MOST_BARS)
    ]


def topic_bars(topics: Sequence[str], language: Language) -> list[Bar]:
    """Customers on the list by what their first reason is about, most first."""
    counts = Counter(topic_title(topic, language) for topic in topics)
    total = max(sum(counts.values()), 1)
    return [
        _bar(
            words,
            number,
            counts,
            f"{language.count(number, 'customer', 'customers')}, {language.percent(number / total)}",
        )
        for words, number in counts.most_common(MOST_BARS)
    ]


def topic_title(topic: str, language: Language) -> str:
    """What a topic (see `models/explanation/topics.py`) is about: `Time since the last order`."""
    if not topic:
        return language.say(SMALL_SIGNS)
    activity, _, story = topic.partition(": ")
    if not story and activity in STORIES:
        activity, story = "", activity
    noun, nouns = language.nouns(activity.replace(" ", "_"))
    if story in STORIES:
        words = {"noun": noun, "nouns": nouns}
        return language.say(
            STORIES[story], **{key: word for key, word in words.items() if f"{{{key}}}" in STORIES[story]}
        )
    return capitalised(nouns) if not story else f"{capitalised(nouns)}: {language.say(story)}"


def _bar(label: str, number: int, counts: Counter[str], note: str) -> Bar:
    return {"label": label, "width": f"{100 * number / max(counts.values()):.1f}", "note": note}


def calibration_bars(groups: Sequence[Mapping[str, float]], language: Language) -> dict[str, Any] | None:
    """Predicted and observed share of leavers in groups of equal size. None where there is no test."""
    if len(groups) < 2:
        return None
    top = max(max(group["promised"], group["observed"]) for group in groups)
    step = next(step for step in (0.02, 0.05, 0.1, 0.2, 0.25) if top / step <= 5 or step == 0.25)
    ceiling = step * max(1, -(-top // step))
    width = PLOT["width"] / len(groups)
    last = groups[-1]
    return {
        "groups": [_pair(position, group, width, ceiling, language) for position, group in enumerate(groups)],
        "ticks": [
            {"y": f"{_height(step * i, ceiling):.1f}", "label": language.percent(step * i)}
            for i in range(round(ceiling / step) + 1)
        ],
        "summary": language.say(
            "Of the customers to whom it gave the highest risk, {promised} on average, {observed} did leave.",
            promised=language.percent(last["promised"]),
            observed=language.percent(last["observed"]),
        ),
    }


def _height(share: float, ceiling: float) -> float:
    return PLOT["top"] + PLOT["height"] * (1 - share / ceiling)


def _pair(
    position: int, group: Mapping[str, float], width: float, ceiling: float, language: Language
) -> dict[str, str]:
    left = PLOT["left"] + position * width
    floor = PLOT["top"] + PLOT["height"]
    predicted_y, observed_y = _height(group["promised"], ceiling), _height(group["observed"], ceiling)
    promised, observed = language.percent(group["promised"]), language.percent(group["observed"])
    return {
        "said_x": f"{left + width * 0.12:.1f}",
        "was_x": f"{left + width * 0.5:.1f}",
        "width": f"{width * 0.36:.1f}",
        "said_y": f"{predicted_y:.1f}",
        "said_height": f"{floor - predicted_y:.1f}",
        "was_y": f"{observed_y:.1f}",
        "was_height": f"{floor - observed_y:.1f}",
        "label_x": f"{left + width / 2:.1f}",
        "label": promised,
        "title": language.say("It said {promised}; {observed} left", promised=promised, observed=observed),
    }


def cohort_triangle(cohorts: Cohorts | None, first_month: str, language: Language) -> dict[str, Any] | None:
    """The cohorts as rows of cells: who first came in a month, and the share of them that came again later.

    `first_month`: the month in which the data begins, whose customers may be older. None where there are no cohorts.
    """
    if cohorts is None:
        return None
    shown = [
        (month, size, active)
        for month, size, active in zip(cohorts.months, cohorts.sizes, cohorts.active, strict=True)
        if size and len(active) > 1
    ]
    rows = [_row(line, cohort, first_month, language) for line, cohort in enumerate(shown)]
    columns = max(len(row["cells"]) for row in rows)
    return {
        "rows": rows,
        "heads": [
            {"x": f"{_x(position) + CELL['width'] / 2:.1f}", "label": f"+{position + 1}"} for position in range(columns)
        ],
        "size": f"{_x(columns) + 6:.1f} {CELL['top'] + CELL['height'] * len(rows) + 6:.1f}",
        "summary": _retention(cohorts, language),
    }


def _x(position: int) -> float:
    return CELL["left"] + position * CELL["width"]


def _row(line: int, cohort: tuple[str, int, Sequence[int]], first_month: str, language: Language) -> dict[str, Any]:
    month, size, active = cohort
    label = language.month(month)
    if month == first_month:
        label = language.say("{month} or before", month=label)
    y = CELL["top"] + line * CELL["height"]
    people = language.count(size, "customer", "customers")
    return {
        "label": label,
        "size": language.say("of {n}", n=language.number(size)),
        "y": f"{y:.1f}",
        "middle": f"{y + CELL['height'] / 2 + 3:.1f}",
        "cells": [
            {
                "x": f"{_x(position):.1f}",
                "middle": f"{_x(position) + CELL['width'] / 2 - 1:.1f}",
                "shade": f"{0.04 + (DARKEST - 0.04) * came / size:.3f}",
                "label": language.percent(round(came / size, 2)),
                "title": language.say(
                    "{month}, {people}: {share} came again {later} months later",
                    month=label,
                    people=people,
                    share=language.percent(came / size),
                    later=str(position + 1),
                ),
            }
            for position, came in enumerate(active[1:])
        ],
    }


def _retention(cohorts: Cohorts, language: Language) -> str:
    """The share of newcomers who came again three months (or as late as is known) after their first."""
    later = min(3, max(len(row) - 1 for row, size in zip(cohorts.active, cohorts.sizes, strict=True) if size))
    known = [(size, row[later]) for row, size in zip(cohorts.active, cohorts.sizes, strict=True) if len(row) > later]
    share = sum(came for _, came in known) / max(sum(size for size, _ in known), 1)
    return language.say(
        "Of all of them together, {share} came again {later} months after they first came.",
        share=language.percent(share),
        later=str(later),
    )
