"""The ledger: what each later list may know of it, when its digest changes, and that nothing in it ever does."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from features.activity import ACTIVITY_SCHEMA
from pipelines.ledger import read, tables, write
from pipelines.runtime.errors import ChurnError
from pipelines.settings.params import Settings
from tests.pipelines.ledgers_for_tests import SETTINGS, put, tell

FIRST = """
a contact 1 0.8
b control 2 0.7
c contact 3 0.6
"""
SECOND = """
a contact 1 0.9
d contact 2 0.5
"""


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def who(before: str, settings: Settings = SETTINGS) -> list[tuple[str, str, str, int]]:
    found = read.history_before(before, settings.timezone).entries
    days = found["as_of"].dt.strftime("%Y-%m-%d")
    return list(zip(days, found["customer_id"], found["group"], found["revision"], strict=True))


def test_without_a_ledger_nothing_is_known_and_nothing_is_made() -> None:
    found = read.history_before("2024-03-11", SETTINGS.timezone)
    assert found.entries.empty
    assert list(found.entries) == list(read.ENTRIES)
    assert found.feedback.empty
    assert list(found.feedback) == list(read.FEEDBACK)
    assert read.activity_frame("2024-03-11", SETTINGS.timezone).empty
    assert not Path("data").exists()


def test_only_lists_of_earlier_days_are_known() -> None:
    put("2024-03-04", FIRST)
    put("2024-03-11", SECOND)
    first = [("2024-03-04", "a", "contact", 1), ("2024-03-04", "c", "contact", 1), ("2024-03-04", "b", "control", 1)]
    assert who("2024-03-04") == []
    assert who("2024-03-05") == first
    assert who("2024-03-11") == first
    assert who("2024-03-12") == [*first, ("2024-03-11", "a", "contact", 1), ("2024-03-11", "d", "contact", 1)]


def test_of_a_day_only_the_last_revision_counts() -> None:
    put("2024-03-04", FIRST)
    put("2024-03-04", SECOND, revision=2, replaces="list-2024-03-04", list_id="other")
    assert who("2024-03-11") == [("2024-03-04", "a", "contact", 2), ("2024-03-04", "d", "contact", 2)]
    assert set(read.history_before("2024-03-11", SETTINGS.timezone).entries["list_id"]) == {"other"}


def test_entries_have_the_columns_and_kinds_that_others_build_on() -> None:
    put("2024-03-04", FIRST)
    for found in (
        read.history_before("2024-03-11", SETTINGS.timezone).entries,
        read.history_before("2024-03-04", SETTINGS.timezone).entries,
    ):
        assert tuple(found) == read.ENTRIES
        assert str(found["as_of"].dtype) == "datetime64[us]"
        assert found["rank"].dtype == found["revision"].dtype == np.int64
        assert all(found[name].dtype == np.float64 for name in read.FIGURES)
    first = read.history_before("2024-03-11", SETTINGS.timezone).entries.iloc[0]
    assert (first["campaign"], first["reason_1"], first["rank"]) == ("spring", "Last order 30 days ago", 1)
    assert pd.isna(first["reason_2"])
    assert pd.isna(first["expected_net_value"])


def test_feedback_is_known_from_the_midnight_after_it() -> None:
    berlin = SETTINGS.model_copy(update={"timezone": "Europe/Berlin"})
    put("2024-03-04", FIRST)
    tell("a", "2024-03-05T22:59:59+00:00", "contacted")
    tell("c", "2024-03-05T23:00:00+00:00", "wrong", note="moved")
    for before, expected in (("2024-03-05", []), ("2024-03-06", ["a"]), ("2024-03-07", ["a", "c"])):
        found = read.history_before(before, berlin.timezone).feedback
        assert list(found["customer_id"]) == expected
        assert str(found["occurred_at"].dtype) == "datetime64[us, UTC]"
        assert tuple(found) == read.FEEDBACK


def test_the_digest_changes_exactly_when_what_is_known_does() -> None:
    def digests() -> list[str]:
        return [read.digest(day, SETTINGS.timezone) for day in ("2024-03-04", "2024-03-05", "2024-03-12")]

    nothing = digests()
    assert len(set(nothing)) == 1
    put("2024-03-04", FIRST)
    one = digests()
    assert one[0] == nothing[0]
    assert one[1] == one[2] != nothing[1]
    put("2024-03-11", SECOND)
    two = digests()
    assert two[:2] == one[:2]
    assert two[2] != one[2]
    tell("a", "2024-03-06T10:00:00+00:00", "reached")
    three = digests()
    assert three[:2] == two[:2]
    assert three[2] != two[2]
    put("2024-03-04", SECOND, revision=2, list_id="other")
    four = digests()
    assert four[0] == three[0]
    assert all(now != then for now, then in zip(four[1:], three[1:], strict=True))
    assert digests() == four


def test_our_doings_are_activities_of_the_contract() -> None:
    put("2024-03-04", FIRST)
    tell("a", "2024-03-06T10:00:00+00:00", "contacted")
    tell("a", "2024-03-06T10:00:00+00:00", "reached")
    tell("a", "2024-03-06T10:00:00+00:00", "kept")
    tell("a", "2024-03-07T10:00:00+00:00", "contacted", channel=None)
    tell("c", "2024-03-06T10:00:00+00:00", "wrong")
    berlin = SETTINGS.model_copy(update={"timezone": "Europe/Berlin"})
    found = read.activity_frame("2024-03-11", berlin.timezone)
    told = [(f"{row.occurred_at:%m-%d %H:%M}", row.customer_id, row.activity) for row in found.itertuples()]
    assert told == [
        ("03-03 23:00", "a", "was_listed"),
        ("03-03 23:00", "b", "was_held_out"),
        ("03-03 23:00", "c", "was_listed"),
        ("03-06 10:00", "a", "was_contacted"),
        ("03-07 10:00", "a", "was_contacted"),
    ]
    assert list(found["detail"].fillna("")) == ["spring", "spring", "spring", "phone", ""]
    assert found["activity_id"].is_unique
    assert read.activity_table("2024-03-11", berlin.timezone).schema == ACTIVITY_SCHEMA
    assert read.activity_table("2024-03-01", berlin.timezone).schema == ACTIVITY_SCHEMA


@pytest.mark.parametrize("table", list(tables.TABLES))
@pytest.mark.parametrize("doing", ["delete from {}", "update {} set rowid = rowid"])
def test_rows_can_only_be_added(table: str, doing: str) -> None:
    number = put("2024-03-04", FIRST)
    tell("a", "2024-03-06T10:00:00+00:00", "contacted")
    with write.writing() as con:
        write.add_due(con, number, ["crm"])
        con.execute("insert into delivery values (1, ?, 'crm', 'written', null)", [number])
        con.execute("insert into kept values (?, 'at_risk.csv', 'ab')", [number])
        con.execute("insert into held_back (publication, customer_id, rule) values (?, 'z', 'consent')", [number])
    with closing(sqlite3.connect(read.FILE)) as con, pytest.raises(sqlite3.IntegrityError, match="append-only"):
        con.execute(doing.format(table))


def test_a_transaction_that_fails_leaves_no_trace() -> None:
    put("2024-03-04", FIRST)
    before = list(sqlite3.connect(read.FILE).iterdump())
    with pytest.raises(sqlite3.IntegrityError):
        put("2024-03-11", "a contact 1 0.9\na control 2 0.8")
    assert list(sqlite3.connect(read.FILE).iterdump()) == before


def test_a_damaged_ledger_is_said_and_left_as_it_is() -> None:
    read.FILE.parent.mkdir(parents=True)
    read.FILE.write_bytes(b"this is no database, but long enough to be taken for one" * 30)
    for use in (lambda: read.history_before("2024-03-11", SETTINGS.timezone), lambda: put("2024-03-04", FIRST)):
        with pytest.raises(ChurnError, match="the ledger cannot be used: file is not a database"):
            use()
    assert read.FILE.read_bytes().startswith(b"this is no database")


def test_only_its_owner_may_look_inside() -> None:
    put("2024-03-04", FIRST)
    assert read.FILE.stat().st_mode & 0o777 == 0o600
    assert read.FILE.parent.stat().st_mode & 0o777 == 0o700
