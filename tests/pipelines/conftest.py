"""Candidates as the stages leave them: trained on a small made-up panel, in a project folder of their own."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.conftest import Made
from tests.pipelines import model_folders_for_tests as model_folders
from tests.pipelines.model_folders_for_tests import Folders

DEFINITION = "silent_28d"
MOMENTS = ("2024-01-01", "2024-02-05", "2024-03-11", "2024-04-15", "2024-05-20")
MEASURES = {
    "placed_order_days_since_last": ("days_since_last", None, 365.0),
    "placed_order_count_365d": ("count", 365, 0.0),
    "placed_order_total_value_365d": ("total_value", 365, 0.0),
    "placed_order_days_since_first": ("days_since_first", None, 0.0),
    "visited_site_count_28d": ("count", 28, 0.0),
}
PARAMS = f"""
sources: {{shop: {{reader: csv, path: shop.csv, activity: placed_order}}}}
observations: {{train: {{until: "2024-07-01"}}, score: {{as_of: "2024-07-01"}}}}
churn:
  {DEFINITION}: {{kind: silence, activity: placed_order, active_within_days: 56, gap_days: 0, horizon_days: 28}}
model: MODEL
at_risk: {{definition: {DEFINITION}}}
"""

MODEL = {"scorer": "model", "seed": 7, "seeds": 1, "max_rounds": 60, "min_rows_in_leaf": 20}


def column(name: str) -> dict[str, Any]:
    measure, days, silence = MEASURES.get(name, ("attribute", None, None))
    activity = name.removesuffix(f"_{measure}" + (f"_{days}d" if days else ""))
    bounds: dict[str, Any] = {"low": 0.0, "high": None, "monotone": 0, "higher_is_worse": None, "sentence": ""}
    return {
        "name": name,
        "activity": activity,
        "measure": measure,
        "days": days,
        "family": "f",
        "unit": "",
        **bounds,
    } | {"silence": silence}


def observations(day: str, customers: int, signal: float, shop: str = "") -> pd.DataFrame:
    """Leaving follows a visit count that no naive rule knows, as far as `signal` says; the rest is chance.

    Customers' ids begin with `shop`.
    """
    random = np.random.default_rng(int(day.replace("-", "")))
    last, visits = random.uniform(0, 56, customers), random.poisson(3, customers).astype(float)
    count = random.poisson(12, customers) + 1.0
    risk = 1 / (1 + np.exp(1.2 - signal * (last / 28 - 1) + signal * 0.9 * (visits - 3)))
    return pd.DataFrame(
        {
            "customer_id": [f"{shop}{number:04d}" for number in range(customers)],
            "as_of": pd.Timestamp(day).date(),
            "placed_order_days_since_last": last,
            "placed_order_count_365d": count,
            "placed_order_total_value_365d": count * random.gamma(4, 9, customers),
            "placed_order_days_since_first": random.uniform(60, 365, customers),
            "visited_site_count_28d": visits,
            "customer_income": random.choice(["low", "high"], customers),
            "churned": random.random(customers) < risk,
        }
    )


def write_panel(
    data: Path, *, customers: int, signal: float, shop: str = "", measures: Iterable[str] = tuple(MEASURES)
) -> None:
    """data/features/train, data/labels and data/activity/train: an order of each customer, and facts.json."""
    measures = list(measures)
    features = data / "features" / "train"
    features.mkdir(parents=True)
    labels = []
    for day in MOMENTS:
        frame = observations(day, customers, signal, shop)
        numbers = {name: frame[name].astype("float32") for name in measures}
        kept = frame[["customer_id", "as_of", *measures, "customer_income"]].assign(**numbers)
        pq.write_table(pa.Table.from_pandas(kept, preserve_index=False), features / f"{day}.parquet")
        value = np.where(frame["churned"], 0.0, frame["placed_order_total_value_365d"] / 12)
        labels.append(frame[["customer_id", "as_of", "churned"]].assign(value_ahead=value))
    (features / "columns.json").write_text(json.dumps([column(name) for name in [*measures, "customer_income"]]))
    (data / "labels").mkdir()
    pq.write_table(pa.Table.from_pandas(pd.concat(labels), preserve_index=False), data / f"labels/{DEFINITION}.parquet")
    one = {"count": 9000, "customers": customers, "first": "2023-01-01T00:00:00Z", "last": "2024-06-30T23:00:00Z"}
    facts = {"moment": "2024-07-01", "timezone": "UTC", "rows": 9000, "customers": customers, "has_recorded_at": False}
    (data / "activity" / "train" / "activity").mkdir(parents=True)
    ordered = frame[["customer_id"]].assign(activity="placed_order", occurred_at=pd.Timestamp("2024-05-01", tz="UTC"))
    ordered.to_parquet(data / "activity" / "train" / "activity" / "2024-05.parquet", index=False)
    every = {**facts, "digest": "ab" * 32, "activities": {"placed_order": one}}
    (data / "activity" / "train" / "facts.json").write_text(json.dumps(every))


def make_candidate(
    folder: Path,
    *,
    signal: float = 1.0,
    customers: int = 300,
    shop: str = "",
    measures: Iterable[str] = tuple(MEASURES),
    **model: Any,
) -> None:
    """Fill a project folder with a trained and judged candidate; `model`: settings other than MODEL's."""
    from pipelines.settings import params
    from pipelines.stages import train_model as stage
    from pipelines.stages.evaluate_model import evaluate_model

    data = folder / "data"
    write_panel(data, customers=customers, signal=signal, shop=shop, measures=measures)
    (folder / "params.yaml").write_text(PARAMS.replace("MODEL", json.dumps(MODEL | model)))
    settings, model = params.load(folder / "params.yaml"), data / "models" / DEFINITION
    features, labels, activity = data / "features/train", data / f"labels/{DEFINITION}.parquet", data / "activity/train"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(stage, "threads", lambda: 1)  # so small a panel is trained fastest by one
        stage.train_model(DEFINITION, settings, features=features, labels=labels, activity=activity, out=model)
    evaluate_model(DEFINITION, settings, model=model, out=data / "evaluation" / DEFINITION)


