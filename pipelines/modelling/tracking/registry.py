"""MLflow's model registry: the versions of one churn definition's model, with their history as champions.

The history of champions is a stack: promoting puts a version on top (tag `churn.champion_turn`, counted up), rolling
back takes it off and marks it, and never leaves its world (models/world.py). Aliases: `champion` scores, `challenger`
was refused last, with the reason as a tag. Every step can be repeated: a version is found again by the digest of its
model.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from models.sums import SUMS, digest_of_file, sums_faults
from pipelines.modelling.tracking import mlflow_store
from pipelines.modelling.tracking.mlflow_store import Store
from pipelines.runtime.errors import ChurnError
from pipelines.runtime.files import digest_of
from pipelines.settings import artifacts

DIGEST, TURN, ROLLED_BACK, REFUSED, AGAINST, FORCED = (
    f"churn.{tag}" for tag in ("model_digest", "champion_turn", "rolled_back", "refused", "judged_against", "forced")
)
PAYLOAD_SUMS, CHAMPION_SUMS, WORLD = "churn.payload_sums", "churn.champion_sums", "churn.world"
BACK_TO = "to version {number}"


@dataclass(frozen=True)
class Version:
    """A registered version.

    `turn`: its number in the history of champions, None where it is not in it. `rolled_back`: to which version, ""
    where it was not. `refused`, `against`: why it was not promoted, and what that decision depended on; "" where it
    was. `payload_sums`, `champion_sums`: the SHA-256 of the SHA256SUMS of its payload and of the folder that it was as
    a champion; "" where they were not noted. `world`: the digest of the first champion of its world; "" in the world
    in which this project began.
    """

    number: str
    digest: str
    turn: int | None
    rolled_back: str
    source: str
    refused: str = ""
    against: str = ""
    payload_sums: str = ""
    champion_sums: str = ""
    world: str = ""

    @classmethod
    def of(cls, version: Any) -> Version:
        """From MLflow's ModelVersion."""
        tags: Mapping[str, str] = version.tags
        turn = tags.get(TURN)
        return cls(
            str(version.version),
            tags.get(DIGEST, ""),
            int(turn) if turn else None,
            tags.get(ROLLED_BACK, ""),
            version.source,
            tags.get(REFUSED, ""),
            tags.get(AGAINST, ""),
            tags.get(PAYLOAD_SUMS, ""),
            tags.get(CHAMPION_SUMS, ""),
            tags.get(WORLD, ""),
        )


