"""One customer, many ids: resolved by table, rule or both; nobody's rows kept aside; nothing merged by accident."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from pipelines.runtime.errors import ChurnError
from pipelines.settings.params import Settings
from pipelines.settings.reading import Reading
from pipelines.stages import pull_activity
from pipelines.stages.pull_activity import check_sources, pull

pytestmark = pytest.mark.slow


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(pull_activity, "_check", lambda *_: None)
    return tmp_path


def source(name: str, activity: str, **others: Any) -> dict[str, Any]:
    columns = {"activity_id": "id", "customer_id": "who", "occurred_at": "when"}
    return {"reader": "csv", "path": f"{name}.csv", "columns": columns, "activity": activity} | others


def settings_of(identities: dict[str, Any] | None, *, system: str | None = "crm") -> Settings:
    return Settings.model_validate(
        {
            "sources": {"shop": source("shop", "placed_order"), "desk": source("desk", "complained", identity=system)},
            "identities": identities,
            "observations": {"train": {"until": "2024-06-01"}, "score": {"as_of": "2024-07-01"}},
            "churn": {"silent": {"kind": "silence", "active_within_days": 56, "horizon_days": 28}},
            "at_risk": {"definition": "silent"},
        }
    )


TABLE = {"table": {"reader": "csv", "path": "ids.csv"}}
SHOP = "id,who,when\n1,A,2024-05-01\n2,B,2024-05-02\n"


def pulled(desk: str, ids: str | None = None, identities: dict[str, Any] | None = None) -> list[str]:
    Path("shop.csv").write_text(SHOP)
    Path("desk.csv").write_text("id,who,when\n" + desk)
    if ids is not None:
        Path("ids.csv").write_text("system,id,customer_id\n" + ids)
    settings = settings_of(identities or TABLE)
    assert check_sources(Reading.of(settings)) == []
    return pull(settings, "train", Path("out"), Path("validation/activity.json"))


def complaints() -> list[str]:
    table = pq.read_table("out/activity/2024-05.parquet").to_pylist()
    return [row["customer_id"] for row in table if row["activity"] == "complained"]


def test_a_table_says_which_id_is_which_customer() -> None:
    assert pulled("1,c-1,2024-05-03\n2,c-2,2024-05-04\n", "crm,c-1,A\ncrm,c-2,B\nother,c-1,B\n") == []
    assert complaints() == ["A", "B"]


@pytest.mark.parametrize(
    ("rule", "theirs", "ours"),
    [
        ("email", " Ann@Example.ORG ", "ann@example.org"),
        ("lower", "AbC", "abc"),
        ("trim", " Ab ", "Ab"),
        ("digits", "+49 30-12", "493012"),
    ],
)
def test_a_rule_writes_ids_alike(rule: str, theirs: str, ours: str) -> None:
    pulled(f"1,{theirs},2024-05-03\n", identities={"rules": {"crm": rule}})
    assert complaints() == [ours]


def test_a_rule_is_applied_to_both_sides_of_the_table() -> None:
    identities = TABLE | {"rules": {"crm": "email"}}
    pulled("1,ann@example.org,2024-05-03\n", "crm,ANN@example.org ,A\n", identities)
    assert complaints() == ["A"]


def test_rows_of_nobody_are_counted_named_and_kept_aside() -> None:
    rows = "1,c-1,2024-05-03\n2,c-9,2024-05-04\n3,c-1,2024-05-05\n4,c-9,2024-07-05\n"
    notes = pulled(rows, "crm,c-1,A\n")
    assert complaints() == ["A", "A"]
    assert notes == [
        (
            "sources.desk: 1 of 4 rows belong to 1 ids of crm that are no customer's (c-9). They are left out and kept "
            "in validation/unmatched_train.csv. Add the ids to identities.table."
        ),
        "sources.desk: complained: of 4 rows 2 became activities; 2 whose id is no customer's.",
    ]
    aside = Path("validation/unmatched_train.csv")
    assert aside.read_text() == (
        "source,system,id,activity_id,occurred_at,activity,value,quantity,detail\n"
        "desk,crm,c-9,desk-2,2024-05-04T00:00:00.000000Z,complained,,,\n"
    )
    assert aside.stat().st_mode & 0o077 == 0
    assert pulled("1,c-1,2024-05-03\n") == []
    assert not aside.exists()


def test_what_is_no_e_mail_is_nobodys() -> None:
    note, account = pulled("1,x@example.org,2024-05-03\n2,n/a,2024-05-04\n", identities={"rules": {"crm": "email"}})
    assert "1 of 2 rows belong to 1 ids of crm that are no customer's (n/a)" in note
    assert "of 2 rows 1 became an activity; 1 whose id is no customer's" in account
    assert complaints() == ["x@example.org"]


def test_too_many_rows_of_nobody_stop_the_pull() -> None:
    with pytest.raises(ChurnError, match=r"more than identities\.max_unmatched_share of 0\.5 allows"):
        pulled("1,c-9,2024-05-03\n2,c-8,2024-05-04\n3,c-1,2024-05-04\n", "crm,c-1,A\n")
    assert "c-9" in Path("validation/unmatched_train.csv").read_text()


def test_an_id_of_two_customers_is_an_error_with_examples() -> None:
    with pytest.raises(ChurnError) as problem:
        pulled("1,c-1,2024-05-03\n", "crm,c-1,A\ncrm,c-1,B\ncrm,c-2,A\n")
    assert problem.value.faults == (
        (
            "identities.table: 1 ids stand for two customers (crm c-1: A and B). Keep one row for each id; where two "
            "customers are one person now, add a row: system customer_id, id the old one, customer_id the new one."
        ),
    )


def test_a_rule_that_makes_two_ids_one_is_found_out() -> None:
    with pytest.raises(ChurnError, match=r"crm x@example\.org: A and B"):
        pulled("1,c,2024-05-03\n", "crm,X@example.org,A\ncrm,x@example.org,B\n", TABLE | {"rules": {"crm": "email"}})


def test_accounts_that_became_one_are_followed_everywhere() -> None:
    ids = "customer_id,B,C\ncustomer_id,C,A\ncrm,c-1,B\ncrm,c-1,A\n"
    with pytest.raises(ChurnError, match="stand for two customers"):
        pulled("1,c-1,2024-05-03\n", ids)
    pulled("1,c-1,2024-05-03\n", "customer_id,B,C\ncustomer_id,C,A\ncrm,c-1,B\n")
    table = pq.read_table("out/activity/2024-05.parquet")
    assert table["customer_id"].to_pylist() == ["A", "A", "A"]


def test_accounts_that_were_merged_in_a_circle_are_an_error() -> None:
    with pytest.raises(ChurnError) as problem:
        pulled("1,c-1,2024-05-03\n", "customer_id,A,B\ncustomer_id,B,C\ncustomer_id,C,A\ncrm,c-1,A\n")
    assert problem.value.faults == (
        "identities.table: 1 circles of customer ids: A -> B -> C -> A. Say which id each ends in.",
    )


def test_holes_in_the_table_are_named_by_line() -> None:
    with pytest.raises(ChurnError) as problem:
        pulled("1,c-1,2024-05-03\n", "crm,c-1,A\ncrm,,A\n,c-2,A\ncrm,c-3,\n")
    assert [fault.split(". ")[0] for fault in problem.value.faults] == [
        "ids.csv: 1 of 4 rows has no system (line 4)",
        "ids.csv: 1 of 4 rows has no id (line 3)",
        "ids.csv: 1 of 4 rows has no customer_id (line 5)",
    ]


def test_faults_are_found_before_any_work() -> None:
    Path("shop.csv").write_text(SHOP)
    Path("desk.csv").write_text(SHOP)
    Path("ids.csv").write_text("System,id,customer\n")
    assert check_sources(Reading.of(settings_of({"rules": {"crn": "email"}}))) == [
        "params.yaml: sources.desk.identity: identities has no rule for crm. Did you mean crn?"
    ]
    faults = check_sources(Reading.of(settings_of(TABLE)))
    assert any(fault.startswith("ids.csv: there is a header but not one row") for fault in faults)
    Path("ids.csv").write_text("System,id,customer\ncrm,1,2\n")
    assert [fault.partition(" Did")[0] for fault in check_sources(Reading.of(settings_of(TABLE)))] == [
        "params.yaml: identities.table.columns.system: ids.csv has no column 'system'.",
        "params.yaml: identities.table.columns.customer_id: ids.csv has no column 'customer_id'.",
    ]
