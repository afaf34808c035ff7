"""Money: what a customer is expected to bring in the horizon if they stay, and how much of it is at risk.

Fitted on those who stayed (nobody else shows what staying is worth), with a Tweedie loss (Jorgensen 1987): its mean is
right in every leaf, and a zero is allowed. None where the stream has no money.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from models import boosting
from models.columns import Columns

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
    def fit(cls, x: Floats, value_ahead: Floats, columns: Columns, *, seed: int) -> ValueModel | None:
        """Fit on customers who stayed; None without money or with fewer than 20 such rows.

        Args:
            x: rows by `columns.names`, of customers who stayed.
            value_ahead: money in the horizon per row; NaN where the stream has none. Less than nothing counts as
                nothing.
            columns: of `x`.
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
            columns.names,
            categories=columns.categories,
            seeds=[seed],
            rounds=ROUNDS,
            objective={**OBJECTIVE, "min_data_in_leaf": leaf},
        )
        return cls(fitted)

    def expected(self, x: Floats, *, threads: int = 1) -> Floats:
        """Money per row, at least 0."""
        return np.exp(self.boosters.raw(x, threads=threads))


def value_at_risk(probability: Floats, expected_value: Floats) -> Floats:
    """Money that is expected to be lost: probability of leaving times what staying would bring."""
    return np.asarray(probability * expected_value, dtype=np.float64)
