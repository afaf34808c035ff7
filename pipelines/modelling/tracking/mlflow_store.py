"""MLflow's tracking store, and one run in it for every evaluated candidate. The only module that imports mlflow.

The embedded store is `mlflow.db` and `mlartifacts/` in the project's folder; MLFLOW_TRACKING_URI names another.
A run is found again by the digests it is tagged with, so recording twice is recording once. A run counts when it has
FINISHED: one that was cut short is closed as KILLED by the next call, which records a whole one.
Registered models and their aliases are in `registry`, which speaks to the store opened here.
"""

from __future__ import annotations

import json
import logging
import os
import socket
import sqlite3
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from filelock import FileLock

from pipelines.modelling.tracking.candidate import Candidate
from pipelines.modelling.tracking.new_store import create_store
from pipelines.modelling.tracking.relocate import relocate_artifacts
from pipelines.modelling.tracking.store_errors import store_error, without_password
from pipelines.modelling.tracking.trial_runs import record_trials
from pipelines.runtime.errors import ChurnError
from pipelines.runtime.files import atomic_file, without_bytecode
from pipelines.settings.training import TrainingSettings

ADDRESS = "MLFLOW_TRACKING_URI"
PAYLOAD = "payload"  # folder inside a logged model

# A server that is gone must be noticed in seconds: MLflow's own defaults go on trying for minutes.
QUICK = {"MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1", "MLFLOW_HTTP_REQUEST_TIMEOUT": "5"}
QUIET = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
}


@dataclass(frozen=True)
class Store:
    """An opened tracking store. `artifacts` is the folder of the embedded one, None where a server decides."""

    client: Any
    uri: str
    artifacts: Path | None


def project_root() -> Path:
    """The project's folder. `dvc exp run --temp` works in a copy inside .dvc/tmp; its runs belong here too."""
    here = Path.cwd()
    for folder in here.parents:
        if folder.name == ".dvc":
            return folder.parent
    return here


def store_uri() -> str:
    """MLFLOW_TRACKING_URI, or the embedded store by its absolute address."""
    return os.environ.get(ADDRESS) or f"sqlite:///{project_root() / 'mlflow.db'}"


@contextmanager
def translated_errors(uri: str) -> Iterator[None]:
    """Raise what MLflow or the network raises in the block as a ChurnError that says where, what, and what to do."""
    from mlflow.exceptions import MlflowException
    from requests import RequestException
    from sqlalchemy.exc import SQLAlchemyError

    try:
        yield
    except (MlflowException, RequestException, SQLAlchemyError, sqlite3.Error) as error:
        text = str(error).replace(uri, without_password(uri))
        raise store_error(uri, text or type(error).__name__, network=isinstance(error, RequestException)) from error


@contextmanager
def open_store() -> Iterator[Store]:
    """The tracking store, created at first use.

    Raises:
        ChurnError: it cannot be reached, or answers with an error, here or anywhere in the block.
    """
    os.environ.update(QUIET)
    for name, value in QUICK.items():
        os.environ.setdefault(name, value)
    uri = store_uri()
    import mlflow

    for name in ("mlflow", "alembic"):
        logging.getLogger(name).setLevel(logging.ERROR)
    server, root = os.environ.get(ADDRESS), project_root()
    with translated_errors(uri):
        if not server:
            _prepare_embedded(root)
        mlflow.set_tracking_uri(uri)
        mlflow.set_registry_uri(uri)
        if not server:  # MLflow writes its address there, which would make the embedded store look like a server's
            os.environ.pop(ADDRESS, None)
        yield Store(mlflow.MlflowClient(uri, uri), uri, None if server else root / "mlartifacts")


def _prepare_embedded(root: Path) -> None:
    """Create mlflow.db atomically (MLflow cannot repair a partial one), or relocate that of a moved project."""
    database, artifacts = root / "mlflow.db", (root / "mlartifacts").as_uri()
    with FileLock(root / "mlflow.db.lock"):
        if not database.exists():
            with atomic_file(database) as partial:
                create_store(partial, artifacts)
        else:
            relocate_artifacts(database, artifacts)


def record_evaluation(
    settings: TrainingSettings, model_folder: Path, evaluation_folder: Path, *, activity_folder: Path
) -> str:
    """Record an evaluated candidate as one finished MLflow run; registers nothing.

    Parameters, figures, curves (as stepped metrics and as pictures), the data's fingerprint as dataset, the code's
    version and the digests as tags, the model card as the run's description, and the model that would ship as a pyfunc
    without pickle.

    Args:
        settings: of the candidate's definition.
        model_folder: data/models/D, as train_model leaves it.
        evaluation_folder: data/evaluation/D, as evaluate_model leaves it.
        activity_folder: data/activity/train.

    Returns:
        The run's id: an earlier one where the same model with the same figures was recorded before.

    Raises:
        ChurnError: MLflow cannot be reached or refuses. A run that was cut short does not count; call again.
    """
    candidate = Candidate.of(settings, model_folder, evaluation_folder, activity_folder)
    with open_store() as store:
        return record(candidate, store)


