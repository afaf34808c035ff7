"""Training: from labelled observations to the model that ships, the held-out fit, and every origin's predictions.

LightGBM under several seeds (no class weights) blended in log-odds with a penalised logistic regression on log-scaled,
standardised columns; then a calibration: the level of the moment that is scored (learners/level.py), or the kind that
params.yaml sets. What the recipe leaves open is settled on origins before the one that is judged (split.py, search.py,
recipe.py). What ships is the same recipe, with the same choice, refitted on every labelled moment; it scores unless a
rule does as well on held-out moments before the test moment (contest.py).

The fits are independent, so they run side by side, each on one thread: a busy machine slows them, it does not stall
them, and the trees never depend on how many there were.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from models.churn_model import ChurnModel
from models.drift import shares_between
from models.errors import ModelError
from models.learners.calibration import Calibration
from models.learners.level import Level
from models.learners.rule_names import MODEL
from models.segments import Quintiles
from models.training import entries, fitting, known_levels
from models.training.contest import Contest
from models.training.fitting import Fit
from models.training.panel import Data, Panel, Rows
from models.training.recipe import LEVEL, Choice, Recipe
from models.training.search import NoTrialStore, Search, SearchResult, Trial, TrialStore
from models.training.split import Plan
from models.training.walk import Walk

Floats = npt.NDArray[np.floating[Any]]

LEAST_OF_EACH = 5  # churners and stayers to learn from


@dataclass(frozen=True)
class Trained:
    """What training leaves behind: the two fits, the choice behind both, and every origin's predictions.

    `predictions`: customer_id, as_of, role (test or backtest), churned, value_ahead, expected_value, own_average_value
    (both NaN without money), seen_in_training, segment, model (who scores), one column per baseline, and fitted_model
    where a rule scores in its place; all from fits that had not seen the row's moment. `shipped` and `held_out`: who
    scores, the model or a rule in its place. `fitted`: the model, whoever scores. `trials`: what the search tried.
    `contest`: who scores, and why.
    """

    shipped: ChurnModel
    held_out: ChurnModel
    fitted: ChurnModel
    choice: Choice
    predictions: pd.DataFrame
    plan: Plan
    trials: list[Trial]
    contest: Contest


def train(
    panel: Panel,
    plan: Plan,
    recipe: Recipe,
    definition: Mapping[str, Any],
    *,
    without: Sequence[str] = (),
    threads: int = 1,
    trial_store: TrialStore | None = None,
) -> Trained:
    """Walk through the origins, choose, judge at the test moment, refit on everything.

    Args:
        panel: labelled observations of every moment of `plan`.
        plan: which moments train, choose and judge.
        recipe: what is set and what is left open.
        definition: the churn definition's setting, `activity` among it.
        without: feature columns that must not enter the model (families that are switched off).
        threads: fits that run side by side; change the time, never the result.
        trial_store: of trials that an earlier run, cut short, has finished.

    Raises:
        ModelError: too few churners or stayers to learn from, or a number that is null.
    """
    _require_both(panel.churned, "the labelled moments")
    data = Data.of(panel, definition, without=without)
    recipe = recipe.for_customers(len(set(data.customers)))
    splits = {origin: data.split(plan, origin) for origin in plan.origins}
    _require_both(panel.churned[splits[plan.test][0]], f"what was known at {plan.test}")
    walk = [origin for origin in plan.origins if _both(panel.churned[splits[origin][0]])]
    with threadpool_limits(limits=1), ThreadPoolExecutor(max_workers=max(1, threads)) as pool:
        found = Search(data, plan, recipe, pool, trial_store or NoTrialStore()).settle(walk)
        settled = found.settled | {"": found.settled[plan.test]}
        jobs = {"": data.everything} | {origin: splits[origin][0] for origin in reversed(walk)}
        fitted = pool.map(
            lambda origin: fitting.fit(data, jobs[origin], recipe.settled(settled[origin].numbers), money=True), jobs
        )
        fits = dict(zip(jobs, fitted, strict=True))
    walked = Walk(data, plan, recipe, walk, splits, fits, settled).through()
    won = entries.contested(walked.entrants, data, plan, recipe, settled[plan.test])
    return _trained(walked, won, found, definition)


def _trained(walked: Walk, won: Contest, found: SearchResult, definition: Mapping[str, Any]) -> Trained:
    """What is left behind by a walk whose contest is decided."""
    data, plan, recipe = walked.data, walked.plan, walked.recipe
    predictions, last = walked.predictions(won.scorer), walked.settled[plan.test]
    kind = LEVEL if recipe.levelled else recipe.calibration
    why = walked.newest.in_words() if recipe.levelled else f"{kind} calibration: set in params.yaml."
    notes = (last.why, why, *found.notes)
    chosen = Choice(last.rounds, last.share, kind, notes, dict(last.numbers), won.scorer)
    said = predictions.loc[predictions["role"] == "test", "model"].to_numpy(dtype=np.float64)
    described: dict[str, Any] = {"definition": definition, "chosen": chosen}
    described["profile"] = _profile(said, data.panel, plan.test)
    (known, ahead), level = walked.splits[plan.test], walked.newest if recipe.levelled else None
    held_out = _model(data, known, walked.fits[plan.test], calibration=walked.calibration, level=level, **described)
    coming = known_levels.next_moment(plan)
    calibration, level = walked.of_what_ships(coming)
    fitted = _model(data, data.everything, walked.fits[""], calibration=calibration, level=level, **described)
    if won.scorer != MODEL:
        split = known, walked.fits[plan.test]
        rule = entries.in_place_of(held_out, data, plan, split, name=won.scorer, moment=plan.test)
        at_test = rule.anchored(data.panel.features[ahead]).at_moment
        held_out = replace(rule, calibration=at_test or rule.calibration)
    everything = data.everything, walked.fits[""]
    shipped = entries.in_place_of(fitted, data, plan, everything, name=won.scorer, moment=coming)
    return Trained(shipped, held_out, fitted, chosen, predictions, plan, found.trials, won)


def _model(
    data: Data,
    rows: Rows,
    fit: Fit,
    *,
    calibration: Calibration,
    level: Level | None,
    definition: Mapping[str, Any],
    profile: Mapping[str, Any],
    chosen: Choice,
) -> ChurnModel:
    share = chosen.logistic_share
    return ChurnModel(
        definition=definition,
        columns_info=data.panel.columns_info,
        profile=profile,
        known=data.known,
        boosters=fit.boosters.cut(chosen.rounds) if share < 1 else None,
        linear=fit.linear if share > 0 else None,
        logistic_share=share,
        calibration=calibration,
        quintiles=Quintiles.fit(data.panel.features[rows], data.roles),
        value=fit.value,
        habit=fit.habit,
        level=level,
    )


def _profile(probability: Floats, panel: Panel, as_of: str) -> dict[str, Any]:
    """Scores as they look on rows that trained nothing: what a drift check compares with."""
    edges = np.quantile(probability, np.arange(1, 10) / 10)
    at = panel.moments == as_of
    return {
        "as_of": as_of,
        "customers": int(at.sum()),
        "churn_rate": float(panel.churned[at].mean()),
        "score_edges": edges.tolist(),
        "score_shares": shares_between(probability, edges.tolist()).tolist(),
        "activities": dict(panel.activities),
    }


def _both(churned: Floats) -> bool:
    return bool(min(churned.sum(), len(churned) - churned.sum()) >= LEAST_OF_EACH)


def _require_both(churned: Floats, where: str) -> None:
    if not _both(churned):
        raise ModelError(
            f"labels: {where} hold {int(churned.sum())} customers who left and {int(len(churned) - churned.sum())} who "
            f"stayed; at least {LEAST_OF_EACH} of each are needed. Choose another horizon_days or active_within_days, "
            "or bring more history."
        )
