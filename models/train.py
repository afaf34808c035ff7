"""The recipe: from labelled observations to the model that ships, the fit that is judged, and what every origin
predicted.

LightGBM under several seeds (no class weights) blended in log-odds with a penalised logistic regression on log-scaled,
standardised columns; then a calibration. What the recipe leaves open is chosen on origins before the one that is judged
(models/split.py, models/choice.py). What ships is the same recipe, with the same choice, refitted on every labelled
moment.

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

from models import baselines, boosting, calibrate, choice, segments
from models.calibrate import Calibration
from models.choice import Choice, Recipe, Step
from models.churn_model import ChurnModel
from models.columns import Columns
from models.logistic import Linear
from models.panel import Data, Panel, Rows
from models.problems import ModelProblem
from models.segments import Quintiles
from models.split import Plan
from models.value import ValueModel

Floats = npt.NDArray[np.floating[Any]]

LEAST_OF_EACH = 5  # churners and stayers to learn from


@dataclass(frozen=True)
class Trained:
    """What training leaves behind: the two fits, the choice behind both, and every origin's predictions.

    `predictions`: customer_id, as_of, role (test or backtest), churned, value_ahead, expected_value (test only),
    seen_in_training, model, and one column per baseline; all from fits that had not seen the row's moment.
    """

    shipped: ChurnModel
    held_out: ChurnModel
    choice: Choice
    predictions: pd.DataFrame
    plan: Plan


@dataclass(frozen=True)
class _Fit:
    boosters: boosting.Boosters
    linear: Linear
    value: ValueModel | None


def train(
    panel: Panel,
    plan: Plan,
    recipe: Recipe,
    definition: Mapping[str, Any],
    *,
    without: Sequence[str] = (),
    threads: int = 1,
) -> Trained:
    """Walk through the origins, choose, judge at the test moment, refit on everything.

    Args:
        panel: labelled observations of every moment of `plan`.
        plan: which moments train, choose and judge.
        recipe: what is set and what is left open.
        definition: the churn definition's setting, `activity` among it.
        without: feature columns that must not enter the model (families that are switched off).
        threads: fits that run side by side; change the time, never the result.

    Raises:
        ModelProblem: too few churners or stayers to learn from, or a number that is null.
    """
    _require_both(panel.churned, "the labelled moments")
    data = Data.of(
        panel, Columns.fit(panel.features, without=without), segments.roles(panel.columns_info, definition["activity"])
    )
    splits = {origin: data.split(plan, origin) for origin in plan.origins}
    _require_both(panel.churned[splits[plan.test][0]], f"what was known at {plan.test}")
    walk = [origin for origin in plan.origins if _both(panel.churned[splits[origin][0]])]
    jobs = {"": data.everything} | {origin: splits[origin][0] for origin in reversed(walk)}
    with threadpool_limits(limits=1), ThreadPoolExecutor(max_workers=max(1, threads)) as pool:
        fitted = pool.map(lambda origin: _fit(data, jobs[origin], recipe, money=origin in ("", plan.test)), jobs)
        fits = dict(zip(jobs, fitted, strict=True))
    steps: list[Step] = []
    tables: list[pd.DataFrame] = []
    for origin in walk:
        chosen = choice.choose(steps, recipe)
        steps.append(_step(data, splits[origin][1], fits[origin], recipe, origin))
        tables.append(_table(data, splits[origin], _calibrated(steps, chosen), plan, origin))
    profile = _profile(tables[-1]["model"].to_numpy(dtype=np.float64), panel, plan.test)
    described: dict[str, Any] = {"definition": definition, "profile": profile, "chosen": chosen}
    held_out = _model(
        data, splits[plan.test][0], fits[plan.test], calibration=_calibration(steps[:-1], chosen), **described
    )
    shipped = _model(data, data.everything, fits[""], calibration=_calibration(steps, chosen), **described)
    money = held_out.expected_value(panel.features[splits[plan.test][1]])
    tables[-1]["expected_value"] = np.nan if money is None else money
    return Trained(shipped, held_out, chosen, pd.concat(tables, ignore_index=True), plan)


def _fit(data: Data, rows: Rows, recipe: Recipe, *, money: bool) -> _Fit:
    kept, value = data.thinned(rows, recipe.max_rows), None
    x, y = data.x[kept], data.panel.churned[kept]
    boosters = boosting.fit(
        x,
        y,
        data.known.names,
        categories=data.known.categories,
        seeds=recipe.booster_seeds,
        rounds=recipe.trees_up_to,
        objective=recipe.objective(len(y)),
    )
    linear = Linear.fit(data.known.wide(x)[0], y, penalty=recipe.logistic_penalty)
    if money and data.roles.money:
        stayed = data.thinned(rows & (data.panel.churned < 0.5), recipe.max_rows)
        value = ValueModel.fit(data.x[stayed], data.panel.value_ahead[stayed], data.known, seed=recipe.seed)
    return _Fit(boosters, linear, value)


def _step(data: Data, rows: Rows, fit: _Fit, recipe: Recipe, origin: str) -> Step:
    x = data.x[rows]
    by_rounds = fit.boosters.raw_by_rounds(x, recipe.rounds_grid)
    customers = [customer for customer, judged in zip(data.customers, rows, strict=True) if judged]
    return Step(origin, by_rounds, fit.linear.log_odds(data.known.wide(x)[0]), data.panel.churned[rows], customers)


def _calibration(steps: Sequence[Step], chosen: Choice) -> Calibration:
    """The chosen kind, fitted on the newest of `steps`, whose rows trained none of what predicted them."""
    if chosen.calibration == "none" or not steps:
        return calibrate.NONE
    return calibrate.fit(
        chosen.calibration, steps[-1].log_odds(chosen.rounds, chosen.logistic_share), steps[-1].churned
    )


def _calibrated(steps: Sequence[Step], chosen: Choice) -> Floats:
    """The newest step's probabilities, calibrated by the one before it."""
    return _calibration(steps[:-1], chosen)(steps[-1].log_odds(chosen.rounds, chosen.logistic_share))


