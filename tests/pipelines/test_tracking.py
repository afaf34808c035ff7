from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from pipelines.modelling.tracking import mlflow_store, new_store
from pipelines.runtime.errors import ChurnError
from pipelines.settings import params
from pipelines.settings.training import TrainingSettings

# MLflow's own use of its libraries is not ours to mend.
pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore:.*Any type hint is inferred:UserWarning"),
]

D = "silent_28d"
DATA = Path("data")


def record() -> str:
    return mlflow_store.record_evaluation(
        TrainingSettings.of(params.load(), D),
        DATA / "models" / D,
        DATA / "evaluation" / D,
        activity_folder=DATA / "activity/train",
    )


@contextlib.contextmanager
def mlflow_client() -> Iterator[Any]:
    with mlflow_store.open_store() as store:
        yield store.client


def runs() -> list[Any]:
    """Runs of candidates; the trials nested under them are left out."""
    with mlflow_client() as client:
        found = client.search_runs([client.get_experiment_by_name(f"churn_{D}").experiment_id])
    return [one for one in found if "mlflow.parentRunId" not in one.data.tags]


def run() -> Any:
    with mlflow_client() as client:
        return client.get_run(record())


def load(address: str) -> Any:
    import mlflow

    with mlflow_store.open_store():
        return mlflow.pyfunc.load_model(address)


def logged() -> str:
    return f"models:/{run().outputs.model_outputs[0].model_id}"


def test_no_other_module_imports_mlflow() -> None:
    package = Path(mlflow_store.__file__).parent
    pattern = re.compile(r"^\s*(import|from) mlflow\b", re.MULTILINE)
    importing = {path.name for path in package.rglob("*.py") if pattern.search(path.read_text())}
    assert importing == {"mlflow_store.py", "new_store.py"}  # the second makes an empty store, before there are runs


def test_a_run_tells_what_was_set_how_it_did_and_what_it_learned_from(project: Path) -> None:
    found = run()
    metrics = json.loads((project / f"data/evaluation/{D}/metrics.json").read_text())
    assert found.info.status == "FINISHED"
    assert found.data.params["churn.horizon_days"] == "28"
    assert found.data.params["model.max_rounds"] == "60"
    assert found.data.params["recipe.choice.rounds"] == "60"
    assert found.data.metrics["test/roc_auc"] == metrics["test"]["roc_auc"]
    assert found.data.metrics["baselines/days_since_last/test/log_loss"] > 0
    assert found.data.tags["churn.data_digest"] == "ab" * 32
    assert found.data.tags["churn.model_digest"] == metrics["model"]["shipped"]
    assert found.data.tags["mlflow.note.content"].startswith(f"# {D}")
    dataset = found.inputs.dataset_inputs[0].dataset
    assert (dataset.name, dataset.digest) == ("activity before 2024-07-01", "ab" * 18)
    assert json.loads(dataset.profile)["customers"] == 300


def test_curves_are_stepped_metrics_and_pictures(project: Path) -> None:
    found = run()
    with mlflow_client() as client:
        gains = client.get_metric_history(found.info.run_id, "curves/gains model")
        backtest = client.get_metric_history(found.info.run_id, "backtest/roc_auc")
        pictures = [file.path for file in client.list_artifacts(found.info.run_id, "pictures")]
    assert [point.step for point in gains] == list(range(101))
    assert (gains[0].value, gains[-1].value) == (0.0, 1.0)
    assert [point.step for point in backtest] == [0, 1, 2]
    names = ("calibration", "comparison", "gains", "precision_recall", "roc")
    assert pictures == [f"pictures/{name}.png" for name in names]


def test_recording_twice_is_recording_once(project: Path) -> None:
    assert record() == record()
    assert len(runs()) == 1


def test_another_figure_is_another_run(project: Path) -> None:
    first = record()
    metrics = project / f"data/evaluation/{D}/metrics.json"
    metrics.write_text(metrics.read_text().replace('"customers": 300', '"customers": 301'))
    assert record() != first


def test_nothing_is_registered(project: Path) -> None:
    record()
    with mlflow_client() as client:
        assert not client.search_registered_models()


def test_no_pickle_and_no_customer_reaches_the_store(project: Path) -> None:
    record()
    customers = pq.read_table(f"data/labels/{D}.parquet")["customer_id"].to_pylist()
    files = [file for file in (project / "mlartifacts").rglob("*") if file.is_file()]
    kinds = {file.suffix for file in files}
    assert kinds == {"", ".csv", ".json", ".md", ".png", ".py", ".txt", ".yaml"}
    assert not kinds & {".pkl", ".pickle", ".joblib"}
    for file in files:
        content = file.read_bytes()
        assert not content.startswith(b"\x80"), f"{file} is a pickle"
        assert f'"{customers[0]}"'.encode() not in content


