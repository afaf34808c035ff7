"""Which model `churn score` asks, and which of its kin: from a folder, without any server, or from MLflow's registry.

Kin are the champions of definitions that ask the same over another horizon (models/horizons.py). They are looked for
where the model came from: folders beside its own that are called like their definitions, or the registered models
`churn_{definition}` under the same alias. Where there are none, the model's scores stay as they are.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pipelines.modelling.model_folder import is_model, open_model
from pipelines.modelling.scoring import definition_differences, related_definitions, require_same_definition
from pipelines.modelling.world import read_world
from pipelines.runtime.errors import ChurnError, did_you_mean
from pipelines.settings import artifacts
from pipelines.settings.params import Settings

if TYPE_CHECKING:
    from models.churn_model import ChurnModel
    from models.world import World
    from pipelines.modelling.tracking.registry import Registry

REGISTERED = re.compile(r"models:/(?P<name>[^/@]+)(?:@(?P<alias>[\w.-]+)|/(?P<number>\d+))$")
PREFIX = "churn_"  # of registered models, before the definition's name


@dataclass(frozen=True)
class Champion:
    """A model, the definition that it answers, where it was found, and its world where it keeps one."""

    definition: str
    model: ChurnModel
    where: str
    world: World | None = None


def champions(address: str | None, definition: str | None, settings: Settings) -> list[Champion]:
    """The model that scores, then its kin.

    Args:
        address: a model's folder, `models:/NAME@ALIAS` or `models:/NAME/VERSION`; None: the champion's folder.
        definition: of churn; None: the one of params.yaml that the model was trained for.
        settings: of params.yaml.

    Raises:
        ChurnError: there is no such model, or it answers another question than params.yaml asks.
        TryAgainError: MLflow does not answer.
    """
    if definition is not None and definition not in settings.churn:
        raise ChurnError(
            f"{definition} is not a churn definition of params.yaml.{did_you_mean(definition, settings.churn)}"
        )
    place = address or (artifacts.CHAMPIONS / (definition or settings.at_risk.definition)).as_posix()
    if place.startswith("models:"):
        found = _registered(place, definition, settings)
    else:
        found = _in_folders(Path(place), definition, settings)
    champion, *kin = found
    for one in (champion, *kin):
        require_same_definition(one.definition, settings.churn[one.definition], one.model, one.where)
    return [champion, *kin]


def _in_folders(folder: Path, definition: str | None, settings: Settings) -> Iterator[Champion]:
    model = open_model(folder)
    name = definition or definition_answered_by(model, folder.name, settings)
    yield Champion(name, model, str(folder), read_world(folder))
    for other in related_definitions(name, settings.churn):
        beside = folder.with_name(other)
        if other != name and is_model(beside):
            yield Champion(other, open_model(beside), str(beside), read_world(beside))


def _registered(address: str, definition: str | None, settings: Settings) -> Iterator[Champion]:
    from pipelines.modelling.tracking import mlflow_store
    from pipelines.modelling.tracking.registry import Registry
    from pipelines.modelling.tracking.store_errors import without_password

    wanted = REGISTERED.match(address)
    if wanted is None:
        raise ChurnError(f"--model {address}: is not an address. Write models:/NAME@champion or models:/NAME/3.")
    alias = wanted["alias"] or "champion"
    with mlflow_store.open_store() as store:
        registry = Registry(wanted["name"], store)
        found = _fetched(registry, None if wanted["number"] else alias, wanted["number"])
        if found is None:
            where = without_password(store.uri)
            raise ChurnError(f"--model {address}: MLflow at {where} knows no such model. See `churn ui`.")
        name = definition or definition_answered_by(found[0], wanted["name"].removeprefix(PREFIX), settings)
        yield Champion(name, found[0], address, found[1])
        for other in related_definitions(name, settings.churn):
            kin = _fetched(Registry(f"{PREFIX}{other}", store), alias, None) if other != name else None
            if kin is not None:
                yield Champion(other, kin[0], f"models:/{PREFIX}{other}@{alias}", kin[1])


def _fetched(registry: Registry, alias: str | None, number: str | None) -> tuple[ChurnModel, World | None] | None:
    """The model under an alias or a number, compared with the digest under which it was registered, and its world."""
    from models.churn_model import ChurnModel

    found = registry.with_alias(alias) if alias else None
    if number is not None:
        found = next((one for one in registry.versions() if one.number == number), None)
    if found is None:
        return None
    with registry.fetched(found) as payload:
        return ChurnModel.load(payload / "model"), read_world(payload)


def definition_answered_by(model: ChurnModel, hint: str, settings: Settings) -> str:
    """The definition that a model was trained for: the one called like its place where several ask the same.

    Raises:
        ChurnError: several ask the same and none is called so.
    """
    fitting = [name for name, churn in settings.churn.items() if not definition_differences(churn, model)]
    if hint in fitting or (not fitting and hint in settings.churn):
        return hint
    if len(fitting) == 1:
        return fitting[0]
    if len(fitting) > 1 and settings.at_risk.definition not in fitting:
        raise ChurnError(f"The model answers {' and '.join(fitting)} of params.yaml alike. Name one with --definition.")
    return settings.at_risk.definition
