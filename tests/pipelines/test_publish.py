"""`churn publish`: once, again, another list, a list that must not go out, and whatever is interrupted half way."""

from __future__ import annotations

import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from pipelines.ledger import read, write
from pipelines.publishing import archive
from pipelines.runtime.errors import ChurnError
from pipelines.runtime.files import digest_of
from pipelines.stages.make_list import make_list
from tests.conftest import PROVING
from tests.pipelines import lists_for_tests
from tests.pipelines.drafts_for_tests import CONTROL, EMPTY, HELD, LISTED, say_again, settings, write_draft
from tests.pipelines.sections_for_tests import publish

DAY = "2024-03-04"
PLAIN = settings()
SHORTER = "\n".join(LISTED.strip().splitlines()[:2])


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def dump() -> list[str]:
    with closing(sqlite3.connect(read.FILE)) as con:
        return list(con.iterdump())


def published(**options: Any) -> list[str]:
    said: list[str] = []
    publish(DAY, options.pop("settings", PLAIN), said.append, **options)
    return said


def refused(**options: Any) -> str:
    with pytest.raises(ChurnError) as problem:
        publish(DAY, options.pop("settings", PLAIN), lambda _: None, **options)
    return str(problem.value)


def test_a_list_is_in_the_ledger_with_its_control_group_and_its_files() -> None:
    folder = write_draft(DAY)
    said = published()
    assert said[0] == (
        "Published: the list of 2024-03-04 (list-2024-03-04-3): 3 customers to contact, 2 held out as the control "
        "group, 2 held back by a rule."
    )
    found = read.history_before("2024-03-11", PLAIN.timezone).entries
    assert list(zip(found["customer_id"], found["group"], found["rank"], strict=True)) == [
        ("007", "contact", 1),
        ("a-1", "contact", 2),
        ("b,2", "contact", 3),
        ("c-3", "control", 10),
        ("d-4", "control", 11),
    ]
    assert set(found["campaign"]) == {"spring"}
    assert list(found["reason_1"]) == ["=1+1 orders"] * 3 + ["quiet"] * 2
    with closing(sqlite3.connect(read.FILE)) as con:
        held = con.execute("select customer_id, rule, churn_probability, said from held_back order by 1").fetchall()
    assert held == [("e-5", "consent", 0.9, "kept off"), ("f-6", "open_complaint", 0.8, "kept off")]
    copy = Path("data/ledger/published") / DAY
    assert digest_of(copy) == digest_of(folder)
    assert {path.stat().st_mode & 0o777 for path in copy.iterdir()} == {0o400}


def test_the_same_list_again_is_a_no_op() -> None:
    write_draft(DAY)
    published()
    before, copy = dump(), digest_of(archive.FOLDER)
    assert published(moment="2024-03-05T08:00:00Z") == [
        "The list of 2024-03-04 (list-2024-03-04-3) is published already; nothing was added to the ledger."
    ]
    assert published(revise=True)[0].endswith("nothing was added to the ledger.")
    assert (dump(), digest_of(archive.FOLDER)) == (before, copy)


def test_a_draft_that_is_made_again_never_changes_what_was_published() -> None:
    write_draft(DAY)
    published()
    copy = digest_of(archive.FOLDER)
    write_draft(DAY, contacts=False)  # the same decisions, written otherwise
    assert published()[0].endswith("nothing was added to the ledger.")
    write_draft(DAY, SHORTER)
    refused()
    shutil.rmtree("data/at_risk")
    assert digest_of(archive.FOLDER) == copy


def test_another_list_for_the_day_needs_revise_and_is_recorded_with_what_it_replaces() -> None:
    write_draft(DAY)
    published()
    before = dump()
    write_draft(DAY, SHORTER)
    assert "`churn publish --as-of 2024-03-04 --revise` puts it in the place of the former" in refused()
    assert dump() == before
    assert "It is revision 2 and replaces list-2024-03-04-3." in published(revise=True)
    first, second = write.publications()
    assert (first.revision, first.replaces, second.revision, second.replaces) == (1, None, 2, first.list_id)
    assert sorted(path.name for path in archive.FOLDER.iterdir()) == [DAY, f"{DAY}_r2"]
    assert len(read.history_before("2024-03-11", PLAIN.timezone).entries) == 4
    write_draft(DAY)  # and back to the first
    assert "It is revision 3 and replaces list-2024-03-04-2." in published(revise=True)


def test_the_control_group_counts_as_the_list_does() -> None:
    write_draft(DAY)
    published()
    write_draft(DAY, control="c-3 0.70")
    assert "holds another one" in refused()


@pytest.mark.parametrize(
    ("draft", "said"),
    [
        ({"text": EMPTY}, "at_risk.parquet: nobody is on the list"),
        ({"checks": {}}, "the check activity_score has not passed, so the data is not validated"),
        ({"checks": {"activity_score": {"passed": False}}}, "the check activity_score has not passed"),
        ({"control": "a-1 0.7"}, "1 customers are in more than one of at_risk.parquet, control.csv and held_back.csv"),
        ({"held": "a-1 0.7 consent"}, "(a-1)"),
        ({"text": LISTED + "007 0.3 email - -"}, "(007)"),
        ({"list_id": "other"}, "the list is list-2024-03-04-3, its manifest speaks of other"),
        ({"as_of": "2024-03-05"}, "the list is for 2024-03-04, not for"),
        ({"files": {}}, "says no files"),
    ],
)
def test_a_list_that_must_not_go_out_is_refused(draft: dict[str, Any], said: str) -> None:
    options = {"text": LISTED, "control": CONTROL, "held": HELD, **draft}
    write_draft(DAY, **options)
    assert said in refused()
    assert not read.FILE.exists()
    assert not archive.FOLDER.exists()