@dataclass(frozen=True)
class Registry:
    """Versions of `churn_{definition}` in an opened store."""

    name: str
    store: Store

    def versions(self) -> list[Version]:
        """All that carry a digest, oldest first; others in the registry are not ours."""
        every = map(Version.of, self.store.client.search_model_versions(f"name = '{self.name}'"))
        return sorted((version for version in every if version.digest), key=lambda version: int(version.number))

    def of_digest(self, digest: str) -> Version | None:
        """The version of a model, where it is registered."""
        return next((version for version in self.versions() if version.digest == digest), None)

    def with_alias(self, alias: str) -> Version | None:
        """The version that an alias points to."""
        for model in self.store.client.search_registered_models(f"name = '{self.name}'"):
            number = model.aliases.get(alias)
            if number is not None:
                return next((version for version in self.versions() if version.number == str(number)), None)
        return None

    def before(self, version: Version) -> Version | None:
        """The champion of its world before this one; those that were rolled back are no longer in the history."""
        earlier = [other for other in self.history() if (other.turn or 0) < (version.turn or 0)]
        return next((other for other in earlier if other.world == version.world), None)

    def history(self) -> list[Version]:
        """The champions of all worlds, the newest first, without those that were rolled back."""
        champions = [version for version in self.versions() if version.turn and not version.rolled_back]
        return sorted(champions, key=lambda version: version.turn or 0, reverse=True)

    def newest_elsewhere(self, world: str) -> list[Version]:
        """The newest champion of every other world, the newest first."""
        found: dict[str, Version] = {}
        for version in self.history():
            found.setdefault(version.world, version)
        return [version for name, version in found.items() if name != world]

    def rolled_back_to(self, version: Version) -> Version | None:
        """The champion whose place this one took back last, since it was promoted itself."""
        back, turn = BACK_TO.format(number=version.number), version.turn or 0
        later = [other for other in self.versions() if other.rolled_back == back and (other.turn or 0) > turn]
        return max(later, key=lambda other: other.turn or 0, default=None)

    def roll_back(self, crowned: Version, to: Version) -> None:
        """Take a champion off the history and note which version takes its place."""
        self.tag(crowned, ROLLED_BACK, BACK_TO.format(number=to.number))

    def register(self, run_id: str, digest: str, tags: Mapping[str, str], card: str) -> Version:
        """Register the model of a run; where it is registered already, that version."""
        client = self.store.client
        if not client.search_registered_models(f"name = '{self.name}'"):
            client.create_registered_model(self.name, description="Who is about to leave. Alias `champion` scores.")
        known = self.of_digest(digest)
        if known:
            return known
        run = client.get_run(run_id)
        outputs, sums = run.outputs.model_outputs, run.data.tags.get(PAYLOAD_SUMS)
        kept = {key: value for key, value in tags.items() if key != PAYLOAD_SUMS}
        tags = {**kept, PAYLOAD_SUMS: sums} if sums else kept  # of the payload as it was recorded, by whichever version
        version = client.create_model_version(
            self.name,
            source=f"models:/{outputs[0].model_id}",
            run_id=run_id,
            model_id=outputs[0].model_id,
            tags=dict(tags),
            description=card,
        )
        return Version.of(version)

    def note_champion(self, version: Version, sums: str) -> None:
        """Keep the digests of the folder that a version is as a champion."""
        if version.champion_sums != sums:
            self.tag(version, CHAMPION_SUMS, sums)

    def tag(self, version: Version, key: str, value: str | None) -> None:
        """Set a tag; None removes it."""
        if value is not None:
            self.store.client.set_model_version_tag(self.name, version.number, key, value)
        else:
            self.store.client.delete_model_version_tag(self.name, version.number, key)

    def point(self, alias: str, version: Version) -> None:
        """Let an alias point to a version."""
        self.store.client.set_registered_model_alias(self.name, alias, version.number)

    def unpoint(self, alias: str, version: Version) -> None:
        """Remove an alias if it points to this version."""
        pointed = self.with_alias(alias)
        if pointed and pointed.number == version.number:
            self.store.client.delete_registered_model_alias(self.name, alias)

    @contextmanager
    def fetched(self, version: Version) -> Iterator[Path]:
        """What travels inside a version (`model/`, `metrics.json`, `model_card.md`), for as long as the block lasts.

        Raises:
            ChurnError: the registry's files are not what was registered.
        """
        folder = Path(tempfile.mkdtemp(prefix="churn-"))
        try:
            payload = mlflow_store.download(self.store, f"models:/{self.name}/{version.number}", folder)
            faults = _payload_faults(payload, version)
            if faults:
                raise ChurnError(
                    *faults,
                    f"MLflow's files of {self.name} version {version.number} are gone or not the model that was "
                    f"registered ({version.digest[:12]}). Nothing was changed. Bring MLflow's artifacts back, or train "
                    "and promote again: churn run",
                )
            yield payload
        finally:
            shutil.rmtree(folder)


def _payload_faults(payload: Path, version: Version) -> list[str]:
    """What of a fetched payload is not what was registered; nothing of it is parsed. Older ones have no SHA256SUMS."""
    if version.payload_sums or (payload / SUMS).is_file():
        faults = [fault.removeprefix(f"{payload}/") for fault in sums_faults(payload)]
        return faults or _differing(SUMS, version.payload_sums, digest_of_file(payload / SUMS))
    if not (payload / "model").is_dir() or not (payload / artifacts.METRICS).is_file():
        return ["model or metrics.json: is missing"]
    return _differing("model", version.digest, digest_of(payload / "model"))


def _differing(name: str, expected: str, found: str) -> list[str]:
    if expected in ("", found):
        return []
    return [f"{name}: expected the digest {expected[:12]}..., found {found[:12]}..."]


@contextmanager
def open_registry(definition: str) -> Iterator[Registry]:
    """The registry of a definition's models. Raises ChurnError as `mlflow_store.open_store` does."""
    with mlflow_store.open_store() as store:
        yield Registry(f"churn_{definition}", store)
