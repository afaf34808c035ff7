"""`churn score` with `engine: spark` writes the local engine's bytes, kin and all."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq
import pytest

from models.churn_model import ChurnModel
from pipelines.commands.score.request import Request
from pipelines.commands.score.run import score
from pipelines.runtime.log import Log
from tests.pipelines.model_folders_for_tests import AS_OF, D, Folders, fill, settings_with, write_features
from tests.pipelines.spark_for_tests import on_spark, require_spark

require_spark()
pytestmark = [pytest.mark.java, pytest.mark.slow]
SINCE = "placed_order_days_since_last"


def test_the_same_file_by_both_engines(trained_folders: Folders, tmp_path: Path) -> None:
    made = fill(tmp_path / "made")
    model = ChurnModel.load(trained_folders.model / "shipped")
    model.save(tmp_path / "champion" / D)
    shorter = {**model.definition, "horizon_days": 14}
    replace(model, definition=shorter).save(tmp_path / "champion" / "silent_14d")
    table = made.score_features / f"{AS_OF}.parquet"
    rows = pq.read_table(table).to_pandas()
    days = pd.to_datetime(rows["as_of"])
    write_features(made.score_features, AS_OF, rows.assign(as_of=days, **{SINCE: rows[SINCE].clip(upper=60)}))
    entry = {"kind": "silence", "activity": "placed_order", "active_within_days": 56}
    settings = settings_with(churn={D: {**entry, "horizon_days": 28}, "silent_14d": {**entry, "horizon_days": 14}})
    found = {}
    for name, asked in (("duckdb", settings), ("spark", on_spark(settings))):
        request = Request(tmp_path / f"{name}.parquet", features=table, model=str(tmp_path / "champion" / D))
        score(request, asked, Log(False, lambda: "now", lambda _: None))
        found[name] = request.out.read_bytes()
    assert found["spark"] == found["duckdb"]
