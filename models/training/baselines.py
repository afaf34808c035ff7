"""Baselines that every model has to beat: rules that a team already has, as probabilities, and simpler models.

Each is fitted on the same training rows as the model and judged on the same moments. A rule that gives only an order
(days since the last order, orders counted, the RFM sum) becomes a probability by a logistic regression on that one
number, so that log loss compares. BG/NBD is a probability already where leaving is silence. The logistic regression on
the rich features is the model's own simpler half; it is shown, and no rule that a team has without this pipeline.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.special import expit

from models import columns
from models.learners.bgnbd_score import BgNbdScore
from models.learners.logistic import Linear
from models.segments import Quintiles, Roles
from models.training.fitting import Fit
from models.training.panel import Data, Rows

Floats = npt.NDArray[np.floating[Any]]

PENALTY = 1e-5  # only keeps the numbers finite where a line separates


def _days_since_last(features: pd.DataFrame, roles: Roles, _: Quintiles) -> Floats:
    return columns.numbers(features, [roles.recency])


def _order_count(features: pd.DataFrame, roles: Roles, _: Quintiles) -> Floats:
    return columns.numbers(features, [roles.frequency])


def _rfm_score(features: pd.DataFrame, _: Roles, quintiles: Quintiles) -> Floats:
    return quintiles.sums(features)[:, None]


def _logistic_rfmt(features: pd.DataFrame, roles: Roles, _: Quintiles) -> Floats:
    return columns.numbers(features, roles.names)


LINES: dict[str, Callable[[pd.DataFrame, Roles, Quintiles], Floats]] = {
    "days_since_last": _days_since_last,
    "order_count": _order_count,
    "rfm_score": _rfm_score,
    "logistic_rfmt": _logistic_rfmt,
}

IN_WORDS = {
    "days_since_last": "days since the last order",
    "order_count": "counting orders",
    "rfm_score": "the RFM score",
    "logistic_rfmt": "a logistic regression on recency, frequency, money and tenure",
    "bg_nbd": "the BG/NBD model of buying habits",
    "logistic_rich": "a logistic regression on the same columns",
}
"""Every baseline that there can be; BG/NBD needs the summary columns of the definition's activity."""

RULES = tuple(name for name in IN_WORDS if name != "logistic_rich")
"""What a team could have without this pipeline: the model is graded against the best of these."""

NAIVE = ("days_since_last", "order_count", "rfm_score")
"""Of those the rules that a team could apply in a spreadsheet."""

UNMODELLED = ("days_since_last", "rfm_score")
"""Of those the ones that teams without a model rank by: past lists are compared with the better of them."""


def predictions(data: Data, trained: Rows, judged: Rows, fit: Fit) -> dict[str, Floats]:
    """Probability of leaving by each baseline for the rows of `judged`, fitted on `trained` alone.

    Args:
        data: everything labelled.
        trained: rows that fit.
        judged: rows that are predicted.
        fit: the model's fit on `trained`; its logistic regression and its habit are baselines too.
    """
    named, churned = _named(data), data.panel.churned[trained]
    before, ahead = (data.panel.features.loc[rows, named] for rows in (trained, judged))
    quintiles = Quintiles.fit(before, data.roles)
    found = {}
    for name, numbers in LINES.items():
        line = Linear.fit(numbers(before, data.roles, quintiles), churned, penalty=PENALTY)
        found[name] = line.log_odds(numbers(ahead, data.roles, quintiles))
    habit = fit.habit or data.fitted_habit(trained)
    if habit is not None:
        found["bg_nbd"] = _by_habit(habit, before, churned, ahead, data)
    wide = data.known.wide(data.numbers(judged, fit.habit))[0]
    found["logistic_rich"] = fit.linear.log_odds(wide)
    return {name: np.asarray(expit(odds), dtype=np.float64) for name, odds in found.items()}


def _named(data: Data) -> list[str]:
    """The columns that rules read."""
    return list(dict.fromkeys(["customer_id", *data.roles.names, *(data.roles.summary or ())]))


def _by_habit(habit: BgNbdScore, before: pd.DataFrame, churned: Floats, ahead: pd.DataFrame, data: Data) -> Floats:
    """Its log-odds as they are where leaving is silence; a line through them elsewhere."""
    if data.definition.get("kind", "silence") == "silence":
        return habit.log_odds(ahead)
    line = Linear.fit(habit.log_odds(before)[:, None], churned, penalty=PENALTY)
    return line.log_odds(habit.log_odds(ahead)[:, None])
