"""`churn forget` on a shop that has run: every store is decoded afterwards, and the next run brings nobody back."""

from __future__ import annotations

import json
import re
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq
import pytest

from pipelines.erasure.forget import known_ids
from pipelines.erasure.report import Forgotten, report_lines
from pipelines.erasure.stores import forget_in_files
from pipelines.settings import params
from tests.conftest import SHOP_UNTIL, Project
from tests.pipelines.decoded_for_tests import decoded
from tests.pipelines.sections_for_tests import erasure_of

KEY = "a key for tests only, never used"
OURS = ("shop.csv", "ids.csv", "params.yaml", "first_run.txt")  # the company's own, and what the test itself wrote


def mentioning(folder: Path, name: str) -> list[str]:
    """Every file of a project, hidden ones too, that speaks of a customer: as a whole word, in any store."""
    wanted = re.compile(rf"(?<![\w.]){re.escape(name)}(?!\w|\.\d)")
    files = (path for path in sorted(folder.rglob("*")) if path.is_file() and ".git" not in path.parts)
    packages = {"features", "models", "pipelines", "requirements.lock", ".ci"}
    return [
        str(path.relative_to(folder))
        for path in files
        if path.name not in OURS
        and path.relative_to(folder).parts[0] not in packages
        and path.suffix != ".png"
        and wanted.search(decoded(path))
    ]


def scored(path: Path) -> list[str]:
    """The customers of a Parquet file of scores; none of any other file."""
    if not path.is_file() or path.read_bytes()[:4] != b"PAR1":
        return []
    names = pq.read_schema(path).names
    return pq.read_table(path)["customer_id"].to_pylist() if "churn_probability" in names else []


def listed(project: Project) -> list[str]:
    path = project.folder / "data/at_risk" / SHOP_UNTIL / "at_risk.parquet"
    return [str(one) for one in pq.read_table(path)["customer_id"].to_pylist()]


@pytest.mark.slow
def test_a_forgotten_customer_is_in_no_store_and_never_comes_back(shop: Project) -> None:
    customer = listed(shop)[0]
    other = listed(shop)[1]
    shop.dvc("push")
    ledger = shop.folder / "data/ledger"
    ledger.mkdir()
    (ledger / "listed.jsonl").write_text("".join(json.dumps({"customer_id": one}) + "\n" for one in (customer, other)))
    with closing(sqlite3.connect(ledger / "ledger.sqlite")) as con, con:
        con.execute("create table listed (customer_id text)")
        con.executemany("insert into listed values (?)", [(customer,), (other,)])
    (shop.folder / "mlartifacts" / "rows.csv").write_text(f"customer_id,value\n{customer},1\n{other},2\n")
    (shop.folder / "data/validation/quarantine_train.csv").write_text(f"source,file,line,reason\nshop,x,1,{customer}\n")
    kept = next(path for path in (shop.folder / ".dvc/cache/files").rglob("*") if customer in scored(path))
    old = kept.read_bytes()
    before = mentioning(shop.folder, customer)
    for store in (
        "data/activity",
        "data/features",
        "data/labels",
        "data/models",
        "data/scores",
        ".dvc/cache",
        ".dvc/storage",
    ):
        assert any(path.startswith(store) for path in before), store
    for ending in ("csv", "html", "parquet", "xlsx"):
        assert f"data/at_risk/{SHOP_UNTIL}/at_risk.{ending}" in before

    said = shop.churn("forget", customer, "--yes").stdout
    assert mentioning(shop.folder, customer) == []
    assert other in (ledger / "listed.jsonl").read_text()
    assert other in decoded(ledger / "ledger.sqlite")
    assert other in (shop.folder / "mlartifacts" / "rows.csv").read_text()
    assert other in listed(shop)
    assert "data/features/train" in said
    assert f"data/at_risk/{SHOP_UNTIL}/at_risk.xlsx" in said
    assert "Older results that can no longer be rebuilt" in said
    assert customer not in said
    manifest = json.loads((shop.folder / f"data/at_risk/{SHOP_UNTIL}/manifest.json").read_text())
    assert set(manifest["files"]) >= {f"at_risk.{ending}" for ending in ("csv", "html", "parquet", "xlsx")}

    again = shop.churn("run").stdout
    assert "pull_activity@train" in again
    assert mentioning(shop.folder, customer) == []
    assert customer not in listed(shop)
    status = shop.dvc("status").stdout
    assert status.count("data/") <= status.count("fingerprint")
    shop.dvc("pull")
    shop.dvc("checkout")
    assert mentioning(shop.folder, customer) == []

    kept.parent.mkdir(exist_ok=True)
    kept.write_bytes(old)  # as a fetch of old results from elsewhere would
    assert mentioning(shop.folder, customer)
    assert "1 objects deleted" in shop.churn("forget", "--again").stdout
    assert mentioning(shop.folder, customer) == []
    assert "is back" in shop.churn("forget", "--again").stdout


