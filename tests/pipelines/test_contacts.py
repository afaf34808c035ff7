"""Contacts out of every kind of table; what is wrong with them in words that repeat nobody's data."""

from __future__ import annotations

import json
import logging
import os
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipelines.at_risk.policy.consent import addresses, permitted_channels
from pipelines.runtime.errors import ChurnError
from pipelines.settings.campaign.contacts import COLUMNS, ContactDatabase
from pipelines.settings.decision import ContactPolicy
from pipelines.settings.messages import in_words
from pipelines.settings.params import Settings
from pipelines.settings.reading import ContactReading
from pipelines.sources.expressions.cell import Cell
from pipelines.sources.privacy.erased import add_tombstones
from pipelines.sources.privacy.pseudonyms import keyed
from pipelines.sources.readers.contact_rows import load_rows
from pipelines.sources.readers.contacts import contacts_digest, faults_of_contacts, read_contacts
from pipelines.sources.stream import connect
from tests.pipelines.activity_folders import settings_with
from tests.pipelines.postgres_for_tests import postgres

HEADER = "customer_id,name,email,phone,owner,preferred_channel,do_not_contact,consent_email,consent_phone"
ROWS = [
    '007,"Ånn, ""A."" Li",ann@example.org,,Eve,Telephone,,yes,1',
    "b,Bob,,+49 171 23,,,TRUE,0,",
]
KEY = "a key that is long enough"


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def settings(other: dict[str, Any] | None = None, **contacts: Any) -> Settings:
    plain = settings_with().model_dump(exclude_unset=True)
    return Settings.model_validate(
        {**plain, "contacts": {"reader": "csv", "path": "people.csv", **contacts}, **(other or {})}
    )


def write(*rows: str, header: str = HEADER, name: str = "people.csv") -> None:
    Path(name).write_text("\n".join([header, *rows]) + "\n", encoding="utf-8")


def read(chosen: Settings) -> list[dict[str, Any]]:
    """Rows without what is null."""
    table = read_contacts(ContactReading.of(chosen))
    assert table is not None
    assert tuple(table.columns[: len(COLUMNS)]) == COLUMNS
    return [{k: v for k, v in row.items() if not pd.isna(v)} for row in table.to_dict("records")]


ANN = {"customer_id": "007", "name": 'Ånn, "A." Li', "email": "ann@example.org", "owner": "Eve"}
ANN |= {"preferred_channel": "phone", "do_not_contact": False, "consent_email": True, "consent_phone": True}  # type: ignore[dict-item]
BOB = {"customer_id": "b", "name": "Bob", "phone": "+49 171 23", "do_not_contact": True, "consent_email": False}


def test_contacts_of_a_csv() -> None:
    write(*ROWS)
    assert read(settings()) == [ANN, BOB]


def test_contacts_of_json() -> None:
    Path("people.jsonl").write_text(f"{json.dumps(ANN)}\n{json.dumps(BOB)}\n")
    assert read(settings(reader="json", path="people.jsonl")) == [ANN, BOB]


def test_contacts_of_parquet() -> None:
    pq.write_table(pa.Table.from_pylist([ANN, BOB], schema=_SCHEMA), "people.parquet")
    assert read(settings(reader="parquet", path="people.parquet")) == [ANN, BOB]


_SCHEMA = pa.schema(
    [(name, pa.bool_() if name.startswith(("do_", "consent_")) else pa.string()) for name in HEADER.split(",")]
)


def in_sqlite(*rows: tuple[Any, ...]) -> Settings:
    with closing(sqlite3.connect("crm.sqlite")) as con, con:
        con.execute("drop table if exists people")
        con.execute("create table people (id text, mail text, may integer)")
        con.executemany("insert into people values (?, ?, ?)", rows)
    return settings_in("sqlite", "crm.sqlite")


def settings_in(driver: str, address: str) -> Settings:
    columns = {"customer_id": "id", "email": "mail", "consent_email": "may"}
    plain = settings_with().model_dump(exclude_unset=True)
    where = {"reader": "sql", "driver": driver, "address": address, "table": "people", "columns": columns}
    return Settings.model_validate({**plain, "contacts": where})


FOUND = [
    {"customer_id": "007", "email": "ann@example.org", "do_not_contact": False, "consent_email": True},
    {"customer_id": "b", "do_not_contact": False},
]


def test_contacts_of_a_database() -> None:
    chosen = in_sqlite(("b", None, None), ("007", "ann@example.org", 1))
    assert faults_of_contacts(ContactReading.of(chosen)) == []
    assert read(chosen) == FOUND


