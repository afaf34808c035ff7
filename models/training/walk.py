"""The walk through the origins: what each one's fit said of rows it had not seen, and with which level or calibration.

An origin uses nothing that was not known there: its level is that of the moments that trained its fit, confirmed by
earlier origins whose outcomes were known; a kind of calibration that params.yaml sets is fitted on the newest of them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from models.errors import ModelError
from models.learners import calibration as calibrate
from models.learners import level, rules
from models.learners.calibration import Calibration
from models.learners.expected_value import own_average
from models.learners.level import Level, Move
from models.learners.rule_names import BASE_RATE, MODEL, RULES
from models.learners.rules import Rule
from models.segments import Quintiles
from models.training import baselines, entries, fitting, known_levels
from models.training.fitting import Fit
from models.training.panel import Data, Rows
from models.training.recipe import OriginChoice, OriginPredictions, OutOfSample, Recipe
from models.training.split import Plan

Floats = npt.NDArray[np.floating[Any]]


@dataclass
class Walk:
    """What fits say and what then happened, origin by origin.

    Attributes:
        data, plan, recipe: see `train`.
        origins: those with somebody to learn from, oldest first, the last is the test moment.
        splits: rows that train and rows that are judged, by origin.
        fits: by origin; "" is the fit of everything.
        settled: what each of them uses.
        said: what each fit says of its rows, by origin.
        moves: each origin after the fact.
        tables: what each origin predicted.
        entrants: what each origin's model and rules predicted, each with the level of the moment.
        newest: the level that was expected at the last origin.
        calibration: of the last origin.
    """

    data: Data
    plan: Plan
    recipe: Recipe
    origins: Sequence[str]
    splits: Mapping[str, tuple[Rows, Rows]]
    fits: Mapping[str, Fit]
    settled: Mapping[str, OriginChoice]
    said: dict[str, OutOfSample] = field(default_factory=dict)
    moves: dict[str, Move] = field(default_factory=dict)
    tables: list[pd.DataFrame] = field(default_factory=list)
    entrants: list[pd.DataFrame] = field(default_factory=list)
    newest: Level = level.UNKNOWN
    calibration: Calibration = calibrate.NONE

    def through(self) -> Walk:
        """The same walk, walked."""
        for origin in self.origins:
            self._judge(origin)
        return self

    def _judge(self, origin: str) -> None:
        data, split, fit, own = self.data, self.splits[origin], self.fits[origin], self.settled[origin]
        ahead = data.panel.features.loc[split[1], data.read_by_habit]
        said = _judged(fitting.predict_unseen(data, split[1], fit, self.recipe, origin), own)
        expected = known_levels.expected(data, self.plan, split[0], fit, own, moment=origin)
        self.said[origin], self.moves[origin] = said, known_levels.move(expected, said, ahead)
        self.newest = expected.confirmed(self._moves_before(origin))
        self.calibration = self.newest.at(said.log_odds, ahead) if self.recipe.levelled else self._set_kind(origin)
        fitted = baselines.fitted(data, split[0], fit)
        table = _table(data, split, fit, fitted, self.calibration(said.log_odds))
        self.tables.append(table.assign(role="test" if origin == self.plan.test else "backtest"))
        fitted[BASE_RATE] = rules.base_rate(data.panel.churned[split[0]])
        at_level = self.newest if self.recipe.levelled else level.UNKNOWN
        entered = entries.of_rules(data, self.plan, split, fitted, at_level, moment=origin)
        self.entrants.append(table[["customer_id", "as_of", "churned", "model"]].assign(**entered))

    def predictions(self, scorer: str) -> pd.DataFrame:
        """What every origin predicted: `model` is who scores; where that is a rule, `fitted_model` is the model."""
        table = pd.concat(self.tables, ignore_index=True)
        if scorer == MODEL:
            return table
        entered = pd.concat(self.entrants, ignore_index=True)
        if scorer not in entered:
            able = ", ".join(name for name in (MODEL, *RULES) if name in entered)
            raise ModelError(f"model.scorer {scorer}: the columns do not allow this rule. They allow {able}.")
        return table.assign(model=entered[scorer], fitted_model=table["model"])

    def _moves_before(self, moment: str) -> list[Move]:
        return [self.moves[origin] for origin in known_levels.apart(self.plan, self.origins, moment)]

    def _set_kind(self, origin: str) -> Calibration:
        """The kind that params.yaml sets, fitted on the newest origin that was known at this one."""
        past = [self.said[one] for one in self.plan.past(origin, self.origins)[-1:]]
        return _calibration(self.recipe, past)

    def of_what_ships(self, moment: str) -> tuple[Calibration, Level | None]:
        """Calibration and level of the fit of everything, for the moments from `moment` on."""
        if not self.recipe.levelled:
            return _calibration(self.recipe, [self.said[self.plan.test]]), None
        fit, own, everything = self.fits[""], self.settled[self.plan.test], self.data.everything
        coming = known_levels.expected(self.data, self.plan, everything, fit, own, moment=moment)
        calibration = known_levels.before_anchoring(self.data, self.plan, fit, own)
        return calibration, coming.confirmed(self._moves_before(moment))


def _judged(step: OriginPredictions, own: OriginChoice) -> OutOfSample:
    """What the settled blend of an origin says about its rows."""
    return OutOfSample(step.log_odds(own.rounds, own.share), step.churned)


def _calibration(recipe: Recipe, newest: Sequence[OutOfSample]) -> Calibration:
    """The kind that is set, fitted on rows that trained none of what predicted them; none where there are none."""
    if not newest:
        return calibrate.NONE
    return calibrate.fit(recipe.calibration, newest[0].log_odds, newest[0].churned)


def _table(
    data: Data, split: tuple[Rows, Rows], fit: Fit, fitted: dict[str, Rule], probability: Floats
) -> pd.DataFrame:
    """What an origin predicted, by the model and by every baseline."""
    (trained, judged), panel, frame = split, data.panel, data.panel.features
    seen = {customer for customer, row in zip(data.customers, trained, strict=True) if row}
    table = frame.loc[judged, ["customer_id", "as_of"]].reset_index(drop=True)
    table["role"] = ""
    table["churned"] = panel.churned[judged] > 0.5
    table["value_ahead"] = panel.value_ahead[judged]
    table["expected_value"] = np.nan
    table["own_average_value"] = np.nan
    if fit.value is not None:
        table["expected_value"] = fit.value.expected(data.numbers(judged, fit.habit))
        table["own_average_value"] = own_average(frame[judged], data.roles, panel.columns_info, data.definition)
    table["seen_in_training"] = [str(customer) in seen for customer in table["customer_id"]]
    named = [name for name in (*data.roles.names, data.roles.rhythm) if name in frame.columns]
    quintiles = Quintiles.fit(frame.loc[trained, named], data.roles)
    table["segment"] = quintiles.segments(frame.loc[judged, named])["segment"].to_numpy(dtype=str)
    table["model"] = probability
    return table.assign(**baselines.predictions(data, fitted, judged, fit))
