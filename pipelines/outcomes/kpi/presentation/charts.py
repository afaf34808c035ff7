"""The page's pictures as positions and sizes for the markup.

Every number that goes into an attribute has a decimal point, as in pipelines/rendering/page/charts.py. Months that are
not closed are marked, so that they are drawn pale.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import floor, log10
from typing import Any

from models.kpi.moves import STATES
from pipelines.outcomes.kpi.presentation.values import written
from pipelines.outcomes.kpi.rows import Row, is_over
from pipelines.rendering.language.language import Language

PLOT = {"left": 60.0, "top": 12.0, "width": 450.0, "height": 170.0}
MOST_MONTHS = 24
MOST_LABELS = 6
UP, DOWN = ("new", "won_back"), ("lost",)
SHOWN_STATES = ("new", "active", "at risk", "won back", "lapsed")

Picture = dict[str, Any]


@dataclass(frozen=True)
class Axis:
    """A vertical axis from `low` to `high` in whole steps."""

    low: float
    high: float
    step: float

    def y(self, value: float) -> float:
        """Where a value lies; what leaves the axis lies at its end."""
        inside = min(max(value, self.low), self.high)
        return PLOT["top"] + PLOT["height"] * (self.high - inside) / (self.high - self.low)

    def ticks(self, label: Callable[[float], str]) -> list[dict[str, str]]:
        """A line and its label for every step."""
        steps = round((self.high - self.low) / self.step)
        values = [self.low + self.step * place for place in range(steps + 1)]
        return [{"y": f"{self.y(value):.1f}", "label": label(value)} for value in values]


def axis(values: Sequence[float], *, zero: bool = True) -> Axis:
    """An axis that shows all values with at most six steps of 1, 2 or 5 times a power of ten."""
    low, high = min([*values, 0.0] if zero else values), max([*values, 0.0] if zero else values)
    span = (high - low) or abs(high) or 1.0
    power = 10.0 ** floor(log10(span / 5))
    step = next(power * times for times in (1, 2, 5, 10) if span / (power * times) <= 5)
    return Axis(step * floor(low / step), step * -floor(-high / step - 1e-9) or step, step)


def months_of(rows: Sequence[Row], figure: str) -> list[Row]:
    """The newest months of a figure of everybody that are over and have a value, the oldest first."""
    own = [row for row in rows if row["figure"] == figure and row["value"] is not None and is_over(row)]
    return sorted(own, key=lambda row: str(row["period"]))[-MOST_MONTHS:]


def comings_and_goings(rows: Sequence[Row], language: Language) -> Picture | None:
    """New and won back upwards, lost downwards, month by month; None where no month has both ends."""
    by = {name: {row["period"]: row for row in months_of(rows, name)} for name in (*UP, *DOWN)}
    names = [name for name in by["lost"] if all(name in one for one in by.values())]
    if not names:
        return None
    value = {figure: {name: float(one[name]["value"]) for name in names} for figure, one in by.items()}
    tops = [sum(value[figure][name] for figure in UP) for name in names]
    scale = axis([*tops, *(-value["lost"][name] for name in names)])
    width = PLOT["width"] / len(names)
    bars = []
    for place, name in enumerate(names):
        parts, level = [], 0.0
        for figure in UP:
            parts.append(_part(figure, level, level + value[figure][name], scale))
            level += value[figure][name]
        parts.append(_part("lost", -value["lost"][name], 0.0, scale))
        counted = {figure: language.number(value[figure][name]) for figure in value}
        bars.append(
            {
                "x": f"{PLOT['left'] + width * (place + 0.15):.1f}",
                "parts": parts,
                "css": "is-open" if by["lost"][name]["reason"] else "is-closed",
                "label": _label(place, names, language),
                "middle": f"{PLOT['left'] + width * (place + 0.5):.1f}",
                "title": language.say(
                    "{month}: {new} new, {won_back} won back, {lost} lost",
                    month=language.month(f"{name}-01"),
                    **counted,
                ),
            }
        )
    return {
        "bars": bars,
        "width": f"{width * 0.7:.1f}",
        "zero": f"{scale.y(0.0):.1f}",
        "ticks": scale.ticks(lambda one: language.number(abs(one))),
        "summary": bars[-1]["title"],
    }


def _part(css: str, low: float, high: float, scale: Axis) -> dict[str, str]:
    return {"css": css, "y": f"{scale.y(high):.1f}", "height": f"{max(scale.y(low) - scale.y(high), 0.0):.1f}"}


def _label(place: int, names: Sequence[str], language: Language) -> str:
    every = -(-len(names) // MOST_LABELS)
    return language.month(f"{names[place]}-01") if place % every == 0 else ""


def over_time(rows: Sequence[Row], figures: Mapping[str, str], language: Language) -> Picture | None:
    """Figures as lines with the bars of their limits, month by month.

    Args:
        rows: months of everybody.
        figures: figure -> what the line is called.
        language: in which it is said.
    """
    series = {figure: months_of(rows, figure) for figure in figures}
    names = sorted({str(row["period"]) for own in series.values() for row in own})[-MOST_MONTHS:]
    if not names:
        return None
    ends = [row[key] for own in series.values() for row in own for key in ("low", "high", "value")]
    scale = axis([float(one) for one in ends if one is not None], zero="retention_rate" not in figures)

    def shift(order: int) -> Callable[[str], float | None]:
        """Where a line has its months: beside each other, so that bars do not hide each other."""
        places = {name: _x(place, names) + (order - (len(figures) - 1) / 2) * 3.0 for place, name in enumerate(names)}
        return places.get

    unit = next(own[0]["unit"] for own in series.values() if own)
    lines = [
        {"css": f"series-{place + 1}", "name": name, **_line(name, series[figure], shift(place), scale, language)}
        for place, (figure, name) in enumerate(figures.items())
        if series[figure]
    ]
    return {
        "lines": lines,
        "ticks": scale.ticks(lambda one: language.figure(one, _form(unit, scale.step))),
        "labels": [
            {"x": f"{_x(place, names):.1f}", "label": _label(place, names, language)} for place in range(len(names))
        ],
        "summary": "; ".join(line["points"][-1]["title"] for line in lines),
    }


def _form(unit: str, step: float) -> str:
    """How the axis writes its numbers: with as many digits as its steps have."""
    fine = step < (0.01 if unit == "share" else 1)
    return f".{int(fine)}%" if unit == "share" else f".{2 * fine}f"


def _x(place: int, names: Sequence[str]) -> float:
    return PLOT["left"] + PLOT["width"] / len(names) * (place + 0.5)


def _line(
    name: str, own: Sequence[Row], x_of: Callable[[str], float | None], scale: Axis, language: Language
) -> Picture:
    points = []
    for row in own:
        x = x_of(str(row["period"]))
        if x is None:
            continue
        low, high = (row["value"] if row[key] is None else row[key] for key in ("low", "high"))
        month = language.month(f"{row['period']}-01")
        points.append(
            {
                "x": f"{x:.1f}",
                "y": f"{scale.y(row['value']):.1f}",
                "low": f"{scale.y(low):.1f}",
                "high": f"{scale.y(high):.1f}",
                "css": "is-open" if row["reason"] else "is-closed",
                "title": f"{name}, {month}: {written(row, language, limits=True)}",
            }
        )
    return {"points": points, "path": " ".join(f"{point['x']},{point['y']}" for point in points)}


def states(moves: Sequence[Row], words: Mapping[str, str], language: Language) -> Picture | None:
    """What customers were at the end of each month, as stacked bars of shares; None where nothing is known."""
    counted: dict[str, dict[str, int]] = {}
    for row in moves:
        own = counted.setdefault(str(row["month"]), dict.fromkeys(STATES, 0))
        own[str(row["to"])] += int(row["customers"])
    names = sorted(counted)[-MOST_MONTHS:]
    if not names:
        return None
    width = PLOT["width"] / len(names)
    scale = axis([float(sum(counted[name][one] for one in SHOWN_STATES)) for name in names])
    bars = []
    for place, name in enumerate(names):
        parts, level = [], 0.0
        for state in SHOWN_STATES:
            parts.append(_part(state.replace(" ", "-"), level, level + counted[name][state], scale))
            level += counted[name][state]
        said = ", ".join(f"{words[state]} {language.number(counted[name][state])}" for state in SHOWN_STATES)
        bars.append(
            {
                "x": f"{PLOT['left'] + width * (place + 0.15):.1f}",
                "parts": parts,
                "label": _label(place, names, language),
                "middle": f"{PLOT['left'] + width * (place + 0.5):.1f}",
                "title": f"{language.month(f'{name}-01')}: {said}",
            }
        )
    ticks = scale.ticks(language.number)
    return {"bars": bars, "width": f"{width * 0.7:.1f}", "ticks": ticks, "summary": bars[-1]["title"]}
