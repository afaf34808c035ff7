"""What a list was made from: data, parameters, code and model by digest, the verdicts of the checks, and the figures.

Parameters and code are those that the list's own stage depends on (see dvc.yaml): what else was set or ran stands in
the activity, features, scores and model, whose digests are here. Same inputs, same manifest: no times, no machine.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pipelines.runtime import code
from pipelines.runtime.errors import ChurnError
from pipelines.runtime.files import digest_of, read_json
from pipelines.settings.params import Settings

STAGE = "pipelines.stages.make_list"
PARAMETERS = (
    "timezone",
    "currency",
    "language",
    "sources",
    "identities",
    "privacy",
    "churn",
    "value",
    "at_risk",
    "playbook",
    "contacts",
    "contact_rules",
    "campaign",
)


def parameters(settings: Settings) -> dict[str, Any]:
    """The settings that the list depends on."""
    chosen = settings.model_dump(mode="json", include=set(PARAMETERS))
    return {**chosen, "observations": {"score": settings.observations.score.model_dump(mode="json")}}


def verdicts(reports: Path, definitions: list[str]) -> dict[str, Any]:
    """The checks of the scoring branch: passed or not, how many, the report's digest.

    Raises:
        ChurnError: a report is missing or says that a check failed; all of them are named.
    """
    found, faults = {}, []
    for name in ("activity_score", "features_score", *(f"scores_{definition}" for definition in definitions)):
        path = reports / f"{name}.json"
        if not path.is_file():
            faults.append(
                f"{path}: there is no such report, so nobody knows whether the data is sound. Run `churn run`."
            )
            continue
        content = read_json(path)
        if content.get("passed") is not True:
            faults.append(
                f"{path}: {content.get('failed', 'some')} of {content.get('checks', 'the')} checks failed. No list was "
                f"written; earlier lists are untouched. See {path.with_suffix('.html')}."
            )
            continue
        found[name] = {"passed": True, "checks": content.get("checks"), "digest": digest_of(path)}
    if faults:
        raise ChurnError(*faults)
    return found


def manifest(
    settings: Settings,
    *,
    list_id: str,
    model_version: str,
    champion: Mapping[str, Any],
    inputs: Mapping[str, Any],
    checks: Mapping[str, Any],
    figures: Mapping[str, Any],
    week: Mapping[str, Any],
    files: Path,
) -> dict[str, Any]:
    """The manifest of the list whose files stand in the folder `files`; `champion`: champion.json of who scored.

    `week`: what was decided: `counts`, `cut`, `playbook`, `campaign`.
    """
    return {
        "list_id": list_id,
        "as_of": settings.observations.score.as_of,
        "definition": settings.at_risk.definition,
        "model_version": model_version,
        "champion": {key: champion.get(key) for key in ("version", "previous", "rolled_back_from")},
        "code": code.digest(STAGE),
        "parameters": parameters(settings),
        "inputs": dict(inputs),
        "checks": dict(checks),
        "figures": dict(figures),
        **week,
        "files": {path.name: digest_of(path) for path in sorted(files.iterdir())},
    }
