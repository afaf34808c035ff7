"""Stage: how good is it? `data/models/D` in; `data/evaluation/D/` out: metrics.json and the curves of the test moment.

Judged is the held-out fit, on moments it has not seen; what ships is the same recipe fitted on more. Ends by recording
the evaluation in MLflow.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from pipelines import params, tables
from pipelines.stage import run_stage

DRAWS = 1000


def evaluate_model(definition: str, settings: params.Settings, *, model: Path, out: Path) -> dict[str, Any]:
    """Write the folder of figures and return what metrics.json holds."""
    from models import evaluate

    predictions = pq.read_table(model / "predictions.parquet").to_pandas(date_as_object=False)
    recipe = tables.read_json(model / "recipe.json")
    metrics = evaluate.report(predictions, draws=DRAWS, seed=settings.model.seed)
    metrics["model"] = {
        "definition": definition,
        "held_out": recipe["digests"]["held_out"],
        "shipped": recipe["digests"]["shipped"],
        **{name: recipe[name] for name in ("sampled_customers", "labelled_customers") if name in recipe},
    }
    test = predictions[predictions["role"] == "test"]
    with tables.whole_folder(out) as folder:
        tables.write_json(folder / "metrics.json", metrics)
        for name, curve in evaluate.curves(test["model"].to_numpy(), test["churned"].to_numpy()).items():
            curve.round(6).to_csv(folder / f"{name}.csv", index=False, lineterminator="\n")
    return metrics


def main() -> None:
    """`python -m pipelines.evaluate_model`."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--definition", required=True)
    for name in ("model", "activity", "out"):
        parser.add_argument(f"--{name}", required=True, type=Path)
    given = parser.parse_args()

    def work() -> None:
        from pipelines.tracking import record_evaluation

        settings = params.load()
        metrics = evaluate_model(given.definition, settings, model=given.model, out=given.out)
        print(f"evaluate_model: grade {metrics['grade']['grade']}. {metrics['grade']['text']}")
        record_evaluation(settings, given.definition, given.model, given.out, activity_folder=given.activity)

    run_stage(f"evaluate_model@{given.definition}", work)


if __name__ == "__main__":
    main()