def test_a_run_that_was_cut_short_is_closed_and_a_whole_one_made(untouched: Path, empty_store: Path) -> None:
    shutil.copy(empty_store, untouched / "mlflow.db")
    program = (
        "import os\nfrom pathlib import Path\nfrom pipelines.modelling.tracking import mlflow_store\n"
        "from pipelines.settings.params import load\nfrom pipelines.settings.training import TrainingSettings\n"
        "mlflow_store._log_model = lambda *_: os._exit(9)\n"
        f"settings = TrainingSettings.of(load(), {D!r})\n"
        f"mlflow_store.record_evaluation(settings, Path('data/models/{D}'), Path('data/evaluation/{D}'),"
        " activity_folder=Path('data/activity/train'))\n"
    )
    done = subprocess.run([sys.executable, "-c", program], env=environment(), check=False)
    assert done.returncode == 9
    assert [one.info.status for one in runs()] == ["RUNNING"]
    whole = record()
    assert {one.info.run_id: one.info.status for one in runs()}[whole] == "FINISHED"
    assert sorted(one.info.status for one in runs()) == ["FINISHED", "KILLED"]
    assert record() == whole


def environment(**more: str) -> dict[str, str]:
    root = str(Path(__file__).resolve().parents[2])
    kept = {key: value for key, value in os.environ.items() if not key.startswith("MLFLOW")}
    return {**kept, "PYTHONPATH": root, "MLFLOW_DISABLE_TELEMETRY": "true", **more}


def features(rows: int = 40) -> pd.DataFrame:
    return pq.read_table("data/features/train/2024-05-20.parquet").to_pandas().head(rows)


def expected(frame: pd.DataFrame, *, anchored: bool = False) -> pd.DataFrame:
    from models.churn_model import ChurnModel

    model = ChurnModel.load(Path(f"data/models/{D}/shipped"))
    model = model.anchored(frame) if anchored else model
    probability, value = model.predict(frame), model.expected_value(frame)
    assert value is not None
    return pd.DataFrame(
        {"churn_probability": probability, "expected_value": value, "value_at_risk": probability * value},
        index=frame.index,
    )


def test_the_pyfunc_scores_exactly_as_the_model(project: Path) -> None:
    frame = features()
    scored = load(logged()).predict(frame[frame.columns[::-1]])  # in any order of columns
    pd.testing.assert_frame_equal(scored, expected(frame), check_exact=True)


def test_the_pyfunc_finds_the_level_of_everybody_or_is_told_it(project: Path) -> None:
    from models.churn_model import ChurnModel

    everybody, model = features(100), load(logged())
    pd.testing.assert_frame_equal(model.predict(everybody), expected(everybody, anchored=True), check_exact=True)
    shifted = ChurnModel.load(Path(f"data/models/{D}/shipped")).moved_by(0.5).predict(everybody)
    some = model.predict(everybody.iloc[[3]], params={"level_shift": "0.5"})
    assert some["churn_probability"].tolist() == [shifted[3]]
    assert shifted[3] > model.predict(everybody)["churn_probability"][3]


def test_the_pyfunc_refuses_what_mlflow_would_let_through(project: Path) -> None:
    from models.errors import ModelError

    model, frame = load(logged()), features()
    frame.loc[3, "visited_site_count_28d"] = np.nan
    with pytest.raises(ModelError, match="visited_site_count_28d is null"):
        model.predict(frame)
    with pytest.raises(Exception, match="visited_site_count_28d"):
        model.predict(features().drop(columns="visited_site_count_28d"))


def test_signature_and_example_name_every_column(project: Path) -> None:
    model = load(logged())
    inputs = {column.name: (column.type.name, column.required) for column in model.metadata.signature.inputs}
    numbers = [name for name in features().columns if name not in ("customer_id", "as_of", "customer_income")]
    assert inputs == {**dict.fromkeys(numbers, ("double", True)), "customer_income": ("string", True)}
    outputs = [column.name for column in model.metadata.signature.outputs]
    assert outputs == ["churn_probability", "expected_value", "value_at_risk"]
    assert set(model.input_example.columns) == set(inputs)
    assert model.predict(model.input_example)["churn_probability"].between(0, 1).all()