def _table(data: Data, split: tuple[Rows, Rows], probability: Floats, plan: Plan, origin: str) -> pd.DataFrame:
    """What an origin predicted, by the model and by every baseline."""
    (trained, judged), panel, frame = split, data.panel, data.panel.features
    seen = {customer for customer, row in zip(data.customers, trained, strict=True) if row}
    table = frame.loc[judged, ["customer_id", "as_of"]].reset_index(drop=True)
    table["role"] = "test" if origin == plan.test else "backtest"
    table["churned"] = panel.churned[judged] > 0.5
    table["value_ahead"] = panel.value_ahead[judged]
    table["expected_value"] = np.nan
    table["seen_in_training"] = [str(customer) in seen for customer in table["customer_id"]]
    table["model"] = probability
    return table.assign(**baselines.predictions(frame[trained], panel.churned[trained], frame[judged], data.roles))


def _model(
    data: Data,
    rows: Rows,
    fit: _Fit,
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
    )


def _profile(probability: Floats, panel: Panel, as_of: str) -> dict[str, Any]:
    """Scores as they look on rows that trained nothing: what a drift check compares with."""
    edges = np.quantile(probability, np.arange(1, 10) / 10)
    counts = np.bincount(np.searchsorted(edges, probability, side="left"), minlength=10)
    at = panel.moments == as_of
    return {
        "as_of": as_of,
        "customers": int(at.sum()),
        "churn_rate": float(panel.churned[at].mean()),
        "score_edges": edges.tolist(),
        "score_shares": (counts / counts.sum()).tolist(),
        "activities": dict(panel.activities),
    }


def _both(churned: Floats) -> bool:
    return bool(min(churned.sum(), len(churned) - churned.sum()) >= LEAST_OF_EACH)


def _require_both(churned: Floats, where: str) -> None:
    if not _both(churned):
        raise ModelProblem(
            f"labels: {where} hold {int(churned.sum())} customers who left and {int(len(churned) - churned.sum())} who "
            f"stayed; at least {LEAST_OF_EACH} of each are needed. Choose another horizon_days or active_within_days, "
            "or bring more history."
        )
