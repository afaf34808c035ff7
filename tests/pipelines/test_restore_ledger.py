"""A ledger that is gone is never begun anew: every command says so, and it is rebuilt from what lies beside it."""

from __future__ import annotations

import json
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from pipelines.commands.app import main
from pipelines.ledger import read, record, write
from pipelines.publishing.rebuild import TAKEN, restore_ledger
from pipelines.runtime.errors import ChurnError
from pipelines.runtime.files import digest_of
from tests.pipelines.drafts_for_tests import LISTED, settings, write_draft
from tests.pipelines.left_by_v0_1 import unpack
from tests.pipelines.sections_for_tests import feedback, forget_published, publish

DAY, LATER = "2024-03-04", "2024-03-11"
TABLE = {"kind": "sql", "address": "crm.sqlite", "table": "churn"}
SINKS = settings(crm={"kind": "hubspot", "folder": "data/outbox"}, table=TABLE)
RECORD = record.file_of(read.FILE)
NOW = datetime(2024, 4, 1, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def two_weeks() -> list[str]:
    """Two weeks, one of them revised, with deliveries and feedback; the ledger as SQL."""
    for day, text in ((DAY, LISTED), (LATER, LISTED), (DAY, LISTED.strip().splitlines()[0])):
        write_draft(day, text)
        publish(day, SINKS, lambda _: None, revise=True, moment=f"{day}T08:00:00Z")
    Path("team.csv").write_text(
        "customer_id,when,contacted,reached,note\n007,2024-03-12,yes,no,again\na-1,2024-03-13,yes,yes,\n"
    )
    feedback(Path("team.csv"), SINKS, lambda _: None, now=NOW)
    return dump()


def dump() -> list[str]:
    """The ledger as SQL, in any order, without the links of its chain, which have salts of their own."""
    with closing(sqlite3.connect(read.FILE)) as con:
        return sorted(line for line in con.iterdump() if not line.startswith('INSERT INTO "chain"'))


def noted_rows() -> list[str]:
    """The rows of the record, in any order, without the lines that end what was appended."""
    return sorted(line for line in RECORD.read_text().splitlines() if line.startswith('{"table"'))


def sinks() -> tuple[str, list[Any]]:
    """What the sinks have got."""
    with closing(sqlite3.connect("crm.sqlite")) as con:
        return digest_of(Path("data/outbox")), con.execute("select * from churn order by 1, 2").fetchall()


def rebuilt() -> list[str]:
    said: list[str] = []
    restore_ledger(SINKS.publish.sinks, said.append)
    return said


def gone() -> None:
    read.FILE.unlink()


def empty() -> None:
    read.FILE.write_bytes(b"")


def damaged() -> None:
    read.FILE.write_bytes(b"\0garbage" * 4000)


def begun_anew() -> None:
    read.FILE.unlink()
    with write.connected(read.FILE) as con, write.transaction(con):
        write.make(con)


def older() -> None:
    """A backup from before the last week."""
    with closing(sqlite3.connect(read.FILE)) as con:
        for name in ("delivery_no_delete", "feedback_no_delete"):
            con.execute(f"drop trigger {name}")
        con.execute("delete from delivery where number > 2")
        con.commit()


LOSSES = [gone, empty, damaged, begun_anew, older]


@pytest.mark.parametrize("loss", LOSSES)
def test_whoever_opens_a_lost_ledger_is_told_and_nothing_is_written(
    two_weeks: list[str], loss: Callable[[], None]
) -> None:
    loss()
    before, delivered = digest_of(Path("data/ledger")), sinks()
    write_draft("2024-03-18")
    for command in (
        lambda: publish(DAY, SINKS, print),
        lambda: publish("2024-03-18", SINKS, print),
        lambda: feedback(Path("team.csv"), SINKS, print, now=NOW),
        lambda: read.history_before("2024-03-18", SINKS.timezone),
        lambda: read.digest("2024-03-18", SINKS.timezone),
        lambda: read.activity_table("2024-03-18", SINKS.timezone),
        write.publications,
        lambda: forget_published(frozenset({"007"}), SINKS),
    ):
        with pytest.raises(ChurnError, match=r"ledger\.db: .*`churn restore-ledger` rebuilds it"):
            command()
    assert (digest_of(Path("data/ledger")), sinks()) == (before, delivered)


@pytest.mark.parametrize("loss", LOSSES)
def test_a_rebuilt_ledger_equals_the_lost_one_and_nothing_is_delivered_twice(
    two_weeks: list[str], loss: Callable[[], None]
) -> None:
    noted, delivered = noted_rows(), sinks()
    loss()
    said = rebuilt()
    assert said[1:3] == [
        "Rebuilt: 3 published lists with 13 customers listed or held out.",
        "From the record: 3 rows of feedback, 6 deliveries; nothing is delivered twice.",
    ]
    assert dump() == two_weeks
    assert noted_rows() == noted
    assert write.pending_deliveries() == []
    write_draft(LATER)
    publish(LATER, SINKS, lambda _: None)
    assert sinks() == delivered
    assert rebuilt() == ["data/ledger/ledger.db: the ledger is here and whole; nothing was done."]
    assert read.FILE.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("cut", [1, 40])
def test_a_record_that_was_not_written_in_full_is_written_again(two_weeks: list[str], cut: int) -> None:
    whole = RECORD.read_bytes()
    RECORD.write_bytes(whole[:-cut])
    write.begin()
    assert record.rows_of(read.FILE)["feedback"]
    RECORD.write_bytes(whole[:-cut])
    gone()
    rebuilt()  # of a torn end only the line that ends it is lost
    assert dump() == two_weeks


def test_a_list_that_never_came_into_the_ledger_is_left_out(two_weeks: list[str]) -> None:
    shutil.copytree(read.FILE.parent / "published" / LATER, read.FILE.parent / "published/2024-03-18")
    gone()
    assert "Left out, because it never came into the ledger: 2024-03-18." in rebuilt()
    assert dump() == two_weeks


@pytest.mark.parametrize("name", ["at_risk.parquet", "control.csv", "manifest.json"])
def test_copies_that_are_not_what_was_published_rebuild_nothing(two_weeks: list[str], name: str) -> None:
    gone()
    path = read.FILE.parent / "published" / LATER / name
    path.chmod(0o600)
    path.write_bytes(path.read_bytes().replace(b"3", b"4", 1))
    with pytest.raises(ChurnError, match=rf"{LATER}/{name}: was changed(.|\n)*Put these published copies back"):
        rebuilt()
    shutil.rmtree(path.parent)
    with pytest.raises(ChurnError, match=rf"{LATER}(.|\n)*Put these published copies back"):
        rebuilt()
    assert not read.FILE.exists()


def test_without_any_list_there_is_nothing_to_rebuild() -> None:
    with pytest.raises(ChurnError, match="holds no published list"):
        rebuilt()
    assert not Path("data").exists()


def test_the_forgotten_are_not_in_the_record_and_do_not_come_back(two_weeks: list[str]) -> None:
    assert '"007"' in RECORD.read_text()
    forget_published(frozenset({"007"}), SINKS)
    assert "007" not in RECORD.read_text()
    left = dump()
    gone()
    rebuilt()
    emptied = 'INSERT INTO "assignment" VALUES(3'  # nobody is left on it who has the figure that ranked
    kept = [one for one in left if not one.startswith(emptied)]
    assert [one for one in dump() if not one.startswith(emptied)] == kept
    assert "'007'" not in "".join(left)


@pytest.fixture
def v0_1(tmp_path: Path) -> list[str]:
    """A project of version 0.1; its ledger as SQL."""
    unpack(tmp_path)
    return dump()


def test_a_ledger_of_version_0_1_gets_its_record_with_the_next_transaction(v0_1: list[str]) -> None:
    write.begin()
    before = dump()
    assert [line for line in before if "assignment" not in line and "chain" not in line] == v0_1
    gone()
    assert CliRunner().invoke(main, ["restore-ledger"], catch_exceptions=False).exit_code == 0
    assert dump() == before


def test_copies_without_a_record_give_the_lists_back_and_the_sinks_count_as_served(v0_1: list[str]) -> None:
    gone()
    refused = CliRunner().invoke(main, ["weekly", "--as-of", "2024-12-09", "--log", "json"])
    last = json.loads(refused.stdout.splitlines()[-1])
    assert (refused.exit_code, last["event"]) == (1, "failed")
    assert "`churn restore-ledger`" in last["faults"][0]
    done = CliRunner().invoke(main, ["restore-ledger"], catch_exceptions=False)
    assert "There is no record of version 0.1" in done.output
    tables = ("entry", "held_back", "kept", "due")
    assert [line for line in dump() if line.startswith(tuple(f'INSERT INTO "{name}"' for name in tables))] == [
        line for line in v0_1 if line.startswith(tuple(f'INSERT INTO "{name}"' for name in tables))
    ]
    assert [(one.as_of, one.revision, one.campaign) for one in write.publications()] == [
        ("2024-12-02", 1, "winter"),
        ("2024-12-02", 2, "winter"),
        ("2024-12-09", 1, "winter"),
    ]
    first, second, _third = write.publications()
    assert second.replaces == first.list_id
    assert (write.pending_deliveries(), "".join(dump()).count(TAKEN)) == ([], 3)


def test_the_cost_of_looking_is_small(two_weeks: list[str]) -> None:
    statements: list[str] = []
    with read.opened() as con:
        assert con is not None
        con.set_trace_callback(statements.append)
        record.require_current(con, read.FILE)
    asked = [one.split(" from ")[-1] for one in statements]
    assert [one for one in asked if one.split()[0] not in record.NEVER_FEWER] == [
        "pragma user_version",
        *[f"chain where number = {last_link()}"] * 2,
        f"chain where number > {last_link()} order by number",
    ]
    assert all("max(rowid)" in one for one in statements if one.split(" from ")[-1] in record.NEVER_FEWER)


def last_link() -> int:
    with closing(sqlite3.connect(read.FILE)) as con:
        return int(con.execute("select max(number) from chain").fetchone()[0])
