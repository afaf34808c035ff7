"""Targets of params.yaml against the figures: where each must be by now, where it is, and what moved it.

Only closed periods count. What moved a figure is split by segment: other shares of the segments, other figures within
them; the two add up to the whole change.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from models.kpi.figures import BY_NAME
from models.kpi.targets import Measured, Split, course, split
from pipelines.outcomes.kpi.dimensions import EVERYBODY, SEGMENT
from pipelines.outcomes.kpi.periods import QUARTER
from pipelines.outcomes.kpi.rows import DIGITS, Row, is_closed
from pipelines.runtime.errors import ChurnError, did_you_mean
from pipelines.settings.campaign.kpi import Target

COLUMNS = (
    "target",
    "figure",
    "definition",
    "dimension",
    "group",
    "unit",
    "from",
    "by",
    "baseline",
    "goal",
    "period",
    "required",
    "value",
    "low",
    "high",
    "verdict",
    "moved_by_mix",
    "moved_within",
)
UNKNOWN = "unknown"


@dataclass(frozen=True)
class _Place:
    """Which rows a target is about."""

    figure: str
    definition: str
    dimension: str
    group: str

    def rows(self, rows: Sequence[Row], grain: str) -> dict[str, Row]:
        """Closed rows by period."""
        wanted = (grain, self.figure, self.definition, self.dimension, self.group)
        names = ("grain", "figure", "definition", "dimension", "group")
        return {row["period"]: row for row in rows if is_closed(row) and tuple(row[one] for one in names) == wanted}


def require_figures(targets: Mapping[str, Target]) -> None:
    """Raises ChurnError with every target whose figure there is not."""
    asked = {name: target.figure or name for name, target in targets.items()}
    faults = [
        f"params.yaml: targets.{name}: {figure!r} is not a figure of `churn kpi`.{did_you_mean(figure, BY_NAME)}"
        for name, figure in asked.items()
        if figure not in BY_NAME
    ]
    if faults:
        raise ChurnError(*faults)


def target_rows(rows: Sequence[Row], targets: Mapping[str, Target], main: str) -> Iterator[Row]:
    """A row in the order of COLUMNS for each target.

    Args:
        rows: of figures, see rows.COLUMNS.
        targets: by name.
        main: the definition that ranks the list.
    """
    for name, target in targets.items():
        dimension, group = next(iter(target.group.items()), (EVERYBODY, EVERYBODY))
        place = _Place(target.figure or name, target.definition or main, dimension, group)
        yield {"target": name, **vars(place), "unit": BY_NAME[place.figure].unit, **_course(rows, target, place)}


def _course(rows: Sequence[Row], target: Target, place: _Place) -> Row:
    grain = QUARTER if "Q" in target.begin else "month"
    closed = place.rows(rows, grain)
    base: Row = {"from": target.begin, "by": target.by, **dict.fromkeys(COLUMNS[8:])}
    if target.begin not in closed:
        return base | {"verdict": UNKNOWN}
    newest = max((period for period in closed if target.begin < period <= target.by), default=None)
    baseline, now = _measured(closed[target.begin]), None if newest is None else _measured(closed[newest])
    part = 0.0 if newest is None else _steps(target.begin, newest) / _steps(target.begin, target.by)
    change, relative = target.step
    found = course(baseline, now, change, relative=relative, part=part, lower_is_better=change < 0)
    said: Row = {"baseline": baseline.value, "goal": found.goal, "required": found.required}
    if now is not None and newest is not None:
        said |= {
            "value": now.value,
            "low": now.low,
            "high": now.high,
            **_moved(rows, place, grain, target.begin, newest),
        }
    return base | {"period": newest, "verdict": found.verdict} | {key: _rounded(one) for key, one in said.items()}


def _measured(row: Row) -> Measured:
    return Measured(row["value"], row["low"], row["high"])


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, DIGITS)


def _steps(begin: str, end: str) -> int:
    """Periods from one to the other."""
    per_year, mark = (4, "Q") if "Q" in begin else (12, "-")
    numbers = [int(one[:4]) * per_year + int(one.rpartition(mark)[2]) for one in (begin, end)]
    return numbers[1] - numbers[0]


def _moved(rows: Sequence[Row], place: _Place, grain: str, *periods: str) -> dict[str, float | None]:
    found = _split(rows, place, grain, periods) if place.dimension == EVERYBODY else None
    factor = BY_NAME[place.figure].factor
    return {
        "moved_by_mix": None if found is None else found.mix * factor,
        "moved_within": None if found is None else found.within * factor,
    }


def _split(rows: Sequence[Row], place: _Place, grain: str, periods: Sequence[str]) -> Split | None:
    own = [
        row
        for row in rows
        if (row["grain"], row["figure"], row["definition"], row["dimension"])
        == (grain, place.figure, place.definition, SEGMENT)
    ]
    parts = [
        {
            row["group"]: (row["numerator"], row["denominator"])
            for row in own
            if row["period"] == period and row["denominator"]
        }
        for period in periods
    ]
    return split(*parts) if all(parts) else None
