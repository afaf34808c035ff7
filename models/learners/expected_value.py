"""Expected value of a customer in the horizon if they stay, and the value at risk.

Fitted on those who stayed (nobody else shows what staying is worth), with a Tweedie loss (Jorgensen 1987): its mean is
right in every leaf, and a zero is allowed. None where the stream has no money.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from models import columns
from models.columns import Columns
from models.learners import boosting
from models.segments import Roles

Floats = npt.NDArray[np.floating[Any]]

LEAST_STAYED = 20
ROUNDS = 120
OBJECTIVE: dict[str, Any] = {
    "objective": "tweedie",
    "tweedie_variance_power": 1.5,
    "learning_rate": 0.08,
    "num_leaves": 8,
    "feature_fraction": 0.5,
}


@dataclass(frozen=True)
class ValueModel:
    """Expected money in the horizon, given that the customer stays; the currency of the stream."""

    boosters: boosting.Boosters

    @classmethod
    def fit(cls, x: Floats, value_ahead: Floats, known: Columns, *, seed: int) -> ValueModel | None:
        """Fit on customers who stayed; None without money or with fewer than 20 such rows.

        Args:
            x: rows by `known.names`, of customers who stayed.
            value_ahead: money in the horizon per row; NaN where the stream has none. Less than nothing counts as
                nothing.
            known: columns of `x`.
            seed: of the booster.
        """
        rows = np.isfinite(value_ahead)
        money = np.maximum(value_ahead[rows], 0.0)
        if rows.sum() < LEAST_STAYED or not money.any():
            return None
        leaf = int(np.clip(rows.sum() // 50, 5, 100))
        fitted = boosting.fit(
            x[rows],
            money,
            known.names,
            categories=known.categories,
            seeds=[seed],
            rounds=ROUNDS,
            objective={**OBJECTIVE, "min_data_in_leaf": leaf},
        )
        return cls(fitted)

    def expected(self, x: Floats, *, threads: int = 1) -> Floats:
        """Money per row, at least 0."""
        return np.exp(self.boosters.raw(x, threads=threads))


def own_average(
    features: pd.DataFrame, roles: Roles, columns_info: Sequence[Mapping[str, Any]], definition: Mapping[str, Any]
) -> Floats:
    """What the customer's own average expects in the horizon: money of the longest window, per day known, times days.

    A customer known for less than a horizon counts as known for one. The rule that `expected_value` has to beat; NaN
    where the stream has no money.
    """
    if roles.money is None:
        return np.full(len(features), np.nan)
    window = next((info["days"] for info in columns_info if info["name"] == roles.money), None) or np.inf
    horizon = float(definition.get("horizon_days") or 28)
    money, tenure = columns.numbers(features, [roles.money, roles.tenure]).T
    return np.asarray(np.maximum(money, 0.0) * horizon / np.clip(tenure, horizon, window), dtype=np.float64)


def value_at_risk(probability: Floats, expected_value: Floats) -> Floats:
    """Money that is expected to be lost: probability of leaving times what staying would bring."""
    return np.asarray(probability * expected_value, dtype=np.float64)
