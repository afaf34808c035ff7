"""The champions of this project: their folders, champion.json, and whether every definition has a whole one."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from models.sums import SUMS, write_sums
from pipelines.modelling.model_folder import is_model, read_champion, stamp
from pipelines.runtime.errors import ChurnError
from pipelines.runtime.files import atomic_folder, read_json, write_json
from pipelines.settings import artifacts

if TYPE_CHECKING:
    from pipelines.modelling.tracking.registry import Registry, Version


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


def write_champion(folder: Path, registry: Registry, version: Version, payload: Path, *, scores: bool = True) -> None:
    """A champion's folder. The same version gives the same bytes, from the candidate as from the registry.

    Args:
        folder: takes the place of what is there.
        registry: of the definition.
        version: the champion.
        payload: what travels inside a version, see `Candidate.write_payload`.
        scores: it will score, so the registry notes the digests of the folder.
    """
    recipe = payload / artifacts.RECIPE
    known = registry.of_digest(version.digest) or version  # its turn may just have been set
    before, after = registry.before(known), registry.rolled_back_to(known)
    content = {
        "digest": version.digest,
        "metrics": read_json(payload / artifacts.METRICS),
        "recipe": read_json(recipe) if recipe.exists() else None,
        "previous": before.digest if before else None,
        "version": version.number,
        "sums": SUMS,
        "rolled_back_from": {"version": after.number, "digest": after.digest} if after else None,
    }
    with atomic_folder(folder) as partial:
        shutil.copytree(payload / "model", partial, dirs_exist_ok=True)
        for name in (artifacts.MODEL_CARD, artifacts.WORLD):
            if (payload / name).is_file():
                shutil.copy(payload / name, partial / name)
        write_json(partial / artifacts.CHAMPION, content)
        sums = write_sums(partial)
        if scores:
            registry.note_champion(known, sums)


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
