"""Files with personal data are their owner's, or a group's besides; what others could read before is not taken away."""

from __future__ import annotations

import grp
import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipelines.commands.doctor.access import access_lines, warn_once
from pipelines.ledger import write
from pipelines.runtime import closed
from pipelines.runtime.errors import ChurnError
from pipelines.runtime.files import atomic_file, atomic_folder, write_json
from pipelines.settings import artifacts
from tests.conftest import Project

TEAM = grp.getgrgid(os.getgid() if os.getuid() else next(one.gr_gid for one in grp.getgrall() if one.gr_gid)).gr_name


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder that everybody may look into, as most are."""
    usual = os.umask(0o022)
    folder = tmp_path / "project"
    (folder / "data").mkdir(parents=True)
    (folder / ".dvc").mkdir()
    folder.chmod(0o755)
    monkeypatch.chdir(folder)
    monkeypatch.setattr(closed, "_USUAL", 0o022)
    monkeypatch.setattr(closed, "_process", closed._Process())
    yield folder
    os.umask(usual)


def close(group: str | None = None) -> None:
    closed.close_files(artifacts.STORES, group)


def mode(path: Path | str) -> int:
    return stat.S_IMODE(Path(path).stat().st_mode)


def older_project() -> Path:
    """What a version that closed nothing left: a list, and the activity it was made from."""
    for name in ("activity/train/activity.parquet", "at_risk/2024-12-02/at_risk.csv"):
        path = artifacts.DATA / name
        path.parent.mkdir(parents=True)
        path.write_text("C1\n")
    return artifacts.LISTS / "2024-12-02"


def write_list() -> None:
    with atomic_folder(artifacts.LISTS / "2024-12-09") as folder:
        (folder / "pages").mkdir()
        (folder / "at_risk.csv").write_text("C1\n")


def test_a_new_project_is_its_owners_alone() -> None:
    close()
    write_list()
    write_json(artifacts.DATA / "scores" / "one.json", {})
    folders = (artifacts.LISTS, artifacts.LISTS / "2024-12-09", artifacts.LISTS / "2024-12-09/pages")
    assert {mode(path) for path in folders} == {0o700}
    assert mode(".dvc/cache") == 0o700  # before DVC makes it by the mask of whoever starts it
    assert {mode(artifacts.LISTS / "2024-12-09/at_risk.csv"), mode(artifacts.DATA / "scores/one.json")} == {0o600}
    assert access_lines() == []


def test_what_others_could_read_stays_as_it_is_and_is_said_once() -> None:
    older_project()
    close()
    write_list()
    assert mode(artifacts.LISTS / "2024-12-09/at_risk.csv") == 0o644
    said: list[str] = []
    warn_once(said.append)
    warn_once(said.append)
    assert len(said) == 1
    assert "can read personal data of this project: data/activity, data/at_risk." in said[0]
    assert "  chmod -R go= data/activity data/at_risk" in said[0].splitlines()
    assert access_lines()


def test_the_advice_closes_a_project() -> None:
    older_project()
    Path(".dvc/cache").mkdir()
    close()
    os.system(access_lines()[1])  # as people are told to type it
    close()
    assert access_lines() == []
    write_list()
    assert mode(artifacts.LISTS / "2024-12-09/at_risk.csv") == 0o600


def test_a_folder_opened_since_opens_no_other() -> None:
    close()
    write_list()
    write_json(artifacts.DATA / "scores" / "one.json", {})
    artifacts.LISTS.chmod(0o755)
    close()
    write_json(artifacts.DATA / "scores" / "two.json", {})
    assert mode(artifacts.DATA / "scores/two.json") == 0o600
    assert "data/at_risk. " in access_lines()[0]


@pytest.mark.parametrize("shield", [".", "data"])
def test_a_closed_folder_closes_what_is_in_it(shield: str) -> None:
    older_project()
    Path(shield).chmod(0o700)
    close()
    assert access_lines() == []
    write_list()
    assert mode(artifacts.LISTS / "2024-12-09/at_risk.csv") == 0o600


def test_a_team_reads_what_was_there_and_what_comes() -> None:
    older = older_project()
    (artifacts.DATA / "vault").mkdir(mode=0o700)
    (artifacts.DATA / "vault" / "customers.sqlite").touch(mode=0o600)
    close(TEAM)
    write_list()
    write.begin()
    number = grp.getgrnam(TEAM).gr_gid
    files = [older / "at_risk.csv", artifacts.LISTS / "2024-12-09/at_risk.csv", Path("data/ledger/ledger.db")]
    assert {mode(path) for path in files} == {0o640}
    assert {mode(folder) for path in files for folder in path.parents if folder != Path()} == {0o2750}
    assert {path.stat().st_gid for path in files} == {number}
    assert (mode("data/vault"), mode("data/vault/customers.sqlite"), mode(".dvc/cache")) == (0o700, 0o600, 0o700)
    assert access_lines() == []


def test_a_team_reads_what_is_written_elsewhere_where_it_may_look(tmp_path: Path) -> None:
    close(TEAM)
    for name, rights in (("shared", 0o755), ("private", 0o700)):
        (tmp_path / name).mkdir()
        (tmp_path / name).chmod(rights)
        with atomic_file(tmp_path / name / "scores.parquet") as partial:
            partial.touch(mode=0o600)
    assert mode(tmp_path / "shared" / "scores.parquet") == 0o640
    assert mode(tmp_path / "private" / "scores.parquet") == 0o600


def test_what_a_team_may_read_it_may_read_until_the_owner_says_so() -> None:
    close(TEAM)
    write_list()
    close()
    write_json(artifacts.LISTS / "2024-12-09" / "more.json", {})
    assert any("data/at_risk" in line for line in access_lines())


def test_a_backup_is_its_owners_whatever_the_team() -> None:
    close(TEAM)
    with atomic_folder(Path("kept"), private=True) as folder:
        (folder / "vault").mkdir()
        (folder / "vault" / "customers.sqlite").touch()
    assert {mode("kept"), mode("kept/vault")} == {0o700}
    assert mode("kept/vault/customers.sqlite") == 0o600


def test_a_group_that_is_none_is_refused() -> None:
    with pytest.raises(ChurnError, match=r"params.yaml: privacy.file_group: there is no group 'teem' on this machine"):
        close("teem")


@pytest.mark.slow
def test_after_a_whole_run_nobody_else_reads_anything(shop_run: Project, tmp_path: Path) -> None:
    shop = shop_run.copy_to(tmp_path / "shop")
    shop.churn("publish")
    scores, copies = tmp_path / "scores.parquet", tmp_path / "backup"
    activity = str(shop.folder / "data/activity/score")
    shop.churn("score", "--activity", activity, "--out", str(scores))
    shop.churn("export", "--to", str(tmp_path / "exported"))
    shop.churn("backup", str(copies))
    places = [shop.folder / "data", shop.folder / "mlartifacts", tmp_path / "exported", copies]
    found = [path for place in places for path in (place, *place.rglob("*"))]
    found = [path for path in (*found, scores) if "/artifacts/code/" not in path.as_posix()]  # the code is ours
    read = {path.relative_to(tmp_path).as_posix() for path in found if mode(path) & 0o077}
    assert read <= {"shop/data", "shop/data/.gitignore"}  # as git made them
    assert mode(shop.folder / ".dvc/cache") == 0o700  # DVC tells by 0444 that an object of its cache is whole
