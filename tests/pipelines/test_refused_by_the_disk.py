"""A full disk, a read-only folder, another user's files: a sentence, the last JSON line, and no traceback."""

from __future__ import annotations

import errno
import json
import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from pipelines.commands import run
from pipelines.commands.lazy_group import LazyGroup
from pipelines.commands.scheduled import command_log
from pipelines.runtime.errors import ChurnError, system_faults
from pipelines.runtime.files import read_json

REFUSED = {
    errno.ENOSPC: "the disk is full. Make room",
    errno.EROFS: "lies on a file system that is read-only",
    errno.EACCES: "may not be read or written by you",
    errno.EDQUOT: "your share of the disk is used up",
}


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@click.group(cls=LazyGroup, lazy={})
def main() -> None:
    """Nothing."""


@main.command()
@click.argument("number", type=int)
def plain(number: int) -> None:
    raise OSError(number, os.strerror(number), "data/at_risk/x")


@main.command()
@click.argument("number", type=int)
def scheduled(number: int) -> None:
    with command_log("json"):
        raise OSError(number, os.strerror(number), "data/at_risk/x")


@pytest.mark.parametrize("number", REFUSED)
def test_what_the_disk_refuses_is_a_sentence(number: int) -> None:
    done = CliRunner().invoke(main, ["plain", str(number)])
    assert done.exit_code == 1
    assert done.stderr.strip().startswith(f"data/at_risk/x: {REFUSED[number]}")
    assert done.stderr.strip().endswith("then run the same again; what was there before is still there.")
    last = json.loads(CliRunner().invoke(main, ["scheduled", str(number)]).stdout.splitlines()[-1])
    assert (last["event"], last["exit_code"], last["kind"]) == ("failed", 1, "Problem")


def test_a_missing_file_is_a_defect_and_keeps_its_traceback() -> None:
    assert isinstance(CliRunner().invoke(main, ["plain", str(errno.ENOENT)]).exception, FileNotFoundError)


STAGE = """
import resource, sys
from pathlib import Path
from pipelines.runtime.files import atomic_file
from pipelines.runtime.stage import run_stage
resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))
def work():
    with atomic_file(Path("out.bin")) as partial:
        partial.write_bytes(bytes(300_000))
run_stage("make_list", work)
"""


def test_a_stage_beyond_the_limit_of_a_file_says_so_and_leaves_what_was_there() -> None:
    Path("out.bin").write_bytes(b"before")
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])}
    done = subprocess.run([sys.executable, "-c", STAGE], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "would be larger than you may write. See `ulimit -f`" in done.stderr
    assert "Traceback" not in done.stderr
    assert Path("out.bin").read_bytes() == b"before"
    assert [path.name for path in Path().glob(".out*")] == []
    events = [json.loads(line) for line in Path(".dvc/tmp/churn/journal.jsonl").read_text().splitlines()]
    assert "would be larger than you may write" in events[-1]["faults"][0]


def test_a_database_that_may_not_be_written_is_a_sentence() -> None:
    with sqlite3.connect("x.db") as con:
        con.execute("create table t (a)")
    con.close()
    con = sqlite3.connect(f"file:{Path('x.db').absolute()}?mode=ro", uri=True)
    with pytest.raises(ChurnError, match=r"readonly database.*may not be read or written by you"), system_faults():
        con.execute("insert into t values (1)")
    with pytest.raises(sqlite3.OperationalError, match="no such table"), system_faults():
        con.execute("select * from nowhere")
    con.close()


@pytest.mark.parametrize("content", [b'{"passed": tr', b"", b"\xff\xfe{}"])
def test_a_file_that_was_cut_is_named(content: bytes) -> None:
    Path("facts.json").write_bytes(content)
    with pytest.raises(ChurnError, match=r"^facts.json: is damaged \(.*\)\. Delete it"), system_faults():
        read_json(Path("facts.json"))
    with pytest.raises(ValueError, match=r".") as told:
        read_json(Path("facts.json"))
    assert not isinstance(told.value, ChurnError)


def test_a_damaged_lock_of_dvc_says_what_to_do() -> None:
    log = Path("dvc.log")
    for said in ("ERROR: unable to read: 'dvc.lock', is not valid utf-8", "'./dvc.lock' is invalid.\n\nWhile parsing"):
        log.write_text(f"{said}\n" + "more\n" * 20)
        assert run._tail(log)[-1] == run.LOCK_ADVICE
    log.write_text("Updating lock file 'dvc.lock'\nERROR: failed to reproduce 'make_list'\n")
    assert run.LOCK_ADVICE not in run._tail(log)
