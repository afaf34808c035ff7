"""Trials of the search as runs nested under the candidate's: what was tried, and what it reached. Knows no mlflow.

They are told from trials.json, which training left, so that what is searched never depends on a tracking server.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pipelines.runtime.files import read_json

PARENT = "mlflow.parentRunId"  # how MLflow's pages nest runs
TRIAL = "churn.trial"


def record_trials(client: Any, parent: Any, model: Path) -> int:
    """One finished run under `parent` for each trial; they begin before it, so that it stays the run recorded last.

    Args:
        client: MLflow's.
        parent: the candidate's run, as MLflow's client gives it.
        model: data/models/D, as train_model leaves it.

    Returns:
        Trials found.
    """
    path = model / "trials.json"
    trials: dict[str, Any] = read_json(path) if path.exists() else {}
    for trial in trials.values():
        name = f"trial {trial['number']}" + (" (as in params.yaml)" if not trial["numbers"] else "")
        tags = {PARENT: parent.info.run_id, TRIAL: str(trial["number"]), "churn.dropped": str(trial["dropped"]).lower()}
        began = parent.info.start_time - 1
        run = client.create_run(parent.info.experiment_id, start_time=began, tags=tags, run_name=name).info.run_id
        for key, value in trial["numbers"].items():
            client.log_param(run, key, value)
        for step, part in enumerate(trial["parts"].values()):
            cell, gain = max(part["gain"].items(), key=lambda one: (one[1], one[0]))
            client.log_metric(run, "log_loss_gain", gain, step=step)
            client.log_metric(run, "log_loss", part["loss"] - gain, step=step)
            client.set_tag(run, f"churn.best_rounds_and_share.{step}", cell)
        client.set_terminated(run, "FINISHED")
    return len(trials)
