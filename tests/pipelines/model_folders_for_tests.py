"""The folders that training and scoring read, filled from the made-up panel."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa

from models.churn_model import ChurnModel
from models.sums import write_sums
from models.training.panel import Panel
from pipelines.runtime.files import write_json, write_parquet
from pipelines.settings.params import Settings
from tests.models.panels_for_tests import MOMENTS, panel

AS_OF = "2021-06-21"
D = "silent_28d"


def settings_with(**changes: Any) -> Settings:
    return Settings.model_validate(
        {
            "sources": {"shop": {"reader": "csv", "path": "shop.csv", "activity": "placed_order"}},
            "observations": {"train": {"until": AS_OF}, "score": {"as_of": AS_OF}},
            "churn": {D: {"kind": "silence", "activity": "placed_order", "active_within_days": 56, "horizon_days": 28}},
            "model": {"scorer": "model", "seeds": 1, "max_rounds": 30, "learning_rate": 0.1, "search": {"trials": 1}},
            "at_risk": {"definition": D},
            **changes,
        }
    )


@dataclass(frozen=True)
class Folders:
    """Paths below one folder, named as dvc.yaml names them."""

    root: Path

    def __getattr__(self, name: str) -> Path:
        return self.root / name


def fill(root: Path, data: Panel | None = None) -> Folders:
    """`features`, `labels.parquet`, `activity` of training; `score_features`, `score_activity` of scoring."""
    folders, data = Folders(root), data or panel()
    for day in MOMENTS:
        write_features(folders.features, day, data.features[data.moments == day])
    write_json(folders.features / "columns.json", data.columns_info)
    write_labels(folders.root / "labels.parquet", data)
    write_json(folders.activity / "facts.json", facts(AS_OF))
    now = panel(moments=(AS_OF,), seed=2).features
    write_features(folders.score_features, AS_OF, now)
    write_json(folders.score_features / "columns.json", data.columns_info)
    write_json(folders.score_activity / "facts.json", facts(AS_OF))
    write_orders(folders.score_activity / "activity" / "2021-06.parquet", list(now["customer_id"]), days_ago=20)
    return folders


def save_sealed(model: ChurnModel, folder: Path) -> None:
    """A model as it lies in a champion's folder, with its digests."""
    model.save(folder)
    write_sums(folder)


def write_features(folder: Path, day: str, rows: pd.DataFrame) -> None:
    table = pa.Table.from_pandas(rows, preserve_index=False)
    place = table.column_names.index("as_of")
    folder.mkdir(parents=True, exist_ok=True)
    write_parquet(
        folder / f"{day}.parquet", table.set_column(place, "as_of", table["as_of"].cast(pa.date32(), safe=False))
    )


def write_labels(path: Path, data: Panel) -> None:
    as_of = pa.array(pd.to_datetime(data.features["as_of"])).cast(pa.date32(), safe=False)
    columns = {"customer_id": pa.array(data.customers), "as_of": as_of, "churned": pa.array(data.churned > 0.5)}
    write_parquet(path, pa.table({**columns, "value_ahead": pa.array(data.value_ahead)}))


def write_orders(path: Path, customers: list[str], *, days_ago: int) -> None:
    at = pd.Timestamp(AS_OF, tz="UTC") - pd.Timedelta(days=days_ago)
    path.parent.mkdir(parents=True, exist_ok=True)
    rows = {
        "customer_id": pa.array(customers, pa.string()),
        "activity": pa.array(["placed_order"] * len(customers), pa.string()),
        "occurred_at": pa.array([at.to_pydatetime()] * len(customers), pa.timestamp("us", "UTC")),
        "value": pa.array([1.0] * len(customers), pa.float64()),
    }
    write_parquet(path, pa.table(rows))


def facts(moment: str) -> dict[str, Any]:
    volume = {"count": 4000, "customers": 250, "last_28d_count": 400, "previous_weekly_mean": 100.0}
    order = {**volume, "first": "2020-01-01T00:00:00Z", "last": "2021-06-20T12:00:00Z", "has_value": True}
    kept = {
        "moment": moment,
        "timezone": "UTC",
        "rows": 4000,
        "customers": 250,
        "has_recorded_at": False,
        "digest": "d",
    }
    return {**kept, "activities": {"placed_order": {**order, "has_quantity": False, "has_detail": False}}}