def test_the_logged_model_loads_without_the_project(project: Path, tmp_path: Path) -> None:
    address = logged()
    features().to_parquet("features.parquet")
    expected(features()).to_parquet("expected.parquet")
    with mlflow_store.open_store() as store:
        mlflow_store.download(store, address, tmp_path / "elsewhere")
    program = (
        "import mlflow, pandas as pd, sys\n"
        f"scored = mlflow.pyfunc.load_model({str(tmp_path / 'elsewhere')!r}).predict(pd.read_parquet(sys.argv[1]))\n"
        "pd.testing.assert_frame_equal(scored, pd.read_parquet(sys.argv[2]), check_exact=True)\n"
        "import models; assert 'elsewhere' in models.__file__, models.__file__\n"
    )
    files = [str(project / "features.parquet"), str(project / "expected.parquet")]
    away = {key: value for key, value in environment().items() if key != "PYTHONPATH"}
    done = subprocess.run(
        [sys.executable, "-c", program, *files], cwd=tmp_path, env=away, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]


def closed_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_a_dead_server_is_told_within_seconds_and_without_its_password(
    untouched: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"http://me:secret@127.0.0.1:{closed_port()}")
    started = time.monotonic()
    with pytest.raises(
        ChurnError, match=r"MLflow at http://127\.0\.0\.1:\d+ does not answer\. Nothing was reg"
    ) as told:
        record()
    assert time.monotonic() - started < 15
    assert "secret" not in str(told.value)
    assert not (untouched / "mlartifacts").exists()


def test_a_project_that_was_moved_finds_its_artifacts(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    address = logged()
    moved = shutil.move(project, tmp_path / "moved here")
    monkeypatch.chdir(moved)
    assert load(address).predict(features()).shape == (40, 3)
    with contextlib.closing(sqlite3.connect("mlflow.db")) as connection:
        assert not any(str(project) + "/" in line for line in connection.iterdump())


def test_the_store_lies_in_the_project_even_in_an_experiment_of_dvc(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy = project / ".dvc/tmp/exps/standalone/abc"
    copy.mkdir(parents=True)
    monkeypatch.chdir(copy)
    assert mlflow_store.store_uri() == f"sqlite:///{project}/mlflow.db"


def test_the_database_is_made_whole_or_not_at_all(untouched: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore

    with monkeypatch.context() as patch:
        patch.setattr(new_store, "kept_store", lambda: None)  # made here, by migrations that are cut short
        patch.setattr(SqlAlchemyStore, "_initialize_store_state", lambda _: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            record()
    assert not [*untouched.glob("mlflow.db"), *untouched.glob(".mlflow*")]
    assert record()


def test_a_database_of_another_mlflow_says_what_to_do(project: Path) -> None:
    with contextlib.closing(sqlite3.connect("mlflow.db")) as connection, connection:
        connection.execute("UPDATE alembic_version SET version_num = 'bd07f7e963c5'")
    with pytest.raises(ChurnError, match=r"another version of MLflow\. Keep a copy, then: mlflow db upgrade sqlite"):
        record()


def test_nothing_is_left_in_the_environment_or_in_a_foreign_folder(untouched: Path) -> None:
    record()
    assert "MLFLOW_TRACKING_URI" not in os.environ
    left = {path.name for path in untouched.iterdir()} - {"data", "params.yaml"}
    assert left == {"mlflow.db", "mlflow.db.lock", "mlartifacts"}


def test_the_ui_shows_the_last_run_and_its_pictures(project: Path) -> None:
    identity, port = record(), closed_port()
    page = mlflow_store.latest_page(port)
    assert page.startswith(f"http://127.0.0.1:{port}/#/experiments/")
    assert page.endswith(f"/runs/{identity}")
    quiet = environment(MLFLOW_SERVER_ENABLE_JOB_EXECUTION="false")
    with (
        Path("log").open("w") as log,
        subprocess.Popen(
            mlflow_store.ui_command(port), env=quiet, stdout=log, stderr=log, start_new_session=True
        ) as server,
    ):
        try:
            asked = f"http://127.0.0.1:{port}/get-artifact?path=pictures/roc.png&run_uuid={identity}"
            assert fetched(asked, server).startswith(b"\x89PNG")
        finally:
            os.killpg(server.pid, signal.SIGKILL)


def fetched(address: str, server: subprocess.Popen[bytes]) -> bytes:
    for _ in range(600):
        assert server.poll() is None, "the server ended"
        try:
            with urllib.request.urlopen(address, timeout=10) as answer:
                return bytes(answer.read())
        except urllib.error.HTTPError:
            raise
        except OSError:
            time.sleep(0.1)
    raise AssertionError("the server did not start")


def test_the_ui_of_a_server_is_the_server(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "https://me:secret@mlflow.example.org")
    said: list[str] = []
    mlflow_store.open_ui(said.append)
    assert said == ["MLflow runs at https://mlflow.example.org (MLFLOW_TRACKING_URI). Open it in a browser."]
