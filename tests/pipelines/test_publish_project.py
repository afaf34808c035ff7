"""The commands on a project that has run: publish, report back, list again, forget."""

from __future__ import annotations

import csv
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from tests.conftest import SHOP_UNTIL, Project
from tests.pipelines.test_forget import listed, mentioning

pytestmark = pytest.mark.slow


def report(project: Project, *customers: str, when: str = "2024-12-03") -> None:
    rows = [["Customer ID", "Contacted", "Reached", "When", "Channel"]]
    rows += [[customer, "yes", "no", when, "phone"] for customer in customers]
    with (project.folder / "team.csv").open("w", newline="") as stream:
        csv.writer(stream).writerows(rows)


def activities(project: Project) -> set[str]:
    return set(pq.read_table(project.folder / "data/activity/score/activity")["activity"].to_pylist())


def test_a_list_is_published_reported_on_revised_and_forgotten(shop: Project) -> None:
    shop.edit(
        "params.yaml", "sinks: {}", "sinks: {force: {kind: salesforce, folder: crm, campaign_id: 701000000000001AAA}}"
    )
    before = shop.call("git", "status", "--porcelain").stdout
    assert "customers to contact" in shop.churn("publish").stdout
    assert "nothing was added to the ledger" in shop.churn("publish", "--as-of", SHOP_UNTIL).stdout
    sent = next((shop.folder / "crm").iterdir()).read_text().splitlines()
    assert [line.split(",")[1] for line in sent[1:]] == listed(shop)

    first, second, *_ = listed(shop)
    report(shop, first, "nobody")
    refused = shop.churn("feedback", "team.csv", check=False)
    assert refused.returncode == 1
    assert "team.csv: line 3: customer nobody is on no published list." in refused.stderr
    report(shop, first, second)
    assert "2 contacted" in shop.churn("feedback", "team.csv").stdout
    assert "is in the ledger already" in shop.churn("feedback", "team.csv").stdout
    (shop.folder / "team.csv").unlink()

    shop.edit("params.yaml", "  capacity: 300", "  capacity: 5")
    shop.churn("run")
    refused = shop.churn("publish", check=False)
    assert refused.returncode == 1
    assert "--revise` puts it in the place of the former" in refused.stderr
    assert "It is revision 2 and replaces" in shop.churn("publish", "--revise").stdout
    copies = shop.folder / "data/ledger/published"
    assert sorted(path.name for path in copies.iterdir()) == [SHOP_UNTIL, f"{SHOP_UNTIL}_r2"]
    assert len(pq.read_table(copies / SHOP_UNTIL / "at_risk.parquet")) > 5
    after = shop.call("git", "status", "--porcelain").stdout
    assert {line for line in after.splitlines() if "data/" in line} == {
        line for line in before.splitlines() if "data/" in line
    }

    (shop.folder / "crm").rename(shop.folder / "data/crm")
    shop.edit("params.yaml", "folder: crm", "folder: data/crm")
    said = shop.churn("forget", first, "--yes").stdout
    assert "data/ledger/ledger.db" in said
    assert mentioning(shop.folder, first) == []


def test_with_the_ledger_as_a_source_the_next_list_is_made_as_before(shop: Project) -> None:
    scores = (shop.folder / "data/scores/silent_28d.parquet").read_bytes()
    shop.churn("publish")
    shop.edit("params.yaml", "sources:\n", "sources:\n  our_doings: {reader: ledger}\n")
    shop.edit("params.yaml", f'as_of: "{SHOP_UNTIL}"', 'as_of: "2024-12-09"')
    shop.edit("params.yaml", "max_days_without_activity: 3 ", "max_days_without_activity: 30 ")
    shop.churn("run", "--no-promote")
    assert "was_listed" in activities(shop)
    assert Path(shop.folder, "data/at_risk/2024-12-09/at_risk.csv").is_file()
    assert (shop.folder / "data/scores/silent_28d.parquet").read_bytes() != scores
