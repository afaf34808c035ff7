"""Stage evaluate_model: metrics of a candidate and of its baselines.

`data/models/D` in; `data/evaluation/D/` out: metrics.json, headline.json (the few figures by which `dvc exp show`
compares settings) and the curves of the test moment.

Judged is the held-out fit, on moments it has not seen; what ships is the same recipe fitted on more. Ends by recording
the evaluation in MLflow.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow.parquet as pq

from pipelines.rendering.scorer import who_scores
from pipelines.runtime import files
from pipelines.runtime.stage import NAME, PATH, run_stage, stage_command
from pipelines.settings import artifacts, params
from pipelines.settings.training import TrainingSettings

if TYPE_CHECKING:
    import pandas as pd

    from models.evaluation.profit import Costs

SAMPLED = ("sampled_customers", "labelled_customers")
ACTED_UPON = ("contacted_rows", "control_rows", "sure_rows")
DRAWS = 1000
MANY_INCENTIVES = 20  # where a stream has no money: the ratio of Verbraken et al. 2013


def evaluate_model(definition: str, settings: params.Settings, *, model: Path, out: Path) -> dict[str, Any]:
    """Write the folder of figures and return what metrics.json holds."""
    from models.evaluation import metrics as evaluate
    from models.evaluation import report

    predictions = pq.read_table(model / artifacts.PREDICTIONS).to_pandas(date_as_object=False)
    recipe = files.read_json(model / artifacts.RECIPE)
    metrics: dict[str, Any] = report.report(
        predictions,
        draws=DRAWS,
        seed=settings.model.seed,
        capacity=settings.at_risk.capacity,
        costs=costs_of(predictions, settings, recipe["definition"]),
        before_test=recipe["plan"].get("before_test", []),
    )
    metrics["scored_by"] = recipe.get("scored_by")
    metrics["model"] = {
        "definition": definition,
        "held_out": recipe["digests"]["held_out"],
        "shipped": recipe["digests"]["shipped"],
        **{name: recipe[name] for name in (*SAMPLED, *ACTED_UPON) if name in recipe},
    }
    test = predictions[predictions["role"] == "test"]
    with files.atomic_folder(out) as folder:
        files.write_json(folder / artifacts.METRICS, metrics)
        files.write_json(folder / "headline.json", headline(metrics))
        for name, curve in evaluate.curves(test["model"].to_numpy(), test["churned"].to_numpy()).items():
            curve.round(6).to_csv(folder / f"{name}.csv", index=False, lineterminator="\n")
        report.comparison(metrics).round(6).to_csv(folder / artifacts.COMPARISON, index=False, lineterminator="\n")
    return metrics


def headline(metrics: Mapping[str, Any]) -> dict[str, Any]:
    """The figures by which settings are compared: `backtest` (means over its moments, weighted by customers) chooses,
    `test` reports (it serves no choice), `grade` says whether it beats the best baseline. Five decimals.
    """
    earlier = [moment for moment in metrics["backtest"].values() if moment.get("roc_auc") is not None]
    figures: dict[str, Any] = {"test": _rounded(metrics["test"], ("log_loss", "roc_auc", "ece", "lift_at_10"))}
    if earlier:
        weight = sum(moment["customers"] for moment in earlier)
        means = {
            key: sum(moment[key] * moment["customers"] for moment in earlier) / weight
            for key in ("log_loss", "roc_auc")
        }
        figures["backtest"] = _rounded(means, tuple(means))
    return {**figures, "grade": metrics["grade"]["grade"]}


def _rounded(figures: Mapping[str, Any], keys: tuple[str, ...]) -> dict[str, float]:
    return {key: round(figures[key], 5) for key in keys if figures.get(key) is not None}


def costs_of(predictions: pd.DataFrame, settings: params.Settings, definition: dict[str, Any]) -> Costs:
    """The costs of params.yaml; `customer_value: auto` is read off the moments before the test moment, and the test's
    own where there is none."""
    from models.evaluation.profit import Costs

    value = settings.value
    worth = value.customer_value
    if worth == "auto":
        known = predictions[~predictions["churned"].astype(bool) & predictions["value_ahead"].notna()]
        earlier = known[known["role"] == "backtest"]
        brought = float((earlier if len(earlier) else known)["value_ahead"].mean()) if len(known) else 0.0
        year = brought * 365 / (definition.get("horizon_days") or 28) * value.margin_share
        worth = year if year > 0 else MANY_INCENTIVES * max(value.incentive_cost, value.contact_cost)
    return Costs(worth, value.contact_cost, value.incentive_cost, value.success.alpha, value.success.beta)


@stage_command(definition=NAME, model=PATH, activity=PATH, out=PATH)
def main(definition: str, model: Path, activity: Path, out: Path) -> None:
    """The command that dvc.yaml runs."""

    def work() -> None:
        from pipelines.modelling.tracking.mlflow_store import record_evaluation

        settings = params.load()
        metrics = evaluate_model(definition, settings, model=model, out=out)
        print(f"evaluate_model: grade {metrics['grade']['grade']}. {metrics['grade']['text']}")
        for sentence in who_scores(metrics["scored_by"]):
            print(f"evaluate_model: {sentence}")
        record_evaluation(TrainingSettings.of(settings, definition), model, out, activity_folder=activity)

    run_stage(f"evaluate_model@{definition}", work)


if __name__ == "__main__":
    main()
