"""Finished trials of a hyperparameter search, in an Optuna study, so that an interrupted search resumes.

The journal is no output and may be deleted at any time: the same trials give the same result with or without it. A
study is named by everything that its trials depend on (labelled observations, settings, code), so a trial is recalled
only where training again would give the same numbers.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import time
import weakref
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipelines.runtime import code, run_lock

if TYPE_CHECKING:
    from models.training.panel import Panel
    from models.training.search import Numbers, Trial

Say = Callable[[str], None]
LONG_MINUTES = 10


def fingerprint(panel: Panel, *settings: Any) -> str:
    """SHA-256 of the labelled observations, the settings, and the training code with its libraries."""
    import pandas as pd

    sha = hashlib.sha256(code.digest("pipelines.stages.train_model").encode())
    sha.update(json.dumps([*settings, list(panel.features.columns), panel.columns_info], sort_keys=True).encode())
    sha.update(pd.util.hash_pandas_object(panel.features, index=False).to_numpy().tobytes())
    sha.update(panel.churned.tobytes())
    return sha.hexdigest()


class OptunaTrialStore:
    """`models.training.search.TrialStore` on disk: one Optuna study per fingerprint."""

    def __init__(self, name: str, identity: str, *, say: Say = print) -> None:
        """Open the study of `identity` among those of the definition `name`.

        `say` gets a line of progress now and then. A line of the journal that was not written in full (a full disk, a
        power cut) is dropped, and what comes after it.
        """
        import optuna
        from optuna.storages import JournalStorage
        from optuna.storages.journal import JournalFileBackend

        optuna.logging.set_verbosity(optuna.logging.ERROR)
        folder = run_lock.STATE / "search"
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"{name}-{identity[:16]}.jsonl"
        weakref.finalize(self, os.close, _claimed(path))
        if path.exists() and _drop_torn_end(path):
            say(f"search: {path} was not written in full; what is missing is tried again")
        self.study = optuna.create_study(
            storage=JournalStorage(JournalFileBackend(str(path))), study_name=name, load_if_exists=True
        )
        for old in folder.glob(f"{name}-*.jsonl"):
            if old != path:
                _delete_unused(old)  # of other data or settings: nothing in it can be used again
        self.began, self.warned, self.say, self.done = time.monotonic(), False, say, 0
        finished = self.study.get_trials(deepcopy=False)
        self.known: dict[int, dict[str, Any]] = {
            trial.user_attrs["trial"]["number"]: trial.user_attrs["trial"]
            for trial in finished
            if "trial" in trial.user_attrs and trial.state.is_finished()
        }
        if self.known:
            say(f"search: {len(self.known)} trials of an earlier run are taken over")

    def recall(self, number: int, numbers: Numbers) -> Trial | None:
        """The trial with these numbers, where an earlier run finished it."""
        from models.training.search import Trial

        known = self.known.get(number)
        return Trial(**known) if known is not None and known["numbers"] == numbers else None

    def keep(self, trial: Trial, total: int) -> None:
        """Store a finished trial, and say how far the search is."""
        import optuna

        self.done += 1
        if trial.number not in self.known:
            spread = {name: optuna.distributions.FloatDistribution(0, 1e9) for name in trial.numbers}
            state = optuna.trial.TrialState.PRUNED if trial.dropped else optuna.trial.TrialState.COMPLETE
            best = {step: max(part["gain"].values()) for step, part in enumerate(trial.parts.values())}
            self.study.add_trial(
                optuna.trial.create_trial(
                    state=state,
                    value=None if trial.dropped else -sum(best.values()) / len(best),
                    params={name: float(value) for name, value in trial.numbers.items()},
                    distributions=dict(spread),
                    intermediate_values={step: -gain for step, gain in best.items()},
                    user_attrs={"trial": trial.to_json()},
                )
            )
            self.known[trial.number] = trial.to_json()
        if self.done == total or self.done % max(1, total // 5) == 0:
            self.say(f"search: {self.done} of {total} trials")
        minutes = (time.monotonic() - self.began) / 60
        if minutes > LONG_MINUTES and not self.warned:
            self.warned = True
            self.say(f"search: {minutes:.0f} minutes so far. Less `model.search.work` or fewer `trials` shorten it.")


def _claimed(path: Path) -> int:
    """The journal, made if need be, opened: until that is closed, no other training of this project deletes it."""
    while True:
        number = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        fcntl.flock(number, fcntl.LOCK_SH)
        if path.exists() and os.path.samestat(path.stat(), os.fstat(number)):
            return number
        os.close(number)  # deleted between the two steps


def _delete_unused(path: Path) -> None:
    """Not one that another training holds open: it goes with the next search."""
    with suppress(FileNotFoundError, BlockingIOError), path.open("rb") as file:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        path.unlink()


def _drop_torn_end(path: Path) -> bool:
    """Cut a journal before its first line that is no whole JSON; whether there was one."""
    content = path.read_bytes()
    whole = 0
    for line in content.splitlines(keepends=True):
        try:
            json.loads(line)
        except ValueError:
            break
        if not line.endswith(b"\n"):
            break
        whole += len(line)
    if whole == len(content):
        return False
    with path.open("r+b") as file:
        file.truncate(whole)
    return True