@pytest.mark.slow
def test_with_pseudonyms_no_store_but_the_vault_holds_an_id(
    shop_run: Project, tmp_path: Path, empty_store: Path
) -> None:
    project = shop_run.copy_to(tmp_path / "project")
    project.call("rm", "-rf", "data", ".dvc/cache", "mlartifacts", "mlflow.db")
    shutil.copy(empty_store, project.folder / "mlflow.db")
    project.edit("params.yaml", "pseudonymise: false", "pseudonymise: true")
    environment = project.environment()
    project.environment = lambda: {**environment, "CHURN_ID_KEY": KEY}  # type: ignore[method-assign]
    project.churn("run")
    orders = pd.read_csv(project.folder / "shop.csv", dtype=str)
    for customer in orders["Kunde"].unique()[:3]:
        holding = {path for path in mentioning(project.folder, customer) if not path.startswith("data/landing/shop/")}
        assert holding <= {"data/vault/customers.sqlite"}
    known = dict(sqlite3.connect(project.folder / "data/vault/customers.sqlite").execute("select * from customer"))
    first = listed(project)[0]
    customer = known[first]

    project.churn("export")
    exported = pd.read_csv(project.folder / f"data/exports/{SHOP_UNTIL}/at_risk.csv", dtype=str)
    assert [known[one] for one in listed(project)] == list(exported["customer_id"])
    assert f"Customer {customer} is number 1" in project.churn("explain", customer).stdout

    project.churn("forget", customer, "--yes")
    assert mentioning(project.folder, customer) == []
    assert mentioning(project.folder, first) == []


def test_remotes_elsewhere_are_named_with_what_to_do() -> None:
    lines = report_lines(Forgotten(elsewhere={"store": "s3://bucket/x"}))
    assert any("The remote store (s3://bucket/x) is out of reach" in line and "dvc gc" in line for line in lines)


def test_the_ids_of_a_customer_in_other_systems_are_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("ids.csv").write_text("system,id,customer_id\ncrm,c-1,A\ncustomer_id,old-A,A\ndesk,d-1,old-A\ncrm,c-2,B\n")
    identities = {"table": {"reader": "csv", "path": "ids.csv"}}
    settings = params.Settings.model_validate(
        {
            "sources": {"shop": {"reader": "csv", "path": "x.csv", "activity": "placed_order"}},
            "identities": identities,
            "observations": {"train": {"until": "2024-06-01"}, "score": {"as_of": "2024-07-01"}},
            "churn": {"silent": {"kind": "silence", "active_within_days": 56, "horizon_days": 28}},
            "at_risk": {"definition": "silent"},
        }
    )
    assert known_ids("A", erasure_of(settings)) == [
        ("customer_id", "A"),
        ("crm", "c-1"),
        ("customer_id", "old-A"),
        ("desk", "d-1"),
    ]


@pytest.mark.parametrize("name", ["2", "low"])
def test_a_champion_keeps_its_categories_whatever_the_customer_is_called(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.chdir(tmp_path)
    model = tmp_path / "data/champion/silent/model.json"
    model.parent.mkdir(parents=True)
    model.write_text(json.dumps({"categories": {"customer_size": ["1", "2"], "customer_income": ["low", "high"]}}))
    (tmp_path / "data/ledger").mkdir()
    (tmp_path / "data/ledger/listed.json").write_text(json.dumps([{"customer_id": name}, {"customer_id": "other"}]))
    before = model.read_text()
    forget_in_files(frozenset({name}))
    assert model.read_text() == before
    assert json.loads((tmp_path / "data/ledger/listed.json").read_text()) == [{"customer_id": "other"}]
