"""An evaluated candidate as MLflow records it: names, figures, fingerprints, files. Does not import mlflow.

Nothing here is about a single customer: the input example is a customer who never did anything.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import models
from models.sums import SUMS, digest_of_file, write_sums
from pipelines.modelling.model_folder import open_candidate
from pipelines.modelling.tracking.git_version import code_digest, code_version
from pipelines.modelling.tracking.model_card import model_card
from pipelines.modelling.world import read_world
from pipelines.runtime.errors import ChurnError
from pipelines.runtime.files import digest_of, read_json
from pipelines.settings import artifacts
from pipelines.settings.training import TrainingSettings

if TYPE_CHECKING:
    import pandas as pd

    from models.churn_model import ChurnModel
    from models.world import World

NEEDED_TO_PREDICT = ("lightgbm", "mlflow", "numpy", "pandas", "scipy", "threadpoolctl")
A_DAY = re.compile(r"\d{4}-\d\d-\d\d")
CURVE_STEPS = 100


@dataclass(frozen=True)
class Candidate:
    """An evaluated candidate: settings, the model that would ship, figures of its held-out fit, its training activity.

    Folders as the stages leave them: `model` data/models/D, `evaluation` data/evaluation/D, `activity`
    data/activity/train.
    """

    settings: TrainingSettings
    model: Path
    evaluation: Path
    activity: Path

    @classmethod
    def of(cls, settings: TrainingSettings, model: Path, evaluation: Path, activity: Path) -> Candidate:
        """The candidate in these folders.

        Raises:
            ChurnError: a file that a stage should have left is not there, or the figures are those of another model.
        """
        needed = [model / "shipped", evaluation / artifacts.METRICS, activity / artifacts.FACTS]
        missing = [path for path in needed if not path.exists()]
        if missing:
            advice = f"{settings.definition} was not trained or not judged yet. Run `churn run`."
            raise ChurnError(*(f"{path} is not there: {advice}" for path in missing))
        candidate = cls(settings, model, evaluation, activity)
        digest = candidate.shipped.digest
        judged = candidate.metrics.get("model", {}).get("shipped", digest)
        if judged != digest:
            raise ChurnError(
                f"{evaluation}/metrics.json judges the model {judged[:8]}, but {model}/shipped is "
                f"{digest[:8]}: a run was interrupted between the two. Run `churn run`."
            )
        return candidate

    @property
    def definition(self) -> str:
        """Name under `churn`."""
        return self.settings.definition

    @property
    def name(self) -> str:
        """Of the experiment, the logged model and the registered model."""
        return f"churn_{self.definition}"

    @property
    def title(self) -> str:
        """Of the run: the DVC experiment where there is one, the moment of training, the model's first digits."""
        experiment = os.environ.get("DVC_EXP_NAME")
        return " ".join([*([experiment] if experiment else []), self.until, self.shipped.digest[:8]])

    @property
    def until(self) -> str:
        """Nothing at or after this day was known to the model."""
        return self.settings.train.until

    @cached_property
    def shipped(self) -> ChurnModel:
        """The model that scores if this candidate becomes the champion."""
        return open_candidate(self.model)

    @cached_property
    def metrics(self) -> dict[str, Any]:
        """metrics.json."""
        return dict(read_json(self.evaluation / artifacts.METRICS))

    @cached_property
    def world(self) -> World | None:
        """Whose customers trained it."""
        return read_world(self.model)

    @cached_property
    def facts(self) -> dict[str, Any]:
        """facts.json of the training activity."""
        return dict(read_json(self.activity / artifacts.FACTS))

    @cached_property
    def card(self) -> str:
        """The model card, Markdown."""
        return model_card(self.settings, self.metrics, self.facts, self.shipped)

    @cached_property
    def identity(self) -> dict[str, str]:
        """The tags that make two recordings one."""
        return {
            "churn.definition": self.definition,
            "churn.model_digest": self.shipped.digest,
            "churn.metrics_digest": digest_of(self.evaluation / artifacts.METRICS),
        }

    @cached_property
    def tags(self) -> dict[str, str]:
        """What else a version must carry to be understood later."""
        code, params = code_version(), json.dumps(self.settings.to_json(), sort_keys=True)
        tags = {
            "churn.data_digest": str(self.facts["digest"]),
            "churn.params_digest": hashlib.sha256(params.encode()).hexdigest(),
            "churn.code_version": code,
            "churn.code_digest": code_digest(),
            "churn.payload_sums": self.payload_sums,
            "churn.until": self.until,
            "mlflow.note.content": self.card,
        }
        if code != "unversioned":
            tags["mlflow.source.git.commit"] = code.removesuffix("-edited")
        if self.metrics.get("scored_by"):
            tags["churn.scored_by"] = str(self.metrics["scored_by"]["scorer"])
        if "grade" in self.metrics:
            tags["churn.grade"] = str(self.metrics["grade"]["grade"])
        return tags

    def params(self) -> dict[str, str]:
        """Parameters of the run: settings and the recipe that training settled on, flat."""
        recipe = self.model / artifacts.RECIPE
        tree = {**self.settings.to_json(), **({"recipe": read_json(recipe)} if recipe.exists() else {})}
        return {key: str(value)[:6000] for key, value in _leaves(tree)}

    def points(self) -> Iterator[tuple[str, int, float]]:
        """(name, step, value) of every figure; moments of the backtest and curves are steps of one metric."""
        yield from _figures(self.metrics)
        yield from self._curves()

    def _curves(self) -> Iterator[tuple[str, int, float]]:
        from pipelines.modelling.tracking.plots import lines, present

        for curve in present(self.evaluation):
            for line, xs, ys in lines(self.evaluation, curve):
                for step in range(CURVE_STEPS + 1):
                    yield f"curves/{curve} {_allowed_name(line)}", step, _interpolated(xs, ys, step / CURVE_STEPS)

    def dataset(self) -> dict[str, Any]:
        """The training activity as MLflow's dataset: name, digest, source, profile."""
        profiled = ("moment", "timezone", "rows", "customers", "has_recorded_at", "digest")
        profile = {key: self.facts[key] for key in profiled if key in self.facts}
        name = f"activity before {self.facts['moment']}"
        source = {"uri": self.activity.as_posix(), "sha256": self.facts["digest"]}
        return {"name": name, "digest": str(self.facts["digest"])[:36], "source": source, "profile": profile}

    def inputs(self) -> dict[str, str]:
        """Columns of the model and their MLflow types. It takes our float32 for a double, but no double for a float."""
        return {
            name: "string" if isinstance(value, str) else "double" for name, value in self._inactive_customer().items()
        }

    def outputs(self) -> list[str]:
        """Columns of the scores."""
        money = self.shipped.expected_value(self.input_example()) is not None
        return ["churn_probability", *(["expected_value", "value_at_risk"] if money else [])]

    def input_example(self) -> pd.DataFrame:
        """One row: a customer who never did anything. Real customers do not belong into MLflow."""
        import pandas as pd

        return pd.DataFrame([self._inactive_customer()])

    def _inactive_customer(self) -> dict[str, float | str]:
        silence = {str(info["name"]): info["silence"] for info in self.shipped.columns_info}
        return {name: _silence_value(silence.get(name)) for name in self.shipped.columns}

    def write_artifacts(self, folder: Path) -> Path:
        """The run's files, none of which knows a customer: pictures, figures, curves, recipe, facts, model card."""
        from pipelines.modelling.tracking.plots import draw, present

        draw(self.evaluation, folder / "pictures")
        tables = [
            self.evaluation / name
            for name in (artifacts.METRICS, *(f"{curve}.csv" for curve in present(self.evaluation)))
        ]
        tables += [self.evaluation / artifacts.COMPARISON, self.model / artifacts.TRIALS]
        for file in (*tables, self.model / artifacts.RECIPE, self.activity / artifacts.FACTS):
            if file.exists():
                shutil.copy(file, folder / file.name)
        (folder / artifacts.MODEL_CARD).write_text(self.card, encoding="utf-8")
        return folder

    def write_payload(self, folder: Path) -> Path:
        """What travels inside the logged model: enough to be the champion on another machine."""
        shutil.copytree(self.model / "shipped", folder / "model")
        shutil.copy(self.evaluation / artifacts.METRICS, folder / artifacts.METRICS)
        for name in (artifacts.RECIPE, artifacts.WORLD):
            if (self.model / name).exists():
                shutil.copy(self.model / name, folder / name)
        (folder / artifacts.MODEL_CARD).write_text(self.card, encoding="utf-8")
        write_sums(folder)
        return folder

    @cached_property
    def payload_sums(self) -> str:
        """The SHA-256 of the payload's SHA256SUMS, which speaks for every file of it."""
        with tempfile.TemporaryDirectory() as scratch:
            return digest_of_file(self.write_payload(Path(scratch)) / SUMS)

    def code_paths(self) -> list[Path]:
        """The code that loads the model elsewhere."""
        return [Path(str(models.__file__)).parent, Path(__file__).with_name("churn_pyfunc.py")]

    def requirements(self) -> list[str]:
        """The packages that predicting needs, at the versions that trained."""
        return [f"{name}=={importlib.metadata.version(name)}" for name in NEEDED_TO_PREDICT]


