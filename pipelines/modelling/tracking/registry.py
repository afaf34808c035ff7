"""The registered versions of one churn definition's model: which score, which did, which were refused.

The history of champions is a stack: promoting puts a version on top (tag `churn.champion_turn`, counted up), rolling
back takes it off and marks it. Aliases: `champion` scores, `challenger` was refused last, with the reason as a tag.
Every step can be repeated: a version is found again by the digest of its model.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipelines.modelling.tracking import mlflow_store
from pipelines.modelling.tracking.mlflow_store import Store
from pipelines.runtime.errors import ChurnError

DIGEST, TURN, ROLLED_BACK, REFUSED, AGAINST, FORCED = (
    f"churn.{tag}" for tag in ("model_digest", "champion_turn", "rolled_back", "refused", "judged_against", "forced")
)
BACK_TO = "to version {number}"


@dataclass(frozen=True)
class Version:
    """A registered version.

    `turn`: its place in the history of champions, None where it is not in it. `rolled_back`: to which version, "" where
    it was not. `refused`, `against`: why it was not promoted, and what that verdict depended on; "" where it was.
    """

    number: str
    digest: str
    turn: int | None
    rolled_back: str
    source: str
    refused: str = ""
    against: str = ""

    @classmethod
    def of(cls, found: Any) -> Version:
        """From MLflow's own."""
        tags: Mapping[str, str] = found.tags
        turn = tags.get(TURN)
        return cls(
            str(found.version),
            tags.get(DIGEST, ""),
            int(turn) if turn else None,
            tags.get(ROLLED_BACK, ""),
            found.source,
            tags.get(REFUSED, ""),
            tags.get(AGAINST, ""),
        )


@dataclass(frozen=True)
class Registry:
    """Versions of `churn_{definition}` in an opened store."""

    name: str
    store: Store

    def versions(self) -> list[Version]:
        """All that carry a digest, oldest first; others in the registry are not ours."""
        found = [Version.of(one) for one in self.store.client.search_model_versions(f"name = '{self.name}'")]
        return sorted((one for one in found if one.digest), key=lambda one: int(one.number))

    def of_digest(self, digest: str) -> Version | None:
        """The version of a model, where it is registered."""
        return next((one for one in self.versions() if one.digest == digest), None)

    def with_alias(self, alias: str) -> Version | None:
        """The version that an alias points to."""
        for model in self.store.client.search_registered_models(f"name = '{self.name}'"):
            number = model.aliases.get(alias)
            if number is not None:
                return next((one for one in self.versions() if one.number == str(number)), None)
        return None

    def before(self, version: Version) -> Version | None:
        """The champion before this one; those that were rolled back are no longer in the history."""
        turn = version.turn or 0
        earlier = [one for one in self.versions() if one.turn and one.turn < turn and not one.rolled_back]
        return max(earlier, key=lambda one: one.turn or 0, default=None)

    def rolled_back_to(self, version: Version) -> Version | None:
        """The champion whose place this one took back last, since it was promoted itself."""
        back, turn = BACK_TO.format(number=version.number), version.turn or 0
        later = [one for one in self.versions() if one.rolled_back == back and (one.turn or 0) > turn]
        return max(later, key=lambda one: one.turn or 0, default=None)

    def roll_back(self, crowned: Version, to: Version) -> None:
        """Take a champion off the history and note which version takes its place."""
        self.tag(crowned, ROLLED_BACK, BACK_TO.format(number=to.number))

    def register(self, run_id: str, digest: str, tags: Mapping[str, str], card: str) -> Version:
        """The version of the model that a run holds: made, or found where it was registered before."""
        client = self.store.client
        if not client.search_registered_models(f"name = '{self.name}'"):
            client.create_registered_model(self.name, description="Who is about to leave. Alias `champion` scores.")
        known = self.of_digest(digest)
        if known:
            return known
        outputs = client.get_run(run_id).outputs.model_outputs
        made = client.create_model_version(
            self.name,
            source=f"models:/{outputs[0].model_id}",
            run_id=run_id,
            model_id=outputs[0].model_id,
            tags=dict(tags),
            description=card,
        )
        return Version.of(made)

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
            if _digest(payload / "model") != version.digest or not (payload / "metrics.json").exists():
                raise ChurnError(
                    f"MLflow's files of {self.name} version {version.number} are gone or not the model that was "
                    f"registered ({version.digest[:12]}). Nothing was changed. Bring MLflow's artifacts back, or train "
                    "and promote again: churn run"
                )
            yield payload
        finally:
            shutil.rmtree(folder)


def _digest(folder: Path) -> str:
    """Of the model in a folder; "" where there is none, or no longer a whole one."""
    from models.churn_model import ChurnModel

    try:
        return ChurnModel.load(folder).digest
    except (OSError, ValueError, KeyError):  # ModelError is a ValueError, as broken JSON is
        return ""


@contextmanager
def registry(definition: str) -> Iterator[Registry]:
    """The registry of a definition's models. Raises ChurnError as `tracking.opened` does."""
    with mlflow_store.opened() as store:
        yield Registry(f"churn_{definition}", store)
