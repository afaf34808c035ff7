"""The evaluation report (metrics.json): the model and every baseline by moment, pooled, by segment, in money; a grade.

Every figure comes from predictions of held-out rows. Intervals draw whole customers. Keys are words or days, never
positions in a list.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from models.evaluation import metrics as evaluate
from models.evaluation import profit, value_metrics
from models.evaluation.bootstrap import Draws
from models.evaluation.profit import Costs
from models.learners.calibration import row_losses
from models.learners.rule_names import IN_WORDS, RULES

Floats = npt.NDArray[np.floating[Any]]

CLEAR = {"roc_auc": 0.01, "log_loss": 0.002}  # smaller gains change no decision
TWO_SIDED_95 = 1.959964  # quantile of the standard normal distribution
SEGMENT_FIGURES = ("customers", "churners", "churn_rate", "promised_rate", "roc_auc", "log_loss", "ece", "lift_at_10")

ADVICE = {
    "A": "The ranking and the probabilities can be used.",
    "B": "Use the ranking; look again when more history is there.",
    "C": "Use the simple rule: it is as good and easier to explain. More history, more kinds of activity or another "
    "horizon may change that.",
}


def report(
    predictions: pd.DataFrame,
    *,
    draws: int,
    seed: int,
    capacity: int = 300,
    costs: Costs | None = None,
    before_test: Sequence[str] = (),
) -> dict[str, Any]:
    """Everything that metrics.json says about a candidate.

    Args:
        predictions: see `Trained.predictions`.
        draws: bootstrap draws of whole customers.
        seed: of the draws.
        capacity: customers that the team can look after at one moment, at least 1.
        costs: of a contact; None leaves `profit` out.
        before_test: moments whose outcomes were known at the test moment, ISO dates; none leaves the part out.

    Returns:
        `test`, `backtest` (by moment), `pooled` (all moments, with intervals), `segments` (all moments, beside the best
        rule for each) and `never_seen` (all moments, customers and churners counted), `baselines` (the same for each),
        `paired` (model minus each), `before_test` (`paired` and `grade` without the test moment, which settles
        nothing), `calibration` (of the test moment: ten groups by probability, what was promised and what happened),
        `capacity`, `profit`, `value` (where there is money), `grade`.
    """
    names = [name for name in IN_WORDS if name in predictions.columns]
    drawn = Draws.of(predictions, ["model", *names], draws=draws, seed=seed)
    paired = {name: drawn.paired("model", name) for name in names}
    best = _best_rule(predictions, names)
    test = predictions[predictions["role"] == "test"]
    unseen = predictions[~predictions["seen_in_training"].astype(bool)]
    metrics = {
        **_by_role(predictions, "model", drawn),
        "segments": _segments(predictions),
        "never_seen": _subgroup(unseen) if len(unseen) else {"customers": 0, "churners": 0},
        "baselines": {name: _by_role(predictions, name, drawn) for name in names},
        "paired": paired,
        "calibration": _groups(test),
        "capacity": {
            "customers": min(capacity, len(test)),
            **_each(test, names, lambda p, y: _at_capacity(p, y, capacity)),
        },
        "grade": _graded(paired, best),
    }
    earlier = predictions[np.isin(evaluate.moments_of(predictions), list(before_test))]
    if len(earlier):
        metrics["before_test"] = _before_test(earlier, names, draws=draws, seed=seed)
    if costs is not None:
        profits = _each(test, names, lambda p, y: profit.figures(p, y, costs, capacity=capacity))
        metrics["profit"] = {"costs": profit.to_json(costs), **profits}
    money = value_metrics.report(predictions, draws=draws, seed=seed)
    return {**metrics, "value": money} if money else metrics


def _best_rule(predictions: pd.DataFrame, names: Sequence[str]) -> str:
    return min((name for name in names if name in RULES), key=lambda name: _mean_loss(predictions, name))


def _graded(paired: Mapping[str, Any], best: str) -> dict[str, str]:
    """The grade of the model; where a rule scores in its place, why there is none better than C."""
    fitted = paired.get("fitted_model")
    return grade(paired[best], best, paired.get("logistic_rich")) if fitted is None else grade_of_rule(fitted, best)


def _before_test(earlier: pd.DataFrame, names: Sequence[str], *, draws: int, seed: int) -> dict[str, Any]:
    drawn = Draws.of(earlier, ["model", *names], draws=draws, seed=seed)
    paired = {name: drawn.paired("model", name) for name in names}
    return {"paired": paired, "grade": _graded(paired, _best_rule(earlier, names))}


def _groups(rows: pd.DataFrame) -> dict[str, Any]:
    """`group_01` (the lowest tenth) and so on: customers, mean probability promised, share that left."""
    table = evaluate.calibration_groups(rows["model"].to_numpy(np.float64), rows["churned"].to_numpy(np.float64))
    return {f"group_{number:02d}": group for number, group in enumerate(table.round(6).to_dict("records"), start=1)}


def _each(rows: pd.DataFrame, names: Sequence[str], figures: Any) -> dict[str, Any]:
    """Figures of the model and of every baseline at one moment."""
    y = rows["churned"].to_numpy(dtype=np.float64)
    return {name: figures(rows[name].to_numpy(dtype=np.float64), y) for name in ("model", *names)}


def _at_capacity(probability: Floats, churned: Floats, capacity: int) -> dict[str, float | None]:
    """Of the `capacity` highest: precision (share that left), recall (of all leavers), lift over picking anyone."""
    size, left = min(capacity, len(churned)), float(churned.sum())
    caught = evaluate.churners_in_top(probability, churned, size)
    precision = caught / size
    return {
        "precision": precision,
        "recall": caught / left if left else None,
        "lift": precision * len(churned) / left if left else None,
    }


def _segments(predictions: pd.DataFrame) -> dict[str, Any]:
    if "segment" not in predictions.columns:
        return {}
    rules = [name for name in RULES if name in predictions.columns]
    groups = predictions.groupby("segment", sort=True)
    return {str(name): _subgroup(rows) | _beside_rule(rows, rules) for name, rows in groups}


def _beside_rule(rows: pd.DataFrame, rules: Sequence[str]) -> dict[str, Any]:
    """The best rule for these very rows (`rule`: its name, ROC AUC, log loss), and the model's log loss minus its own.

    `over_rule`: `difference`, `low` and `high` of a 95% interval by the normal approximation, in nats per row; rows of
    a customer count as one draw (the sandwich estimator of a mean over clusters).
    """
    if not rules:
        return {}
    best = min(rules, key=lambda name: _mean_loss(rows, name))
    figures = _figures_of(rows, best)
    y = rows["churned"].to_numpy(dtype=np.float64)
    apart = row_losses(rows["model"].to_numpy(), y) - row_losses(rows[best].to_numpy(), y)
    mean = float(apart.mean())
    by_customer = pd.Series(apart - mean).groupby(rows["customer_id"].to_numpy()).sum()
    margin = TWO_SIDED_95 * float(np.sqrt((by_customer**2).sum())) / len(rows)
    return {
        "rule": {"name": best, "roc_auc": figures["roc_auc"], "log_loss": figures["log_loss"]},
        "over_rule": {"difference": mean, "low": mean - margin, "high": mean + margin},
    }


def _subgroup(rows: pd.DataFrame) -> dict[str, Any]:
    """Figures of some customers over all moments; `promised_rate` is the mean probability of leaving."""
    figures = {**_figures_of(rows, "model"), "promised_rate": float(rows["model"].mean())}
    return {name: figures[name] for name in SEGMENT_FIGURES}


def _by_role(predictions: pd.DataFrame, name: str, drawn: Draws) -> dict[str, Any]:
    test = predictions[predictions["role"] == "test"]
    earlier = predictions[predictions["role"] == "backtest"]
    days = pd.Series(evaluate.moments_of(earlier), index=earlier.index, dtype="str")
    pooled = {
        f"{figure}{end}": interval[key]
        for figure, interval in drawn.pooled(name).items()
        for end, key in (("", "value"), ("_low", "low"), ("_high", "high"))
    }
    return {
        "test": {"as_of": evaluate.moments_of(test)[0], **_figures_of(test, name)},
        "backtest": {at: _figures_of(earlier[days == at], name) for at in sorted(set(days))},
        "pooled": {"moments": len(drawn.rows), **_figures_of(predictions, name), **pooled},
    }


def _figures_of(rows: pd.DataFrame, name: str) -> dict[str, float | int | None]:
    return evaluate.figures(rows[name].to_numpy(dtype=np.float64), rows["churned"].to_numpy(dtype=np.float64))


def _mean_loss(predictions: pd.DataFrame, name: str) -> float:
    return float(row_losses(predictions[name].to_numpy(), predictions["churned"].to_numpy(dtype=np.float64)).mean())


def grade(
    paired: Mapping[str, Mapping[str, Any]], best: str, simpler: Mapping[str, Mapping[str, Any]] | None = None
) -> dict[str, str]:
    """A, B or C by how clearly the model beats the best rule that a team could have without it, and what to do.

    A: ranking and probabilities both better, by more than chance and by enough to matter (.01 AUC, .002 log loss).
    B: one of the two is better by more than chance and the other not worse by more than chance. C: everything else.
    `simpler`, the logistic regression on the model's own columns, is half of the blend and no measure of it; the text
    says how it compares.
    """
    auc, loss = paired["roc_auc"], paired["log_loss"]
    ranks_better, predicts_better = bool(auc["low"] > 0), bool(loss["high"] < 0)
    worse = auc["high"] < 0 or loss["low"] > 0
    enough = auc["difference"] >= CLEAR["roc_auc"] and loss["difference"] <= -CLEAR["log_loss"]
    both, either = ranks_better and predicts_better, ranks_better or predicts_better
    letter = "A" if both and enough else "B" if either and not worse else "C"
    text = (
        f"Against the best simple rule ({IN_WORDS[best]}): ROC AUC {_signed(auc)}, log loss {_signed(loss)} "
        f"(lower is better). {ADVICE[letter]}"
    )
    if simpler is not None:
        text += (
            f" Against {IN_WORDS['logistic_rich']}: ROC AUC {_signed(simpler['roc_auc'])}, log loss "
            f"{_signed(simpler['log_loss'])}."
        )
    return {"grade": letter, "best_baseline": best, "text": text}


def grade_of_rule(fitted: Mapping[str, Mapping[str, Any]], best: str) -> dict[str, str]:
    """C: a rule scores. `fitted`: the rule minus the model that was trained; `best`: see `grade`."""
    text = (
        f"A simple rule scores. Against {IN_WORDS['fitted_model']}: ROC AUC {_signed(fitted['roc_auc'])}, log loss "
        f"{_signed(fitted['log_loss'])} (lower is better). More history, more kinds of activity or another horizon may "
        "change that."
    )
    return {"grade": "C", "best_baseline": best, "text": text}


def _signed(interval: Mapping[str, Any]) -> str:
    return f"{interval['difference']:+.3f} ({interval['low']:+.3f} to {interval['high']:+.3f})"


def comparison(metrics: Mapping[str, Any]) -> pd.DataFrame:
    """One row per prediction, the model first: pooled ROC AUC and log loss with intervals, for tables and pictures."""
    baselines = {name: figures["pooled"] for name, figures in metrics["baselines"].items()}
    columns = [f"{figure}{end}" for figure in ("roc_auc", "log_loss") for end in ("", "_low", "_high")]
    pooled = {"model": metrics["pooled"], **baselines}
    return pd.DataFrame([{"name": name, **{key: figures[key] for key in columns}} for name, figures in pooled.items()])
