"""Trials of the hyperparameter search as MLflow runs nested under the candidate's. Does not import mlflow.

They are read from trials.json, which training wrote, so that the search never depends on a tracking server.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pipelines.runtime.files import read_json
from pipelines.settings import artifacts

PARENT = "mlflow.parentRunId"  # how MLflow's pages nest runs
TRIAL = "churn.trial"


def record_trials(client: Any, parent: Any, model: Path) -> int:
    """Record each trial as a finished run under `parent`; they begin before it, so that it stays the latest run.

    Args:
        client: MLflow's.
        parent: the candidate's run, as MLflow's client gives it.
        model: data/models/D, as train_model leaves it.

    Returns:
        How many trials there were.
    """
    path = model / artifacts.TRIALS
    trials: dict[str, Any] = read_json(path) if path.exists() else {}
    for trial in trials.values():
        name = f"trial {trial['number']}" + (" (as in params.yaml)" if not trial["numbers"] else "")
        tags = {PARENT: parent.info.run_id, TRIAL: str(trial["number"]), "churn.dropped": str(trial["dropped"]).lower()}
        start = parent.info.start_time - 1
        run = client.create_run(parent.info.experiment_id, start_time=start, tags=tags, run_name=name).info.run_id
        for key, value in trial["numbers"].items():
            client.log_param(run, key, value)
        for step, part in enumerate(trial["parts"].values()):
            cell, gain = max(part["gain"].items(), key=lambda pair: (pair[1], pair[0]))
            client.log_metric(run, "log_loss_gain", gain, step=step)
            client.log_metric(run, "log_loss", part["loss"] - gain, step=step)
            client.set_tag(run, f"churn.best_rounds_and_share.{step}", cell)
        client.set_terminated(run, "FINISHED")
    return len(trials)
