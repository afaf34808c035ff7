"""Whom `churn forget` means: merged accounts, former pseudonyms, and ids that are nobody's."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from pipelines.settings.params import Settings
from pipelines.stages import pull_activity
from pipelines.stages.pull_activity import pull
from tests.pipelines.sections_for_tests import forget

pytestmark = pytest.mark.slow

KEYS = ("a key for tests only, never used", "another key for tests, never used")


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(pull_activity, "_check", lambda *_: None)
    monkeypatch.delenv("CHURN_ID_KEY", raising=False)
    Path(".dvc").mkdir()
    Path(".dvc/config").write_text("[core]\n    no_scm = true\n    analytics = false\n")
    Path("ids.csv").write_text("system,id,customer_id\ncrm,c-1,Ann\ncustomer_id,old-Ann,Ann\ncrm,c-2,Bob\n")
    Path("crm.csv").write_text("who,at\nc-1,2024-05-01\nc-2,2024-05-02\n")
    Path("shop.csv").write_text("who,at\nAnn,2024-05-03\nold-Ann,2024-05-04\nBob,2024-05-05\n007,2024-05-06\n")
    return tmp_path


def settings_of(**others: Any) -> Settings:
    source = {"reader": "csv", "columns": {"customer_id": "who", "occurred_at": "at"}, "activity": "placed_order"}
    return Settings.model_validate(
        {
            "sources": {
                "crm": source | {"path": "crm.csv", "identity": "crm"},
                "shop": source | {"path": "shop.csv"},
            },
            "identities": {"table": {"reader": "csv", "path": "ids.csv"}},
            "observations": {"train": {"until": "2024-06-01"}, "score": {"as_of": "2024-06-01"}},
            "churn": {"silent": {"kind": "silence", "active_within_days": 56, "horizon_days": 28}},
            "at_risk": {"definition": "silent"},
        }
        | others
    )


def customers(settings: Settings) -> list[str]:
    pull(settings, "score", Path("data/activity/score"), Path("data/validation/score.json"), Path("data/landing"))
    return sorted(set(pq.read_table("data/activity/score/activity")["customer_id"].to_pylist()))


def forgotten(customer: str, settings: Settings) -> str:
    said: list[str] = []
    forget(customer, settings, said.append)
    return "\n".join(said)


@pytest.mark.parametrize("named", ["Ann", "old-Ann"])
def test_of_a_merged_account_the_whole_customer_is_meant(named: str) -> None:
    settings = settings_of()
    assert customers(settings) == ["007", "Ann", "Bob"]
    assert "Nothing here" not in forgotten(named, settings)
    assert customers(settings) == ["007", "Bob"]


def test_who_is_nobody_is_said_with_whom_was_meant() -> None:
    settings = settings_of()
    assert customers(settings) == ["007", "Ann", "Bob"]
    assert "Nothing here spoke of them" in forgotten("zoe", settings)
    assert "Did you mean Bob (whom crm calls so)?" in forgotten("c-2", settings)
    assert customers(settings) == ["007", "Ann", "Bob"]
    assert "Did you mean 007?" in forgotten("7", settings)
    assert "Did you mean Ann?" in forgotten("ann", settings)
    assert customers(settings) == ["007", "Ann", "Bob"]
    assert "Did you mean" not in forgotten("Ann", settings)
    assert "Nothing here" in forgotten("Ann", settings), "twice does no harm"


def test_pseudonyms_of_former_keys_go_too(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = settings_of(privacy={"pseudonymise": True})
    Path("data/ledger").mkdir(parents=True)
    for key in KEYS:
        monkeypatch.setenv("CHURN_ID_KEY", key)
        Path(f"data/ledger/{len(key)}.json").write_text(
            json.dumps([{"customer_id": one} for one in customers(settings)])
        )
    forgotten("Ann", settings)
    assert [len(json.loads(path.read_text())) for path in sorted(Path("data/ledger").glob("*.json"))] == [2, 2]


def test_a_folder_without_git_or_dvc_is_no_obstacle() -> None:
    settings = settings_of()
    assert customers(settings) == ["007", "Ann", "Bob"]
    Path(".dvc/config").write_text('[remote "store"]\n    url = ../kept\n')
    Path("kept/files/md5/ab").mkdir(parents=True)
    Path("kept/files/md5/ab/cdef").write_text("customer_id,value\nAnn,1\nBob,2\n")
    assert "DVC's store" in forgotten("Ann", settings)
    assert not Path("kept/files/md5/ab/cdef").exists()
    shutil.rmtree(".dvc")
    forgotten("Bob", settings)
    assert customers(settings) == ["007"]