@pytest.mark.slow
def test_contacts_of_a_real_postgresql() -> None:
    import adbc_driver_postgresql.dbapi as postgresql

    with postgres() as server:
        address = server.get_uri()
        with postgresql.connect(address, autocommit=True) as connection, connection.cursor() as cursor:
            cursor.execute("create table people (id text, mail text, may boolean)")
            cursor.execute("insert into people values ('b', null, null), ('007', 'ann@example.org', true)")
        assert read(settings_in("postgresql", address)) == FOUND


def test_columns_may_be_expressions_and_channels_of_ones_own() -> None:
    write("7,Ann,Li,SUBSCRIBED,y", "8,Bob,,GONE,", header="id,first,last,status,fax")
    names = {"customer_id": "id", "name": "concat_ws(' ', first, last)", "preferred_channel": "'fax'"}
    chosen = settings(columns={**names, "consent_email": "status = 'SUBSCRIBED'", "consent_fax": "fax"})
    assert read(chosen) == [
        {
            "customer_id": "7",
            "name": "Ann Li",
            "preferred_channel": "fax",
            "do_not_contact": False,
            "consent_email": True,
            "consent_fax": True,
        },
        {
            "customer_id": "8",
            "name": "Bob",
            "preferred_channel": "fax",
            "do_not_contact": False,
            "consent_email": False,
        },
    ]


def test_several_files_are_one_table_whatever_columns_each_has() -> None:
    Path("people").mkdir()
    write("2,no", header="customer_id,consent_sms", name="people/a.csv")
    write("1,Ann", header="customer_id,name", name="people/b.csv")
    assert read(settings(path="people")) == [
        {"customer_id": "1", "name": "Ann", "do_not_contact": False},
        {"customer_id": "2", "do_not_contact": False, "consent_sms": False},
    ]


def test_no_contacts_are_none() -> None:
    assert read_contacts(ContactReading.of(settings_with())) is None
    assert contacts_digest(ContactReading.of(settings_with())) is None
    assert faults_of_contacts(ContactReading.of(settings_with())) == []


# What is wrong

SECRETS = ("ann@example.org", "Ann", "maybe", "pigeon", "perhaps")


def test_every_wrong_row_is_named_by_its_line_and_nothing_of_it_is_repeated() -> None:
    rows = ["1,Ann,ann@example.org,,,pigeon,,maybe,", "2,Ann,ann@example.org", ",Ann,ann@example.org,,,,,,"]
    write(*rows, "1,Ann,,,,,perhaps,,yes", "4,Ann,,,,,,,yes")
    with pytest.raises(ChurnError) as problem:
        read_contacts(ContactReading.of(settings()))
    assert problem.value.faults == (
        "people.csv: 1 of 5 rows is broken (too few columns) (line 3). Mend the file.",
        "people.csv: 1 of 5 rows without a customer_id (line 4). Drop or map them in contacts.",
        (
            "people.csv: 2 of 5 rows with a customer_id that stands on another row too (lines 2, 5). "
            "Keep one row per customer."
        ),
        (
            "people.csv: 1 of 5 rows with a preferred_channel that is no channel (line 2). Allowed: email, phone, sms, "
            "post, push, or nothing. Mend them, or map them with an expression in contacts.columns.preferred_channel."
        ),
        (
            "people.csv: 1 of 5 rows with a do_not_contact that is neither yes nor no (line 5). Allowed: yes, no, "
            "true, false, 1, 0, or nothing for unknown. Mend them, or map them with an expression in "
            "contacts.columns.do_not_contact."
        ),
        (
            "people.csv: 1 of 5 rows with a consent_email that is neither yes nor no (line 2). Allowed: yes, no, true, "
            "false, 1, 0, or nothing for unknown. Mend them, or map them with an expression in "
            "contacts.columns.consent_email."
        ),
    )
    assert not [secret for secret in SECRETS if secret in str(problem.value)]


def test_a_customer_in_two_files_is_an_error() -> None:
    Path("people").mkdir()
    write("1,yes", header="customer_id,consent_sms", name="people/a.csv")
    write("1,Ann", header="customer_id,name", name="people/b.csv")
    with pytest.raises(
        ChurnError, match=r"contacts: 1 customers stand on several rows \(1\). Keep one row per customer."
    ):
        read_contacts(ContactReading.of(settings(path="people")))


def test_a_table_without_a_header_is_refused_without_repeating_it() -> None:
    write(header="7,Ann Li,ann@example.org,+49 171 2345678")
    write(ROWS[0], header="7,Ann Li,ann@example.org,+49 171 2345678")
    with pytest.raises(ChurnError) as problem:
        read_contacts(ContactReading.of(settings()))
    assert str(problem.value).startswith("people.csv: the first line holds somebody's data")
    assert "Ann" not in str(problem.value)


