"""`churn weekly`: the list of one week from the present champion: pull, check, score, list, publish. Never trains.

The same functions as the stages of the scoring branch, for the day that is asked for, in folders of their own below
`data/weekly/DAY`; DVC, params.yaml and dvc.lock are not touched. The list takes its place in `data/at_risk/DAY` only
when every check has passed; `churn run` for the same day makes the same bytes. What the list was made from is kept in
`data/weekly/DAY/receipt.json`: the same again is nothing to do, and a published week is changed by `--revise` alone.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from filelock import Timeout

from pipelines.ledger.write import Published
from pipelines.runtime import code, stage
from pipelines.runtime.errors import ChurnError, TryAgainError
from pipelines.runtime.files import digest_of, read_json, write_json
from pipelines.runtime.log import Log
from pipelines.settings.moments import require_not_before_training
from pipelines.settings.params import Settings

ROOT, LISTS, CHAMPIONS, LANDING = (Path("data", name) for name in ("weekly", "at_risk", "champion", "landing"))
PASSING = ("activity", "features", "scores")  # made on the way, and gone when the list is there


@dataclass(frozen=True)
class Wanted:
    """`publish`: whether the list goes to the ledger and the sinks. `revise`: a published week is made again.

    `moment`: when this is, ISO, for the ledger's record.
    """

    publish: bool = True
    revise: bool = False
    moment: str | None = None


def weekly(settings: Settings, log: Log, wanted: Wanted) -> None:
    """Make and publish the list of a day; the run lock is held by the caller.

    Args:
        settings: for the day: `observations.score.as_of`.
        log: is told what happens.
        wanted: what is done with the list.

    Raises:
        CheckFailedError: a check failed; there is no new list, and earlier ones are as they were.
        TryAgainError: a stage is writing.
        ChurnError: there is no champion, the day lies before training, the sources are faulty, a sink failed.
    """
    day = settings.observations.score.as_of
    require_not_before_training(settings, day)
    _require_ready(settings)
    log("started", f"The week of {day}", as_of=day)
    published = published_of(day)
    if published and not wanted.revise:
        log("unchanged", f"The list of {day} is published: nothing to do. `--revise` would make it again.", as_of=day)
        folder = _again(published, settings, log, wanted)
    else:
        _listed(settings, log)
        if wanted.publish:
            _publish(settings, log, wanted)
        folder = LISTS / day
    manifest = read_json(folder / "manifest.json")
    told = {"as_of": day, "list_id": manifest["list_id"], "customers": manifest["figures"]["listed"]}
    log("finished", f"List   {folder / 'at_risk.html'}  ({told['customers']:,} customers)", folder=str(folder), **told)


def _require_ready(settings: Settings) -> None:
    from pipelines.engines.spark_session import missing_requirements
    from pipelines.modelling.champion import require_champions
    from pipelines.sources.registry import check_sources
    from pipelines.stages.watch_sources import places_of

    places = places_of(settings, LANDING, settings.observations.score.as_of)
    faults = [*missing_requirements(settings.engine), *check_sources(settings, *places)]
    if faults:
        raise ChurnError(*faults)
    require_champions(settings.churn)


def published_of(day: str) -> Published | None:
    """The list of that day that the ledger holds: its last revision."""
    from pipelines.ledger import write

    return next(reversed(write.publications(as_of=day)), None)


def _again(published: Published, settings: Settings, log: Log, wanted: Wanted) -> Path:
    """Sinks that have not got it; where the list lies. The draft may be gone, or opened and saved by a spreadsheet."""
    from pipelines.publishing.archive import place_of
    from pipelines.publishing.publish import publish_again

    if wanted.publish:
        with log.stage("publish"):
            publish_again(published, settings, lambda text: log("published", text))
    return place_of(published)


def _listed(settings: Settings, log: Log) -> None:
    """The list of the day, where it is not already that of these inputs."""
    day = settings.observations.score.as_of
    folder, out = ROOT / day, LISTS / day
    inputs = inputs_of(settings)
    receipt = folder / "receipt.json"
    if receipt.is_file() and out.is_dir() and read_json(receipt) == {"inputs": inputs, "list": digest_of(out)}:
        log("unchanged", f"The list of {day} is that of these inputs: nothing to make.", as_of=day)
        return
    with _alone():
        _made(settings, folder, out, log)
    write_json(receipt, {"inputs": inputs, "list": digest_of(out)})
    for left in (path for name in PASSING for path in ROOT.glob(f"*/{name}")):
        shutil.rmtree(left)


@contextmanager
def _alone() -> Iterator[None]:
    """Nobody else writes meanwhile: not even a stage that somebody started by hand."""
    try:
        with stage.stage_lock().acquire(timeout=0):
            yield
    except Timeout:
        raise TryAgainError("A stage is writing now. Wait until it has ended; nothing was started.") from None


def _made(settings: Settings, folder: Path, out: Path, log: Log) -> None:
    """Stage by stage, as dvc.yaml orders them."""
    from pipelines.stages.build_features import build
    from pipelines.stages.make_list import Inputs, make_list
    from pipelines.stages.pull_activity import pull
    from pipelines.stages.score_customers import Places, score_customers
    from pipelines.stages.validate_features import validate

    activity, features, reports = folder / "activity/score", folder / "features/score", folder / "validation"
    with _stage("pull_activity", log):
        for note in pull(settings, "score", activity, reports / "activity_score.json", LANDING):
            print(note)
    with _stage("build_features", log):
        build(settings, "score", activity, features)
    with _stage("validate_features", log):
        validate(features, reports / "features_score.json", settings)
    for name in settings.churn:
        scores, report = folder / f"scores/{name}.parquet", reports / f"scores_{name}.json"
        with _stage(f"score_customers@{name}", log):
            score_customers(name, settings, Places(activity, features, CHAMPIONS / name, scores, report))
    with _stage("make_list", log):
        make_list(settings, Inputs(folder / "scores", features, activity, CHAMPIONS, reports), out)


@contextmanager
def _stage(name: str, log: Log) -> Iterator[None]:
    stage.write_state("stage.json", {"stage": f"weekly: {name}", "pid": os.getpid()})
    with log.stage(name), log.notes():
        yield


def _publish(settings: Settings, log: Log, wanted: Wanted) -> None:
    from pipelines.publishing.publish import publish

    with log.stage("publish"):
        publish(
            settings.observations.score.as_of,
            settings,
            lambda text: log("published", text),
            revise=wanted.revise,
            moment=wanted.moment,
        )


def inputs_of(settings: Settings) -> dict[str, Any]:
    """Everything that decides the list: sources, what only the list reads, champions, settings, code."""
    from pipelines.at_risk.fingerprint import fingerprint_of_list
    from pipelines.stages.watch_sources import fingerprint

    said = json.dumps(settings.model_dump(mode="json"), sort_keys=True)
    return {
        "sources": fingerprint(settings, settings.observations.score.as_of, LANDING),
        "list": fingerprint_of_list(settings),
        "champions": {name: digest_of(CHAMPIONS / name) for name in settings.churn},
        "settings": hashlib.sha256(said.encode()).hexdigest(),
        "code": code.digest("pipelines.commands.weekly"),
    }
