"""A forgotten customer is in nothing that was published: ledger, copies and sinks' files are decoded afterwards."""

from __future__ import annotations

import hashlib
import os
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from pipelines.erasure import ledger_rows
from pipelines.ledger import read, record, write
from pipelines.ledger.tables import FAILED, TABLES
from pipelines.publishing import archive
from pipelines.stages.make_list import make_list
from tests.pipelines import lists_for_tests
from tests.pipelines.decoded_for_tests import decoded
from tests.pipelines.drafts_for_tests import settings, write_draft
from tests.pipelines.sections_for_tests import again, feedback, forget, forget_published, publish

pytestmark = pytest.mark.slow

FIRST, SECOND = "2024-03-04", "2024-03-11"
SINKS = settings(
    hub={"kind": "hubspot", "folder": "outside/crm"},
    social={"kind": "meta", "folder": "outside/ads"},
    table={"kind": "sql", "address": "crm.sqlite", "table": "churn"},
)
GONE = "a-1"
TRACES = (GONE, "ob@xample.org".replace("x", "ex"), "bob@example.org", hashlib.sha256(b"bob@example.org").hexdigest())


@pytest.fixture(autouse=True)
def _published(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path(".dvc").mkdir()
    Path(".dvc/config").write_text("[core]\n    no_scm = true\n    analytics = false\n")
    for day in (FIRST, SECOND):
        write_draft(day, held="e-5 0.9 consent" if day == FIRST else "a-7 0.9 consent")
        publish(day, SINKS, lambda _: None)
    Path("team.csv").write_text(
        "customer,when,what,note\na-1,2024-03-12,reached,Bob was friendly\n007,2024-03-12,wrong,\n"
    )
    feedback(Path("team.csv"), SINKS, lambda _: None, now=datetime(2024, 4, 1, tzinfo=UTC))
    Path("team.csv").unlink()


def speaking() -> list[str]:
    """Files with any trace of the customer; `crm.sqlite` is not ours."""
    files = [path for path in sorted(Path().rglob("*")) if path.is_file() and path.name != "crm.sqlite"]
    return [path.as_posix() for path in files if any(one in decoded(path) for one in TRACES)]


def sound() -> None:
    """Publishing the same drafts again finds everything as it should be."""
    for day in (FIRST, SECOND):
        said: list[str] = []
        publish(day, SINKS, said.append)
        assert said[0].endswith("nothing was added to the ledger.")


def test_ledger_copies_and_files_of_sinks_hold_nothing_of_them() -> None:
    assert "data/ledger/ledger.db" in speaking()
    assert "outside/ads/social_2024-03-11.csv" in speaking()
    said: list[str] = []
    forget(GONE, SINKS, said.append)
    assert speaking() == []
    found = read.history_before("2024-04-01", SINKS.timezone)
    assert sorted(set(found.entries["customer_id"])) == ["007", "b,2", "c-3", "d-4"]
    assert list(found.feedback["customer_id"]) == ["007"]
    assert "a-7" in write.customers()
    assert {
        "  data/ledger/ledger.db",
        "  data/ledger/published/2024-03-11",
        "  table churn (publish.sinks.table)",
    } <= set(said)
    sound()
    assert {path.stat().st_mode & 0o777 for path in (archive.FOLDER / FIRST).iterdir()} == {0o400}


def test_the_guards_stand_again_and_others_stay() -> None:
    forget(GONE, SINKS, lambda _: None)
    with closing(sqlite3.connect(read.FILE)) as con:
        assert con.execute("select count(*) from sqlite_master where type = 'trigger'").fetchone() == (2 * len(TABLES),)
        with pytest.raises(sqlite3.IntegrityError, match="append-only"):
            con.execute("delete from entry")


def test_what_was_written_of_others_does_not_name_them_either() -> None:
    Path("team.csv").write_text("customer,when,what,note\n007,2024-03-13,kept,friend of cust-1\n")
    feedback(Path("team.csv"), SINKS, lambda _: None, now=datetime(2024, 4, 1, tzinfo=UTC))
    write.record_attempt(1, "hub", FAILED, "unknown: cust-1")
    forget_published(frozenset({"cust-1"}), SINKS)
    assert "cust-1" not in decoded(read.FILE)
    assert len(read.history_before("2024-04-01", SINKS.timezone).feedback.query("what == 'kept'")) == 1


def test_a_held_back_customer_too() -> None:
    forget_published(frozenset({"e-5"}), SINKS)
    assert "e-5" not in write.customers()
    assert "e-5" not in decoded(archive.FOLDER / FIRST / "held_back.csv")
    forget("e-5", SINKS, lambda _: None)
    sound()


def test_somebody_unknown_changes_nothing() -> None:
    before = {path: path.read_bytes() for path in archive.FOLDER.rglob("*") if path.is_file()}
    assert forget_published(frozenset({"nobody"}), SINKS).rewritten == []
    assert {path: path.read_bytes() for path in archive.FOLDER.rglob("*") if path.is_file()} == before
    sound()


def test_a_file_that_nobody_is_left_for_goes() -> None:
    write_draft("2024-03-18", "a-1 0.72 email Bob@example.org -")
    publish("2024-03-18", SINKS, lambda _: None)
    forget(GONE, SINKS, lambda _: None)
    assert speaking() == []
    assert not Path("outside/crm/hub_2024-03-18.csv").exists()


def test_a_list_of_the_stage_loses_them_in_every_format(tmp_path: Path) -> None:
    folder = tmp_path / "shop"
    small = lists_for_tests.shop(folder)
    os.chdir(folder)
    plain = settings()
    make_list(plain, small.inputs, small.out)
    publish(FIRST, plain, lambda _: None)
    gone = str(read.history_before(SECOND, plain.timezone).entries["customer_id"].iloc[0])
    files = {path.name for path in (archive.FOLDER / FIRST).iterdir() if gone in decoded(path)}
    assert {"at_risk.csv", "at_risk.html", "at_risk.parquet", "at_risk.xlsx"} <= files
    forget_published(frozenset({gone}), plain)
    left = [path.name for path in (archive.FOLDER / FIRST).iterdir() if f'"{gone}"' in decoded(path)]
    assert left == []
    archive.require_intact(write.publications()[0])


def test_who_comes_back_with_an_old_ledger_goes_again() -> None:
    kept = {path: path.read_bytes() for path in (read.FILE, record.file_of(read.FILE))}  # a backup
    forget(GONE, SINKS, lambda _: None)
    said: list[str] = []
    again(SINKS, said.append)
    assert said == ["Nobody of the 1 forgotten ids is back."]
    for path, content in kept.items():
        path.write_bytes(content)
    again(SINKS, lambda _: None)
    assert GONE not in write.customers()


KILLED = """
import os, signal, sys
from pipelines.erasure import published as forgetting
from tests.pipelines.sections_for_tests import delivery_of
from tests.pipelines.test_forgetting import GONE, SINKS

place, when = sys.argv[1:]
work = getattr(forgetting, place)

def step(*arguments):
    if when == "after":
        work(*arguments)
    os.kill(os.getpid(), signal.SIGKILL)

setattr(forgetting, place, step)
forgetting.forget_published(frozenset({GONE}), delivery_of(SINKS))
"""


@pytest.mark.slow
@pytest.mark.parametrize("place", ["erase", "vacuum", "rewrite", "_forget_former"])
@pytest.mark.parametrize("when", ["before", "after"])
def test_killed_half_way_it_is_done_by_doing_it_again(place: str, when: str) -> None:
    environment = {"PYTHONPATH": str(Path(__file__).parents[2])}
    done = subprocess.run([sys.executable, "-c", KILLED, place, when], env=environment, capture_output=True)
    assert done.returncode == -signal.SIGKILL, done.stderr
    forget(GONE, SINKS, lambda _: None)
    assert speaking() == []
    sound()


def test_erasing_is_one_transaction() -> None:
    before = list(sqlite3.connect(read.FILE).iterdump())
    with pytest.raises(ZeroDivisionError), write.writing() as con:
        ledger_rows.erase(con, frozenset({GONE}), {})
        raise ZeroDivisionError
    assert list(sqlite3.connect(read.FILE).iterdump()) == before
