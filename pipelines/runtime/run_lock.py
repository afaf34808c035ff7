"""The run lock: one run at a time; what a killed one left behind is waited for."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
from filelock import Timeout

from pipelines.runtime import stage
from pipelines.runtime.errors import TryAgainError

Say = Callable[[str], None]


HOLDER = stage.STATE / "run.json"


@contextmanager
def only_run(say: Say) -> Iterator[None]:
    """Hold the run lock. A run that somebody watches is an error; one whose parent was killed is waited for.

    Raises:
        TryAgainError: another run is under way.
    """
    lock = stage.run_lock()
    try:
        lock.acquire(timeout=0)
    except Timeout:
        holder = _read(HOLDER)
        if not _orphaned(holder):
            raise TryAgainError(
                f"A run is under way (process {holder.get('pid', '?')}, since {holder.get('since', '?')}). "
                "Wait until it has ended; nothing was started."
            ) from None
        say(f"An interrupted run is still finishing (process {holder['pid']}). Waiting for it ...")
        lock.acquire()
    try:
        _wait_for_leftovers(say)
        _write_holder(dvc=None)
        yield
    finally:
        HOLDER.unlink(missing_ok=True)
        lock.release()


def _wait_for_leftovers(say: Say) -> None:
    """A killed run leaves its `dvc` behind, a killed `dvc` its stage. Neither may write beside us."""
    left = _read(HOLDER).get("dvc")
    if left and _alive(left["pid"], left["created"]):
        say("An interrupted run is still finishing its work. Waiting for it ...")
        psutil.wait_procs([psutil.Process(left["pid"])])
    lock = stage.stage_lock()
    try:
        lock.acquire(timeout=0)
    except Timeout:
        name = _read(stage.STATE / "stage.json").get("stage")
        say(f"A stage of an interrupted run is still writing ({name}). Waiting ...")
        lock.acquire()
    lock.release()


def _read(path: Path) -> dict[str, Any]:
    try:
        content: dict[str, Any] = json.loads(path.read_text())
    except (FileNotFoundError, json.JSONDecodeError):
        return {}
    return content


def _alive(pid: int, created: float) -> bool:
    try:
        process = psutil.Process(pid)
        return process.create_time() == created and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def _orphaned(holder: dict[str, Any]) -> bool:
    parent = holder.get("parent")
    return parent is not None and not _alive(parent["pid"], parent["created"])


def _identity(pid: int) -> dict[str, Any]:
    return {"pid": pid, "created": psutil.Process(pid).create_time()}


def _write_holder(dvc: int | None) -> None:
    holder = {
        "pid": os.getpid(),
        "since": time.strftime("%H:%M:%S"),
        "parent": _identity(os.getppid()),
        "dvc": _identity(dvc) if dvc else None,
    }
    stage.write_state(HOLDER.name, holder)
