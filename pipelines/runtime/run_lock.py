"""Locks: one run and one stage at a time. Processes that a killed run left behind are waited for.

`run.lock` is held by whatever drives the graph or changes what it reads, `stage.lock` by the one stage that writes:
killing `dvc` does not kill its stage, so each stage takes the lock itself. A file beside each lock names its holder.
"""

from __future__ import annotations

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
STAGE_BUSY = "another stage is writing now. Wait until it has ended, then run again."


@contextmanager
def only_run(say: Say) -> Iterator[None]:
    """Hold the run lock. A run that somebody watches is an error; one whose parent was killed is waited for.

    Raises:
        TryAgainError: another run is under way.
    """
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
        TryAgainError: another stage is writing; `busy` is the message.
    """
    with hold_lock(STATE / "stage.lock", busy):
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
