"""Locks: one run and one stage at a time, and nobody at all beside an erasure.

`run.lock` is held by whatever drives the graph or changes what it reads, `stage.lock` by the one stage that writes:
killing `dvc` does not kill its stage, so each stage takes the lock itself. A file beside each lock names its holder.
Processes that a killed run left behind are waited for.

`stores.lock` is shared by everybody who reads or writes stores: runs, stages, `churn score`, backups, explanations.
Erasure alone holds it for itself: what somebody is reading or writing while a customer goes would bring them back.
"""

from __future__ import annotations

import fcntl
import json
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
from filelock import FileLock, Timeout

from pipelines.runtime.errors import TryAgainError

Say = Callable[[str], None]

STATE = Path(".dvc/tmp/churn")  # locks, their holders, the journal: never an output, never shared
STORES = STATE / "stores.lock"
STAGE_BUSY = "another stage is writing now. Wait until it has ended, then run again."


@contextmanager
def using_stores() -> Iterator[None]:
    """Read or write stores beside others, but not beside an erasure.

    A folder without DVC's is no project: `churn score` alone runs there, and leaves nothing behind.

    Raises:
        TryAgainError: a customer is being forgotten.
    """
    if not STATE.parents[1].is_dir():
        yield
        return
    try:
        STATE.mkdir(parents=True, exist_ok=True)
        STORES.open("a").close()
    except OSError:  # a folder that nobody may write to: who only reads there is not kept out
        yield
        return
    with _stores(fcntl.LOCK_SH, "A customer is being forgotten. Wait until that has ended; nothing was started."):
        yield


@contextmanager
def alone_with_stores(say: Say) -> Iterator[None]:
    """Hold the run lock, and the stores for oneself.

    Raises:
        TryAgainError: somebody reads or writes them.
    """
    busy = (
        "Something of this project is reading or writing its stores (a run, `churn score`, a backup, a stage). Wait "
        "until it has ended; nothing was forgotten yet."
    )
    with _only_run(say), _stores(fcntl.LOCK_EX, busy):
        yield


@contextmanager
def _stores(how: int, busy: str) -> Iterator[None]:
    """The system lets the lock go with the process, however that ends."""
    with STORES.open("a") as file:
        try:
            fcntl.flock(file, how | fcntl.LOCK_NB)
        except BlockingIOError:
            raise TryAgainError(busy) from None
        yield


@contextmanager
def only_run(say: Say) -> Iterator[None]:
    """Hold the run lock, and share the stores with whoever reads them.

    A run that somebody watches is an error; one whose parent was killed is waited for.

    Raises:
        TryAgainError: another run is under way, or a customer is being forgotten.
    """
    with _only_run(say), using_stores():
        yield


@contextmanager
def _only_run(say: Say) -> Iterator[None]:
    lock = _lock("run")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        holder = _holder("run")
        if not is_orphaned(holder):
            raise TryAgainError(
                f"A run is under way (process {holder.get('pid', '?')}, since {holder.get('since', '?')}). "
                "Wait until it has ended; nothing was started."
            ) from None
        say(f"An interrupted run is still finishing (process {holder['pid']}). Waiting for it ...")
        lock.acquire()
    try:
        _wait_for_leftovers(say)
        note_dvc(None)
        yield
    finally:
        (STATE / "run.json").unlink(missing_ok=True)
        lock.release()


@contextmanager
def only_stage(name: str, busy: str = STAGE_BUSY) -> Iterator[None]:
    """Hold the stage lock.

    Raises:
        TryAgainError: another stage is writing (`busy` is the message), or a customer is being forgotten.
    """
    with using_stores(), hold_lock(STATE / "stage.lock", busy):
        note_stage(name)
        yield


@contextmanager
def hold_lock(file: Path, busy: str) -> Iterator[None]:
    """Hold the lock of a file.

    Raises:
        TryAgainError: another process holds it; `busy` is the message.
    """
    file.parent.mkdir(parents=True, exist_ok=True)
    lock = FileLock(file)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise TryAgainError(busy) from None
    try:
        yield
    finally:
        lock.release()


def note_stage(name: str) -> None:
    """Which stage the holder of the stage lock is at."""
    _note_holder("stage", {"stage": name, "pid": os.getpid()})


def note_dvc(pid: int | None) -> None:
    """Which `dvc` the holder of the run lock has started; None: none is running."""
    holder = {
        "pid": os.getpid(),
        "since": time.strftime("%H:%M:%S"),
        "parent": _identity(os.getppid()),
        "dvc": _identity(pid) if pid else None,
    }
    _note_holder("run", holder)


def is_orphaned(holder: dict[str, Any]) -> bool:
    """Whether the process that started this holder of the run lock is gone."""
    parent = holder.get("parent")
    return parent is not None and not _alive(parent["pid"], parent["created"])


def _wait_for_leftovers(say: Say) -> None:
    """A killed run leaves its `dvc` behind, a killed `dvc` its stage. Neither may write beside us."""
    dvc = _holder("run").get("dvc")
    if dvc and _alive(dvc["pid"], dvc["created"]):
        say("An interrupted run is still finishing its work. Waiting for it ...")
        psutil.wait_procs([psutil.Process(dvc["pid"])])
    lock = _lock("stage")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        say(f"A stage of an interrupted run is still writing ({_holder('stage').get('stage')}). Waiting ...")
        lock.acquire()
    lock.release()


def _lock(name: str) -> FileLock:
    STATE.mkdir(parents=True, exist_ok=True)
    return FileLock(STATE / f"{name}.lock")


def _holder(lock: str) -> dict[str, Any]:
    try:
        content: dict[str, Any] = json.loads((STATE / f"{lock}.json").read_text())
    except (FileNotFoundError, json.JSONDecodeError):
        return {}
    return content


def _note_holder(lock: str, holder: dict[str, Any]) -> None:
    """The write is atomic: whoever waits reads it meanwhile."""
    partial = STATE / f"{lock}.json.{os.getpid()}"
    partial.write_text(json.dumps(holder))
    partial.replace(STATE / f"{lock}.json")


def _alive(pid: int, created: float) -> bool:
    try:
        process = psutil.Process(pid)
        return process.create_time() == created and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def _identity(pid: int) -> dict[str, Any]:
    return {"pid": pid, "created": psutil.Process(pid).create_time()}
