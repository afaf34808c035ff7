"""Figures as tidy rows: the contract of `data/kpi/{as_of}/kpi.csv` and `.parquet`.

One row is one figure of one group in one period. `value`, `low` and `high` are null where the figure cannot be said,
and `reason` says why; where a value stands and the period is not closed, `reason` says until when it is open.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from features.windows import day_number, day_text
from models.kpi.declarations import ATTRIBUTES, BACKWARD, FIXED_COSTS, LEDGER, MONEY, PAYMENTS, Figure
from models.kpi.estimates import estimate
from models.kpi.figures import FIGURES
from models.kpi.small_groups import merged
from pipelines.outcomes.kpi.counts import SCALED, Ground, counts_of
from pipelines.outcomes.kpi.dimensions import EVERYBODY, Groups, Listed, dimensions
from pipelines.outcomes.kpi.monthly import UNITS
from pipelines.outcomes.kpi.periods import Period, closes_on

if TYPE_CHECKING:
    from pipelines.engines.customer_attributes import Attributes

COLUMNS = (
    "as_of",
    "grain",
    "period",
    "definition",
    "figure",
    "dimension",
    "group",
    "unit",
    "numerator",
    "denominator",
    "value",
    "low",
    "high",
    "reason",
    "restated",
    "source",
)
NUMBERS = ("numerator", "denominator", "value", "low", "high", "restated")
DIGITS = 6

NOT_IN_DATA = "not in your data: needs {needs}"
STILL_OPEN = "open: final on {day}"
NOT_OVER = "open: the period ends on {day}"
KNOWN_LATER = "open: known from {day}"
DATA_BEGIN = "the data begin on {day}"
FEW_CUSTOMERS = "fewer than 10 customers"
NOBODY_COUNTED = "nobody to count"
NEEDS = {
    MONEY: "values of the orders",
    PAYMENTS: "repeated payments (of a subscription: renews)",
    LEDGER: "contacts reported with churn feedback",
    FIXED_COSTS: "kpi.fixed_costs in params.yaml",
    ATTRIBUTES: "a customers table",
}
"""What a figure needs that is no activity, in words."""

Row = dict[str, Any]


@dataclass(frozen=True)
class Question:
    """For whom and when: `as_of` the day at whose midnight knowledge ends, `name` of the definition, `first_day` of the
    data, `attributes` by which figures are shown, `listed`: published lists."""

    as_of: str
    name: str
    first_day: str
    attributes: Attributes
    listed: Listed


@dataclass(frozen=True)
class Scene:
    """One period of one definition."""

    ground: Ground
    period: Period
    question: Question

    @property
    def months(self) -> tuple[int, int]:
        """Numbers of its first month and of the one behind its last, as far as the data go."""
        starts = self.ground.found.starts
        behind = starts.index(self.period.end) if self.period.end in starts else len(starts) - 1
        return starts.index(self.period.start), behind


def rows_of(scene: Scene) -> Iterator[Row]:
    """All rows of a period."""
    counts, counted = counts_of(scene.ground, *scene.months)
    groups = dimensions(scene.ground, scene.months[0], scene.question.attributes, scene.question.listed)
    for dimension, one in groups.items():
        number, names = merged(one.number, one.names, counted)
        inside = number >= 0
        own = {count: column[inside] for count, column in counts.items()}
        for figure in FIGURES:
            base = _base(figure, scene) | {"dimension": dimension}
            why = unknown(figure, scene) or (None if names else FEW_CUSTOMERS)
            if why is None and not (figure.whole_only and dimension != EVERYBODY):
                state = open_until(scene)
                yield from ({**base, **row} for row in _known(figure, own, Groups(number[inside], names), state))
            elif dimension == EVERYBODY:
                yield {**base, "group": EVERYBODY, **dict.fromkeys(NUMBERS), "reason": why}


def _base(figure: Figure, scene: Scene) -> Row:
    ours = {LEDGER: "ledger", FIXED_COSTS: "params.yaml"}
    return {
        "as_of": scene.question.as_of,
        "grain": scene.period.grain,
        "period": scene.period.name,
        "definition": scene.question.name,
        "figure": figure.name,
        "unit": figure.unit,
        "source": " and ".join(["activity", *(ours[need] for need in figure.needs if need in ours)]),
    }


def _known(
    figure: Figure, counts: Mapping[str, npt.NDArray[np.float64]], groups: Groups, state: str | None
) -> Iterator[Row]:
    """What is said of each group; `state`: until when the period is open."""
    found = estimate(figure, counts, groups.number, len(groups.names))
    top, bottom = (UNITS if one in SCALED else 1 for one in (figure.numerator[0].removeprefix("-"), figure.denominator))
    for place, name in enumerate(groups.names):
        ratios = {"value": found.value, "low": found.low, "high": found.high}
        yield {
            "group": name,
            "numerator": _number(found.numerator[place] / top),
            "denominator": None if found.denominator is None else _number(found.denominator[place] / bottom),
            **{key: None if one is None else _number(one[place] * bottom / top) for key, one in ratios.items()},
            "reason": NOBODY_COUNTED if np.isnan(found.value[place]) else state,
            "restated": None,
        }


def _number(value: float) -> float | None:
    return None if np.isnan(value) else float(round(value, DIGITS)) + 0.0


def unknown(figure: Figure, scene: Scene) -> str | None:
    """Why a figure cannot be said; None where it can."""
    ground, period, question = scene.ground, scene.period, scene.question
    missing = [NEEDS.get(need, need) for need in figure.needs if need not in ground.has]
    if missing:
        return NOT_IN_DATA.format(needs=", ".join(missing))
    begins = day_text(day_number(question.first_day) + ground.definition.lead.behind_days)
    looks_back = figure.phase != "flow" or not BACKWARD.isdisjoint(figure.counts)
    if looks_back and period.start < begins:
        return DATA_BEGIN.format(day=question.first_day)
    if figure.phase == "end" and period.end > question.as_of:
        return NOT_OVER.format(day=period.end)
    known = day_text(day_number(period.start) + ground.definition.lead.ahead_days)
    if figure.phase == "ahead" and known > question.as_of:
        return KNOWN_LATER.format(day=known)
    return None


def open_until(scene: Scene) -> str | None:
    """Until when the figures of a period may still change; None where it is closed."""
    if scene.period.end > scene.question.as_of:
        return NOT_OVER.format(day=scene.period.end)
    closes = closes_on(scene.period, scene.ground.definition.lead.ahead_days)
    return STILL_OPEN.format(day=closes) if closes > scene.question.as_of else None


def is_over(row: Mapping[str, Any]) -> bool:
    """Whether the row's period had ended when it was written."""
    return not str(row["reason"]).startswith(NOT_OVER.partition("{")[0])


def is_closed(row: Mapping[str, Any]) -> bool:
    """Whether a row's period was closed when it was written, and its value known."""
    return row["value"] is not None and row["reason"] is None


def key(row: Mapping[str, Any]) -> tuple[str, ...]:
    """What a row is about."""
    return tuple(str(row[name]) for name in ("grain", "period", "definition", "figure", "dimension", "group"))
