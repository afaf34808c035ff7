"""What enters the contest: the model and every rule on rows that they have not seen, each with the moment's level."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pandas as pd

from models.churn_model import ChurnModel
from models.learners import calibration, level, rules
from models.learners.level import Level
from models.learners.rule_names import BASE_RATE, MODEL
from models.learners.rules import Rule
from models.training import baselines, contest, fitting, known_levels
from models.training.fitting import Fit
from models.training.panel import HELD_OUT_FOLDS, Data, Rows
from models.training.recipe import OriginChoice, Recipe
from models.training.split import Plan


def of_rules(
    data: Data, plan: Plan, split: tuple[Rows, Rows], fitted: Mapping[str, Rule], known: Level, *, moment: str
) -> dict[str, npt.NDArray[np.float64]]:
    """Probability of leaving by each rule for the judged rows of a split, with the level of the moment.

    Args:
        data: everything labelled.
        plan: the window of the definition.
        split: rows that trained the rules, rows that are judged.
        fitted: rules by name.
        known: the level of the model at the moment: where a law gives it, it is that of the rules, too.
        moment: ISO date.
    """
    ahead = data.panel.features[split[1]]
    found = {}
    for name, rule in fitted.items():
        odds = rule.log_odds(ahead)
        found[name] = of_rule(data, plan, split[0], rule, known, moment=moment).at(odds, ahead)(odds)
    return {name: np.asarray(each, dtype=np.float64) for name, each in found.items()}


def of_rule(data: Data, plan: Plan, rows: Rows, rule: Rule, known: Level, *, moment: str) -> Level:
    """The level of a rule: that of the law where there is one, else what the rule's own moments let one expect."""
    if known.habit is not None:
        return replace(known, trust=1.0)  # a rule has no level of its own that the law would be held against
    effects = known_levels.effects(data, rows, rule.log_odds(data.panel.features[rows]))
    return Level.expected(None, effects, moment, plan.span_days)


def crossed(data: Data, plan: Plan, recipe: Recipe, own: OriginChoice) -> pd.DataFrame:
    """The entries of customers held out in turn, at the newest moment that was known at the test moment.

    Every third of the customers is judged by model and rules of the others.
    """
    known = data.split(plan, plan.test)[0]
    moment = str(max(data.moments[known]))
    fold = calibration.folds(data.customers, HELD_OUT_FOLDS)
    tables = []
    for held in range(HELD_OUT_FOLDS):
        split = known & (fold != held), known & (fold == held) & (data.moments == moment)
        if split[0].any() and split[1].any():
            tables.append(_judged(data, plan, split, recipe, own, moment=moment))
    return pd.concat(tables, ignore_index=True)


def _judged(
    data: Data, plan: Plan, split: tuple[Rows, Rows], recipe: Recipe, own: OriginChoice, *, moment: str
) -> pd.DataFrame:
    fit = fitting.fit(data, split[0], recipe.settled(own.numbers))
    known = known_levels.expected(data, plan, split[0], fit, own, moment=moment)
    said = fitting.predict_unseen(data, split[1], fit, recipe, moment).log_odds(own.rounds, own.share)
    fitted = baselines.fitted(data, split[0], fit)
    ahead = data.panel.features[split[1]]
    table = ahead[["customer_id", "as_of"]].assign(churned=data.panel.churned[split[1]])
    return table.assign(
        **{MODEL: known.at(said, ahead)(said)}, **of_rules(data, plan, split, fitted, known, moment=moment)
    )


def in_place_of(
    model: ChurnModel, data: Data, plan: Plan, split: tuple[Rows, Fit], *, name: str, moment: str
) -> ChurnModel:
    """The rule in the model's place: what is known of columns, money and segments stays.

    Args:
        model: trained on the rows of `split`.
        data: everything labelled.
        plan: the window of the definition.
        split: rows that train the rule, and the model's fit on them.
        name: of the rule; MODEL gives the model as it is.
        moment: the ISO date that is scored.
    """
    if name == MODEL:
        return model
    rows, fit = split
    rule = _rule(data, rows, fit, name)
    own = known_levels.effects(data, rows, rule.log_odds(data.panel.features[rows]))
    alone = Level.expected(None, own, moment, plan.span_days)
    return replace(
        model,
        boosters=None,
        linear=None,
        logistic_share=0.0,
        rule=rule,
        calibration=level.shifted(alone.shift),
        level=None if model.level is None else of_rule(data, plan, rows, rule, model.level, moment=moment),
    )


def _rule(data: Data, rows: Rows, fit: Fit, name: str) -> Rule:
    if name == BASE_RATE:
        return rules.base_rate(data.panel.churned[rows])
    return baselines.fitted(data, rows, fit)[name]


def contested(tables: list[pd.DataFrame], data: Data, plan: Plan, recipe: Recipe, own: OriginChoice) -> contest.Contest:
    """The contest on the entries of the moments that were known at the test moment, or on customers held out.

    Nothing is compared where the recipe sets who scores.
    """
    if recipe.scorer != "auto":
        return contest.settled(recipe.scorer)
    has_money = data.roles.money is not None
    found = pd.concat(tables, ignore_index=True)
    days = {f"{day:%Y-%m-%d}" for day in pd.to_datetime(found["as_of"].unique())}
    past = plan.past(plan.test, sorted(days))
    if len(past) >= contest.LEAST_MOMENTS:
        return contest.held(contest.rows_of(tables, past), contest.BY_TIME, has_money=has_money)
    return contest.held(crossed(data, plan, recipe, own), contest.BY_CUSTOMERS, has_money=has_money)