def test_files_that_are_not_the_manifests_are_refused_and_all_named() -> None:
    folder = write_draft(DAY)
    (folder / "at_risk.csv").write_text("customer_id\n666\n")
    (folder / "control.csv").unlink()
    said = refused()
    assert "at_risk.csv: was changed after the list was made" in said
    assert "control.csv: is missing" in said


def test_gaps_are_said() -> None:
    folder = write_draft(DAY)
    text = (folder / "control.csv").read_text(encoding="utf-8-sig").replace("11,d-4", ",")
    (folder / "control.csv").write_text(text, encoding="utf-8-sig")
    say_again(folder)
    said = refused()
    assert "1 rows of at_risk.parquet and control.csv have no rank" in said
    assert "1 rows of at_risk.parquet and control.csv have no customer_id" in said


def test_no_list_and_no_day_are_said() -> None:
    assert "there is no list for 2024-03-04" in refused()
    with pytest.raises(ChurnError, match="is not a day"):
        publish("../x", PLAIN, print)


def test_a_published_copy_that_was_changed_is_noticed() -> None:
    write_draft(DAY)
    published()
    path = archive.FOLDER / DAY / "at_risk.csv"
    path.chmod(0o600)
    path.write_text("nonsense")
    assert "at_risk.csv: is not what was published on this day. Restore it from a backup." in refused()


def test_ids_that_look_like_formulas_are_themselves_in_the_ledger() -> None:
    folder = write_draft(DAY, control="'=c-3 0.7", held="'-e-5 0.9 consent")
    say_again(folder)
    published()
    assert {"=c-3", "-e-5"} <= write.customers()


def test_a_list_of_the_stage_can_be_published(tmp_path: Path) -> None:
    small = lists_for_tests.shop(tmp_path)
    make_list(PLAIN, small.inputs, small.out)
    said = published()
    assert said[0].startswith("Published: the list of 2024-03-04")
    assert len(read.history_before("2024-03-11", PLAIN.timezone).entries) >= 12
    assert published()[0].endswith("nothing was added to the ledger.")


KILLED = """
import os, shutil, signal, sqlite3, sys
from pathlib import Path
from pipelines.ledger import read, write
from pipelines.publishing import archive
from tests.pipelines.drafts_for_tests import settings, write_draft
from tests.pipelines.sections_for_tests import publish

TABLE = {"kind": "sql", "address": "crm.sqlite", "table": "churn"}
SINKS = settings(crm={"kind": "hubspot", "folder": "data/outbox"}, table=TABLE)
WATCHED = {"open", "os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.chmod", "shutil.copyfile"}

def forked(work):
    child = os.fork()
    if child == 0:
        try:
            work()
        except BaseException as error:
            print("failed:", error, flush=True)
            os._exit(3)
        os._exit(0)
    return os.waitpid(child, 0)[1]

def dying_at(step, work):
    left = [step]
    def step_taken(*_):
        left[0] -= 1
        if left[0] == 0:
            os.kill(os.getpid(), signal.SIGKILL)
    def hook(event, arguments):
        if event in WATCHED and "data" in str(arguments[0]):
            step_taken()
    connect = sqlite3.connect
    def watched(*arguments, **options):
        con = connect(*arguments, **options)
        con.set_trace_callback(step_taken)
        return con
    sqlite3.connect = watched
    sys.addaudithook(hook)
    work()

def consistent():
    for one in write.publications():
        archive.require_intact(one)
    known = read.history_before("2024-03-11", SINKS.timezone).entries
    assert len(known) in (0, 5), len(known)

def whole():
    consistent()
    publish("2024-03-04", SINKS, lambda _: None)
    consistent()
    assert [one.revision for one in write.publications()] == [1]
    assert write.pending_deliveries() == []
    with sqlite3.connect("crm.sqlite") as con:
        assert con.execute("select count(*) from churn").fetchall() == [(3,)]
    assert Path("data/outbox/crm_2024-03-04.csv").read_text().count("example.org") == 2
    assert not list(Path("data").rglob("*.partial-*"))

root, step, stride = Path.cwd(), 0, int(sys.argv[1])
assert forked(lambda: write_draft("2024-03-04")) == 0
while True:
    step += stride
    shutil.copytree(root / "data", root / str(step) / "data")
    os.chdir(root / str(step))
    ended = forked(lambda: dying_at(step, lambda: publish("2024-03-04", SINKS, lambda _: None)))
    assert ended in (0, signal.SIGKILL), (step, ended)
    assert forked(whole) == 0, step
    if ended == 0:
        break
print(step, "steps")
"""


@pytest.mark.slow
@pytest.mark.law
def test_killed_before_every_step_it_is_published_whole_or_not_at_all(tmp_path: Path) -> None:
    """Before each single step in `make prove`, before every seventh in the suite."""
    done = subprocess.run(
        [sys.executable, "-c", KILLED, "1" if PROVING else "7"],
        cwd=tmp_path,
        env={"PYTHONPATH": str(Path(__file__).parents[2])},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert int(done.stdout.split()[0]) > 60  # files, folders and statements, each a place to be killed at
