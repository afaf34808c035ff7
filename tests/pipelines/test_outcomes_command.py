"""`churn outcomes` at the command line: an answer in words, or an error with the way out."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from click.testing import CliRunner

from pipelines.commands import weekly
from pipelines.commands.app import main
from pipelines.runtime.log import Log
from pipelines.settings import params
from pipelines.settings.moments import for_day
from tests.pipelines.planted_campaigns import Planted, project_in, publish_lists, world, write_activity


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    return project_in(tmp_path, monkeypatch)


def said(*arguments: str, code: int = 0) -> str:
    done = CliRunner().invoke(main, ["outcomes", *arguments])
    assert done.exit_code == code, done.output
    return done.output


def test_without_a_published_list_it_says_what_to_do(project: Path) -> None:
    assert "nothing was ever published" in said(code=1)
    assert not (project / "data/outcomes").exists()


def test_before_and_after_a_list_matures(project: Path) -> None:
    made = world(Planted(weekly=60, weeks=3))
    publish_lists(made)
    early = said()
    assert "No list has matured yet: the first one does on 1 April 2024." in early
    assert "Reading what the sources have" not in early, "nothing matured: no activity is needed"
    write_activity(made, project / "data/activity/score", "2024-04-22")
    late = said("--as-of", "2024-04-22")
    assert "3 lists of 3 matured" in late
    assert "proven" in late
    assert late.rstrip().endswith("data/outcomes/outcomes.html")
    assert {path.name for path in (project / "data/outcomes").iterdir()} == {
        "effects.json",
        "known",
        "outcomes.csv",
        "outcomes.html",
        "outcomes.xlsx",
        "receipt.json",
    }
    shutil.rmtree(project / "data/outcomes")
    assert said("--as-of", "2024-04-22") == late


def told_by_weekly(day: str) -> str:
    lines: list[str] = []
    weekly._refresh_outcomes(for_day(params.load(), day), Log(False, lambda: "", lines.append))
    return "\n".join(lines)


def test_a_week_brings_outcomes_up_to_date_once_another_list_has_matured(project: Path) -> None:
    made = world(Planted(weekly=60, weeks=3))
    publish_lists(made)
    for day, told in (("2024-03-25", "No list has matured yet"), ("2024-04-22", "3 lists of 3 matured")):
        write_activity(made, project / "data/weekly" / day / "activity/score", day)
        assert told in told_by_weekly(day)
        assert told_by_weekly(day) == "", "nothing has matured since"


def test_a_ledger_that_outcomes_cannot_read_does_not_undo_a_week(project: Path) -> None:
    made = world(Planted(weekly=60, weeks=3))
    publish_lists(made)
    write_activity(made, project / "data/weekly/2024-04-22/activity/score", "2024-04-22")
    with closing(sqlite3.connect("data/ledger/ledger.db")) as con:
        con.execute("pragma user_version = 1")
    assert "What earlier lists achieved was not brought up to date: " in told_by_weekly("2024-04-22")
