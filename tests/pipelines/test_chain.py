"""The chain: whatever is done to a row of the ledger behind its guards is noticed, and erasure is no fault."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from pipelines.ledger import chain, read, write
from pipelines.ledger.tables import guard_triggers, install_guards
from pipelines.runtime.errors import ChurnError
from tests.pipelines.drafts_for_tests import settings, write_draft
from tests.pipelines.ledgers_for_tests import put, tell
from tests.pipelines.sections_for_tests import forget_published, publish

LIST = """
a contact 1 0.8
b control 2 0.7
c contact 3 0.6
"""
PLAIN = settings(crm={"kind": "hubspot", "folder": "data/outbox"})


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def ledger() -> Path:
    """A list, its delivery and feedback."""
    number = put("2024-03-04", LIST)
    with write.writing() as con:
        write.add_due(con, number, ["crm"])
    write.record_attempt(number, "crm", "written", "done")
    tell("a", "2024-03-05T10:00:00+00:00", "contacted")
    return read.FILE


def faults() -> list[str]:
    with closing(sqlite3.connect(read.FILE)) as con:
        return chain.faults(con)


def behind_the_guards(*statements: str) -> None:
    with closing(sqlite3.connect(read.FILE)) as con, con:
        for name, _ in guard_triggers():
            con.execute(f"drop trigger {name}")
        for statement in statements:
            con.execute(statement)
        install_guards(con)


def test_every_row_has_its_link(ledger: Path) -> None:
    with closing(sqlite3.connect(ledger)) as con:
        rows = sum(con.execute(f"select count(*) from {table}").fetchone()[0] for table in chain.KEYS)
        assert con.execute("select count(*) from chain").fetchone()[0] == rows == 11
        assert chain.strangers(con) == set()
    assert faults() == []


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        ("update entry set churn_probability = 0.61 where customer_id = 'c'", "a row of entry was changed"),
        ("update entry set \"group\" = 'control' where customer_id = 'c'", "a row of entry was changed"),
        ("update assignment set probability = 0.5 where customer_id = 'a'", "a row of assignment was changed"),
        ("delete from feedback", "a row of feedback is gone"),
        ("delete from entry where customer_id = 'b'", "a row of entry is gone"),
        ("insert into due values (1, 'mail')", "1 rows of due were slipped in"),
        ("update delivery set outcome = 'failed'", "a row of delivery was changed"),
        ("update chain set leaf = head where number = 3", "link 3 does not follow the one before it"),
        ("delete from chain where number = 5", "link 6 does not follow the one before it"),
    ],
)
def test_what_is_done_behind_the_guards_is_found(ledger: Path, statement: str, said: str) -> None:
    behind_the_guards(statement)
    assert said in "; ".join(faults())


def test_every_reading_looks_at_the_head_and_at_what_is_new(ledger: Path) -> None:
    behind_the_guards("update chain set head = leaf where number = (select max(number) from chain)")
    for opened in (write.publications, write.begin):
        with pytest.raises(
            ChurnError, match=r"is not the ledger that its record followed \(link 11 of its chain is another"
        ):
            opened()


def test_what_was_added_past_the_record_has_to_fit(ledger: Path) -> None:
    with write.connected(ledger) as con, write.transaction(con):  # as one who was killed before the record
        before = chain.ends(con)
        write.add_due(con, 1, ["mail"])
        chain.extend(con, before)
    assert len(write.publications()) == 1
    behind_the_guards("update due set sink = 'mall' where sink = 'mail'")
    with pytest.raises(ChurnError, match=r"was changed since its record was written \(a row of due is gone"):
        write.publications()


def test_erasure_takes_row_key_and_salt_keeps_the_leaf_and_says_so() -> None:
    write_draft("2024-03-04")
    publish("2024-03-04", PLAIN, lambda _: None)
    with closing(sqlite3.connect(read.FILE)) as con:
        before = dict(con.execute("select number, leaf from chain"))
    forget_published(frozenset({"a-1"}), PLAIN)
    assert faults() == []
    with closing(sqlite3.connect(read.FILE)) as con:
        after = con.execute("select number, part, row_key, salt, leaf from chain").fetchall()
    assert {number: leaf for number, *_, leaf in after if number in before} == before
    assert {part for number, part, key, salt, _ in after if number in before and salt is None} >= {
        "entry",
        "assignment",
    }
    assert "a-1" not in str(after)
    assert [part for _, part, key, salt, _ in after if part == chain.ERASURE] == [chain.ERASURE]
    write_draft("2024-03-11")
    publish("2024-03-11", PLAIN, lambda _: None)
    assert faults() == []


def test_erasure_does_not_make_what_was_wrong_right() -> None:
    write_draft("2024-03-04")
    publish("2024-03-04", PLAIN, lambda _: None)
    behind_the_guards(
        "update entry set churn_probability = 0.99 where customer_id = '007'", "insert into due values (1, 'x')"
    )
    forget_published(frozenset({"a-1"}), PLAIN)
    said = "; ".join(faults())
    assert "a row of entry was changed" in said
    assert "1 rows of due were slipped in" in said
