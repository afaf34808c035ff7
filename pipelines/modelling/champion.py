"""Where the champion of a definition lies, and whether there is one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pipelines.runtime.errors import ChurnError
from pipelines.runtime.files import read_json
from pipelines.settings.params import Settings

DATA = Path("data")
FILE = "champion.json"
CARD = "model_card.md"


def champion_folder(definition: str) -> Path:
    """Where the champion is."""
    return DATA / "champion" / definition


def champion(definition: str) -> dict[str, Any] | None:
    """champion.json, None where no champion is here.

    `digest`, `metrics`, `recipe` (of the candidate it was), `previous` (digest or None), `version`, and
    `rolled_back_from` (None, or `version` and `digest` of the champion whose place it took back).
    """
    file = champion_folder(definition) / FILE
    return dict(read_json(file)) if file.exists() else None


def require_champions(settings: Settings) -> None:
    """Raise ChurnError where a definition has no model to score with."""
    missing = [name for name in settings.churn if not Path("data/champion", name, "champion.json").exists()]
    if missing:
        raise ChurnError(
            *(
                f"{name}: there is no champion yet, so nobody can be scored. See the verdict above; "
                f"`churn promote {name} --force` takes the candidate all the same."
                for name in missing
            )
        )
