"""A path that leads to the wrong file: the message says what was expected there, and repeats none of what it found."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.at_risk.policy.suppression import suppressed_ids
from pipelines.publishing.report_file import read_report
from pipelines.runtime.errors import ChurnError
from pipelines.runtime.text.column_names import columns_in_words
from pipelines.settings.campaign.at_risk import AtRisk
from pipelines.settings.params import Settings
from pipelines.settings.privacy import Privacy
from pipelines.settings.reading import ContactReading, Reading
from pipelines.sources.readers.contacts import faults_of_contacts
from pipelines.sources.registry import check_sources
from tests.conftest import examples

SECRET = "hunter2"
WRONG = {
    "key": f"-----BEGIN PRIVATE KEY-----\n{SECRET}\n",
    "one_word": f"{SECRET}\nmore\n",
    "environment": f"CRM_PASSWORD={SECRET}\nA=b\n",
    "passwd": f"root:{SECRET}:0:0:root:/root:/bin/bash\nb:x:1:1::/:/bin/sh\n",
    "people": f"Anna Ott,anna@{SECRET}.example,+49 30 123456\nBert,b@c.example,1\n",
    "addresses": f"crm,https://{SECRET}@crm.example/v1\nshop,https://shop.example\n",
    "token": f"deploy,{SECRET}{'a1B2c3D4' * 3}\nci,x\n",
    "prose": f"Dear team, as of today the one password of the system is {SECRET}, regards\nAnna, Bert\n",
    "log": f"2024-03-01 login ok, {SECRET}\n2024-03-02 login, ok\n",
    "yaml": f"password: {SECRET}\nb: 1\n",
}
MAPPED = {"customer_id": "who", "occurred_at": "at"}


def settings_of(**more: Any) -> Settings:
    base = {
        "sources": {"shop": {"reader": "csv", "path": "shop.csv", "activity": "placed_order", "columns": MAPPED}},
        "observations": {"train": {"until": "2024-06-01"}, "score": {"as_of": "2024-06-01"}},
        "churn": {"silent": {"kind": "silence", "active_within_days": 56, "horizon_days": 28}},
        "at_risk": {"definition": "silent"},
    }
    return Settings.model_validate(base | more)


def source(reader: str, **more: Any) -> Callable[[], list[str]]:
    wrong = {"reader": reader, "path": "wrong", "activity": "placed_order"} | more
    return lambda: check_sources(Reading.of(settings_of(sources={"shop": wrong})))


def customers() -> list[str]:
    table = {"reader": "csv", "path": "wrong", "static": True}
    return check_sources(Reading.of(settings_of(customers=table, features={"attributes": ["tier"]})))


def identities() -> list[str]:
    table = {"table": {"reader": "csv", "path": "wrong"}}
    shop = {"reader": "csv", "path": "shop.csv", "activity": "placed_order", "columns": MAPPED, "identity": "crm"}
    return check_sources(Reading.of(settings_of(identities=table, sources={"shop": shop})))


def contacts() -> list[str]:
    return faults_of_contacts(ContactReading.of(settings_of(contacts={"reader": "csv", "path": "wrong"})))


def report() -> list[str]:
    with pytest.raises(ChurnError) as problem:
        read_report(Path("wrong"))
    return list(problem.value.faults)


READ_BY = {
    "csv": source("csv"),
    "csv_mapped": source("csv", columns=MAPPED),
    "expression": source("csv", columns=MAPPED | {"value": "amount * 2"}),
    "json": source("json", columns=MAPPED),
    "parquet": source("parquet", columns=MAPPED),
    "customers": customers,
    "identities": identities,
    "contacts": contacts,
    "report": report,
}


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("shop.csv").write_text("who,at\na,2024-03-01\n")


@pytest.mark.parametrize("by", READ_BY)
@pytest.mark.parametrize("file", WRONG)
def test_no_word_of_a_wrong_file_is_repeated(by: str, file: str) -> None:
    Path("wrong").write_text(WRONG[file])
    faults = READ_BY[by]()
    assert faults
    assert SECRET not in "\n".join(faults)


@pytest.mark.parametrize("file", ["people", "addresses", "token", "prose", "log"])
def test_nor_where_customers_to_leave_out_are_read(file: str) -> None:
    Path("wrong").write_text(WRONG[file])
    with pytest.raises(ChurnError, match="has several columns and none is called customer_id") as problem:
        suppressed_ids(AtRisk(definition="silent", suppress="wrong"), Privacy())
    assert SECRET not in str(problem.value)


@pytest.mark.parametrize(
    "header",
    ["Kunde,Zeit,Betrag,Zeit", "user,Created Date,What did you buy?", "Umsatz (EUR),Größe/cm,2nd", "รหัสลูกค้า,ยอดซื้อ"],
)
def test_names_of_columns_are_shown(header: str) -> None:
    names = header.split(",")
    shown = columns_in_words(names)
    assert shown == f" Its columns: {', '.join(names)}." or "2nd" in names


@examples(60)
@given(st.lists(st.text(min_size=1, max_size=30), min_size=1, max_size=4))
def test_either_all_columns_are_shown_or_none(columns: list[str]) -> None:
    said = columns_in_words(columns)
    names = [" ".join(one.split()) for one in columns if one.strip()]
    assert said == f" Its columns: {', '.join(names)}." or "not repeated here" in said
