"""Training: from labelled observations to the model that ships, the held-out fit, and every origin's predictions.

LightGBM under several seeds (no class weights) blended in log-odds with a penalised logistic regression on log-scaled,
standardised columns; then a calibration. What the recipe leaves open is settled on origins before the one that is
judged (split.py, search.py, recipe.py). What ships is the same recipe, with the same
choice, refitted on every labelled moment.

The fits are independent, so they run side by side, each on one thread: a busy machine slows them, it does not stall
them, and the trees never depend on how many there were.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from models.churn_model import ChurnModel
from models.drift import shares_between
from models.errors import ModelError
from models.learners import calibration as calibrate
from models.learners.calibration import Calibration
from models.learners.expected_value import own_average
from models.segments import Quintiles
from models.training import baselines, fitting
from models.training import recipe as choice
from models.training.fitting import Fit
from models.training.panel import Data, Panel, Rows
from models.training.recipe import Choice, OriginChoice, OriginPredictions, OutOfSample, Recipe
from models.training.search import NoTrialStore, Search, Trial, TrialStore
from models.training.split import Plan

Floats = npt.NDArray[np.floating[Any]]

LEAST_OF_EACH = 5  # churners and stayers to learn from


@dataclass(frozen=True)
class Trained:
    """What training leaves behind: the two fits, the choice behind both, and every origin's predictions.

    `predictions`: customer_id, as_of, role (test or backtest), churned, value_ahead, expected_value, own_average_value
    (both NaN without money), seen_in_training, segment, model, and one column per baseline; all from fits that had not
    seen the row's moment. `trials`: what the search tried.
    """

    shipped: ChurnModel
    held_out: ChurnModel
    choice: Choice
    predictions: pd.DataFrame
    plan: Plan
    trials: list[Trial]


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
    steps: dict[str, OriginPredictions] = {}
    tables: list[pd.DataFrame] = []
    for origin in walk:
        steps[origin] = fitting.predict_unseen(data, splits[origin][1], fits[origin], recipe, origin)
        judged = {past: _judged(steps[past], settled[past]) for past in plan.past(origin, walk)}
        pairs = [(judged[fits], judged[judges]) for fits, judges in plan.shared(origin, walk).pairs]
        kind, why = choice.calibrated(pairs, recipe)
        calibration = _calibration(kind, [*judged.values()][-1:])
        probability = calibration(_judged(steps[origin], settled[origin]).log_odds)
        role = "test" if origin == plan.test else "backtest"
        tables.append(_table(data, splits[origin], fits[origin], probability).assign(role=role))
    last = settled[plan.test]
    chosen = Choice(last.rounds, last.share, kind, (last.why, why, *found.notes), dict(last.numbers))
    profile = _profile(tables[-1]["model"].to_numpy(dtype=np.float64), panel, plan.test)
    described: dict[str, Any] = {"definition": definition, "profile": profile, "chosen": chosen}
    held_out = _model(data, splits[plan.test][0], fits[plan.test], calibration=calibration, **described)
    newest = _calibration(kind, [_judged(steps[plan.test], settled[plan.test])])
    shipped = _model(data, data.everything, fits[""], calibration=newest, **described)
    return Trained(shipped, held_out, chosen, pd.concat(tables, ignore_index=True), plan, found.trials)


def _judged(step: OriginPredictions, own: OriginChoice) -> OutOfSample:
    """What the settled blend of an origin says about its rows."""
    return OutOfSample(step.log_odds(own.rounds, own.share), step.churned)


def _calibration(kind: str, newest: Sequence[OutOfSample]) -> Calibration:
    """One kind, fitted on rows that trained none of what predicted them; none where there are no such rows."""
    return calibrate.fit(kind, newest[0].log_odds, newest[0].churned) if newest else calibrate.NONE


def _table(data: Data, split: tuple[Rows, Rows], fit: Fit, probability: Floats) -> pd.DataFrame:
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
    named = data.roles.names
    quintiles = Quintiles.fit(frame.loc[trained, named], data.roles)
    table["segment"] = quintiles.segments(frame.loc[judged, named])["segment"].to_numpy(dtype=str)
    table["model"] = probability
    return table.assign(**baselines.predictions(data, trained, judged, fit))


def _model(
    data: Data,
    rows: Rows,
    fit: Fit,
    *,
    calibration: Calibration,
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