@pytest.fixture(scope="session")
def first(made_once: Made) -> Path:
    """A project folder with a good candidate."""
    return made_once("first", make_candidate)


@pytest.fixture(scope="session")
def second(made_once: Made) -> Path:
    """Another good candidate: the same recipe on other data, as a week later."""
    return made_once("second", partial(make_candidate, customers=310))


@pytest.fixture(scope="session")
def reseeded(made_once: Made) -> Path:
    """A candidate that is another recipe and no better: another seed."""
    return made_once("reseeded", partial(make_candidate, seed=8))


@pytest.fixture(scope="session")
def coarse(made_once: Made) -> Path:
    """A candidate that beats the naive rule, but learns far less than the first's recipe does."""
    poor = {"leaves": 2, "max_rounds": 15, "rounds": 15, "learning_rate": 0.05, "logistic_share": 0.0}
    return made_once("coarse", partial(make_candidate, calibration="none", **poor))


@pytest.fixture(scope="session")
def chance(made_once: Made) -> Path:
    """A candidate that had nothing to learn from."""
    return made_once("chance", partial(make_candidate, signal=0.0, scorer="auto"))


@pytest.fixture(scope="session")
def trained_folders(made_once: Made) -> Folders:
    """The folders of the made-up panel with a trained model in `model`. Read them, or fill folders of your own."""
    from pipelines.stages import train_model as stage

    def make(root: Path) -> None:
        made = model_folders.fill(root)
        read = {"features": made.features, "labels": made.root / "labels.parquet", "activity": made.activity}
        stage.train_model(model_folders.D, model_folders.settings_with(), **read, out=made.model)

    return Folders(made_once("trained", make))


@contextmanager
def inside(folder: Path) -> Iterator[None]:
    """The present folder is `folder`, and MLflow's store is the embedded one."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.delenv("MLFLOW_TRACKING_URI", raising=False)
        yield


@contextmanager
def copied(project: Path, folder: Path) -> Iterator[Path]:
    """A copy of a project as the present folder."""
    shutil.copytree(project, folder)
    with inside(folder):
        yield folder


@pytest.fixture(scope="session")
def recorded_once(made_once: Made, first: Path, empty_store: Path) -> Path:
    """A project in which the first candidate is recorded. Copied for each test: recording takes its time."""
    from pipelines.modelling.tracking import mlflow_store
    from pipelines.settings import params
    from pipelines.settings.training import TrainingSettings

    def make(project: Path) -> None:
        shutil.copytree(first, project)
        shutil.copy(empty_store, project / "mlflow.db")
        data = Path("data")
        folders = data / "models" / DEFINITION, data / "evaluation" / DEFINITION
        with inside(project):
            settings = TrainingSettings.of(params.load(), DEFINITION)
            mlflow_store.record_evaluation(settings, *folders, activity_folder=data / "activity/train")

    return made_once("recorded", make)


@pytest.fixture
def project(recorded_once: Path, tmp_path: Path) -> Iterator[Path]:
    """The present folder is a project of its own, in which the first candidate is recorded."""
    with copied(recorded_once, tmp_path / "project") as folder:
        yield folder


@pytest.fixture(scope="session")
def crowned_once(made_once: Made, recorded_once: Path) -> Path:
    """A project in which the first candidate was promoted: it is the champion, version 1. Copied for each test."""
    from pipelines.modelling import promote
    from pipelines.settings import params
    from pipelines.settings.training import TrainingSettings

    def make(project: Path) -> None:
        shutil.copytree(recorded_once, project)
        with inside(project):
            said = promote.promote(TrainingSettings.of(params.load(), DEFINITION), margin=0.001)
        assert "is the champion now (version 1)" in said

    return made_once("crowned", make)


@pytest.fixture
def crowned(crowned_once: Path, tmp_path: Path) -> Iterator[Path]:
    """The present folder is a project of its own, in which the first candidate is the champion."""
    with copied(crowned_once, tmp_path / "project") as folder:
        yield folder


@pytest.fixture
def untouched(first: Path, tmp_path: Path) -> Iterator[Path]:
    """The present folder is a project with the first candidate, and MLflow was never used."""
    with copied(first, tmp_path / "project") as folder:
        yield folder


def bring(candidate: Path, project: Path) -> None:
    """Let another candidate take the place of the project's, as the next training would."""
    for part in ("data/models", "data/evaluation", "data/features", "data/labels", "data/activity", "params.yaml"):
        source, target = candidate / part, project / part
        if target.is_dir():
            shutil.rmtree(target)
        (shutil.copytree if source.is_dir() else shutil.copy)(source, target)
