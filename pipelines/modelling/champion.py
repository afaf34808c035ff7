"""The champion's folder: its path, its champion.json, and whether every definition has one."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from pipelines.runtime.errors import ChurnError
from pipelines.runtime.files import read_json
from pipelines.settings import artifacts


def champion_folder(definition: str) -> Path:
    """The folder of a definition's champion."""
    return artifacts.CHAMPIONS / definition


def champion(definition: str) -> dict[str, Any] | None:
    """champion.json, None where no champion is here.

    `digest`, `metrics`, `recipe` (of the candidate it was), `previous` (digest or None), `version`, and
    `rolled_back_from` (None, or `version` and `digest` of the champion whose place it took back).
    """
    path = champion_folder(definition) / artifacts.CHAMPION
    return dict(read_json(path)) if path.exists() else None


def require_champions(definitions: Iterable[str]) -> None:
    """Raise ChurnError where a definition has no model to score with."""
    missing = [name for name in definitions if not (champion_folder(name) / artifacts.CHAMPION).exists()]
    if missing:
        raise ChurnError(
            *(
                f"{name}: there is no champion yet, so nobody can be scored. See the verdict above; "
                f"`churn promote {name} --force` takes the candidate all the same."
                for name in missing
            )
        )
