"""A changed source changes the fingerprint, an unchanged one does not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pipelines.runtime.errors import ChurnError
from pipelines.runtime.files import read_json
from pipelines.settings.params import Settings
from pipelines.stages.watch_sources import fingerprint, watch

ROW = "customer_id,occurred_at\na,2024-05-01\n"


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "exports"
    folder.mkdir()
    (folder / "1.csv").write_text(ROW)
    (folder / "2.csv").write_text(ROW + "b,2024-05-01\n")
    return tmp_path


def settings_of(**changes: Any) -> Settings:
    return Settings.model_validate(
        {
            "sources": {"orders": {"reader": "csv", "path": "exports", "activity": "placed_order"}},
            "observations": {"train": {"until": "2024-06-01"}, "score": {"as_of": "2024-07-01"}},
            "churn": {"silent": {"kind": "silence", "active_within_days": 56, "horizon_days": 28}},
            "at_risk": {"definition": "silent"},
        }
        | changes
    )


def test_content_counts_and_names_do_not(here: Path) -> None:
    first = fingerprint(settings_of(), "2024-06-01")
    (here / "exports" / "1.csv").rename(here / "exports" / "renamed.csv")
    assert fingerprint(settings_of(), "2024-06-01") == first
    (here / "exports" / "2.csv").write_text(ROW + "c,2024-05-01\n")
    assert fingerprint(settings_of(), "2024-06-01") != first


def test_a_new_file_is_noticed(here: Path) -> None:
    first = fingerprint(settings_of(), "2024-06-01")
    (here / "exports" / "3.csv").write_text(ROW)
    assert fingerprint(settings_of(), "2024-06-01") != first


def test_the_customers_table_is_watched_too(here: Path) -> None:
    (here / "people.csv").write_text("customer_id\na\n")
    settings = settings_of(customers={"reader": "csv", "path": "people.csv"})
    first = fingerprint(settings, "2024-06-01")
    (here / "people.csv").write_text("customer_id\nb\n")
    assert fingerprint(settings, "2024-06-01") != first


def test_the_demo_counts_its_package_version() -> None:
    found = fingerprint(settings_of(sources={"demo": {"reader": "complete_journey"}}), "2024-06-01")
    assert found["sources"]["demo"]["reader"] == "complete_journey"
    assert found["sources"]["demo"]["version"] == "0.1.0"
    assert len(found["sources"]["demo"]["found"]) == 5


def test_both_branches_are_written_and_stay_the_same_bytes(here: Path) -> None:
    train, score = here / "landing" / "train.json", here / "landing" / "score.json"
    watch(settings_of(), train, score)
    first = train.read_bytes()
    assert read_json(score) == fingerprint(settings_of(), "2024-06-01")
    watch(settings_of(), train, score)
    assert train.read_bytes() == first
    assert str(here) not in first.decode()


def test_a_missing_source_is_named(here: Path) -> None:
    for file in (here / "exports").iterdir():
        file.unlink()
    with pytest.raises(ChurnError, match=r"sources.orders.path: the folder exports holds no .csv file"):
        watch(settings_of(), here / "train.json", here / "score.json")
    assert not (here / "train.json").exists()
