"""An experiment as uplift needs it: who was treated, by which chance, what came of it, and what was known before.

Outcomes are such that 1 is good (stayed, visited, bought) and 0 is not, so that effects above 0 are benefits. Numbers
that are missing are filled with their column's median, and a column says so; categories are codes of their levels.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from models.effect.weighted import arm_weights, known_outcome
from models.errors import ModelError

Floats = npt.NDArray[np.float64]
Holds = npt.NDArray[np.bool_]
Places = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Column:
    """A feature: its name, and the levels of a category in the order of their codes; None for a number."""

    name: str
    levels: tuple[str, ...] | None = None


@dataclass(frozen=True)
class Experiment:
    """Rows of customers.

    Attributes:
        treated: true where assigned to be treated.
        probability: with which each was assigned to it, between 0 and 1, neither included.
        outcome: 1.0 good, 0.0 not.
        features: rows by `columns`, finite, as of the assignment.
        columns: of the features.
        risk: a score by which one would treat otherwise, highest first; None: what is predicted without treatment.
        customers: whose row it is, as a number.
    """

    treated: Holds
    probability: Floats
    outcome: Floats
    features: Floats
    columns: tuple[Column, ...]
    risk: Floats | None
    customers: Places

    @property
    def categories(self) -> tuple[int, ...]:
        """Places of the category columns."""
        return tuple(place for place, one in enumerate(self.columns) if one.levels is not None)

    def __len__(self) -> int:
        return len(self.outcome)


def experiment_of(
    treated: Any,
    probability: Any,
    outcome: Any,
    features: Any,
    columns: Sequence[Column],
    *,
    risk: Any = None,
    customers: Any = None,
) -> Experiment:
    """An experiment that holds together.

    Args:
        treated, probability, outcome, columns: see Experiment.
        features: rows by columns; NaN where a number is not known.
        risk: see Experiment; NaN counts as the lowest.
        customers: any label per row; None: each row is a customer of its own.

    Raises:
        ModelError: lengths differ, an outcome is not 0 or 1, a probability leaves no choice, nothing is known of
            anybody.
    """
    arm, p = np.asarray(treated, dtype=bool), np.asarray(probability, dtype=np.float64)
    arm_weights(arm, p)
    y = known_outcome(outcome, len(arm))
    odd = np.unique(y[(y != 0) & (y != 1)])
    if len(odd):
        raise ModelError(f"uplift: an outcome is 1 (good) or 0, and {odd[0]:g} was found. Ask whether, not how much.")
    x = np.asarray(features, dtype=np.float64)
    if x.shape != (len(arm), len(columns)) or not columns:
        raise ModelError(f"uplift: {len(arm):,} customers by {len(columns)} columns are needed, {x.shape} was given.")
    filled, named = _filled(x, columns)
    whose = np.arange(len(arm)) if customers is None else np.unique(np.asarray(customers), return_inverse=True)[1]
    score = None if risk is None else _lowest_where_unknown(np.asarray(risk, dtype=np.float64))
    return Experiment(arm, p, y, filled, named, score, whose)


def _lowest_where_unknown(score: Floats) -> Floats:
    known = np.isfinite(score)
    return np.where(known, score, score[known].min() - 1 if known.any() else 0.0)


def _filled(x: Floats, columns: Sequence[Column]) -> tuple[Floats, tuple[Column, ...]]:
    parts, named = [], []
    for place, column in enumerate(columns):
        values = x[:, place]
        known = np.isfinite(values)
        parts.append(values if known.all() else np.where(known, values, np.median(values[known]) if known.any() else 0))
        named.append(column)
        if not known.all() and known.any():
            parts.append((~known).astype(np.float64))
            named.append(Column(f"{column.name} is missing"))
    return np.column_stack(parts), tuple(named)
