"""`churn backup`: one moment of everything, while others write; copied back over a project it is that project."""

from __future__ import annotations

import shutil
import sqlite3
import subprocess
import sys
import threading
from contextlib import closing
from pathlib import Path

import pytest
from click.testing import CliRunner

from models.sums import SUMS, sums_faults
from pipelines.commands.app import main
from pipelines.commands.backup import backup
from pipelines.ledger import read, record, write
from pipelines.publishing import archive
from pipelines.runtime.errors import ChurnError
from pipelines.runtime.files import digest_of
from tests.pipelines.drafts_for_tests import settings, write_draft
from tests.pipelines.sections_for_tests import forget_published, publish

PLAIN = settings(crm={"kind": "hubspot", "folder": "data/outbox"})


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "project").mkdir()
    monkeypatch.chdir(tmp_path / "project")


def published(day: str) -> None:
    write_draft(day)
    publish(day, PLAIN, lambda _: None)


def dump(path: Path) -> list[str]:
    with closing(sqlite3.connect(path)) as con:
        return list(con.iterdump())


def test_a_restored_backup_is_the_project_and_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    published("2024-03-04")
    Path("params.yaml").write_text("language: en\n")
    said: list[str] = []
    backup(tmp_path / "kept", said.append)
    assert said[:2] == ["params.yaml", "data/ledger: 1 published lists"]
    assert sums_faults(tmp_path / "kept") == []
    assert (tmp_path / "kept").stat().st_mode & 0o777 == 0o700
    other = tmp_path / "other"
    subprocess.run(["cp", "-a", f"{tmp_path / 'kept'}/.", str(other)], check=True)  # as the documentation says
    assert dump(other / read.FILE) == dump(read.FILE)
    assert digest_of(other / archive.FOLDER) == digest_of(archive.FOLDER)
    assert record.rows_of(other / read.FILE) == record.rows_of(read.FILE.absolute())
    monkeypatch.chdir(other)
    published("2024-03-11")
    assert [one.as_of for one in write.publications()] == ["2024-03-04", "2024-03-11"]
    read.FILE.unlink()
    assert CliRunner().invoke(main, ["backup", str(tmp_path / "second")]).exit_code == 1


def test_a_backup_never_replaces_anything_and_of_nothing_there_is_none(tmp_path: Path) -> None:
    done = CliRunner().invoke(main, ["backup", str(tmp_path / "kept")])
    assert (done.exit_code, "holds nothing to back up" in done.stderr) == (1, True)
    assert not (tmp_path / "kept").exists()
    published("2024-03-04")
    (tmp_path / "kept").mkdir()
    backup(tmp_path / "kept", lambda _: None)
    before = digest_of(tmp_path / "kept")
    with pytest.raises(ChurnError, match="is there already, and a backup never replaces one"):
        backup(tmp_path / "kept", lambda _: None)
    assert digest_of(tmp_path / "kept") == before


def test_what_does_not_fit_its_digest_is_no_backup(tmp_path: Path) -> None:
    published("2024-03-04")
    path = archive.FOLDER / "2024-03-04/control.csv"
    path.chmod(0o600)
    path.write_text("")
    with pytest.raises(ChurnError, match=r"control\.csv: is not what was published"):
        backup(tmp_path / "kept", lambda _: None)
    assert [path.name for path in tmp_path.iterdir()] == ["project"]


def test_a_disk_that_refuses_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_arguments: object, **_options: object) -> None:
        raise OSError(28, "No space left on device")

    published("2024-03-04")
    monkeypatch.setattr(shutil, "copytree", full)
    with pytest.raises(ChurnError, match=r"could not be written: .*No space left on device"):
        backup(tmp_path / "kept", lambda _: None)
    assert [path.name for path in tmp_path.iterdir()] == ["project"]


WRITER = """
import sys
from tests.pipelines.drafts_for_tests import write_draft
from tests.pipelines.test_backup import published
for day in range(1, 29):
    published(f"2024-03-{day:02d}")
    print(day, flush=True)
"""


@pytest.mark.slow
def test_a_backup_of_a_ledger_that_is_written_to_is_one_moment_of_it(tmp_path: Path) -> None:
    root = Path(__file__).parents[2]
    with subprocess.Popen(
        [sys.executable, "-c", WRITER], env={"PYTHONPATH": str(root)}, stdout=subprocess.PIPE, text=True
    ) as writer:
        assert writer.stdout is not None
        number = 0
        while writer.poll() is None and writer.stdout.readline():
            number += 1
            if number % 7 == 3:
                backup(tmp_path / f"kept{number}", lambda _: None)
    assert writer.returncode == 0
    kept = sorted(tmp_path.glob("kept*"))
    assert len(kept) >= 3
    for folder in kept:
        assert sums_faults(folder) == []
        known = write.publications(folder / read.FILE)
        assert {path.name for path in record.copies_of(folder / read.FILE)} == {one.as_of for one in known}
        assert len(record.rows_of(folder / read.FILE)["publication"]) == len(known)
    assert (kept[0] / SUMS).is_file()


def test_a_copy_that_erasure_rewrote_meanwhile_is_taken_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    published("2024-03-04")
    copytree, left = shutil.copytree, [1]

    def erased_meanwhile(source: Path, target: Path) -> Path:
        if left:
            left.pop()
            thread = threading.Thread(target=forget_published, args=(frozenset({"a-1"}), PLAIN))
            thread.start()
            thread.join()
        return Path(copytree(source, target))

    monkeypatch.setattr(shutil, "copytree", erased_meanwhile)
    backup(tmp_path / "kept", lambda _: None)
    assert "a-1" not in "".join(dump(tmp_path / "kept" / read.FILE))
    assert sums_faults(tmp_path / "kept") == []
