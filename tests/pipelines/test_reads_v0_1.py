"""What a project of version 0.1 left on disk is read by this version, and means the same: see fixtures/make_v0_1.py."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
import tomllib
from contextlib import closing
from importlib import import_module
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import pytest
import yaml
from click.testing import CliRunner

from models.churn_model import ChurnModel
from pipelines.ledger import read, write
from pipelines.modelling.trial_store import OptunaTrialStore
from pipelines.settings import params
from pipelines.settings.model import WORK_PER_MINUTE
from tests.pipelines.left_by_v0_1 import unpack

ROOT = Path(__file__).resolve().parents[2]
LEFT = ROOT / "tests/fixtures/v0_1"
EXPECTED: dict[str, Any] = json.loads((LEFT / "expected.json").read_text())
SECOND = "2024-12-09"
ASKED = """
import json, sys
import mlflow.pyfunc, pandas as pd
told = mlflow.pyfunc.load_model(sys.argv[1]).predict(pd.read_parquet(sys.argv[2]))
json.dump(told.to_dict("list"), sys.stdout)
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The project's folder, to work in."""
    unpack(tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def churn(*arguments: str) -> str:
    """What the command says; it has to end well."""
    script = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["scripts"]["churn"]
    module, _, name = script.partition(":")
    done = CliRunner().invoke(getattr(import_module(module), name), arguments, catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.output


def rows(table: str) -> list[dict[str, Any]]:
    with closing(sqlite3.connect("data/ledger/ledger.db")) as con:
        con.row_factory = sqlite3.Row
        return [dict(row) for row in con.execute(f"select * from {table} order by 1, 2")]


def as_rows(table: pd.DataFrame, columns: list[str]) -> list[list[Any]]:
    return sorted(table[columns].astype(object).to_dict("tight")["data"])


def content(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def holds(found: Any, wanted: Any) -> Any:
    """`found` without the settings that 0.1 did not know."""
    if isinstance(wanted, dict) and isinstance(found, dict):
        return {name: holds(found.get(name), one) for name, one in wanted.items()}
    if isinstance(wanted, list) and isinstance(found, list) and len(found) == len(wanted):
        return [holds(*pair) for pair in zip(found, wanted, strict=True)]
    return found


@pytest.mark.parametrize("name", ["shipped", "project"])
def test_settings_mean_what_they_meant(name: str) -> None:
    path = {"shipped": LEFT / "shipped_params.yaml", "project": LEFT / "params.yaml"}[name]
    wanted = json.loads((LEFT / "settings.json").read_text())[name]
    settings = params.load(path)  # no warning: it would be an error
    minutes = wanted["model"]["search"].pop("max_minutes")
    for source in wanted["sources"].values():  # a decimal point was the default: now a column's own texts tell it
        if source.get("decimal") == ".":
            source["decimal"] = None
    assert holds(settings.model_dump(mode="json"), wanted) == wanted
    assert settings.model.search.work == minutes * WORK_PER_MINUTE


def test_the_ledger_says_what_it_said(project: Path) -> None:
    told = EXPECTED["ledger"]
    fields = write.Published.__dataclass_fields__
    found = [{name: getattr(one, name) for name in told["publication"][0]} for one in write.publications()]
    assert found == [{name: row[name] for name in row if name in fields} for row in told["publication"]]
    known = read.history_before("2025-01-06", params.load().timezone)
    latest = {row["as_of"]: row["number"] for row in told["publication"]}
    entries = [row for row in told["entry"] if row["publication"] in latest.values()]
    columns = ["customer_id", "group", "rank", "churn_probability", "value_at_risk", "action", "reason_1"]
    assert sorted(known.entries[columns].to_dict("tight")["data"]) == sorted(
        [row[c] for c in columns] for row in entries
    )
    assert set(known.entries["campaign"]) == {"winter"}
    assert set(known.entries["group"]) == {"contact", "control"}
    said = known.feedback.assign(occurred_at=known.feedback["occurred_at"].astype("int64"))
    columns = ["customer_id", "list_id", "occurred_at", "what"]
    assert sorted(said[columns].to_dict("tight")["data"]) == sorted(
        [row[c] for c in columns] for row in told["feedback"]
    )


def test_a_published_day_is_published_and_takes_feedback(project: Path) -> None:
    before = {name: rows(name) for name in EXPECTED["ledger"]}
    assert before == EXPECTED["ledger"]
    copies = content(project / "data/ledger/published")
    assert "published already" in churn("publish", "--as-of", SECOND)
    assert "in the ledger already" in churn("feedback", "team.csv")
    assert {name: holds(rows(name), before[name]) for name in before} == before
    customer = next(row for row in before["entry"] if row["publication"] == 3 and row["group"] == "contact")
    Path("more.csv").write_text(f"customer_id,what,when\n{customer['customer_id']},reached,2024-12-13\n")
    assert "1 contacted, 1 reached" in churn("feedback", "more.csv")
    assert len(rows("feedback")) == len(before["feedback"]) + 2
    assert content(project / "data/ledger/published") == copies


def test_a_published_week_is_found_as_it_was_published(project: Path) -> None:
    lists, copies = content(project / "data/at_risk"), content(project / "data/ledger/published")
    receipt = (project / f"data/weekly/{SECOND}/receipt.json").read_bytes()
    (published,) = (row for row in EXPECTED["ledger"]["publication"] if row["as_of"] == SECOND)
    said = churn("weekly", "--as-of", SECOND)
    assert "is published: nothing to do" in said
    assert published["list_id"] in churn("weekly", "--as-of", SECOND, "--log", "json")
    assert content(project / "data/at_risk") == lists
    assert content(project / "data/ledger/published") == copies
    assert (project / f"data/weekly/{SECOND}/receipt.json").read_bytes() == receipt


def test_a_pull_reads_only_what_is_new(project: Path) -> None:
    # Another version of DuckDB reads everything again, on purpose: then this asks too much.
    pieces = {path: path.stat().st_ino for path in project.glob("data/landing/shop/*/*/piece.json")}
    assert len(pieces) == 2
    assert len({path.parent.parent for path in pieces}) == 1
    new = pd.DataFrame({"Beleg": "B9", "Kunde": "00001", "Zeit": "2024-12-09T12:00:00+01:00", "Betrag": "9"}, [0])
    new.to_csv("orders/second_week_of_december.csv", index=False)
    settings = yaml.safe_load(Path("params.yaml").read_text())
    settings["observations"]["score"]["as_of"] = "2024-12-16"
    settings["checks"]["max_volume_ratio"] = 1e9
    settings["checks"]["max_days_without_activity"] = 30
    Path("params.yaml").write_text(yaml.safe_dump(settings))
    pull(project)
    now = {path: path.stat().st_ino for path in project.glob("data/landing/shop/*/*/piece.json")}
    assert len(now) == 3
    assert {path: now.get(path) for path in pieces} == pieces
    pulled = duckdb.sql("select count(*), count(*) filter (activity_id = 'shop-B9') from 'out/activity/*.parquet'")
    orders = sum(len(pd.read_csv(path)) for path in project.glob("orders/*.csv"))
    assert pulled.fetchall() == [(orders, 1)]


def pull(project: Path) -> None:
    """The stage that dvc.yaml names, into a folder of its own; the checks of a stream are others' business."""
    from pipelines.stages import pull_activity

    unchecked = pytest.MonkeyPatch()
    with unchecked.context() as patch:
        patch.setattr(pull_activity, "_check", lambda *_: None)
        pull_activity.pull(params.load(), "score", Path("out"), Path("validation/activity.json"), Path("data/landing"))


def test_the_champion_scores_as_it_scored(project: Path) -> None:
    model = ChurnModel.load(project / "data/champion/silent_28d")
    features = pd.read_parquet(LEFT / "features.parquet")
    probability, value = model.scores(features, threads=1)
    told = EXPECTED["scores"]
    assert model.digest == EXPECTED["digest"]
    assert features["customer_id"].tolist() == told["customer_id"]
    assert probability.tolist() == told["churn_probability"]
    assert (None if value is None else value.tolist()) == told["expected_value"]


@pytest.mark.slow  # imports mlflow
def test_the_registered_model_predicts_as_it_predicted(project: Path) -> None:
    environment = {**os.environ, "MLFLOW_DISABLE_TELEMETRY": "true"}
    command = [sys.executable, "-c", ASKED, "registered", str(LEFT / "features.parquet")]
    asked = subprocess.run(command, cwd=project, env=environment, capture_output=True, check=True)
    assert json.loads(asked.stdout) == EXPECTED["registered"]
    (folder,) = {path.parent for path in (project / "registered").rglob("model.json")}
    assert ChurnModel.load(folder).digest == EXPECTED["digest"]


def test_the_journal_recalls_its_trials(project: Path) -> None:
    (file,) = (project / ".dvc/tmp/churn/search").glob("*.jsonl")
    name, _, identity = file.stem.rpartition("-")
    found = OptunaTrialStore(name, identity, say=lambda _: None)
    assert sorted(found.known.values(), key=lambda one: one["number"]) == EXPECTED["trials"]


def test_dvc_lock_is_read(project: Path) -> None:
    from dvc.schema import COMPILED_LOCKFILE_SCHEMA

    told = COMPILED_LOCKFILE_SCHEMA(yaml.safe_load((project / "dvc.lock").read_text()))
    assert "data/at_risk/2024-12-02" in [out["path"] for out in told["stages"]["make_list"]["outs"]]
