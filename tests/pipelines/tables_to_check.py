"""Small tables of all three kinds as they should be, ways to spoil them, and what a report should then say."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from features.activity import ACTIVITY_SCHEMA, MOMENT
from pipelines.checks import rules
from pipelines.checks.report import Report
from pipelines.runtime.errors import ChurnError
from pipelines.runtime.files import write_json
from pipelines.settings.params import Settings

AS_OF = "2024-07-01"
Change = Callable[[pd.DataFrame], pd.DataFrame]


def settings_with(**checks: Any) -> Settings:
    return Settings.model_validate(
        {
            "sources": {"shop": {"reader": "csv", "path": "shop.csv"}},
            "observations": {"train": {"until": AS_OF}, "score": {"as_of": AS_OF}},
            "churn": {"silent_28d": {"kind": "silence", "active_within_days": 56, "horizon_days": 28}},
            "at_risk": {"definition": "silent_28d"},
            "checks": {"volume": "stop", "score_shift": "stop"} | checks,
        }
    )


def check_features(folder: Path, settings: Settings) -> Report:
    return rules.check_features(folder, settings.observations.score.as_of, settings.features.attributes)


def check_scores(frame: Any, profile: dict[str, Any], facts: dict[str, Any], settings: Settings) -> Report:
    return rules.check_scores(frame, profile, facts, settings.observations.score.as_of, settings.checks)


def set_to(column: str, value: Any, *rows: int) -> Change:
    """Those rows (all where none is given) get another value in one column."""

    def change(frame: pd.DataFrame) -> pd.DataFrame:
        values = frame[column].astype(object)
        values.iloc[list(rows) or slice(None)] = value
        return frame.assign(**{column: values})

    return change


def as_text(column: str) -> Change:
    return lambda frame: frame.assign(**{column: frame[column].astype(str)})


def outcome(report: Report) -> dict[str, str]:
    """Failed statement -> what is named with it."""
    return {entry["statement"]: json.dumps(entry["offending"]) for entry in report.failed}


def fails_as(report: Report, statement: str, named: str) -> None:
    found = outcome(report)
    matching = [text for text in found if statement in text]
    assert len(matching) == 1, found
    assert named in found[matching[0]]
    with pytest.raises(ChurnError) as problem:
        report.require()
    assert matching[0] in str(problem.value) or len(found) > 3


def activity() -> pd.DataFrame:
    """Half a year: 8 orders and 4 e-mails a day from 100 customers."""
    days = pd.date_range("2024-01-01", "2024-06-30", tz="UTC")
    hours = np.tile(np.arange(12) * 1.9, len(days))
    at = days.repeat(12) + pd.to_timedelta(hours, unit="h")
    order = np.tile(np.arange(12) < 8, len(days))
    n = len(at)
    return pd.DataFrame(
        {
            "activity_id": [f"a{i:05d}" for i in range(n)],
            "customer_id": [f"c{i % 100:03d}" for i in range(n)],
            "occurred_at": at,
            "recorded_at": at + pd.Timedelta(minutes=5),
            "activity": np.where(order, "placed_order", "opened_email"),
            "value": np.where(order, 12.5, np.nan),
            "quantity": 1.0,
            "detail": "web",
        }
    )


def write_activity(frame: pd.DataFrame, folder: Path, typed: bool = True) -> Path:
    """By month of occurred_at, in the contract's types, or in those of the frame itself."""
    (folder / "activity").mkdir(parents=True)
    contract = {field.name: field.type for field in ACTIVITY_SCHEMA}
    month = [f"{at:%Y-%m}" if at is not pd.NaT else "2024-03" for at in frame["occurred_at"]]
    for name, rows in frame.groupby(month):
        columns = {}
        for column, values in rows.items():
            time = isinstance(values.iloc[0], (pd.Timestamp, type(pd.NaT)))
            kind = contract.get(str(column)) if typed else MOMENT if time else None
            columns[str(column)] = pa.array([None if pd.isna(value) else value for value in values], kind)
        pq.write_table(pa.table(columns), folder / "activity" / f"{name}.parquet")
    return folder


COLUMNS = [
    {"name": "placed_order_count_28d", "low": 0.0, "high": None},
    {"name": "placed_order_share_of_weeks", "low": 0.0, "high": 1.0},
    {"name": "placed_order_trend", "low": None, "high": None},
]


def features(moment: str) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "customer_id": [f"c{i:03d}" for i in range(50)],
            "as_of": date.fromisoformat(moment),
            "placed_order_count_28d": np.arange(50, dtype="float32"),
            "placed_order_share_of_weeks": np.linspace(0, 1, 50, dtype="float32"),
            "placed_order_trend": np.linspace(-3, 3, 50, dtype="float32"),
        }
    )


def write_features(folder: Path, change: Change = lambda frame: frame) -> Path:
    """Two moments; the change happens in the second."""
    folder.mkdir(exist_ok=True)
    for moment, made in (("2024-06-03", features("2024-06-03")), (AS_OF, change(features(AS_OF)))):
        fields = {column["name"]: pa.float32() for column in COLUMNS} | {
            "customer_id": pa.string(),
            "as_of": pa.date32(),
        }
        schema = pa.schema([(n, fields.get(n, pa.string())) for n in made.columns])
        pq.write_table(pa.Table.from_pandas(made, schema=schema, preserve_index=False), folder / f"{moment}.parquet")
    write_json(folder / "columns.json", COLUMNS)
    return folder


EDGES = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9]
VOLUMES = {"placed_order": {"last_28d_count": 400, "previous_weekly_mean": 100.0}}
PROFILE = {
    "score_edges": EDGES,
    "score_shares": [0.1] * 10,
    "customers": 2000,
    "churn_rate": 0.5,
    "activities": VOLUMES,
}
FACTS = {"customers": 1000, "activities": VOLUMES}


def scores() -> pd.DataFrame:
    probability = (np.arange(1000) + 0.5) / 1000
    return pd.DataFrame(
        {
            "customer_id": [f"c{i:03d}" for i in range(1000)],
            "as_of": pd.Timestamp(AS_OF),
            "churn_probability": probability,
            "expected_value": 80.0,
            "value_at_risk": probability * 80.0,
            "model_version": "5d41402a",
        }
    )
