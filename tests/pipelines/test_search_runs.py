"""Trials in a real MLflow store: nested under the candidate's run, which stays the run recorded last."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from pipelines.modelling.tracking import trial_runs
from pipelines.runtime.files import write_json

PART = {"rows": 10, "loss": 0.5, "gain": {"30/0.0": 0.01, "30/1.0": -0.02}, "error": {"30/0.0": 0.1, "30/1.0": 0.1}}


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_every_trial_is_a_run_under_the_candidates(tmp_path: Path, empty_store: Path) -> None:
    from mlflow import MlflowClient

    shutil.copy(empty_store, tmp_path / "mlflow.db")

    uri = f"sqlite:///{tmp_path / 'mlflow.db'}"
    client = MlflowClient(uri, uri)
    experiment = client.create_experiment("churn", artifact_location=(tmp_path / "artifacts").as_uri())
    parent = client.create_run(experiment, run_name="candidate")
    trials: dict[str, dict[str, Any]] = {
        "000": {"number": 0, "numbers": {}, "parts": {"2021-01-04": PART}, "dropped": False},
        "001": {
            "number": 1,
            "numbers": {"leaves": 5},
            "parts": {"2021-01-04": PART, "2021-02-01": PART},
            "dropped": True,
        },
    }
    write_json(tmp_path / "trials.json", trials)
    assert trial_runs.record_trials(client, parent, tmp_path) == 2
    runs = client.search_runs([experiment], order_by=["attributes.start_time DESC"])
    assert runs[0].info.run_id == parent.info.run_id
    nested = sorted(runs[1:], key=lambda run: str(run.info.run_name))
    assert [run.info.run_name for run in nested] == ["trial 0 (as in params.yaml)", "trial 1"]
    assert {run.data.tags["mlflow.parentRunId"] for run in nested} == {parent.info.run_id}
    assert nested[1].data.params == {"leaves": "5"}
    assert [one.value for one in client.get_metric_history(nested[1].info.run_id, "log_loss")] == [0.49, 0.49]
    assert {run.info.status for run in nested} == {"FINISHED"}


def test_without_trials_there_is_nothing_to_record(tmp_path: Path) -> None:
    assert trial_runs.record_trials(None, None, tmp_path) == 0
