"""Single flags: one yes-or-no question about one column. The best one is the rule that a model has to beat.

A flag is `column is level` of a category, `column is 1` of a column of zeros and ones, or `column is above a value` of
a number (its values where there are few, else its tenths). It holds for at least 1% of the customers and at most 99%.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from models.effect.uplift.experiment import Column

Floats = npt.NDArray[np.float64]
Holds = npt.NDArray[np.bool_]

SMALLEST = 0.01  # share of customers that a flag must hold for, and must not
SMALLEST_HARMED = 0.05
FEW_VALUES = 12
IS, ABOVE = "is", "above"


@dataclass(frozen=True)
class Flag:
    """A question, and which answer goes first.

    Attributes:
        column: its place.
        kind: `is` or `above`.
        at: the level's code or the value.
        wanted: whether those go first of whom it holds (else those of whom it does not).
        worth: by what it was chosen: its Qini coefficient, or the mean effect over its standard error.
    """

    column: int
    kind: str
    at: float
    wanted: bool
    worth: float

    def holds(self, features: Any) -> Holds:
        """Who goes first."""
        values = np.asarray(features, dtype=np.float64)[:, self.column]
        found = values == self.at if self.kind == IS else values > self.at
        return np.asarray(found == self.wanted, dtype=bool)

    def score(self, features: Any) -> Floats:
        """1 for those who go first, else 0."""
        return self.holds(features).astype(np.float64)


def best_flag(features: Any, columns: Sequence[Column], effects: Any) -> Flag | None:
    """The question, and the way round, with the highest Qini coefficient; None where no column is one.

    The coefficient of a flag is half the covariance of flag and effect (see qini.py).

    Args:
        features: customers by columns, of those who fit.
        columns: of the features.
        effects: their psi or transformed outcomes.
    """
    x, psi = np.asarray(features, dtype=np.float64), np.asarray(effects, dtype=np.float64)
    apart, best = psi - psi.mean(), None
    for column, kind, at in _questions(x, columns):
        held = Flag(column, kind, at, True, 0.0).score(x)
        if SMALLEST <= held.mean() <= 1 - SMALLEST:
            worth = float((held - held.mean()) @ apart) / (2 * len(psi))
            if best is None or abs(worth) > best.worth:
                best = Flag(column, kind, at, worth > 0, abs(worth))
    return best


def worst_flag(features: Any, columns: Sequence[Column], effects: Any) -> Flag | None:
    """The answer (of at least 5% of the customers) whose mean effect lies the most standard errors below 0; None where
    every mean is above 0. Arguments as in best_flag."""
    x, psi = np.asarray(features, dtype=np.float64), np.asarray(effects, dtype=np.float64)
    worst = None
    for column, kind, at in _questions(x, columns):
        for wanted in (True, False):
            held = Flag(column, kind, at, wanted, 0.0).holds(x)
            if held.sum() > 1 and held.mean() >= SMALLEST_HARMED:
                group = psi[held]
                worth = float(group.mean() / max(group.std(ddof=1) / np.sqrt(len(group)), 1e-12))
                if worth < (0.0 if worst is None else worst.worth):
                    worst = Flag(column, kind, at, wanted, worth)
    return worst


@dataclass(frozen=True)
class Trait:
    """What is common in a group and rarer outside: a flag, and how many have it."""

    flag: Flag
    inside: float
    outside: float


def traits(features: Any, columns: Sequence[Column], chosen: Any, most: int = 2) -> tuple[Trait, ...]:
    """The answers by which a group differs most from the others, in shares; one per column, the clearest first.

    Args:
        features: customers by columns.
        columns: of the features.
        chosen: true for the group.
        most: answers.
    """
    x, group = np.asarray(features, dtype=np.float64), np.asarray(chosen, dtype=bool)
    found: dict[int, Trait] = {}
    for column, kind, at in _questions(x, columns):
        held = Flag(column, kind, at, True, 0.0).holds(x)
        inside, outside = float(held[group].mean()), float(held[~group].mean())
        if inside < outside:
            inside, outside = 1 - inside, 1 - outside
            flag = Flag(column, kind, at, False, inside - outside)
        else:
            flag = Flag(column, kind, at, True, inside - outside)
        if column not in found or flag.worth > found[column].flag.worth:
            found[column] = Trait(flag, inside, outside)
    return tuple(sorted(found.values(), key=lambda one: -one.flag.worth)[:most])


def _questions(x: Floats, columns: Sequence[Column]) -> Iterator[tuple[int, str, float]]:
    for place, column in enumerate(columns):
        values = np.unique(x[:, place])
        if column.levels is not None:
            yield from ((place, IS, float(code)) for code in values)
        elif set(values) <= {0.0, 1.0}:
            yield place, IS, 1.0
        else:
            tenths = np.quantile(x[:, place], np.arange(1, 10) / 10, method="lower")
            yield from (
                (place, ABOVE, float(at)) for at in (values[:-1] if len(values) <= FEW_VALUES else np.unique(tenths))
            )
