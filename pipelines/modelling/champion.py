"""The champions of this project: their folders, champion.json, and whether every definition has a whole one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from pipelines.modelling.model_folder import is_model, read_champion, stamp
from pipelines.runtime.errors import ChurnError
from pipelines.settings import artifacts


def champion_folder(definition: str) -> Path:
    """The folder of a definition's champion."""
    return artifacts.CHAMPIONS / definition


def champion(definition: str) -> dict[str, Any] | None:
    """champion.json, None where no champion is here.

    `digest`, `metrics`, `recipe` (of the candidate it was), `previous` (digest or None), `version`, `sums` (the file
    with the digests of all files, not in champions of version 0.1) and `rolled_back_from` (None, or `version` and
    `digest` of the champion whose place it took back).

    Raises:
        ChurnError: a file of the champion is not the one that was written.
    """
    folder = champion_folder(definition)
    return read_champion(folder) if is_model(folder) else None


def require_champions(definitions: Iterable[str]) -> None:
    """Every definition has a whole champion; one of version 0.1 gets its SHA256SUMS. The run lock is held.

    Raises:
        ChurnError: a definition has no model to score with, or one whose files are not what was promoted.
    """
    faults = [fault for name in definitions for fault in _faults(name)]
    if faults:
        raise ChurnError(*faults)


def _faults(name: str) -> Iterator[str]:
    folder = champion_folder(name)
    if not is_model(folder):
        yield (
            f"{name}: there is no champion yet, so nobody can be scored. See the verdict above; "
            f"`churn promote {name} --force` takes the candidate all the same."
        )
        return
    try:
        stamp(folder)
    except ChurnError as error:
        yield from error.faults
