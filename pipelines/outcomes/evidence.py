"""What a campaign teaches about its actions: who left of both arms, by action and kind of customer.

Customers count by one over the probability of the arm they are in, as many as would be equally weighted (Kish 1965), so
that arms of a campaign with several probabilities can be laid beside each other; with one probability it is everybody.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from models.effect.weighted import arm_weights

if TYPE_CHECKING:
    import pandas as pd

_DIGITS = 4


def evidence_of(people: pd.DataFrame) -> list[dict[str, Any]]:
    """Rows of `action`, `segment`, `contacted`, `contacted_left`, `control`, `control_left`; no row without customers.

    Args:
        people: those who can be compared, see effect.comparable.
    """
    words = [people[name].fillna("").astype("str") for name in ("action", "segment")]
    return [
        {"action": str(action), "segment": str(segment), **_counts(own)}
        for (action, segment), own in people.groupby(words, sort=True)
    ]


def _counts(people: pd.DataFrame) -> dict[str, float]:
    arm = people["contacted_arm"].to_numpy(dtype=bool)
    weights = arm_weights(arm, people["chance"].to_numpy(dtype=np.float64))
    left = people["left"].to_numpy(dtype=np.float64)
    found: dict[str, float] = {}
    for name, rows in (("contacted", arm), ("control", ~arm)):
        own = weights[rows]
        size = float(own.sum() ** 2 / (own**2).sum()) if rows.any() else 0.0
        gone = size * float(own @ left[rows] / own.sum()) if rows.any() else 0.0
        found |= {name: round(size, _DIGITS), f"{name}_left": round(min(gone, size), _DIGITS)}
    return found
