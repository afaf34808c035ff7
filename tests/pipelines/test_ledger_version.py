"""Ledger 2: of each entry its arm and probability; older ledgers are brought up to date, newer ones refused."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from models.sums import SUMS
from pipelines.commands.app import main
from pipelines.ledger import migration, read, record, write
from pipelines.ledger.version import VERSION
from pipelines.runtime.errors import ChurnError
from pipelines.runtime.files import digest_of
from tests.pipelines.drafts_for_tests import settings, write_draft
from tests.pipelines.left_by_v0_1 import unpack
from tests.pipelines.sections_for_tests import forget_published, publish

FORMER = read.FILE.with_name("ledger.db.version_1")
PLAIN = settings()


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def v0_1(tmp_path: Path) -> list[str]:
    """A project of version 0.1; its ledger as SQL."""
    unpack(tmp_path)
    return dump()


def dump(path: Path = read.FILE) -> list[str]:
    with closing(sqlite3.connect(path)) as con:
        return list(con.iterdump())


def rows(query: str) -> list[Any]:
    with closing(sqlite3.connect(read.FILE)) as con:
        return con.execute(query).fetchall()


def assignments() -> list[Any]:
    return rows("select publication, customer_id, arm, probability, known_from from assignment order by 1, 2")


def test_a_published_list_says_by_which_chance_everybody_was_assigned() -> None:
    write_draft("2024-03-04")
    publish("2024-03-04", PLAIN, lambda _: None)
    contact, control = ("contact", 0.9, "manifest"), ("control", 0.1, "manifest")
    assert assignments() == [
        (1, customer, *arm)
        for customer, arm in zip(["007", "a-1", "b,2", "c-3", "d-4"], [contact] * 3 + [control] * 2, strict=True)
    ]
    assert rows("select distinct design, rule, subject from assignment") == [("holdout", "value_at_risk", None)]
    assert rows("select customer_id, score from assignment where arm = 'contact'") == [
        ("007", 12.5),
        ("a-1", 12.5),
        ("b,2", 12.5),
    ]
    assert rows("pragma user_version") == [(VERSION,)]


def test_a_customer_keeps_the_chance_of_the_first_list_of_the_campaign() -> None:
    for day, share in (("2024-03-04", 0.1), ("2024-03-11", 0.3)):
        write_draft(day, campaign={"name": "spring", "share": share})
        publish(day, PLAIN, lambda _: None)
    assert {row[3] for row in assignments()} == {0.9, 0.1}
    write_draft("2024-03-18", campaign={"name": "summer", "share": 0.3})
    publish("2024-03-18", PLAIN, lambda _: None)
    assert {row[3] for row in assignments() if row[0] == 3} == {0.7, 0.3}


def test_where_no_manifest_says_it_the_chance_is_estimated_and_marked() -> None:
    write_draft("2024-03-04", campaign={"name": "spring"})
    publish("2024-03-04", PLAIN, lambda _: None)
    assert {row[2:] for row in assignments()} == {("contact", 0.6, "estimated"), ("control", 0.4, "estimated")}


def test_an_older_ledger_is_read_as_it_is_and_brought_up_to_date_by_the_first_transaction(v0_1: list[str]) -> None:
    before = digest_of(read.FILE)
    assert len(write.publications()) == 3
    assert digest_of(read.FILE) == before
    write.begin()
    assert dump(FORMER) == v0_1
    assert FORMER.stat().st_mode & 0o777 == 0o600
    assert [line for line in dump() if "assignment" not in line and "chain" not in line] == v0_1
    found = assignments()
    assert len(found) == rows("select count(*) from entry")[0][0] == 57
    assert {row[2:] for row in found} == {("contact", 0.8, "manifest"), ("control", 0.2, "manifest")}
    assert rows('select count(*) from assignment join entry using (publication, customer_id) where arm <> "group"') == [
        (0,)
    ]
    with pytest.raises(sqlite3.IntegrityError, match="append-only"), write.writing() as con:
        con.execute("delete from assignment")
    write.begin()  # and no more than once
    assert assignments() == found


def test_params_may_have_changed_since_and_a_lost_manifest_is_estimated(v0_1: list[str]) -> None:
    Path("params.yaml").write_text(Path("params.yaml").read_text().replace("share: 0.2", "share: 0.4"))
    (read.FILE.parent / "published/2024-12-02/manifest.json").unlink()
    write.begin()
    found = {(row[0], row[3], row[4]) for row in assignments() if row[2] == "control"}
    assert (1, 5 / 27, "estimated") in found
    assert {one[1:] for one in found if one[0] == 3} <= {(5 / 27, "estimated"), (0.2, "manifest")}


def test_killed_half_way_the_old_ledger_is_whole(v0_1: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(migration, "assign", killed)
        with pytest.raises(KeyboardInterrupt):
            write.begin()
    assert dump() == v0_1
    write.begin()
    assert len(assignments()) == 57


def test_a_ledger_of_a_newer_version_is_refused_in_a_sentence(v0_1: list[str]) -> None:
    write.begin()
    with closing(sqlite3.connect(read.FILE)) as con:
        con.execute(f"pragma user_version = {VERSION + 1}")
    before = digest_of(read.FILE)
    for opened in (write.publications, write.begin):
        with pytest.raises(ChurnError, match=rf"has version {VERSION + 1}, of a newer version .* Update the project"):
            opened()
    done = CliRunner().invoke(main, ["publish", "--as-of", "2024-12-09"])
    assert (done.exit_code, digest_of(read.FILE)) == (1, before)


def test_the_forgotten_leave_their_assignment_and_no_former_ledger(v0_1: list[str]) -> None:
    write.begin()
    forget_published(frozenset({"00014"}), PLAIN)
    assert "00014" not in {row[1] for row in assignments()}
    assert record.set_aside(read.FILE) == [], "the copy of before knows them"


def test_upgrade_says_what_would_change_and_then_does_it(v0_1: list[str]) -> None:
    before = digest_of(Path("data"))
    checked = CliRunner().invoke(main, ["upgrade", "--check"], catch_exceptions=False)
    assert "is of version 1. It becomes one of version 2: 3 lists get the probabilities" in checked.output
    assert "3 from the archived manifest, 0 estimated" in checked.output
    assert f"data/champion/silent_28d: gets its {SUMS}" in checked.output
    assert checked.output.endswith("Without --check, or by the next command that writes, it will be.\n")
    assert digest_of(Path("data")) == before
    CliRunner().invoke(main, ["upgrade"], catch_exceptions=False)
    assert (Path("data/champion/silent_28d") / SUMS).is_file()
    again = CliRunner().invoke(main, ["upgrade", "--check"], catch_exceptions=False).output
    assert "data/ledger/ledger.db: is of version 2, today's." in again
    assert f"data/champion/silent_28d: has its {SUMS}." in again
    assert again.endswith("Everything is of this version; nothing is to be changed.\n")


def test_the_fixture_holds_out_by_the_share_of_its_own_manifest(v0_1: list[str]) -> None:
    manifest = json.loads((read.FILE.parent / "published/2024-12-09/manifest.json").read_text())
    assert migration.archived_share(read.FILE, "2024-12-09", 1) == manifest["campaign"]["share"] == 0.2
