"""Whom a candidate meets: the champion of its own world, here or in the registry; nobody where its world is new.

So a project that goes from the demo to a shop of its own gets a first champion there, and meets the demo's champion
again where it comes back: going elsewhere is no way around the gate.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipelines.modelling.champion import champion_folder, write_champion
from pipelines.modelling.model_folder import open_model, read_champion
from pipelines.modelling.tracking.candidate import Candidate
from pipelines.modelling.tracking.registry import Registry, Version
from pipelines.modelling.world import difference, read_world, stamp_world


@dataclass(frozen=True)
class Opponent:
    """The champion of the candidate's world.

    Attributes:
        content: champion.json; None where the world is new.
        folder: of the champion.
        version: in the registry; None where it knows none.
        world: as `Version.world` has it.
        away: it is not the one that scores now.
        said: a sentence on the change of worlds; "" where there is none.
    """

    content: dict[str, Any] | None
    folder: Path
    version: Version | None
    world: str
    away: bool = False
    said: str = ""


@contextmanager
def opponent_of(
    candidate: Candidate, present: dict[str, Any] | None, registry: Registry, crowned: Version | None
) -> Iterator[Opponent]:
    """The opponent, for as long as the block lasts: one from the registry lies in a folder that goes again.

    Args:
        candidate: evaluated.
        present: champion.json of whoever scores now.
        registry: of the definition.
        crowned: the version that `champion` points to.
    """
    folder, world = champion_folder(candidate.definition), crowned.world if crowned else ""
    why = _difference(folder, candidate) if present else ""
    if not why:
        if present and candidate.world and not read_world(folder):
            sums = stamp_world(folder, candidate.world)
            if crowned:
                registry.note_champion(crowned, sums)
        yield Opponent(present, folder, crowned, world)
        return
    number = present["version"] if present else ""
    left = f"Another shop than that of the champion so far (version {number}: {why}), which stays in the registry"
    with tempfile.TemporaryDirectory(prefix="churn-") as scratch:
        for version in registry.newest_elsewhere(world):
            back = Path(scratch) / version.number
            with registry.fetched(version) as payload:
                write_champion(back, registry, version, payload, scores=False)
            if not _difference(back, candidate):
                said = f"{left}. Version {version.number} is the champion of this one."
                yield Opponent(read_champion(back), back, version, version.world, away=True, said=said)
                return
        said = f"{left}: `churn restore {candidate.definition} --version {number}` brings it back."
        yield Opponent(None, folder, None, candidate.shipped.digest, said=said)


def _difference(folder: Path, candidate: Candidate) -> str:
    return difference(read_world(folder), open_model(folder), candidate.world, candidate.shipped, candidate.activity)
