"""Baselines that every model has to beat: rules that a team already has, as probabilities, and simpler models.

Each is fitted on the same training rows as the model and judged on the same moments (learners/rules.py). The logistic
regression on the rich features is the model's own simpler half; it is shown, and no rule that a team has without this
pipeline.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.special import expit

from models.learners import rules
from models.learners.rule_names import IN_WORDS
from models.learners.rules import Rule
from models.training.fitting import Fit
from models.training.panel import Data, Rows

Floats = npt.NDArray[np.floating[Any]]


def fitted(data: Data, trained: Rows, fit: Fit) -> dict[str, Rule]:
    """Every rule, fitted on the rows of `trained` alone.

    Args:
        data: everything labelled.
        trained: rows that fit.
        fit: the model's fit on `trained`; its habit is a rule too.
    """
    habit, panel = fit.habit or data.fitted_habit(trained), data.panel
    return rules.fitted(
        panel.features.loc[trained, _named(data)],
        panel.churned[trained],
        roles=data.roles,
        columns_info=panel.columns_info,
        definition=data.definition,
        habit=habit,
    )


def predictions(data: Data, fitted_rules: dict[str, Rule], judged: Rows, fit: Fit) -> dict[str, Floats]:
    """Probability of leaving by each baseline for the rows of `judged`.

    Args:
        data: everything labelled.
        fitted_rules: fitted on other rows.
        judged: rows that are predicted.
        fit: the model's fit on those other rows; its logistic regression is a baseline too.
    """
    ahead = data.panel.features.loc[judged, _named(data)]
    odds: dict[str, Floats] = {name: fitted_rules[name].log_odds(ahead) for name in IN_WORDS if name in fitted_rules}
    odds["logistic_rich"] = fit.linear.log_odds(data.known.wide(data.numbers(judged, fit.habit))[0])
    return {name: np.asarray(expit(each), dtype=np.float64) for name, each in odds.items()}


def _named(data: Data) -> list[str]:
    """The columns that rules read."""
    rhythm = rules.own_rhythm(data.panel.columns_info, str(data.definition["activity"]))
    names = ["customer_id", *data.roles.names, *(data.roles.summary or ()), rhythm]
    return [name for name in dict.fromkeys(names) if name in data.panel.features.columns]
