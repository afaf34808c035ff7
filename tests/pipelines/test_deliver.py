"""Published lists at their sinks: each file as its reader documents it, a real table, failures that lose nothing."""

from __future__ import annotations

import csv
import hashlib
import io
import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import yaml

from pipelines.ledger import write
from pipelines.publishing.deliver import RENDERS
from pipelines.publishing.sinks.fields import emails, phones
from pipelines.runtime.errors import ChurnError
from pipelines.runtime.files import digest_of
from pipelines.settings import params
from pipelines.sources.privacy import vault
from tests.pipelines.drafts_for_tests import LISTED, NEVER_OUT, settings, write_draft
from tests.pipelines.postgres_for_tests import postgres
from tests.pipelines.sections_for_tests import publish

pytestmark = pytest.mark.slow

DAY = "2024-03-04"
FOLDER = "data/outbox"
SALESFORCE = {"kind": "salesforce", "folder": FOLDER, "campaign_id": "701000000000001AAA"}
EVERY = {
    "hub": {"kind": "hubspot", "folder": FOLDER},
    "force": {**SALESFORCE, "fields": {"action": "Action__c", "reason_1": "Reason__c"}},
    "mail": {"kind": "klaviyo", "folder": FOLDER, "calling_code": "49"},
    "ads": {"kind": "amazon_ads", "folder": FOLDER, "calling_code": "49", "country": "DE"},
    "social": {"kind": "meta", "folder": FOLDER},
}


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def publish_to(day: str = DAY, text: str = LISTED, *, draft: bool = True, **sinks: Any) -> list[str]:
    if draft:
        write_draft(day, text)
    said: list[str] = []
    publish(day, settings(**sinks), said.append, revise=True)
    return said


def failing(**sinks: Any) -> str:
    with pytest.raises(ChurnError) as problem:
        publish_to(**sinks)
    return str(problem.value)


def rows(name: str, day: str = DAY) -> list[list[str]]:
    return list(csv.reader(io.StringIO(Path(FOLDER, f"{name}_{day}.csv").read_text(encoding="utf-8"))))


