"""`churn weekly`: the list of one week from the present champion: pull, check, score, list, publish. Never trains.

Carries out the plan of the scoring branch (plan.py) for the day that is asked for, in folders of its own below
`data/weekly/DAY`; DVC, params.yaml and dvc.lock are not touched. The list takes its place in `data/at_risk/DAY` only
when every check has passed; `churn run` for the same day makes the same bytes. What the list was made from is kept in
`data/weekly/DAY/receipt.json`: the same again is nothing to do, and a published week is changed by `--revise` alone.
Behind the list, what earlier lists achieved is brought up to date where another has matured (`churn outcomes`), and the
figures of a retention lead are (`churn kpi`).
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipelines.commands.effect.kpi import page_of, refresh_beside_list
from pipelines.commands.plan import Places, Step, code_of, scoring_branch, settings_of
from pipelines.ledger.write import Published
from pipelines.runtime import journal, run_lock
from pipelines.runtime.errors import USER_ERRORS, ChurnError
from pipelines.runtime.files import digest_of, read_json
from pipelines.runtime.log import Log
from pipelines.runtime.receipt import Receipt, fingerprint
from pipelines.settings import artifacts
from pipelines.settings.moments import require_not_before_training
from pipelines.settings.params import Settings

ROOT = artifacts.WEEKLY
INTERMEDIATE = ("activity", "features", "scores")  # made on the way, deleted when the list is there
STAGE_BUSY = "A stage is writing now. Wait until it has ended; nothing was started."


@dataclass(frozen=True)
class Options:
    """`publish`: whether the list goes to the ledger and the sinks. `revise`: a published week is made again.

    `moment`: when this is, ISO, for the ledger's record.
    """

    publish: bool = True
    revise: bool = False
    moment: str | None = None


def weekly(settings: Settings, log: Log, options: Options) -> None:
    """Make and publish the list of a day; the run lock is held by the caller.

    Args:
        settings: for the day: `observations.score.as_of`.
        log: gets what happens.
        options: what is done with the list.

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
    if published and not options.revise:
        log("unchanged", f"The list of {day} is published: nothing to do. `--revise` would make it again.", as_of=day)
        folder = _publish_again(published, settings, log, options)
    else:
        folder = _make_list(settings, log)
        try:
            if options.publish:
                _publish(settings, log, options)
            _refresh_outcomes(settings, log)
            refresh_beside_list(settings, Places(ROOT / day).activity, lambda text: log("kpi", text))
        finally:
            _delete_intermediates()
    kpis = page_of(settings)
    if kpis:
        log("kpi", f"KPIs   {kpis}", page=str(kpis))
    manifest = read_json(folder / artifacts.MANIFEST)
    customers = manifest["figures"]["listed"]
    log(
        "finished",
        f"List   {folder / artifacts.LIST_PAGE}  ({customers:,} customers)",
        folder=str(folder),
        as_of=day,
        list_id=manifest["list_id"],
        customers=customers,
    )


def _require_ready(settings: Settings) -> None:
    from pipelines.engines.spark_session import missing_requirements
    from pipelines.modelling.champion import require_champions
    from pipelines.settings.reading import Reading
    from pipelines.sources.registry import check_sources
    from pipelines.stages.watch_sources import places_of

    places = places_of(settings, artifacts.LANDING, settings.observations.score.as_of)
    faults = [*missing_requirements(settings.engine), *check_sources(Reading.of(settings), *places)]
    if faults:
        raise ChurnError(*faults)
    require_champions(settings.churn)


def published_of(day: str) -> Published | None:
    """The list of that day that the ledger holds: its last revision."""
    from pipelines.ledger import write

    return next(reversed(write.publications(as_of=day)), None)