def test_a_broken_parquet_or_database_is_a_problem_in_words() -> None:
    Path("people.parquet").write_bytes(b"PAR1 ann@example.org")
    assert len(faults_of_contacts(ContactReading.of(settings(reader="parquet", path="people.parquet")))) == 1
    with closing(sqlite3.connect("crm.sqlite")):
        pass
    assert "no such table: people" in faults_of_contacts(ContactReading.of(settings_in("sqlite", "crm.sqlite")))[0]


def test_a_database_that_breaks_off_is_a_problem_that_repeats_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    chosen = in_sqlite(("b", "ann@example.org", 1))
    assert isinstance(chosen.contacts, ContactDatabase)
    # As if a row could not be worked with: DuckDB then repeats it.
    monkeypatch.setattr("pipelines.sources.readers.contact_rows.cell", lambda *_: Cell("error(c1)", "text"))
    con = connect()
    with pytest.raises(ChurnError, match=r"^contacts: reading people broke off.") as problem:
        load_rows(con, chosen.contacts)
    assert "ann@example.org" not in str(problem.value)


@pytest.mark.parametrize(
    ("contacts", "fault"),
    [
        ({"path": "peopl.csv"}, "params.yaml: contacts.path: there is no file peopl.csv. Did you mean people.csv?"),
        (
            {"columns": {"customer_id": "customer_id", "email": "mail"}},
            "params.yaml: contacts.columns.email: people.csv has no column 'mail'. Did you mean email?",
        ),
        ({"identity": "crm"}, "params.yaml: contacts.identity: identities says nothing of crm."),
    ],
)
def test_a_wrong_section_is_named_before_any_work(contacts: dict[str, Any], fault: str) -> None:
    write(*ROWS)
    found = faults_of_contacts(ContactReading.of(settings(**contacts)))
    assert len(found) == 1
    assert found[0].startswith(fault)
    for ask in (read_contacts, contacts_digest):
        with pytest.raises(ChurnError, match=r"contacts\."):
            ask(ContactReading.of(settings(**contacts)))


@pytest.mark.parametrize(
    ("contacts", "fault"),
    [
        ({"columns": {"customer_id": "a", "emial": "b"}}, "contacts.columns: emial is not a column of ours. Did you"),
        ({"columns": {"email": "b"}}, "contacts.columns: customer_id must be mapped too. Write `customer_id:"),
        ({"time_format": "%Y"}, "contacts.time_format: contacts have no times. Take it out."),
        ({"reader": "xml"}, "contacts.reader cannot be 'xml'. Allowed: csv, json, parquet, sql."),
        (
            {"reader": "sql", "path": None, "driver": "sqlite", "address": "a", "table": "t"},
            "contacts.path is not a setting.",
        ),
    ],
)
def test_a_setting_that_cannot_be_is_named(contacts: dict[str, Any], fault: str) -> None:
    from pydantic import ValidationError

    with pytest.raises(ValidationError) as error:
        settings(**contacts)
    assert in_words(error.value, Settings)[0].startswith(fault)


# Whose they are


