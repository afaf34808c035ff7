"""The scoring branch, declared once: its steps in order, what each reads and writes, which settings and code decide it.

Three commands carry it out. `churn run` has DVC do it (dvc.yaml names the same steps and arguments; a test compares
them), `churn weekly` does it in folders of its own, `churn score` does as much of it as its inputs leave to be done. A
step is the stage of that name: `perform` of its module, called with the arguments of its command.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

from pipelines.rendering.manifest import PARAMETERS as LIST_SETTINGS
from pipelines.runtime import code
from pipelines.settings import artifacts
from pipelines.settings.params import Settings

BRANCH = "score"


@dataclass(frozen=True)
class Places:
    """Where the branch reads and writes: below `root` what it makes on the way, beside it what is kept.

    `landing`: the store of what was read from the sources; None: all of them are read.
    """

    root: Path = artifacts.DATA
    landing: Path | None = artifacts.LANDING
    champions: Path = artifacts.CHAMPIONS
    lists: Path = artifacts.LISTS

    @property
    def activity(self) -> Path:
        """The folder of the stream."""
        return self.root / "activity" / "score"

    @property
    def features(self) -> Path:
        """The folder of the feature table."""
        return self.root / "features" / "score"

    @property
    def scores(self) -> Path:
        """The folder of the scores, one file for each definition."""
        return self.root / "scores"

    @property
    def reports(self) -> Path:
        """The folder of the data checks' reports."""
        return self.root / artifacts.REPORTS.name

    def report(self, name: str) -> Path:
        """The report of one check: `activity_score`, `features_score`, `scores_{definition}`."""
        return self.reports / f"{name}.json"


@dataclass(frozen=True)
class Step:
    """One stage with its arguments.

    `run_for`: the branch or the definition that its name in DVC ends with. `inputs`, `outputs`: paths by the name of
    the option, `options`: its other options. `settings`: sections of params.yaml, dotted where it is a part of one.
    """

    stage: str
    run_for: str | None
    options: Mapping[str, str]
    inputs: Mapping[str, Path]
    outputs: Mapping[str, Path]
    settings: tuple[str, ...]

    @property
    def name(self) -> str:
        """As DVC calls it: `build_features@score`."""
        return f"{self.stage}@{self.run_for}" if self.run_for else self.stage

    @property
    def label(self) -> str:
        """As the logs of `weekly` call it, which know this branch alone: `build_features`."""
        return self.name if "definition" in self.options else self.stage

    @property
    def module(self) -> str:
        """The module whose code the step's outputs come from."""
        return f"pipelines.stages.{self.stage}"

    @property
    def arguments(self) -> dict[str, Any]:
        """The options of the stage's command."""
        return {**self.options, **self.inputs, **self.outputs}

    def perform(self, settings: Settings) -> list[str]:
        """Carry it out, here; what a person should know although nothing is wrong.

        Raises:
            ChurnError, FeatureError, ModelError: as the stage does; what was there before stays.
        """
        perform = import_module(self.module).perform
        return list(perform(settings, **self.arguments) or ())


def scoring_branch(settings: Settings, places: Places) -> tuple[Step, ...]:
    """The steps from the sources to the list, in order."""
    return (
        pull_activity(places),
        build_features(places),
        validate_features(places),
        *(score_customers(definition, places) for definition in settings.churn),
        make_list(places, places.lists / settings.observations.score.as_of),
    )


def pull_activity(places: Places) -> Step:
    """Sources to the stream, cut at the day and checked."""
    return Step(
        "pull_activity",
        BRANCH,
        {"branch": BRANCH},
        {"landing": places.landing} if places.landing else {},
        {"out": places.activity, "report": places.report("activity_score")},
        ("timezone", "sources", "customers", "identities", "privacy", "checks", "observations.score.as_of"),
    )


def build_features(places: Places, activity: Path | None = None) -> Step:
    """Stream to features. `activity`: the folder of a stream that was cut elsewhere."""
    behind = ("observations.seen_within_days", "observations.score")
    return Step(
        "build_features",
        BRANCH,
        {"branch": BRANCH},
        {"activity": activity or places.activity},
        {"out": places.features},
        ("timezone", "engine", "engine_memory", "churn", "features.attributes", *behind),
    )


def validate_features(places: Places) -> Step:
    """Features to their report."""
    report = places.report("features_score")
    return Step("validate_features", BRANCH, {}, {"features": places.features}, {"report": report}, ("checks",))


def score_customers(definition: str, places: Places) -> Step:
    """Features to the scores of a definition, by its champion."""
    return Step(
        "score_customers",
        definition,
        {"definition": definition},
        {"activity": places.activity, "features": places.features, "model": places.champions / definition},
        {"out": places.scores / f"{definition}.parquet", "report": places.report(f"scores_{definition}")},
        ("timezone", "churn", "engine", "checks", "observations.score"),
    )


def make_list(places: Places, out: Path) -> Step:
    """Scores to the list."""
    made_before = {"scores": places.scores, "features": places.features, "activity": places.activity}
    return Step(
        "make_list",
        None,
        {},
        {**made_before, "champion": places.champions, "reports": places.reports},
        {"out": out},
        (*LIST_SETTINGS, "observations.score"),
    )


def settings_of(steps: Iterable[Step], settings: Settings) -> dict[str, Any]:
    """The sections that some steps read, as JSON has them."""
    whole = settings.model_dump(mode="json")
    return {name: _section(whole, name) for step in steps for name in step.settings}


def _section(whole: Mapping[str, Any], name: str) -> Any:
    found: Any = whole
    for part in name.split("."):
        found = found[part]
    return found


def code_of(steps: Sequence[Step], *modules: str) -> str:
    """The digest of the code of some steps, of what orders them (here), and of other modules."""
    return code.digest(*sorted({step.module for step in steps}), __name__, *modules)