def _publish_again(published: Published, settings: Settings, log: Log, options: Options) -> Path:
    """To sinks that have not got it. Returns the archived folder: the draft may be gone, or saved by a spreadsheet."""
    from pipelines.publishing.archive import folder_of
    from pipelines.publishing.deliver import Delivery
    from pipelines.publishing.publish import publish_again

    if options.publish:
        delivery = Delivery(settings.publish.sinks, settings.privacy.pseudonymise)
        with log.stage("publish"):
            publish_again(published, delivery, lambda text: log("published", text))
    return folder_of(published)


def _make_list(settings: Settings, log: Log) -> Path:
    """The folder of the list of the day, made where it is not fresh."""
    day = settings.observations.score.as_of
    places = Places(ROOT / day)
    steps = scoring_branch(settings, places)
    folder = steps[-1].outputs["out"]
    receipt, made_from = Receipt(places.root / "receipt.json", folder), inputs_of(settings, steps, places)
    if receipt.if_fresh(made_from):
        log("unchanged", f"The list of {day} is that of these inputs: nothing to make.", as_of=day)
        return folder
    with run_lock.only_stage("weekly", STAGE_BUSY):
        for step in steps:
            with _logged(step, log):
                for note in step.perform(settings):
                    print(note)
    receipt.write(made_from)
    return folder


def _delete_intermediates() -> None:
    for intermediate in (path for name in INTERMEDIATE for path in ROOT.glob(f"*/{name}")):
        shutil.rmtree(intermediate)


def _refresh_outcomes(settings: Settings, log: Log) -> None:
    """What earlier lists achieved, by the activity that this list was made from.

    What is wrong there does not undo the list: it is said, and `churn outcomes` says it again.
    """
    from pipelines.commands.effect.outcomes import question_of, target_of
    from pipelines.ledger.assigned import campaigns
    from pipelines.outcomes.labels import reaching
    from pipelines.outcomes.refresh import refresh

    day = settings.observations.score.as_of

    def say(text: str) -> None:
        log("outcomes", text)

    try:
        activity, ledger = reaching([Places(ROOT / day).activity], day, settings.timezone), campaigns()
        if activity is not None and ledger is not None and ledger.lists:
            question, target = question_of(settings), target_of(settings)
            refresh(ledger, question, lambda: activity, target, say, known_until=day, only_if_matured=True)
    except USER_ERRORS as error:
        log("outcomes", f"What earlier lists achieved was not brought up to date: {error}")


@contextmanager
def _logged(step: Step, log: Log) -> Iterator[None]:
    name = f"weekly: {step.label}"
    run_lock.note_stage(name)
    with log.stage(step.label), log.notes(), journal.recording(name):
        yield


def _publish(settings: Settings, log: Log, options: Options) -> None:
    from pipelines.publishing.deliver import Delivery
    from pipelines.publishing.publish import publish

    with log.stage("publish"):
        publish(
            settings.observations.score.as_of,
            Delivery(settings.publish.sinks, settings.privacy.pseudonymise),
            lambda text: log("published", text),
            campaign=settings.campaign.name,
            revise=options.revise,
            moment=options.moment,
        )


def inputs_of(settings: Settings, steps: Sequence[Step], places: Places) -> dict[str, Any]:
    """The fingerprint of the list: sources, what only the list reads, champions, settings, code."""
    from pipelines.at_risk.fingerprint import fingerprint_of_list
    from pipelines.settings.decision import ListMoment, looks_of
    from pipelines.settings.reading import ContactReading
    from pipelines.stages.watch_sources import fingerprint as fingerprint_of_sources

    day = settings.observations.score.as_of
    inputs = {
        "sources": fingerprint_of_sources(settings, day, places.landing),
        "list": fingerprint_of_list(
            ListMoment.of(settings),
            settings.at_risk,
            ContactReading.of(settings),
            settings.activities,
            looks_of(settings),
        ),
        "champions": {name: digest_of(places.champions / name) for name in settings.churn},
    }
    return fingerprint(inputs, settings_of(steps, settings), code_of(steps))
