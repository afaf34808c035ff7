"""How the texts of a source's columns are read as numbers and times, where they can be read in more than one way."""

from __future__ import annotations

from dataclasses import dataclass, replace

from pipelines.settings.sources import Mapping
from pipelines.sources.expressions.number_text import COMMA, POINT
from pipelines.sources.expressions.time_text import YEAR_FIRST, TimeReading


@dataclass(frozen=True)
class Signs:
    """What divides whole from fraction: `told` by params.yaml for all columns, else a comma in those of `commas`."""

    told: str | None = None
    commas: frozenset[str] = frozenset()

    def of(self, column: str) -> str:
        """The sign of a column, or of an expression that gives text."""
        return self.told or (COMMA if column in self.commas else POINT)


POINTS = Signs()
"""Decimal points everywhere."""


@dataclass(frozen=True)
class Readings:
    """What was decided for a source. `commas`: columns with decimal commas; `times`: those that are not year first."""

    commas: frozenset[str] = frozenset()
    times: tuple[tuple[str, TimeReading], ...] = ()

    def signs(self, mapping: Mapping) -> Signs:
        """Of numbers: what the mapping says stands above what was decided."""
        return Signs(mapping.decimal_sign, self.commas)

    def time(self, wanted: str, mapping: Mapping) -> TimeReading:
        """Of the times of a column or expression."""
        decided = dict(self.times).get(wanted, YEAR_FIRST)
        if mapping.day_first is None:
            return decided
        return replace(decided, order="day" if mapping.day_first else "month")


AS_WRITTEN = Readings()
"""Decimal points, and times that are year first: as computers write them."""
