"""The journal of a search: a run that was cut short goes on; what is recalled is what would be found again."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from models.training.search import Trial
from pipelines.modelling import trial_store
from pipelines.modelling.trial_store import OptunaTrialStore, fingerprint
from tests.models.panels_for_tests import panel

PART = {"rows": 10, "loss": 0.5, "gain": {"30/0.0": 0.01, "30/1.0": -0.02}, "error": {"30/0.0": 0.1, "30/1.0": 0.1}}


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(trial_store.run_lock, "STATE", tmp_path)
    return tmp_path / "search"


def test_finished_trials_are_recalled_exactly_by_another_process() -> None:
    said: list[str] = []
    kept, dropped = Trial(1, {"leaves": 5}, {"2021-01-04": PART}), Trial(2, {"leaves": 9}, {"2021-01-04": PART}, True)
    first = OptunaTrialStore("d", "a" * 64, say=said.append)
    first.keep(kept, 5)
    first.keep(dropped, 5)
    second = OptunaTrialStore("d", "a" * 64, say=said.append)
    assert second.recall(1, {"leaves": 5}) == kept
    assert second.recall(2, {"leaves": 9}) == dropped
    assert second.recall(1, {"leaves": 6}) is None
    assert second.recall(3, {"leaves": 5}) is None
    assert said == [
        "search: 1 of 5 trials",
        "search: 2 of 5 trials",
        "search: 2 trials of an earlier run are taken over",
    ]
    states = [one.state.name for one in second.study.trials]
    assert states == ["COMPLETE", "PRUNED"]
    assert second.study.trials[0].params == {"leaves": 5.0}


@pytest.mark.parametrize("cut", [1, 2, 20, 300])
def test_a_line_cut_off_by_a_kill_loses_one_trial_and_no_more(folder: Path, cut: int) -> None:
    journal = OptunaTrialStore("d", "a" * 64, say=lambda _: None)
    for number in (1, 2):
        journal.keep(Trial(number, {"leaves": number}, {"2021-01-04": PART}), 5)
    (file,) = folder.glob("*.jsonl")
    file.write_bytes(file.read_bytes()[:-cut])
    said: list[str] = []
    again = OptunaTrialStore("d", "a" * 64, say=said.append)
    assert again.recall(1, {"leaves": 1}) is not None
    assert again.recall(2, {"leaves": 2}) is None
    assert f"search: {file} was not written in full; what is missing is tried again" in said
    again.keep(Trial(2, {"leaves": 2}, {"2021-01-04": PART}), 5)
    later = OptunaTrialStore("d", "a" * 64, say=said.append)
    assert (later.recall(1, {"leaves": 1}), later.recall(2, {"leaves": 2})) != (None, None)


def test_garbage_in_the_journal_is_dropped_with_what_follows(folder: Path) -> None:
    journal = OptunaTrialStore("d", "a" * 64, say=lambda _: None)
    journal.keep(Trial(1, {"leaves": 1}, {"2021-01-04": PART}), 5)
    (file,) = folder.glob("*.jsonl")
    file.write_bytes(file.read_bytes() + b'{"op_code": \n{}\n')
    assert OptunaTrialStore("d", "a" * 64, say=lambda _: None).recall(1, {"leaves": 1}) is not None


def test_other_data_is_another_journal_and_the_old_one_goes(folder: Path) -> None:
    OptunaTrialStore("d", "a" * 64, say=lambda _: None).keep(Trial(1, {}, {"2021-01-04": PART}), 1)
    other = OptunaTrialStore("d", "b" * 64, say=lambda _: None)
    assert other.recall(1, {}) is None
    assert [path.name for path in folder.glob("*.jsonl")] == [f"d-{'b' * 16}.jsonl"]


def test_two_trainings_at_once_leave_each_other_their_journal(folder: Path) -> None:
    one, two = (OptunaTrialStore("d", letter * 64, say=lambda _: None) for letter in "ab")
    for number in (1, 2):
        for journal in (one, two):
            journal.keep(Trial(number, {"leaves": number}, {"2021-01-04": PART}), 5)
    assert len(list(folder.glob("*.jsonl"))) == 2
    assert OptunaTrialStore("d", "a" * 64, say=lambda _: None).recall(2, {"leaves": 2}) is not None
    del one, two, journal
    OptunaTrialStore("d", "c" * 64, say=lambda _: None)
    assert [path.name for path in folder.glob("*.jsonl")] == [f"d-{'c' * 16}.jsonl"]


def test_a_long_search_is_said_once_and_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    journal = OptunaTrialStore("d", "a" * 64, say=said.append)
    journal.began -= 60 * 12
    for number in (1, 2):
        journal.keep(Trial(number, {"leaves": number}, {"2021-01-04": PART}), 5)
    assert [line for line in said if "minutes" in line] == [
        "search: 12 minutes so far. Less `model.search.work` or fewer `trials` shorten it."
    ]


def test_the_fingerprint_follows_everything_that_trials_depend_on() -> None:
    data = panel(customers=20)
    own = fingerprint(data, {"leaves": 8})
    changed = data.features.copy()
    changed.loc[0, "noise_0"] += 1
    assert fingerprint(panel(customers=20), {"leaves": 8}) == own
    assert fingerprint(data, {"leaves": 9}) != own
    assert fingerprint(replace(data, features=changed), {"leaves": 8}) != own
    assert fingerprint(replace(data, churned=1 - np.asarray(data.churned)), {"leaves": 8}) != own