def record(candidate: Candidate, store: Store) -> str:
    """`record_evaluation` in a store that is open."""
    import mlflow

    experiment = _experiment(candidate.name, store)
    same_candidate = " and ".join(f"tags.`{key}` = '{value}'" for key, value in candidate.identity.items())
    for run in store.client.search_runs([experiment], same_candidate, order_by=["attributes.start_time DESC"]):
        if run.info.status == "FINISHED":
            return str(run.info.run_id)
        if run.info.status == "RUNNING":
            store.client.set_terminated(run.info.run_id, "KILLED")
    run = store.client.create_run(experiment, run_name=candidate.title, tags=candidate.identity | candidate.tags)
    with mlflow.start_run(run.info.run_id), tempfile.TemporaryDirectory() as scratch:  # FAILED where the block raises
        _log_params(candidate, run, store)
        record_trials(store.client, run, candidate.model)
        store.client.log_artifacts(run.info.run_id, str(candidate.write_artifacts(Path(scratch, "run"))))
        # Figures come after the model: MLflow would read each of those that are there, to write it to the model too.
        _log_figures(candidate, run, store, _log_model(candidate, Path(scratch, PAYLOAD)))
    return str(run.info.run_id)


def _experiment(name: str, store: Store) -> str:
    experiment = store.client.get_experiment_by_name(name)
    if experiment:
        return str(experiment.experiment_id)
    location = f"{store.artifacts.as_uri()}/{name}" if store.artifacts else None
    return str(store.client.create_experiment(name, artifact_location=location))


def _log_params(candidate: Candidate, run: Any, store: Store) -> None:
    """Settings, the recipe and the data's fingerprint."""
    from mlflow.entities import Dataset, DatasetInput, InputTag, Param

    run_id = run.info.run_id
    params = [Param(key, value) for key, value in candidate.params().items()]
    for start in range(0, len(params), 100):
        store.client.log_batch(run_id, params=params[start : start + 100])
    data = candidate.dataset()
    told, profile = json.dumps(data["source"]), json.dumps(data["profile"])
    source = Dataset(data["name"], data["digest"], "local", told, None, profile)
    store.client.log_inputs(run_id, [DatasetInput(source, [InputTag("mlflow.data.context", "training")])])


def _log_figures(candidate: Candidate, run: Any, store: Store, model_id: str) -> None:
    """Every figure of the run; those of the first step are the logged model's too."""
    from mlflow.entities import Metric

    run_id, timestamp = run.info.run_id, run.info.start_time
    metrics = [
        Metric(key, value, timestamp, step, model_id=None if step else model_id, run_id=run_id)
        for key, step, value in candidate.points()
    ]
    for start in range(0, len(metrics), 1000):
        store.client.log_batch(run_id, metrics=metrics[start : start + 1000])


def _log_model(candidate: Candidate, payload: Path) -> str:
    """The model that would ship; its id."""
    import mlflow.pyfunc
    from mlflow.models import ModelSignature
    from mlflow.types import ColSpec, ParamSchema, ParamSpec, Schema

    from pipelines.modelling.tracking.churn_pyfunc import SHIFT

    inputs = Schema([ColSpec(kind, name, required=True) for name, kind in candidate.inputs().items()])
    outputs = Schema([ColSpec("double", name) for name in candidate.outputs()])
    with without_bytecode():  # MLflow imports the model's code where it is about to be stored
        logged = mlflow.pyfunc.log_model(
            name=candidate.name,
            loader_module="churn_pyfunc",
            data_path=str(candidate.write_payload(payload)),
            code_paths=[str(path) for path in candidate.code_paths()],
            signature=ModelSignature(inputs, outputs, ParamSchema([ParamSpec(SHIFT, "string", "")])),
            input_example=candidate.input_example(),
            pip_requirements=candidate.requirements(),
            tags=candidate.identity,
        )
    return str(logged.model_id)


def download(store: Store, address: str, folder: Path) -> Path:
    """The payload of a logged or registered model (`models:/...`): what `Candidate.write_payload` wrote."""
    import mlflow.artifacts

    downloaded = mlflow.artifacts.download_artifacts(artifact_uri=address, dst_path=str(folder), tracking_uri=store.uri)
    return Path(downloaded) / "data" / PAYLOAD


def open_ui(say: Callable[[str], None] = print) -> None:
    """Serve MLflow's pages until Ctrl-C; say where, on the run recorded last. Does not return where it serves."""
    if store_uri().startswith("http"):
        say(f"MLflow runs at {without_password(store_uri())} (MLFLOW_TRACKING_URI). Open it in a browser.")
        return
    port = _free_port(5000)
    say(f"MLflow will be at {latest_page(port)} in a few seconds. Ctrl-C ends it.")
    command = ui_command(port)
    os.execv(command[0], command)  # noqa: S606 - the server takes this process's place


def _free_port(first: int) -> int:
    for port in range(first, first + 50):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if probe.connect_ex(("127.0.0.1", port)):
                return port
    raise ChurnError(f"No port from {first} to {first + 49} is free on this machine.")


def ui_command(port: int = 5000) -> list[str]:
    """The command that serves MLflow's pages on the embedded store, or the database in MLFLOW_TRACKING_URI."""
    os.environ.update(QUIET | {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"})
    command = [sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(port), "--workers", "1"]
    artifacts = (project_root() / "mlartifacts").as_uri()
    return [*command, "--backend-store-uri", store_uri(), "--default-artifact-root", artifacts]


def latest_page(port: int = 5000) -> str:
    """The address, under `ui_command`, of the run recorded last; of the list of experiments where there is none."""
    with open_store() as store:
        experiments = [experiment.experiment_id for experiment in store.client.search_experiments()]
        runs = store.client.search_runs(experiments, order_by=["attributes.start_time DESC"], max_results=1)
        base = f"http://127.0.0.1:{port}/#/experiments"
        return f"{base}/{runs[0].info.experiment_id}/runs/{runs[0].info.run_id}" if runs else base