def _leaves(tree: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(tree, dict) and tree:
        for key, value in tree.items():
            yield from _leaves(value, f"{path}.{_allowed_name(str(key))}" if path else _allowed_name(str(key)))
    else:
        yield path, json.dumps(tree) if isinstance(tree, (dict, list)) else tree


def _figures(tree: Any, path: str = "") -> Iterator[tuple[str, int, float]]:
    """Numbers by their path; under keys that are all days, the day's index (oldest 0) is the step."""
    if isinstance(tree, dict):
        days = bool(tree) and all(A_DAY.fullmatch(str(key)) for key in tree)
        for index, key in enumerate(sorted(tree)):
            below = path if days else f"{path}/{_allowed_name(str(key))}".lstrip("/")
            for name, step, value in _figures(tree[key], below):
                yield name, index if days else step, value
    elif isinstance(tree, (int, float)) and not isinstance(tree, bool):
        yield path, 0, float(tree)


def _allowed_name(name: str) -> str:
    """MLflow allows letters, digits and `_-. :/` in names; a slash would make a group."""
    return re.sub(r"[^\w\-. :]", "_", name)


def _interpolated(xs: list[float], ys: list[float], x: float) -> float:
    import numpy as np

    return float(np.interp(x, xs, ys))


def _silence_value(value: Any) -> float | str:
    """A category has no number for silence: "" stands for unknown."""
    return float(value) if isinstance(value, (int, float)) else ""
