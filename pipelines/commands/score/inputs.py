"""What `churn score` makes of an activity stream: the cut at its moment, checked, and the features of that moment.

The first steps of the plan (commands/plan.py), in a folder of its own; what is there already is not made again. A
folder that a pull left is taken as it is where it was cut at the same moment, and cut again where it reaches further.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from pipelines.commands.plan import Places, Step, build_features, pull_activity, validate_features
from pipelines.runtime.errors import ChurnError
from pipelines.runtime.files import read_json
from pipelines.settings import artifacts
from pipelines.settings.params import Settings
from pipelines.settings.privacy import Privacy
from pipelines.settings.reading import StreamChecks
from pipelines.settings.sources import Files

ENDINGS = {".parquet": "parquet", ".csv": "csv", ".json": "json", ".jsonl": "json", ".ndjson": "json"}
SOURCE = "activity"


def steps(places: Places) -> tuple[Step, ...]:
    """The part of the plan that makes a feature table of a stream."""
    return pull_activity(places), build_features(places), validate_features(places)


def pull_stream(activity: Path, settings: Settings, places: Places) -> Path:
    """The folder of the stream as a pull leaves it: `activity/`, `facts.json`, checked.

    Args:
        activity: a folder that a pull left, or a file or folder with the columns of the activity schema.
        settings: `observations.score.as_of` is the moment.
        places: where a new cut and the report go.

    Raises:
        NothingToScoreError: nothing lies before the moment.
        CheckFailedError: the stream is not sound, or ends long before the moment.
        ChurnError: there is no such stream, or it cannot be read.
    """
    if _is_cut(activity, settings):
        _check(activity, settings, places.report("activity_score"))
        return activity
    if not (places.activity / artifacts.FACTS).is_file():
        for note in pull_activity(places).perform(as_source(activity, settings)):
            print(f"activity: {note}")
        if (activity / artifacts.CUSTOMERS).is_file():
            shutil.copy(activity / artifacts.CUSTOMERS, places.activity / artifacts.CUSTOMERS)
    return places.activity


def _check(activity: Path, settings: Settings, report: Path) -> None:
    """Judge a stream that was cut elsewhere, once."""
    from pipelines.checks.rules import check_activity

    if not report.is_file():
        judged = check_activity(activity, StreamChecks.of(settings, "score"))
        judged.write(report)
        judged.require()
        for line in judged.warnings:
            print(f"activity: {line}")


def _is_cut(activity: Path, settings: Settings) -> bool:
    """Whether a pull left it for this very moment."""
    if not (activity / artifacts.FACTS).is_file():
        return False
    facts = read_json(activity / artifacts.FACTS)
    wanted = (settings.observations.score.as_of, settings.timezone)
    return (facts.get("moment"), facts.get("timezone")) == wanted


def as_source(activity: Path, settings: Settings) -> Settings:
    """The same settings with this stream as their only source. What a pull left has its customers' final ids."""
    left_by_pull = (activity / artifacts.FACTS).is_file()
    path = activity / "activity" if left_by_pull else activity
    source = Files.model_validate({"reader": _reader(path), "path": str(path)})
    update: dict[str, Any] = {"sources": {SOURCE: source}}
    if left_by_pull:
        update |= {"identities": None, "privacy": Privacy(), "customers": None}
    return settings.model_copy(update=update)


def _reader(path: Path) -> str:
    """By the ending of the file, or of the files in the folder."""
    if not path.exists():
        raise ChurnError(f"--activity {path}: there is no such file or folder.")
    names = [path.name] if path.is_file() else sorted(one.name for one in path.iterdir() if one.is_file())
    kinds = {ENDINGS.get(Path(name.removesuffix(".gz")).suffix.lower(), "") for name in names if name[0] != "."}
    if len(kinds) == 1 and "" not in kinds:
        return kinds.pop()
    raise ChurnError(
        f"--activity {path}: is not activity. Give a folder that pull_activity left (with facts.json), or a file, or a "
        "folder of files of one kind, .parquet, .csv or .jsonl, with the columns customer_id, occurred_at, activity."
    )


def build_feature_table(activity: Path, settings: Settings, places: Places) -> Path:
    """The feature table of the moment, checked; made once.

    Raises:
        CheckFailedError: a number is outside what its declaration promises.
    """
    report = places.report("features_score")
    if not (places.features / artifacts.COLUMNS).is_file():
        build_features(places, activity).perform(settings)
    if not report.is_file() or not read_json(report)["passed"]:
        validate_features(places).perform(settings)
    return places.features / f"{settings.observations.score.as_of}.parquet"
