"""A stage works alone, says mendable errors without a traceback, and says who it is."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from filelock import FileLock

from features.errors import FeatureError
from pipelines.runtime import journal, run_lock, stage


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_a_stage_notes_who_it_is() -> None:
    stage.run_stage("build_features@train", lambda: None)
    assert json.loads((run_lock.STATE / "stage.json").read_text())["stage"] == "build_features@train"


def test_a_mendable_error_is_said_in_words(capsys: pytest.CaptureFixture[str]) -> None:
    def work() -> None:
        raise FeatureError("no orders\nmap a source")

    with pytest.raises(SystemExit) as ended:
        stage.run_stage("build_features@train", work)
    assert ended.value.code == 1
    said = capsys.readouterr().err
    assert said.splitlines() == ["build_features@train: no orders", "build_features@train: map a source"]


def test_a_defect_keeps_its_traceback() -> None:
    def work() -> None:
        raise KeyError("a defect")

    with pytest.raises(KeyError):
        stage.run_stage("build_features@train", work)


def test_two_stages_never_write_at_once(capsys: pytest.CaptureFixture[str]) -> None:
    run_lock.STATE.mkdir(parents=True)
    with FileLock(run_lock.STATE / "stage.lock"), pytest.raises(SystemExit):
        stage.run_stage("build_features@train", lambda: pytest.fail("wrote beside another"))
    assert "another stage is writing now" in capsys.readouterr().err


def events(run: str = "") -> list[tuple[str, str]]:
    follower = journal.Follower(run)
    follower._offset = 0
    return [(event.stage, event.event) for event in follower.new_events()]


def test_the_journal_says_when_it_began_what_it_printed_and_how_it_ended(capsys: pytest.CaptureFixture[str]) -> None:
    follower = journal.Follower("")
    stage.run_stage("build_features@train", lambda: print("one\n\ntwo", end=""))
    found = follower.new_events()
    assert [(event.event, event.text) for event in found] == [
        ("began", ""),
        ("note", "one"),
        ("note", "two"),
        ("ended", ""),
    ]
    assert follower.new_events() == []
    assert capsys.readouterr().out == "one\n\ntwo"
    assert 0 <= found[-1].seconds < 10


def test_a_failed_stage_leaves_its_faults_in_the_journal() -> None:
    follower = journal.Follower("")

    def work() -> None:
        raise FeatureError("no orders\nmap a source")

    with pytest.raises(SystemExit):
        stage.run_stage("build_features@train", work)
    assert follower.new_events()[-1].faults == ("no orders", "map a source")
    with pytest.raises(KeyError):
        stage.run_stage("make_list", lambda: {}["a defect"])
    defect = follower.new_events()[-1]
    assert (defect.stage, defect.event, defect.faults[0]) == (
        "make_list",
        "failed",
        "Traceback (most recent call last):",
    )


def test_a_run_follows_its_own_stages_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    stage.run_stage("make_list", lambda: None)
    monkeypatch.setenv(journal.RUN, "4711")
    stage.run_stage("watch_sources", lambda: None)
    assert events("4711") == [("watch_sources", "began"), ("watch_sources", "ended")]
    assert events("") == [("make_list", "began"), ("make_list", "ended")]


def test_a_line_under_way_is_read_when_it_is_whole_and_a_broken_one_is_left_out() -> None:
    follower = journal.Follower("")
    journal.FILE.parent.mkdir(parents=True)
    with journal.FILE.open("w") as file:
        file.write('{"run": "", "stage": "a", "event": "beg')
        file.flush()
        assert follower.new_events() == []
        file.write('an"}\n{"run": \n[1]\n')
        file.flush()
        assert [event.event for event in follower.new_events()] == ["began"]


def test_a_long_journal_is_begun_anew_by_the_next_run(monkeypatch: pytest.MonkeyPatch) -> None:
    stage.run_stage("make_list", lambda: None)
    journal.Follower("")
    assert journal.FILE.is_file()
    monkeypatch.setattr(journal, "MAX_BYTES", 10)
    journal.Follower("")
    assert not journal.FILE.is_file()
