"""The manifest of a list: digests of the data, parameters, code and model it was made from, its checks and figures.

Parameters and code are those that the list's own stage depends on (see dvc.yaml): what else was set or ran shows in the
digests of activity, features, scores and model. Equal inputs give an equal manifest: no times, no host names.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pipelines.runtime import code
from pipelines.runtime.errors import ChurnError
from pipelines.runtime.files import digest_of, read_json

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


def check_results(reports: Path, definitions: list[str]) -> dict[str, Any]:
    """The checks of the scoring branch: passed or not, how many, what has drifted in words, the report's digest.

    Raises:
        ChurnError: a report is missing or says that a check failed; all of them are named.
    """
    results, faults = {}, []
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
        results[name] = {
            "passed": True,
            "checks": content.get("checks"),
            "warnings": content.get("warnings", []),
            "digest": digest_of(path),
        }
    if faults:
        raise ChurnError(*faults)
    return results


def manifest(
    *,
    list_id: str,
    as_of: str,
    definition: str,
    model_version: str,
    model_sums: str | None,
    champion: Mapping[str, Any],
    level: Mapping[str, Any] | None,
    parameters: Mapping[str, Any],
    inputs: Mapping[str, Any],
    checks: Mapping[str, Any],
    figures: Mapping[str, Any],
    week: Mapping[str, Any],
    files: Path,
) -> dict[str, Any]:
    """The manifest of the list whose files are in the folder `files`.

    Args:
        list_id: of the list.
        as_of: its day.
        definition: that ranks it.
        model_version: digest of the champion.
        model_sums: SHA-256 of its SHA256SUMS, which speaks for every file of it; None where it has none.
        champion: content of its champion.json.
        level: `shift` and `spread` (log-odds) of the moment; None where the model has none.
        parameters: the settings that the list depends on: PARAMETERS and its day.
        inputs: digests of what was read.
        checks: see `check_results`.
        figures: see `highlights.figures`.
        week: what was decided: `counts`, `cut`, `playbook`, `campaign`, `notices`.
        files: the folder.
    """
    return {
        "list_id": list_id,
        "as_of": as_of,
        "definition": definition,
        "model_version": model_version,
        "model_sums": model_sums,
        "champion": {key: champion.get(key) for key in ("version", "previous", "rolled_back_from")},
        **({"quick": True} if champion.get("quick") else {}),
        "level": dict(level) if level else None,
        "scored_by": (champion.get("metrics") or {}).get("scored_by"),
        "code": code.digest(STAGE),
        "parameters": dict(parameters),
        "inputs": dict(inputs),
        "checks": dict(checks),
        "figures": dict(figures),
        **week,
        "files": {path.name: digest_of(path) for path in sorted(files.iterdir())},
    }
