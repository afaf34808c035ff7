"""Stage watch_sources: fingerprints of the sources, one small file per branch, which the pulls depend on.

Sources have no path that DVC could watch, so this stage runs every time: a changed source changes the fingerprint and
with it reruns the pull, an unchanged one costs the reading of its bytes. Names do not count, only content. A third file
holds what only the list reads: contacts, ids that ordered since, the ledger.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from features.windows import midnight
from pipelines.at_risk.fingerprint import fingerprint_of_list
from pipelines.ledger.listed import listed_digest
from pipelines.runtime.errors import ChurnError
from pipelines.runtime.files import write_json
from pipelines.runtime.stage import PATH, run_stage, stage_command
from pipelines.settings.decision import ListMoment, looks_of
from pipelines.settings.params import Settings, load
from pipelines.settings.reading import ContactReading, Reading
from pipelines.sources.exchange import with_rates
from pipelines.sources.identity.settle import fingerprint_of_privacy
from pipelines.sources.reader import Pull
from pipelines.sources.readers.customers import customer_versions
from pipelines.sources.registry import READERS, check_sources


def fingerprint(settings: Settings, day: str, landing: Path | None = None) -> dict[str, Any]:
    """Per source its reader, the version of what reads it where that matters, and what changes with its content.

    Files are watched whole by their digests; of a database the number of rows before `day` and the last watermark; of
    the ledger what it knew by then. For a day before the last that was pulled, `landing` (the store) tells what there
    was when it was pulled.

    Raises:
        ChurnError: faults of the sources, all at once.
    """
    _require_sound(settings, landing, day)
    return _fingerprint(settings, day, landing)


def places_of(settings: Settings, landing: Path, *days: str) -> list[Pull]:
    """The pulls of some days."""
    return [Pull(landing, midnight(day, settings.timezone)) for day in days]


def _require_sound(settings: Settings, landing: Path | None, *days: str) -> None:
    faults = check_sources(Reading.of(settings), *(places_of(settings, landing, *days) if landing else []))
    if faults:
        raise ChurnError(*faults)


def _fingerprint(settings: Settings, day: str, landing: Path | None) -> dict[str, Any]:
    moment = midnight(day, settings.timezone)
    reading = with_rates(Reading.of(settings))
    sources: dict[str, dict[str, Any]] = {}
    for name, source in settings.sources.items():
        reader = READERS[source.reader]
        versions = reader.remembered_versions(name, source, reading, Pull(landing, moment) if landing else None)
        if versions is None:
            versions = reader.versions(name, source, reading, moment)
        sources[name] = {"reader": source.reader, "found": versions}
        if reader.version is not None:
            sources[name]["version"] = reader.version()
    privacy = fingerprint_of_privacy(settings.identities, settings.privacy)
    money = {"rates": reading.rates} if reading.rates else {}
    return {"sources": sources, "customers": customer_versions(settings.customers), "who": privacy, **money}


def watch(settings: Settings, train: Path, score: Path, listed: Path | None = None) -> None:
    """Write both branches' fingerprints, each as of its own moment, and that of the list.

    They lie in the landing store, which answers for moments before its last.
    """
    until, as_of = settings.observations.train.until, settings.observations.score.as_of
    landing = train.parent
    _require_sound(settings, landing, until, as_of)
    fingerprint_of_training = _fingerprint(settings, until, landing)
    listed_then = listed_digest(until)
    write_json(train, fingerprint_of_training | ({"listed": listed_then} if listed_then else {}))
    write_json(score, fingerprint_of_training if as_of == until else _fingerprint(settings, as_of, landing))
    if listed is not None:
        contacts, looks = ContactReading.of(settings), looks_of(settings)
        moment, activities = ListMoment.of(settings), settings.activities
        list_inputs = fingerprint_of_list(moment, settings.at_risk, contacts, activities, looks)
        write_json(listed, list_inputs)


@stage_command(train=PATH, score=PATH, list=PATH, optional=("list",))
def main(train: Path, score: Path, **more: Path | None) -> None:
    """The command that dvc.yaml runs."""
    run_stage("watch_sources", lambda: watch(load(), train, score, more["list"]))


if __name__ == "__main__":
    main()
