"""`churn forget` on a shop that has run: every store is decoded afterwards, and the next run brings nobody back."""

from __future__ import annotations

import gzip
import json
import re
import sqlite3
import zipfile
from contextlib import closing
from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq
import pytest

from tests.conftest import SHOP_UNTIL, Project

KEY = "a key for tests only, never used"
OURS = ("shop.csv", "ids.csv", "params.yaml", "first_run.txt")  # the company's own, and what the test itself wrote


def decoded(path: Path) -> str:
    """All that a file says, whatever it is."""
    raw = path.read_bytes()
    if raw[:4] == b"PAR1":
        return "\n".join(f"{name} {value}" for row in pq.read_table(path).to_pylist() for name, value in row.items())
    if raw[:2] == b"PK":
        with zipfile.ZipFile(path) as book:
            return "\n".join(book.read(name).decode("utf-8", "replace") for name in book.namelist())
    if raw[:2] == b"\x1f\x8b":
        return gzip.decompress(raw).decode("utf-8", "replace")
    if raw[:6] == b"SQLite":
        with closing(sqlite3.connect(path)) as con:
            return "\n".join(con.iterdump()) + raw.decode("latin-1")
    return raw.decode("latin-1")


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


def listed(project: Project) -> list[str]:
    path = project.folder / "data/at_risk" / SHOP_UNTIL / "at_risk.parquet"
    return [str(one) for one in pq.read_table(path)["customer_id"].to_pylist()]


@pytest.mark.slow
def test_a_forgotten_customer_is_in_no_store_and_never_comes_back(shop: Project) -> None:
    customer = listed(shop)[0]
    shop.dvc("push")
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
    assert listed(shop)
    assert "data/features/train" in said
    assert f"data/at_risk/{SHOP_UNTIL}/at_risk.xlsx" in said
    assert "Older results that can no longer be rebuilt" in said
    assert customer not in said
    manifest = json.loads((shop.folder / f"data/at_risk/{SHOP_UNTIL}/manifest.json").read_text())
    assert set(manifest["files"]) == {f"at_risk.{ending}" for ending in ("csv", "html", "parquet", "xlsx")}

    again = shop.churn("run").stdout
    assert "pull_activity@train" in again
    assert mentioning(shop.folder, customer) == []
    assert customer not in listed(shop)
    assert shop.dvc("status").stdout.count("data/") <= shop.dvc("status").stdout.count("fingerprint")
    shop.dvc("pull")
    shop.dvc("checkout")
    assert mentioning(shop.folder, customer) == []


@pytest.mark.slow
def test_with_pseudonyms_no_store_but_the_vault_holds_an_id(shop_run: Project, tmp_path: Path) -> None:
    project = shop_run.copy_to(tmp_path / "project")
    for place in ("data", ".dvc/cache", "mlartifacts"):
        project.call("rm", "-rf", place)
    project.edit("params.yaml", "pseudonymise: false", "pseudonymise: true")
    environment = project.environment()
    project.environment = lambda: {**environment, "CHURN_ID_KEY": KEY}  # type: ignore[method-assign]
    project.churn("run")
    orders = pd.read_csv(project.folder / "shop.csv", dtype=str)
    for customer in orders["Kunde"].unique()[:3]:
        assert mentioning(project.folder, customer) in ([], ["data/vault/customers.sqlite"])
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