def test_ids_are_pseudonyms_where_the_stream_has_pseudonyms(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CHURN_ID_KEY", KEY)
    write(*ROWS)
    found = read(settings({"privacy": {"pseudonymise": True}}))
    assert [one["customer_id"] for one in found] == sorted(keyed(KEY.encode(), one) for one in ("007", "b"))
    write(*ROWS, *ROWS)
    Path("people").mkdir()
    for name in ("a", "b"):
        write(*ROWS, name=f"people/{name}.csv")
    with pytest.raises(ChurnError, match="contacts: 2 customers stand on several rows"):
        read_contacts(ContactReading.of(settings({"privacy": {"pseudonymise": True}}, path="people")))


def test_the_forgotten_are_left_out() -> None:
    write(*ROWS)
    add_tombstones(settings().privacy, [("customer_id", "007")])
    assert read(settings()) == [BOB]


IDS = "system,id,customer_id\ncrm,P1,b\ncrm,P2,007\ncustomer_id,old,b\n"


def test_ids_of_another_system_become_customer_ids_and_contacts_of_nobody_go() -> None:
    Path("ids.csv").write_text(IDS)
    write("P2,Ann", "P1,Bob", "P3,Eve", header="customer_id,name")
    found = read(settings({"identities": {"table": {"reader": "csv", "path": "ids.csv"}}}, identity="crm"))
    assert [(one["customer_id"], one["name"]) for one in found] == [("007", "Ann"), ("b", "Bob")]


def test_of_two_accounts_that_became_one_the_surviving_one_counts() -> None:
    Path("ids.csv").write_text(IDS)
    identities = {"identities": {"table": {"reader": "csv", "path": "ids.csv"}}}
    write("old,Bob before", "b,Bob", "c,Cid", header="customer_id,name")
    assert [(one["customer_id"], one["name"]) for one in read(settings(identities))] == [("b", "Bob"), ("c", "Cid")]
    write("old,Bob before", "c,Cid", header="customer_id,name")
    assert [(one["customer_id"], one["name"]) for one in read(settings(identities))] == [
        ("b", "Bob before"),
        ("c", "Cid"),
    ]


# What changes, and what is kept


def test_the_digest_changes_with_the_content_and_with_nothing_else() -> None:
    write(*ROWS)
    first = contacts_digest(ContactReading.of(settings()))
    os.utime("people.csv", (1, 1))
    assert contacts_digest(ContactReading.of(settings())) == first
    write(ROWS[0])
    assert contacts_digest(ContactReading.of(settings())) != first
    one = contacts_digest(ContactReading.of(in_sqlite(("b", None, None), ("007", "ann@example.org", 1))))
    assert contacts_digest(ContactReading.of(in_sqlite(("007", "ann@example.org", 1), ("b", None, None)))) == one
    assert contacts_digest(ContactReading.of(in_sqlite(("007", "ann@example.org", 0), ("b", None, None)))) != one


def test_reading_leaves_nothing_behind(caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]) -> None:
    write(*ROWS)
    with caplog.at_level(logging.DEBUG):
        read_contacts(ContactReading.of(settings()))
        contacts_digest(ContactReading.of(settings()))
    assert [str(path) for path in Path().rglob("*")] == ["people.csv"]
    assert "ann@example.org" not in caplog.text + "".join(capfd.readouterr())


# Channels


def channels(*rows: str, header: str = HEADER, missing: str = "hold_back", ask: str = "") -> dict[str, tuple[str, ...]]:
    write(*rows, header=header)
    chosen = settings({"contact_rules": {"missing_consent": missing}})
    found = permitted_channels(read_contacts(ContactReading.of(chosen)), ContactPolicy.of(chosen), ask.split() or None)
    return {str(customer): told for customer, told in found.items()}


def test_permitted_is_what_was_agreed_to_and_can_be_reached_the_preferred_first() -> None:
    rows = ["1,,a@x.org,123,,phone,,yes,yes", "2,,a@x.org,123,,phone,,yes,no", "3,,,123,,,,yes,yes"]
    assert channels(*rows, "4,,a@x.org,123,,,yes,yes,yes", "5,,a@x.org,123,,,,,") == {
        "1": ("phone", "email"),
        "2": ("email",),
        "3": ("phone",),
        "4": (),
        "5": (),
    }


def test_an_address_that_the_table_never_has_is_not_missed() -> None:
    assert channels("1,yes,no", header="customer_id,consent_email,consent_push") == {"1": ("email",)}


def test_where_missing_consent_is_allowed_only_a_refusal_counts() -> None:
    header = "customer_id,consent_email,consent_phone"
    assert channels("1,no,", header=header, missing="allow", ask="1 2") == {
        "1": ("phone", "sms", "post", "push"),
        "2": ("email", "phone", "sms", "post", "push"),
    }
    assert channels("1,no,", header=header, ask="2 1") == {"2": (), "1": ()}


def test_an_address_that_nobody_may_use_stays_where_it_is() -> None:
    rows = ["1,,a@x.org,123,,phone,,yes,yes", "2,,b@x.org,456,,phone,,yes,no", "3,,c@x.org,789,,,,no,yes"]
    write(*rows, "4,,d@x.org,12,,,,,", header=HEADER)
    policy = ContactPolicy.of(settings())
    told = addresses(read_contacts(ContactReading.of(settings())), policy, ["3", "1", "2", "4", "9"]).astype(object)
    assert told["email"].fillna("").to_dict() == {"3": "", "1": "a@x.org", "2": "b@x.org", "4": "", "9": ""}
    assert told["phone"].fillna("").to_dict() == {"3": "789", "1": "123", "2": "", "4": "", "9": ""}


def test_without_contacts_every_channel_is_permitted() -> None:
    found = permitted_channels(None, ContactPolicy.of(settings_with()), ["b", "a"])
    assert found.to_dict() == dict.fromkeys(["b", "a"], ("email", "phone", "sms", "post", "push"))
