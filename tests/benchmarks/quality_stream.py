"""The pipeline's own functions on any stream in the activity schema, in a folder of their own, up to one moment.

What follows that moment is read by `what_followed` alone, after the scores are written.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import yaml

from pipelines.settings import params
from pipelines.stages.build_features import build
from pipelines.stages.evaluate_model import evaluate_model
from pipelines.stages.label_churn import label_definition
from pipelines.stages.pull_activity import pull
from pipelines.stages.score_customers import Places, score_customers
from pipelines.stages.train_model import train_model

ROOT = Path(__file__).resolve().parents[2]
NAME = "judged"


@dataclass(frozen=True)
class Stream:
    """A Parquet stream and the protocol it is judged by: a moment, days ahead, days behind."""

    path: Path
    activity: str
    until: str
    horizon_days: int
    active_days: int

    def settings(self, search: dict[str, float]) -> params.Settings:
        """params.yaml as it is, on this stream, by days of UTC, without the checks that judge what is new."""
        chosen: dict[str, Any] = yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8"))
        definition = {"kind": "silence", "activity": self.activity}
        definition |= {"active_within_days": self.active_days, "gap_days": 0, "horizon_days": self.horizon_days}
        chosen["timezone"] = "UTC"
        chosen["sources"] = {NAME: {"reader": "parquet", "path": str(self.path.resolve())}}
        chosen["observations"]["train"]["until"] = chosen["observations"]["score"]["as_of"] = self.until
        chosen["churn"], chosen["at_risk"]["definition"] = {NAME: definition}, NAME
        chosen["checks"] |= {"max_days_without_activity": 60, "max_volume_ratio": 1000, "max_score_shift": 1000}
        chosen["model"]["search"] |= search
        return params.Settings.model_validate(chosen)

    def train(self, folder: Path, search: dict[str, float]) -> dict[str, Any]:
        """Train on what was known at the moment, and the rolling backtest of it (metrics.json)."""
        os.chdir(folder)
        settings, at = self.settings(search), _at(folder)
        pull(settings, "train", at["activity_train"], at["report"])
        build(settings, "train", at["activity_train"], at["features_train"])
        label_definition(settings, NAME, at["activity_train"], at["labels"])
        told = {"features": at["features_train"], "labels": at["labels"], "activity": at["activity_train"]}
        train_model(NAME, settings, **told, out=at["model"])
        return evaluate_model(NAME, settings, model=at["model"], out=at["evaluation"])

    def score(self, folder: Path, search: dict[str, float]) -> pd.DataFrame:
        """The scores that the pipeline writes for the moment, by the model that would ship."""
        settings, at = self.settings(search), _at(folder)
        pull(settings, "score", at["activity_score"], at["report"])
        build(settings, "score", at["activity_score"], at["features_score"])
        places = Places(at["activity_score"], at["features_score"], at["model"] / "shipped", at["scores"], at["report"])
        return score_customers(NAME, settings, places)

    def what_followed(self) -> set[str]:
        """Customers with the activity in the horizon."""
        end = (date.fromisoformat(self.until) + timedelta(days=self.horizon_days)).isoformat()
        rows = duckdb.execute(
            "select distinct customer_id from read_parquet(?) where activity = ? "
            "and occurred_at >= ?::timestamptz and occurred_at < ?::timestamptz",
            [str(self.path), self.activity, f"{self.until} 00:00:00+00", f"{end} 00:00:00+00"],
        ).fetchall()
        return {str(row[0]) for row in rows}


def _at(folder: Path) -> dict[str, Path]:
    names = ("activity_train", "features_train", "activity_score", "features_score", "model", "evaluation")
    files = {"labels": "labels.parquet", "scores": "scores.parquet", "report": "report.json"}
    return {name: folder / name for name in names} | {name: folder / file for name, file in files.items()}


def backtest_of(metrics: dict[str, Any]) -> str:
    """The rolling backtest as a table: the model and everything it has to beat, moment by moment."""
    named = {"model": metrics, **metrics["baselines"]}
    moments = [*metrics["backtest"], f"{metrics['test']['as_of']}", "pooled"]
    lines = [f"{'ROC AUC / log loss':24}" + "".join(f"{moment:>15}" for moment in moments)]
    for name, found in named.items():
        cells = [*found["backtest"].values(), found["test"], found["pooled"]]
        lines.append(f"{name:24}" + "".join(f"{one['roc_auc']:>7.3f} /{one['log_loss']:>6.3f}" for one in cells))
    return "\n".join([*lines, f"ECE pooled {metrics['pooled']['ece']:.3f}. {metrics['grade']['text']}"])
