"""What leaves the pull: no column that nothing maps, no id where pseudonyms are asked for, nobody who is forgotten."""

from __future__ import annotations

import json
import stat
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipelines.runtime.errors import ChurnError
from pipelines.settings.params import Settings
from pipelines.settings.reading import Reading
from pipelines.sources.privacy import vault
from pipelines.sources.privacy.erased import FILE, add_tombstones, read_tombstones
from pipelines.sources.privacy.pseudonyms import keyed
from pipelines.stages import pull_activity
from pipelines.stages.pull_activity import check_sources, pull
from pipelines.stages.watch_sources import fingerprint

KEY = "a key for tests only, never used"
IDS = ("anna-1", "bert-2", "carl-3")


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(pull_activity, "_check", lambda *_: None)
    monkeypatch.setenv("CHURN_ID_KEY", KEY)
    rows = [f"{who}-{i},{who},2024-05-{i + 1:02d},9,SECRET-{who},{who}@example.org" for i in range(9) for who in IDS]
    Path("shop.csv").write_text("id,who,when,paid,note,mail\n" + "\n".join([*rows, "x,anna-1,whenever,9,SECRET,m"]))
    table = pa.table({"customer_id": list(IDS), "tier": ["gold", "silver", "gold"], "secret": ["SECRET"] * 3})
    pq.write_table(table, "customers.parquet")
    return tmp_path


def settings_of(**others: Any) -> Settings:
    columns = {"activity_id": "id", "customer_id": "who", "occurred_at": "when", "value": "paid"}
    shop = {"reader": "csv", "path": "shop.csv", "columns": columns, "activity": "placed_order", "max_bad_share": 0.5}
    return Settings.model_validate(
        {
            "sources": {"shop": shop},
            "customers": {"reader": "parquet", "path": "customers.parquet", "static": True},
            "features": {"attributes": ["tier"]},
            "privacy": {"pseudonymise": True},
            "observations": {"train": {"until": "2024-06-01"}, "score": {"as_of": "2024-07-01"}},
            "churn": {"silent": {"kind": "silence", "active_within_days": 56, "horizon_days": 28}},
            "at_risk": {"definition": "silent"},
        }
        | others
    )


def pulled(settings: Settings) -> list[str]:
    return pull(settings, "train", Path("data/activity"), Path("data/validation/activity.json"), Path("data/landing"))


def everything(*, vault_too: bool = True) -> str:
    """All that the pull wrote, decoded; without its own two stores, the landing store and the vault, on demand."""
    said = ""
    for path in sorted(file for file in Path("data").rglob("*") if file.is_file()):
        if not vault_too and path.is_relative_to("data/landing"):
            continue
        if path.suffix == ".parquet":
            said += json.dumps(pq.read_table(path).to_pylist(), default=str)
        elif vault_too or path.parent.name != "vault":
            said += path.read_bytes().decode("utf-8", "replace")
    return said


def test_a_column_that_nothing_maps_is_in_no_store() -> None:
    pulled(settings_of(privacy={}))
    assert "anna-1" in everything()
    assert "SECRET" not in everything()
    assert "@example.org" not in everything()


def test_pseudonyms_are_all_that_leaves_the_pull() -> None:
    pulled(settings_of())
    said = everything(vault_too=False)
    assert not [one for one in IDS if one in said]
    assert keyed(KEY.encode(), "anna-1") in said
    table = pq.read_table("data/activity/activity/2024-05.parquet")
    assert set(table["customer_id"].to_pylist()) == {keyed(KEY.encode(), one) for one in IDS}
    assert len(set(table["activity_id"].to_pylist())) == 27
    assert KEY not in everything()


def test_the_customers_table_goes_under_the_same_pseudonyms() -> None:
    pulled(settings_of())
    rows = {row["customer_id"]: row["tier"] for row in pq.read_table("data/activity/customers.parquet").to_pylist()}
    assert rows == {keyed(KEY.encode(), one): tier for one, tier in zip(IDS, ("gold", "silver", "gold"), strict=True)}


def test_the_vault_is_the_way_back_and_its_owners_alone() -> None:
    pulled(settings_of())
    hashed = [keyed(KEY.encode(), one) for one in IDS]
    assert vault.originals([*hashed, "nobody"]) == dict(zip(hashed, IDS, strict=True))
    path = vault.FOLDER / vault.FILE
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_rows_of_nobody_lie_in_the_vault_and_are_not_named() -> None:
    settings = settings_of()
    shop = settings.sources["shop"].model_dump() | {"identity": "shop"}
    ids = "system,id,customer_id\nshop,anna-1,A\nshop,bert-2,B\n"
    Path("ids.csv").write_text(ids)
    identities = {"table": {"reader": "csv", "path": "ids.csv"}}
    notes = pulled(settings_of(sources={"shop": shop}, identities=identities))
    assert "carl-3" not in "".join(notes)
    assert "carl-3" not in everything(vault_too=False)
    assert "carl-3" in (vault.FOLDER / "unmatched_train.csv").read_text()


