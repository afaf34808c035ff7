"""One fit of a recipe on the rows of some moments, and its predictions for held-out rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from models.learners import boosting
from models.learners.bgnbd_score import COLUMN, BgNbdScore
from models.learners.expected_value import ValueModel
from models.learners.logistic import Linear
from models.training.panel import Data, Rows
from models.training.recipe import OriginPredictions, Recipe

Floats = npt.NDArray[np.floating[Any]]

HELD_BACK = 5.0  # rows of one customer are no independent evidence: with 125 of them the penalty is .04 more


@dataclass(frozen=True)
class Fit:
    """Boosters and logistic regression of the same rows, the habit whose column both use, and the money model."""

    boosters: boosting.Boosters
    linear: Linear
    habit: BgNbdScore | None
    value: ValueModel | None


def fit(data: Data, rows: Rows, recipe: Recipe, *, seeds: int | None = None, money: bool = False) -> Fit:
    """Fit on `rows`, thinned to what the recipe allows.

    Args:
        data: everything labelled.
        rows: that train; what must be fitted on a population (the habit) sees them alone.
        recipe: numbers.
        seeds: boosters; None: as many as the recipe says.
        money: whether to fit expected value too.
    """
    habit = data.habit(rows)
    kept, value = data.thinned(rows, recipe.max_rows), None
    x, y = data.numbers(kept, habit), data.panel.churned[kept]
    boosters = boosting.fit(
        x,
        y,
        data.known.names,
        categories=data.known.categories,
        seeds=recipe.booster_seeds[:seeds],
        rounds=recipe.trees_up_to,
        objective={**recipe.objective(len(y)), **_directions(data, recipe)},
    )
    if money and data.roles.money:
        stayed = data.thinned(rows & (data.panel.churned < 0.5), recipe.max_rows)
        value = ValueModel.fit(
            data.numbers(stayed, habit), data.panel.value_ahead[stayed], data.known, seed=recipe.seed
        )
    return Fit(boosters, linear(data, rows, recipe, habit), habit, value)


def linear(data: Data, rows: Rows, recipe: Recipe, habit: BgNbdScore | None) -> Linear:
    """The logistic regression on the same columns; held back more where there are few customers to learn from."""
    kept = data.thinned(rows, recipe.max_rows)
    customers = len({customer for customer, row in zip(data.customers, kept, strict=True) if row})
    penalty = recipe.logistic_penalty + HELD_BACK / customers
    return Linear.fit(data.known.wide(data.numbers(kept, habit))[0], data.panel.churned[kept], penalty=penalty)


def predict_unseen(data: Data, rows: Rows, found: Fit, recipe: Recipe, origin: str) -> OriginPredictions:
    """What a fit says about rows that it has not seen."""
    x = data.numbers(rows, found.habit)
    by_rounds = found.boosters.raw_by_rounds(x, recipe.rounds_grid)
    customers = [customer for customer, judged in zip(data.customers, rows, strict=True) if judged]
    return OriginPredictions(
        origin, by_rounds, found.linear.log_odds(data.known.wide(x)[0]), data.panel.churned[rows], customers
    )


def _directions(data: Data, recipe: Recipe) -> dict[str, Any]:
    """The directions that columns.json declares, where the recipe holds the trees to them."""
    if not recipe.monotone:
        return {}
    declared = {str(info["name"]): int(info.get("monotone") or 0) for info in data.panel.columns_info}
    declared[COLUMN] = 1
    signs = [0 if name in data.known.levels else declared.get(name, 0) for name in data.known.names]
    return {"monotone_constraints": signs} if any(signs) else {}
