"""Whoever is forgotten, whatever they are called and wherever it is killed: they are gone, and everybody else is whole.

The project has customers in every store; their ids are words of its files, numbers, punctuation, beginnings of others.
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipelines.commands.verify.run import checks
from pipelines.settings.privacy import Privacy
from tests.pipelines import everything_for_tests as everything
from tests.pipelines.everything_for_tests import IDS, Rows, customer_of, held
from tests.pipelines.lists_for_tests import DAY
from tests.pipelines.sections_for_tests import again, forget, publish

OF_SOURCES = ("data/landing/", "data/validation/quarantine_", "data/validation/unmatched_", "data/vault/identity_")
MADE_AGAIN = (".dvc/cache/", *OF_SOURCES)
CHANGES = ("os.rename", "os.remove", "os.rmdir", "os.mkdir", "os.chmod", "sqlite3.connect")
MOST_STEPS = 160
SLOW = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder, before = tmp_path_factory.mktemp("everything"), Path.cwd()
    os.chdir(folder)
    everything.build()
    assert checks_that_fail() == []
    yield folder
    os.chdir(before)


@pytest.fixture
def fresh(made: Path, tmp_path: Path) -> Path:
    """A place for copies; a test asks for several."""
    return tmp_path


def copy_to(folder: Path, made: Path) -> None:
    os.chdir(made)
    shutil.rmtree(folder / "copy", ignore_errors=True)
    shutil.copytree(made, folder / "copy")
    os.chdir(folder / "copy")
    noted = Path("data/written_elsewhere.jsonl")  # absolute paths: those of the copy
    noted.write_text(noted.read_text().replace(str(made), str(folder / "copy")))


def checks_that_fail() -> list[str]:
    return [fault for check in checks(Privacy()) for fault in check.found()]


def gone_and_whole(customer: str, before: Rows) -> None:
    after = held()
    for path, rows in before.items():
        if path.startswith(MADE_AGAIN):
            continue
        kept = [row for row in rows if customer_of(row) != customer]
        assert after[path] == kept, f"{path} without {customer!r}"
    for path, rows in after.items():
        assert customer not in map(customer_of, rows), f"{path} has {customer!r}"
        assert not path.startswith(OF_SOURCES), path
    assert ".dvc/cache/files/md5/aa/" + "b" * 30 in after, "an object that speaks of nobody"
    assert checks_that_fail() == []
    said: list[str] = []
    publish(DAY, everything.settings(), said.append)
    assert said[0].endswith("nothing was added to the ledger.")


@settings(deadline=None, max_examples=4, suppress_health_check=SLOW)
@given(customer=st.sampled_from(IDS))
def test_whoever_is_forgotten_is_gone_and_everybody_else_is_whole(customer: str, made: Path, fresh: Path) -> None:
    copy_to(fresh, made)
    before = held()
    forget(customer, everything.settings(), lambda _: None)
    gone_and_whole(customer, before)


@settings(deadline=None, max_examples=6, suppress_health_check=SLOW)
@given(customer=st.sampled_from(IDS), step=st.integers(1, MOST_STEPS), to_the_same=st.booleans())
def test_killed_at_any_step_and_done_again_it_is_the_same(
    customer: str, step: int, to_the_same: bool, made: Path, fresh: Path
) -> None:
    copy_to(fresh, made)
    before = held()
    killed(customer, step)
    if to_the_same:
        forget(customer, everything.settings(), lambda _: None)
    else:
        again(everything.settings(), lambda _: None)
    if to_the_same or Path("data/forgotten.json").is_file():
        gone_and_whole(customer, before)


def killed(customer: str, step: int) -> bool:
    """Whether erasure in a process of its own was ended, as by SIGKILL, before its `step`th change of the disk."""
    child = os.fork()
    if child:
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 9
    left = [step]

    def count(event: str, _: object) -> None:
        if event in CHANGES:
            left[0] -= 1
            if not left[0]:
                os._exit(9)

    sys.addaudithook(count)
    try:
        forget(customer, everything.settings(), lambda _: None)
    finally:
        os._exit(0)


def test_somebody_who_is_nobody_changes_no_row(made: Path, fresh: Path) -> None:
    copy_to(fresh, made)
    before = held()
    for nobody in ("nobody", "cust", "4", "html", "Low"):
        said: list[str] = []
        forget(nobody, everything.settings(), said.append)
        assert "Nothing here spoke of them" in said[1]
    assert {path: rows for path, rows in held().items() if path in before} == {
        path: rows for path, rows in before.items() if not path.startswith(OF_SOURCES)
    }
