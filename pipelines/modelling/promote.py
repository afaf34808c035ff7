"""The champion, the model that scores: promote a candidate to it, roll back to the one before, restore it elsewhere.

The champion is a folder, data/champion/{definition} (the model's files, its card, champion.json and SHA256SUMS, the
digests of them all): scoring needs no server. champion.json holds its recipe too, by which the next candidate is judged
against it (`contest`). The MLflow registry holds the same model, its history and the reasons. Each step can be
repeated, and they come in such an order that the same command after an interruption goes on where it was cut, with a
whole champion at every moment.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from pipelines.modelling.champion import champion, champion_folder, write_champion
from pipelines.modelling.contest import compare_recipes, vanished_activities
from pipelines.modelling.gate import decide_promotion, refused_at_once
from pipelines.modelling.model_folder import open_model
from pipelines.modelling.opponent import Opponent, opponent_of
from pipelines.modelling.tracking.candidate import Candidate
from pipelines.modelling.tracking.mlflow_store import record
from pipelines.modelling.tracking.registry import (
    AGAINST,
    FORCED,
    REFUSED,
    ROLLED_BACK,
    TURN,
    WORLD,
    Registry,
    Version,
    open_registry,
)
from pipelines.rendering.scorer import who_scores
from pipelines.runtime.errors import ChurnError
from pipelines.settings import artifacts
from pipelines.settings.training import TrainingSettings


def promote(settings: TrainingSettings, *, margin: float, force: bool = False) -> str:
    """Make the candidate in data/models the champion where the gate lets it, and say in words what was done.

    A candidate that the gate refuses, or that was rolled back before, is registered as `challenger` with the reason,
    and the champion stays.

    Args:
        settings: of the candidate's definition.
        margin: log loss (nats) that another recipe than the champion's has to gain (`promotion.margin`).
        force: promote what the gate refuses all the same, and keep the reason.

    Raises:
        ChurnError: there is no candidate, or MLflow cannot be reached. The champion is as it was.
    """
    definition, candidate = settings.definition, _candidate(settings)
    digest = candidate.shipped.digest
    present = champion(definition)
    if present and present["digest"] == digest:
        return f"{definition}: the candidate {digest[:8]} is the champion already."
    with open_registry(definition) as registry:
        crowned = registry.with_alias("champion")
        if present is None and crowned:
            _restore(definition, registry, crowned)
            present = champion(definition)
            if crowned.digest == digest:
                return f"{definition}: the candidate {digest[:8]} is the champion already; its folder was restored."
        with opponent_of(candidate, present, registry, crowned) as opponent:
            return _meet(candidate, opponent, registry, margin, force=force)


def _meet(candidate: Candidate, opponent: Opponent, registry: Registry, margin: float, *, force: bool) -> str:
    """Put the candidate before the gate, and do what it says."""
    definition, digest = candidate.definition, candidate.shipped.digest
    back = opponent.version if opponent.away else None
    if back and back.digest == digest:
        _crown(definition, registry, back, candidate.write_payload)
        return f"{definition}: {digest[:8]} scores again (version {back.number}). {opponent.said}"
    against = _compared_with(candidate, opponent.content, margin)
    passed, reason = _decide(candidate, opponent, registry, against, margin)
    run_id = record(candidate, registry.store)
    version = registry.register(run_id, digest, _tags(candidate, opponent.world), candidate.card)
    if not passed and not force:
        if back:
            with registry.fetched(back) as payload:
                _crown(definition, registry, back, partial(shutil.copytree, payload, dirs_exist_ok=True))
        return " ".join(filter(None, [_refuse(definition, registry, version, reason, against), opponent.said]))
    if not passed:
        registry.tag(version, FORCED, reason)
    _crown(definition, registry, version, candidate.write_payload)
    forced = "" if passed else "Forced, although:"
    said = [f"{digest[:8]} is the champion now (version {version.number}).", forced, reason, opponent.said]
    return f"{definition}: {' '.join(filter(None, said))}"


def _candidate(settings: TrainingSettings) -> Candidate:
    model, evaluation = artifacts.DATA / "models" / settings.definition, artifacts.EVALUATIONS / settings.definition
    return Candidate.of(settings, model, evaluation, artifacts.DATA / "activity" / "train")


def _compared_with(candidate: Candidate, present: dict[str, Any] | None, margin: float) -> str:
    """What the gate's decision depends on besides the candidate's model: its figures, the champion, the margin."""
    figures = candidate.identity["churn.metrics_digest"]
    return f"champion {present['digest'] if present else None}, figures {figures}, margin {margin:g}"


def _decide(
    candidate: Candidate, opponent: Opponent, registry: Registry, against: str, margin: float
) -> tuple[bool, str]:
    """Whether the candidate passes the gate, and why."""
    known, present = registry.of_digest(candidate.shipped.digest), opponent.content
    if known and known.rolled_back:
        return (
            False,
            f"Version {known.number} was rolled back. To have it again: churn promote {candidate.definition} --force",
        )
    if known and known.refused and known.against == against:
        return False, known.refused  # a contest takes as long as training: not again for the same
    if present is None:
        decision = decide_promotion(candidate.metrics, None)
        return decision.passed, " ".join([decision.reason, *who_scores(candidate.metrics.get("scored_by"))])
    vanished = vanished_activities(candidate.shipped, open_model(opponent.folder))
    refused = None if vanished else refused_at_once(candidate.metrics, present["metrics"])
    if refused is not None:
        return refused.passed, refused.reason
    contest = compare_recipes(candidate.settings, present, opponent.folder, artifacts.DATA)
    decision = decide_promotion(candidate.metrics, present["metrics"], contest, margin=margin, vanished=vanished)
    return decision.passed, decision.reason


def _tags(candidate: Candidate, world: str) -> dict[str, str]:
    """What a version carries: whatever its run does except what only a run's page shows, and the headline figures."""
    tags = {key: value for key, value in candidate.tags.items() if key.startswith("churn.")}
    test = candidate.metrics["test"]
    figures = {
        f"test.{key}": f"{test[key]:.4f}" for key in ("roc_auc", "log_loss", "lift_at_10") if test.get(key) is not None
    }
    settings = {f"params.{key}": value for key, value in candidate.params().items() if not key.startswith("recipe.")}
    worlds = {WORLD: world} if world else {}
    return {**candidate.identity, **tags, **settings, **figures, **worlds, "test.as_of": str(test["as_of"])}