@pytest.mark.parametrize(
    "rows", ["shop,anna-1,A\nshop,anna-1,B\n", "customer_id,anna-1,bert-2\ncustomer_id,bert-2,anna-1\n"]
)
def test_what_is_wrong_with_identities_names_nobody(rows: str) -> None:
    Path("ids.csv").write_text("system,id,customer_id\n" + rows)
    identities = {"table": {"reader": "csv", "path": "ids.csv"}}
    with pytest.raises(ChurnError) as problem:
        pulled(settings_of(identities=identities))
    assert "see data/vault/identity_faults.txt" in str(problem.value)
    assert "anna-1" not in str(problem.value)
    path = vault.FOLDER / vault.FAULTS
    assert "anna-1" in path.read_text()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


@pytest.mark.parametrize("key", ["", "short"])
def test_a_key_that_is_missing_or_short_is_a_fault_before_any_work(key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CHURN_ID_KEY", key)
    (fault,) = check_sources(Reading.of(settings_of()))
    assert "CHURN_ID_KEY" in fault
    assert "short" not in fault


def test_another_key_is_noticed_as_a_changed_source(monkeypatch: pytest.MonkeyPatch) -> None:
    first = fingerprint(settings_of(), "2024-06-01")
    assert KEY not in json.dumps(first)
    monkeypatch.setenv("CHURN_ID_KEY", KEY[::-1])
    assert fingerprint(settings_of(), "2024-06-01") != first


@pytest.mark.parametrize("privacy", [{}, {"pseudonymise": True}], ids=["plain", "pseudonyms"])
def test_who_is_forgotten_never_comes_back(privacy: dict[str, Any]) -> None:
    settings = settings_of(privacy=privacy)
    before = fingerprint(settings, "2024-06-01")
    add_tombstones(settings.privacy, [("customer_id", "bert-2")])
    pulled(settings)
    assert "bert-2" not in everything()
    assert keyed(KEY.encode(), "bert-2") not in everything()
    assert fingerprint(settings, "2024-06-01") != before


def test_the_tombstones_name_nobody_and_need_their_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CHURN_ID_KEY")
    settings = settings_of(privacy={})
    add_tombstones(settings.privacy, [("customer_id", "bert-2")])
    assert "bert" not in FILE.read_text()
    assert read_tombstones(settings.privacy).has("customer_id", "bert-2")
    assert not read_tombstones(settings.privacy).has("crm", "bert-2")
    key = Path("data/vault/forgotten.key")
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    key.write_text("another key, as long as it takes")
    with pytest.raises(ChurnError, match="is another one"):
        read_tombstones(settings.privacy)
    key.unlink()
    assert "is missing" in check_sources(Reading.of(settings))[0]


def test_ids_of_a_forgotten_customer_in_other_systems_are_left_out_too() -> None:
    settings = settings_of()
    shop = settings.sources["shop"].model_dump() | {"identity": "shop"}
    Path("ids.csv").write_text("system,id,customer_id\nshop,anna-1,A\nshop,bert-2,B\nshop,carl-3,C\n")
    identities = {"table": {"reader": "csv", "path": "ids.csv"}}
    settings = settings_of(sources={"shop": shop}, identities=identities, customers=None, features={})
    add_tombstones(settings.privacy, [("customer_id", "B"), ("shop", "bert-2")])
    Path("ids.csv").write_text("system,id,customer_id\nshop,anna-1,A\nshop,carl-3,C\n")  # B is gone there too
    pulled(settings)
    assert "bert-2" not in everything()
    assert not list(vault.FOLDER.glob("unmatched*"))


def test_a_new_id_that_leads_to_a_forgotten_customer_is_left_out() -> None:
    settings = settings_of()
    shop = settings.sources["shop"].model_dump() | {"identity": "shop"}
    Path("ids.csv").write_text("system,id,customer_id\nshop,anna-1,A\nshop,carl-3,C\n")
    settings = settings_of(
        sources={"shop": shop},
        identities={"table": {"reader": "csv", "path": "ids.csv"}},
        customers=None,
        features={},
        privacy={},
    )
    add_tombstones(settings.privacy, [("customer_id", "B")])
    Path("ids.csv").write_text(
        "system,id,customer_id\nshop,anna-1,A\nshop,bert-2,old\nshop,carl-3,C\ncustomer_id,old,B\n"
    )
    pulled(settings)
    assert "bert-2" not in everything()
    rows = pq.read_table("data/activity/activity/2024-05.parquet")["customer_id"].to_pylist()
    assert set(rows) == {"A", "C"}


def test_another_systems_id_that_looks_the_same_is_somebody_else() -> None:
    shop = settings_of().sources["shop"].model_dump() | {"identity": "shop"}
    Path("ids.csv").write_text("system,id,customer_id\nshop,anna-1,A\nshop,bert-2,B\nshop,carl-3,C\n")
    table = {"table": {"reader": "csv", "path": "ids.csv"}}
    settings = settings_of(sources={"shop": shop}, identities=table, customers=None, features={}, privacy={})
    add_tombstones(settings.privacy, [("customer_id", "bert-2")])
    pulled(settings)
    rows = pq.read_table("data/activity/activity/2024-05.parquet")["customer_id"].to_pylist()
    assert set(rows) == {"A", "B", "C"}
