"""From the ledger into training: rows of customers whom our own lists contacted by lot teach nothing."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipelines.ledger.listed import LISTED, listed_before, listed_digest
from pipelines.modelling.panel import read_panel, training_panel
from pipelines.runtime.files import read_json, write_parquet
from pipelines.settings.params import Settings
from pipelines.stages.pull_activity import pull
from pipelines.stages.watch_sources import watch
from tests.models.panels_for_tests import MOMENTS
from tests.pipelines.ledgers_for_tests import put
from tests.pipelines.model_folders_for_tests import fill

ROWS = "a contact 1 0.8\nb control 2 0.7\nc contact 3 0.6\nd contact 4 0.5\n"


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def settings(until: str) -> Settings:
    return Settings.model_validate(
        {
            "sources": {"orders": {"reader": "csv", "path": "orders.csv", "activity": "placed_order"}},
            "observations": {"train": {"until": until}, "score": {"as_of": "2024-03-05"}},
            "churn": {"silent": {"kind": "silence", "active_within_days": 56, "horizon_days": 28}},
            "at_risk": {"definition": "silent"},
        }
    )


def test_who_was_on_lists_before_a_day_goes_with_the_stream_that_trains(here: Path) -> None:
    (here / "orders.csv").write_text(
        "customer_id,occurred_at\n" + "".join(f"a,2024-02-{day:02d}\n" for day in range(1, 29))
    )
    landing, chosen = here / "landing", settings("2024-03-01")

    def made() -> tuple[set[str], dict[str, object]]:
        watch(chosen, landing / "train.json", landing / "score.json")
        for branch in ("train", "score"):
            pull(chosen, branch, here / branch, here / f"{branch}.json")
        found = read_json(landing / "train.json")
        assert "listed" not in read_json(landing / "score.json")
        assert not (here / "score/listed.parquet").exists()
        return {path.name for path in (here / "train").iterdir()}, found

    names, before = made()
    assert (names, listed_before("2024-03-01")) == ({"activity", "facts.json"}, None)
    put("2024-03-01", ROWS)
    assert made() == (names, before), "a list for the day that ends training is not known yet"
    put("2024-02-26", ROWS)
    names, after = made()
    assert names == {"activity", "facts.json", "listed.parquet"}
    assert after == before | {"listed": listed_digest("2024-03-01")}
    table = pq.read_table(here / "train/listed.parquet")
    assert table.schema.equals(LISTED)
    assert table.column("is_contacted").to_pylist() == [True, False, True, True]
    assert set(table.column("probability").to_pylist()) == {0.75}, "of being contacted, in either arm"


def test_the_panel_that_trains_leaves_them_out(here: Path) -> None:
    folders = fill(here)
    places = folders.features, folders.root / "labels.parquet", folders.activity
    whole = read_panel(*places)
    same, none = training_panel(*places)
    assert none is None
    assert same.features.equals(whole.features)
    day = MOMENTS[2]
    on = pd.Series(whole.customers)[whole.moments == day].head(10).tolist()
    rows = [
        {"customer_id": one, "as_of": day, "is_contacted": place < 8, "probability": 0.9}
        for place, one in enumerate(on)
    ]
    write_parquet(folders.activity / "listed.parquet", pa.Table.from_pylist(rows, schema=LISTED))
    panel, found = training_panel(*places)
    assert found is not None
    assert found.to_json() == {"contacted_rows": 8, "control_rows": 2, "sure_rows": 0}
    gone = set(zip(whole.customers, whole.moments, strict=True)) - set(zip(panel.customers, panel.moments, strict=True))
    assert gone == {(one, day) for one in on[:8]}
    assert len(panel.churned) == len(panel.value_ahead) == len(panel.features) == len(whole.churned) - 8
