"""The rules that a team already has, turned into honest probabilities: what every model has to beat.

Each is fitted on the same training rows as the model and judged on the same moment. A rule that gives only an order
(days since the last order, the RFM sum) becomes a probability by a logistic regression on that one number, so that log
loss compares.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.special import expit

from models import columns
from models.logistic import Linear
from models.segments import Quintiles, Roles

Floats = npt.NDArray[np.floating[Any]]

PENALTY = 1e-5  # only keeps the numbers finite where a line separates


def _days_since_last(features: pd.DataFrame, roles: Roles, _: Quintiles) -> Floats:
    return columns.numbers(features, [roles.recency])


def _rfm_score(features: pd.DataFrame, _: Roles, quintiles: Quintiles) -> Floats:
    return quintiles.sums(features)[:, None]


def _logistic_rfmt(features: pd.DataFrame, roles: Roles, _: Quintiles) -> Floats:
    return columns.numbers(features, roles.names)


BASELINES: dict[str, Callable[[pd.DataFrame, Roles, Quintiles], Floats]] = {
    "days_since_last": _days_since_last,
    "rfm_score": _rfm_score,
    "logistic_rfmt": _logistic_rfmt,
}

IN_WORDS = {
    "days_since_last": "days since the last order",
    "rfm_score": "the RFM score",
    "logistic_rfmt": "a logistic regression on recency, frequency, money and tenure",
}


def predictions(trained: pd.DataFrame, churned: Floats, judged: pd.DataFrame, roles: Roles) -> dict[str, Floats]:
    """Probability of leaving by each baseline for the rows of `judged`, fitted on `trained` alone."""
    quintiles = Quintiles.fit(trained, roles)
    found: dict[str, Floats] = {}
    for name, numbers in BASELINES.items():
        line = Linear.fit(numbers(trained, roles, quintiles), churned, penalty=PENALTY)
        found[name] = np.asarray(expit(line.log_odds(numbers(judged, roles, quintiles))), dtype=np.float64)
    return found