def _refuse(definition: str, registry: Registry, version: Version, reason: str, against: str) -> str:
    registry.tag(version, REFUSED, reason)
    registry.tag(version, AGAINST, against)
    registry.point("challenger", version)
    consequence = "The champion stays." if champion(definition) else "There is no champion yet."
    refused = f"{version.digest[:8]} was not promoted (version {version.number}, challenger)"
    return f"{definition}: {refused}. {consequence}\n  {reason}"


def _crown(definition: str, registry: Registry, version: Version, write_payload: Callable[[Path], object]) -> None:
    """Put a version on top of the history, let `champion` point to it, write the folder. Each step may be repeated.

    `write_payload` fills a folder with what travels inside the version.
    """
    top = max((other.turn or 0 for other in registry.versions()), default=0)
    if not version.turn or version.turn < top:
        registry.tag(version, TURN, str(top + 1))
    if version.rolled_back:
        registry.tag(version, ROLLED_BACK, None)
    registry.point("champion", version)
    registry.unpoint("challenger", version)
    for tag in (REFUSED, AGAINST) if version.refused else ():
        registry.tag(version, tag, None)
    with tempfile.TemporaryDirectory() as scratch:
        write_payload(Path(scratch))
        write_champion(champion_folder(definition), registry, version, Path(scratch))


def rollback(definition: str) -> str:
    """The champion before the present one scores again; the present one is not promoted again unless forced.

    Raises:
        ChurnError: there is no champion before, or MLflow cannot be reached. The champion is as it was.
    """
    with open_registry(definition) as registry:
        crowned = registry.with_alias("champion")
        if crowned is None:
            raise ChurnError(f"{definition}: MLflow knows no champion, so there is nothing to roll back to.")
        before = registry.before(crowned)
        if before is None:
            raise ChurnError(*_nothing_before(definition, registry, crowned))
        # The alias moves last: as long as it has not, the same command starts from the same version again.
        with registry.fetched(before) as payload:
            registry.roll_back(crowned, before)
            write_champion(champion_folder(definition), registry, before, payload)
            registry.point("champion", before)
        return (
            f"{definition}: rolled back from version {crowned.number} to {before.digest[:8]} (version {before.number})."
        )


def _nothing_before(definition: str, registry: Registry, crowned: Version) -> list[str]:
    first = f"{definition}: version {crowned.number} is the first champion; there is none before it."
    elsewhere = registry.newest_elsewhere(crowned.world)
    if not elsewhere:
        return [first]
    number = elsewhere[0].number
    return [
        first.replace("first champion", "first champion of this shop"),
        f"Version {number} is of another shop. To have it all the same: churn restore {definition} --version {number}",
    ]


def restore(definition: str, number: str | None = None) -> str:
    """Fetch a champion from the MLflow registry into its folder: the present one, as a new machine needs it.

    Args:
        definition: of churn.
        number: of another version that was a champion, and is to score again; None: the one that `champion` points to.

    Raises:
        ChurnError: the registry has no such champion, or its files are not what was registered.
    """
    with open_registry(definition) as registry:
        if number is not None:
            return _bring_back(definition, registry, number)
        crowned = registry.with_alias("champion")
        if crowned is None:
            raise ChurnError(f"{definition}: MLflow knows no champion. Train and promote one: churn run")
        _restore(definition, registry, crowned)
        return f"{definition}: {crowned.digest[:8]} (version {crowned.number}) is here and scores."


def _bring_back(definition: str, registry: Registry, number: str) -> str:
    champions = {version.number: version for version in registry.versions() if version.turn}
    if number not in champions:
        found = ", ".join(champions) or "none"
        raise ChurnError(f"{definition}: version {number} never was a champion. Versions that were: {found}.")
    version = champions[number]
    with registry.fetched(version) as payload:
        _crown(definition, registry, version, partial(shutil.copytree, payload, dirs_exist_ok=True))
    return f"{definition}: {version.digest[:8]} (version {number}) is the champion again."


def _restore(definition: str, registry: Registry, version: Version) -> None:
    with registry.fetched(version) as payload:
        write_champion(champion_folder(definition), registry, version, payload)