def sha(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def test_hubspot_contacts_are_known_by_their_address() -> None:
    said = publish_to(hub=EVERY["hub"])
    header, first, second = rows("hub")
    assert header[:4] == ["Email", "Phone Number", "Customer ID", "Churn list"]
    assert first[:5] == ["ann@example.org", "+491701234567", "007", "list-2024-03-04-3", "2024-03-04"]
    assert second[:3] == ["bob@example.org", "", "a-1"]
    told = dict(zip(header, first, strict=True))
    assert (told["Churn rank"], told["Churn probability"], told["Churn reason 1"]) == ("1", "0.81", "'=1+1 orders")
    assert "Somebody" not in Path(FOLDER, "hub_2024-03-04.csv").read_text()
    assert said[-1] == (
        "publish.sinks.hub: data/outbox/hub_2024-03-04.csv: 2 of 3 customers, the others have no e-mail address of "
        "their own; 1 telephone number is left out: not valid, or without a country (calling_code is not set)."
    )


def test_numbers_without_a_country_get_that_of_the_setting() -> None:
    publish_to(hub=EVERY["hub"], hub_de={**EVERY["hub"], "calling_code": "49"})
    assert [rows(name)[2][:2] for name in ("hub", "hub_de")] == [
        ["bob@example.org", ""],
        ["bob@example.org", "+4930123456"],
    ]


def test_salesforce_members_are_known_by_their_ids() -> None:
    publish_to(force=EVERY["force"])
    assert rows("force", f"{DAY}_701000000000001AAA") == [
        ["CampaignId", "ContactId", "Status", "Action__c", "Reason__c"],
        ["701000000000001AAA", "007", "Sent", "call", "'=1+1 orders"],
        ["701000000000001AAA", "a-1", "Sent", "call", "'=1+1 orders"],
        ["701000000000001AAA", "b,2", "Sent", "call", "'=1+1 orders"],
    ]


def test_klaviyo_gets_only_those_who_are_to_be_written_to() -> None:
    said = publish_to(mail=EVERY["mail"])
    header, *found = rows("mail")
    assert header[:2] == ["Email", "Phone Number"]
    assert [row[0] for row in found] == ["ann@example.org"]
    assert said[-1].endswith("(1 other is to be reached another way).")


def test_audiences_hold_hashes_and_nothing_else() -> None:
    publish_to(ads=EVERY["ads"], social=EVERY["social"])
    ann, bob = sha("ann@example.org"), sha("bob@example.org")
    assert rows("ads")[0] == ["EMAIL", "PHONE", "COUNTRY_CODE"]
    assert sorted(rows("ads")[1:]) == sorted([[ann, sha("491701234567"), "DE"], [bob, sha("4930123456"), "DE"]])
    assert rows("social")[0] == ["email", "phone"]
    assert sorted(rows("social")[1:]) == sorted([[ann, sha("491701234567")], [bob, ""]])
    text = Path(FOLDER, "ads_2024-03-04.csv").read_text()
    assert not [word for word in ("ann", "bob", "007", "a-1", "0.8") if word in text]


def test_addresses_and_numbers_are_written_alike() -> None:
    table = pd.DataFrame(
        {
            "email": [" Ann@Example.ORG ", "no address", "a@b", None, "x@y.de,z@y.de", "o'neill+1@ex-ample.co.uk"],
            "phone": ["+49 (0)170 / 123-4567", "0049 30 123456", "030 123456", None, "12", "+1-234-567-8910"],
        }
    )
    assert list(emails(table)) == ["ann@example.org", "", "", "", "", "o'neill+1@ex-ample.co.uk"]
    assert list(phones(table, None)) == ["491701234567", "4930123456", "", "", "", "12345678910"]
    assert phones(table, "49")[2] == "4930123456"


def test_neither_control_nor_held_back_reach_any_sink() -> None:
    table = {"kind": "sql", "address": "crm.sqlite", "table": "churn", "contacts": True}
    publish_to(**EVERY, table=table)
    places = [*Path(FOLDER).iterdir(), Path("crm.sqlite")]
    assert len(places) == 6
    hashes = {sha(one) for one in NEVER_OUT}
    for path in places:
        text = path.read_bytes().decode("latin-1")
        assert not [one for one in (*NEVER_OUT, *hashes) if one in text], path


def test_the_same_list_gives_the_same_bytes_and_no_leftovers() -> None:
    publish_to(**EVERY)
    first = digest_of(Path(FOLDER))
    for path in Path("data").rglob("*"):
        path.chmod(0o700)
    import shutil

    shutil.rmtree("data")
    publish_to(**EVERY)
    assert digest_of(Path(FOLDER)) == first
    assert {path.stat().st_mode & 0o777 for path in Path(FOLDER).iterdir()} == {0o600}


@pytest.mark.parametrize("kind", ["hub", "mail", "ads", "social"])
def test_a_list_without_contacts_says_what_is_missing(kind: str) -> None:
    write_draft(DAY, contacts=False)
    with pytest.raises(ChurnError) as problem:
        publish(DAY, settings(**{kind: EVERY[kind]}), print)
    said = str(problem.value)
    assert f"publish.sinks.{kind}: params.yaml: publish.sinks.{kind}: needs the customers' email" in said
    assert "Give a table of contacts with email" in said
    assert "The list is published and in the ledger" in said
    assert not Path(FOLDER).exists()
    assert len(write.publications()) == 1


def test_a_failing_sink_keeps_nothing_from_the_others_and_is_tried_again() -> None:
    Path("data").mkdir()
    Path(FOLDER).write_text("a file where a folder should be")
    other = {"kind": "hubspot", "folder": "elsewhere"}
    sinks = {"hub": EVERY["hub"], "other": other}
    assert "publish.sinks.hub: " in failing(**sinks)
    assert Path("elsewhere/other_2024-03-04.csv").is_file()
    assert [(one.sink, one.tries) for one in write.pending_deliveries()] == [("hub", 1)]
    failing(**sinks)
    assert [(one.sink, one.tries) for one in write.pending_deliveries()] == [("hub", 2)]
    Path(FOLDER).unlink()
    before = Path("elsewhere/other_2024-03-04.csv").stat().st_mtime_ns
    publish_to(**sinks)
    assert write.pending_deliveries() == []
    assert len(rows("hub")) == 3
    assert Path("elsewhere/other_2024-03-04.csv").stat().st_mtime_ns == before, "it had it already"


def test_a_list_that_failed_is_delivered_with_the_next_one() -> None:
    Path("data").mkdir()
    Path(FOLDER).write_text("a file where a folder should be")
    failing(hub=EVERY["hub"])
    Path(FOLDER).unlink()
    publish_to("2024-03-11", hub=EVERY["hub"])
    assert sorted(path.name for path in Path(FOLDER).iterdir()) == ["hub_2024-03-04.csv", "hub_2024-03-11.csv"]


def test_a_list_that_was_replaced_before_it_was_written_is_not_written() -> None:
    Path("data").mkdir()
    Path(FOLDER).write_text("a file where a folder should be")
    failing(hub=EVERY["hub"])
    Path(FOLDER).unlink()
    said = publish_to(text="a-1 0.72 phone Bob@Example.org -", hub=EVERY["hub"])
    assert "publish.sinks.hub: the list of 2024-03-04 was replaced before it was written; left out." in said
    assert [row[0] for row in rows("hub")] == ["Email", "bob@example.org"]
    assert write.pending_deliveries() == []


def test_a_sink_that_is_new_gets_the_list_that_is_published_again() -> None:
    publish_to(hub=EVERY["hub"])
    said = publish_to(hub=EVERY["hub"], force=EVERY["force"])
    assert next(line for line in said if "publish.sinks" in line).startswith("publish.sinks.force")


def test_a_sink_that_was_taken_out_is_spoken_of_once_and_gets_the_list_when_it_is_back() -> None:
    Path("data").mkdir()
    Path(FOLDER).write_text("a file where a folder should be")
    failing(hub=EVERY["hub"])
    told = [line for line in publish_to() if "publish.sinks" in line]
    assert told == [
        (
            f"publish.sinks.hub: is not in params.yaml any more, so the list of {DAY} was not written there. This is "
            "said once. With the sink back in params.yaml, the next `churn publish` writes it; else nothing is to "
            "be done."
        )
    ]
    assert not [line for line in publish_to() if "publish.sinks" in line]
    assert [(one.sink, one.tries) for one in write.pending_deliveries()] == [("hub", 2)]
    Path(FOLDER).unlink()
    assert any(line.startswith("publish.sinks.hub: ") and "hub_" in line for line in publish_to(hub=EVERY["hub"]))
    assert write.pending_deliveries() == []


def test_sinks_get_the_customers_own_ids(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CHURN_ID_KEY", "a key for tests only, never used")
    write_draft(DAY)
    secret = settings(force=EVERY["force"]).model_dump()
    with_privacy = params.Settings.model_validate({**secret, "privacy": {"pseudonymise": True}})
    with pytest.raises(ChurnError, match="does not know 3 of 3 customers on the list"):
        publish(DAY, with_privacy, print)
    vault.add({"007": "Ann", "a-1": "Bob", "b,2": "Eve"})
    publish(DAY, with_privacy, print)
    assert [row[1] for row in rows("force", f"{DAY}_701000000000001AAA")] == ["ContactId", "Ann", "Bob", "Eve"]


@pytest.fixture(scope="module")
def postgresql() -> Iterator[str]:
    with postgres() as server:
        yield server.get_uri()


class Place:
    """A database to publish into."""

    def __init__(self, address: str) -> None:
        self.address = address

    def connect(self) -> Any:
        import adbc_driver_postgresql.dbapi as postgresql
        import adbc_driver_sqlite.dbapi as sqlite

        driver = postgresql if self.address.startswith("postgres") else sqlite
        return driver.connect(self.address, autocommit=True)

    def ask(self, sql: str, *, answer: bool = True) -> list[tuple[Any, ...]]:
        with self.connect() as connection, connection.cursor() as cursor:
            cursor.execute(sql)
            return [tuple(row) for row in cursor.fetchall()] if answer else []

    def sink(self, **more: Any) -> dict[str, Any]:
        return {"kind": "sql", "address": self.address, "table": "churn_list", **more}

    def who(self) -> list[tuple[Any, ...]]:
        return self.ask("select list_id, customer_id, rank from churn_list order by list_id, rank")


@pytest.fixture(params=[pytest.param("postgresql", marks=pytest.mark.slow), "sqlite"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    address = request.getfixturevalue("postgresql") if request.param == "postgresql" else str(tmp_path / "crm.sqlite")
    made = Place(address)
    made.ask("drop table if exists churn_list", answer=False)
    return made


FIRST = [("list-2024-03-04-3", "007", 1), ("list-2024-03-04-3", "a-1", 2), ("list-2024-03-04-3", "b,2", 3)]


def test_a_table_holds_every_list_keyed_by_list_and_customer(place: Place) -> None:
    said = publish_to(table=place.sink())
    assert said[-1] == "publish.sinks.table: 3 customers in the table churn_list."
    assert place.who() == FIRST
    publish_to("2024-03-11", "007 0.9 phone - -", table=place.sink())
    assert place.who() == [*FIRST, ("list-2024-03-11-1", "007", 1)]
    shown = place.ask("select as_of, churn_probability, action, revision from churn_list where rank = 2")[0]
    assert (str(shown[0]), *shown[1:]) == ("2024-03-04", 0.72, "call", 1)


def test_writing_a_list_twice_changes_nothing(place: Place) -> None:
    publish_to(table=place.sink())
    publish_to(draft=False, again=place.sink())
    assert place.who() == FIRST


def test_a_revision_takes_the_place_of_its_day_and_of_no_other(place: Place) -> None:
    place.ask(
        "create table churn_list (list_id text, customer_id text, rank bigint, primary key (list_id, customer_id))",
        answer=False,
    )
    place.ask("insert into churn_list values ('somebody else''s', '007', 1)", answer=False)
    publish_to(table=place.sink())
    publish_to(text="a-1 0.72 phone - -", table=place.sink())
    assert place.who() == [("list-2024-03-04-1", "a-1", 1), ("somebody else's", "007", 1)]


def test_contact_details_go_there_only_where_asked_for(place: Place) -> None:
    publish_to(table=place.sink())
    assert "email" not in columns(place)
    publish_to("2024-03-11", table=place.sink(contacts=True))
    assert {"name", "email", "phone"} <= columns(place)
    assert place.ask("select count(email) from churn_list") == [(2,)]


def columns(place: Place) -> set[str]:
    with place.connect() as connection, connection.cursor() as cursor:
        cursor.execute("select * from churn_list where 1 = 0")
        return set(cursor.fetch_arrow_table().schema.names)


def test_all_of_a_list_or_nothing(place: Place) -> None:
    publish_to(table=place.sink())
    check = "alter table churn_list add constraint few check (rank < 3)"
    if place.address.startswith("postgres"):
        place.ask("delete from churn_list where rank = 3", answer=False)
        place.ask(check, answer=False)
    else:
        trigger = (
            "create trigger few before insert on churn_list when new.rank = 3 begin select raise(abort, 'few'); end"
        )
        place.ask(trigger, answer=False)
    before = place.who()
    write_draft("2024-03-11")
    with pytest.raises(ChurnError, match="few"):
        publish("2024-03-11", settings(table=place.sink()), print)
    assert place.who() == before
    drop = "alter table churn_list drop constraint few" if place.address.startswith("postgres") else "drop trigger few"
    place.ask(drop, answer=False)
    publish("2024-03-11", settings(table=place.sink()), print)
    assert len(place.who()) == len(before) + 3


def test_a_table_that_somebody_dropped_is_filled_again(place: Place) -> None:
    publish_to(table=place.sink())
    publish_to("2024-03-11", "a-1 0.72 phone - -", table=place.sink())
    before = place.who()
    place.ask("drop table churn_list", answer=False)
    said: list[str] = []
    publish("2024-03-11", settings(table=place.sink()), said.append)
    again = (
        "publish.sinks.table: the table was gone; its 2 lists are written again. 4 customers in the table churn_list."
    )
    assert again in said
    assert place.who() == before
    said.clear()
    publish("2024-03-11", settings(table=place.sink()), said.append)
    assert not [line for line in said if "written again" in line]


def test_the_address_comes_from_the_environment_and_no_error_repeats_it(monkeypatch: pytest.MonkeyPatch) -> None:
    secret = "no-one-may-read-this"
    sink = {"kind": "sql", "address": "$CRM", "table": "churn_list"}
    assert "the environment variable CRM is not set" in failing(table=sink)
    monkeypatch.setenv("CRM", f"postgresql://me:{secret}@127.0.0.1:9/db")
    said = failing(table=sink)
    assert "cannot connect" in said
    assert secret not in said
    with closing(sqlite3.connect("data/ledger/ledger.db")) as con:
        assert secret not in "\n".join(con.iterdump())


@pytest.mark.parametrize(
    ("sink", "said"),
    [
        ("{kind: sql, address: 'postgresql://me:pw@host/db', table: t}", "publish.sinks.crm: a password stands there."),
        ("{kind: sql, address: a.db, table: 'drop table x'}", "sinks.crm.table must match"),
        ("{kind: hubspot}", "sinks.crm.folder is missing"),
        ("{kind: oracle, folder: x}", "Allowed: amazon_ads, hubspot, klaviyo, meta, salesforce, sql"),
        ("{kind: salesforce, folder: x, campaign_id: spring}", "campaign_id must match"),
        ("{kind: meta, folder: x, calling_code: '0049'}", "calling_code must match"),
        ("{kind: klaviyo, folder: x, chanels: [email]}", "Did you mean channels?"),
    ],
)
def test_wrong_settings_are_said(sink: str, said: str, tmp_path: Path) -> None:
    path = tmp_path / "params.yaml"
    path.write_text(
        "sources: {shop: {reader: csv, path: x.csv, activity: placed_order}}\n"
        'observations: {train: {until: "2024-06-01"}, score: {as_of: "2024-06-01"}}\n'
        "churn: {silent: {kind: silence, active_within_days: 56, horizon_days: 28}}\nat_risk: {definition: silent}\n"
        f"publish: {{sinks: {{crm: {sink}}}}}\n"
    )
    with pytest.raises(ChurnError) as problem:
        params.load(path)
    assert said in str(problem.value)
    assert "pw@" not in str(problem.value)


def test_the_sinks_of_the_page_are_right_as_they_stand() -> None:
    text = (Path(__file__).parents[2] / "docs/operations/publishing.md").read_text(encoding="utf-8")
    block = re.search(r"```yaml\npublish:\n(.*?)```", text, flags=re.S)
    assert block
    told = yaml.safe_load("publish:\n" + block[1])["publish"]["sinks"]
    assert {sink["kind"] for sink in told.values()} == {"sql", *RENDERS}
    assert set(settings(**told).publish.sinks) == set(told)
