"""The levels of the moments that a fit was trained on, and what they let one expect of the moment it scores."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from models.learners import level, moment_effects
from models.learners.bgnbd_score import BgNbdScore
from models.learners.calibration import Calibration
from models.learners.level import Level, Move
from models.learners.moment_effects import Effects
from models.training.fitting import Fit
from models.training.panel import Data, Rows
from models.training.recipe import OriginChoice, OutOfSample
from models.training.split import Plan, known_moments

Floats = npt.NDArray[np.floating[Any]]

ENOUGH_ROWS = 20_000  # that the model is asked about where its own effects are needed


def expected(data: Data, plan: Plan, rows: Rows, fit: Fit, settled: OriginChoice, *, moment: str) -> Level:
    """The level expected at a moment by what the rows of a fit show.

    Args:
        data: everything labelled.
        plan: the window of the definition.
        rows: that trained `fit`; their outcomes must have been known at `moment`.
        fit: boosters, logistic regression and habit.
        settled: rounds and blend, for the model's own effects where no law is known.
        moment: the ISO date that is scored.
    """
    habit = law(data, rows, fit)
    if habit is None:
        return Level.expected(None, own_effects(data, rows, fit, settled), moment, plan.span_days)
    said = habit.log_odds(data.panel.features.loc[rows, data.read_by_habit])
    return Level.expected(habit, effects(data, rows, said), moment, plan.span_days)


def move(at: Level, said: OutOfSample, features: pd.DataFrame) -> Move:
    """An origin after the fact.

    Args:
        at: the level that was expected there.
        said: what the fit said of its rows, before calibration, and what happened.
        features: of the same rows.
    """
    needed, variance = moment_effects.effect(said.log_odds, said.churned)
    return Move(at.followed(said.log_odds, features), needed, variance)


def apart(plan: Plan, walk: Sequence[str], moment: str) -> list[str]:
    """Origins whose outcomes are known at a moment, a window apart, newest first."""
    found: list[str] = []
    while before := known_moments(walk, found[-1] if found else moment, plan.span_days):
        found.append(before[-1])
    return found


def law(data: Data, rows: Rows, fit: Fit) -> BgNbdScore | None:
    """BG/NBD fitted on the rows; None where leaving is not silence or the stream has no summary."""
    if data.definition.get("kind", "silence") != "silence":
        return None
    return fit.habit or data.fitted_habit(rows)


def own_effects(data: Data, rows: Rows, fit: Fit, settled: OriginChoice) -> Effects:
    """The effects that the fit itself leaves among rows it was trained on: smaller than they are, never larger."""
    kept = data.thinned(rows, ENOUGH_ROWS)
    x = data.numbers(kept, fit.habit)
    boosted = fit.boosters.raw_by_rounds(x, [settled.rounds])[settled.rounds]
    said = (1 - settled.share) * boosted + settled.share * fit.linear.log_odds(data.known.wide(x)[0])
    return effects(data, kept, said)


def before_anchoring(data: Data, plan: Plan, fit: Fit, settled: OriginChoice) -> Calibration:
    """The calibration of what ships, for whoever does not know who else is eligible: the model's own effects."""
    own, ahead = own_effects(data, data.everything, fit, settled), level.day_number(next_moment(plan))
    return level.shifted(moment_effects.expected(own, ahead, plan.span_days).shift)


def next_moment(plan: Plan) -> str:
    """The first moment at which everything labelled is known: what ships scores it and those after it."""
    return (date.fromisoformat(plan.moments[-1]) + timedelta(days=plan.span_days)).isoformat()


def effects(data: Data, rows: Rows, said: Floats) -> Effects:
    """The effects of the moments of some rows on what was said of them, log-odds."""
    names, place = np.unique(data.moments[rows], return_inverse=True)
    days = np.array([level.day_number(str(name)) for name in names], dtype=np.int64)[place]
    return Effects.of(said, data.panel.churned[rows], days)
