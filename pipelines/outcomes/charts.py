"""The page's pictures as positions and sizes for the markup: the effect over the looks, with its interval.

Every number that goes into an attribute has a decimal point, as in pipelines/rendering/page/charts.py.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pipelines.rendering.campaign_sentences import signed
from pipelines.rendering.language.language import Language
from pipelines.rendering.page.charts import PLOT

STEPS = (0.01, 0.02, 0.05, 0.1, 0.2, 0.25, 0.5)
FARTHEST = 0.5  # shares: whiskers that reach farther leave the picture
MOST_LABELS = 8


def effect_over_looks(looks: Sequence[Mapping[str, Any]], language: Language) -> dict[str, Any] | None:
    """The effect at every look at which something could be said; None where there was none."""
    told = [look for look in looks if look["low"] is not None and look["effect"] is not None]
    if not told:
        return None
    ends = [min(max(look[name], -FARTHEST), FARTHEST) for look in told for name in ("low", "high")]
    step = next(one for one in STEPS if (max(*ends, 0.0) - min(*ends, 0.0)) / one <= 6 or one == STEPS[-1])
    floor, ceiling = (step * (min(*ends, 0.0) // step), step * -(-max(*ends, 0.0) // step))
    ceiling = ceiling if ceiling > floor else floor + step

    def y(share: float) -> float:
        within = float(min(max(share, floor), ceiling))
        return float(PLOT["top"] + PLOT["height"] * (ceiling - within) / (ceiling - floor))

    width = PLOT["width"] / len(told)
    labels = _month_labels([str(look["list"]) for look in told], language)
    return {
        "zero": f"{y(0.0):.1f}",
        "ticks": [
            {"y": f"{y(floor + step * i):.1f}", "label": language.figure(100 * (floor + step * i), ".0f")}
            for i in range(round((ceiling - floor) / step) + 1)
        ],
        "looks": [
            {
                "x": f"{PLOT['left'] + width * (place + 0.5):.1f}",
                "y": f"{y(look['effect']):.1f}",
                "low": f"{y(look['low']):.1f}",
                "high": f"{y(look['high']):.1f}",
                "css": "proven" if look["is_claimed"] else "open",
                "label": labels[place],
                "title": look_words(look, language),
            }
            for place, look in enumerate(told)
        ],
    }


def _month_labels(days: Sequence[str], language: Language) -> list[str]:
    """The month at the first look of each, as many as there is room for."""
    begins = [place for place, day in enumerate(days) if place == 0 or day[:7] != days[place - 1][:7]]
    every = -(-len(begins) // MOST_LABELS)
    shown = set(begins[::every])
    return [language.month(day) if place in shown else "" for place, day in enumerate(days)]


def look_words(look: Mapping[str, Any], language: Language) -> str:
    """A look in words."""
    return language.say(
        "List of {day}: {effect} (between {low} and {high})",
        day=language.day(look["list"]),
        **{name: signed(look[name], language) for name in ("effect", "low", "high")},
    )
