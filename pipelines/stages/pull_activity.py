"""Stage pull_activity: sources -> the activity stream of one branch, cut at its moment and checked.

Out: `activity/YYYY-MM.parquet` (ACTIVITY_SCHEMA, by UTC month, sorted by ACTIVITY_ORDER), `customers.parquet` where
there is a customers table, `facts.json`; of the training branch `listed.parquet` where lists were published: who was on
them. A pure cut: what occurred or was recorded at or after the moment is not in it. What was removed by then is in the
training branch only, whose earlier moments saw it. What became of every row is counted in `accounts_{branch}.json`
beside the report. Bad rows are listed in `quarantine_{branch}.csv`, or stop the pull where they are too many; rows
whose id is no customer's are kept in `unmatched_{branch}.csv`. Customers who asked to be forgotten are never in it.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import duckdb
import pyarrow as pa

from features.windows import midnight
from pipelines.ledger.listed import listed_before
from pipelines.runtime.errors import ChurnError, NothingToScoreError, did_you_mean
from pipelines.runtime.files import atomic_folder, digest_of, write_json, write_parquet
from pipelines.runtime.stage import BRANCH, PATH, run_stage, stage_command
from pipelines.settings import artifacts
from pipelines.settings.churn import activities_of
from pipelines.settings.params import Settings, load
from pipelines.settings.reading import Reading, StreamChecks
from pipelines.settings.row_display import RowDisplay
from pipelines.settings.sources import Mapped
from pipelines.sources.accounts.losses import record_later, record_nobodys, record_repeated
from pipelines.sources.accounts.statement import accounts_of, content_of, sentences_of
from pipelines.sources.exchange import faults_of_currencies
from pipelines.sources.identity.settle import ResolutionStore, redact_quarantine, resolve_parts
from pipelines.sources.landing import history
from pipelines.sources.landing.assemble import MonthFile, assemble, load_parts
from pipelines.sources.landing.file_summary import all_sound
from pipelines.sources.landing.store import Part, land_stream
from pipelines.sources.profile import facts_of_months
from pipelines.sources.quarantine import quarantine_rows, set_aside
from pipelines.sources.reader import Pull
from pipelines.sources.registry import check_sources, customers_of, faults_of_sources, inspect_sources, read_parts
from pipelines.sources.relations import STREAM
from pipelines.sources.stream import connect

__all__ = ["check_sources", "main", "pull"]

TRAIN = "train"


def pull(settings: Settings, branch: str, out: Path, report: Path, landing: Path | None = None) -> list[str]:
    """Write the stream of one branch (`train` or `score`) to the folder `out`; whatever is wrong, what was there stays.

    `landing`: the store of what was read before; without it everything is read.

    Returns:
        What a person should know although nothing is wrong: bad rows, and what became of the others.

    Raises:
        ChurnError: faults of the configuration (all at once), too many bad rows, nothing before the moment, a failed
            check. The report is written whatever it says.
    """
    setting, day = _moment(settings, branch)
    moment = midnight(day, settings.timezone)
    reading = Reading.of(settings)
    inspected = inspect_sources(reading, *([Pull(landing, moment)] if landing else []))
    faults = faults_of_sources(reading, inspected)
    if faults:
        raise ChurnError(*faults)
    con = connect()
    with _store(landing) as root, _sound(root):
        places = Places(root, branch, report)
        places.accounts.unlink(missing_ok=True)
        parts = read_parts(con, reading, Pull(root, moment, inspected))
        if several := faults_of_currencies(con):
            raise ChurnError(*several)
        redact_quarantine(con, settings.privacy)
        notes = quarantine_rows(con, settings.sources, report.parent / f"quarantine_{branch}.csv")
        notes += history.notes(con)
        parts += land_stream(con, places.direct)
        parts, identity_notes = resolve_parts(
            con, reading.resolution, parts, moment, ResolutionStore(places.about, places.aside)
        )
        record_nobodys(con)
        record_later(con, parts, moment)
        finished, copies, unique = assemble(
            con, parts, moment, places.months, reading.display, with_removed=branch == "train"
        )
        record_repeated(con, copies)
        accounts = accounts_of(con, settings.sources)
        write_json(places.accounts, content_of(accounts))
        facts = {
            "moment": day,
            "timezone": settings.timezone,
            **facts_of_months(con, finished, moment),
            **set_aside(con),
        }
        _require_activities(con, settings, facts, setting, parts)
        with atomic_folder(out) as folder:
            _write(folder, finished, customers_of(con, reading, moment), facts)
            if branch == TRAIN and (listed := listed_before(day)) is not None:
                write_parquet(folder / artifacts.LISTED, listed)
            _check(folder, StreamChecks.of(settings, branch), report, _known(finished, moment, unique))
    return notes + identity_notes + sentences_of(accounts)


@contextmanager
def _store(landing: Path | None) -> Iterator[Path]:
    if landing is not None:
        yield landing
        return
    with tempfile.TemporaryDirectory() as nowhere:
        yield Path(nowhere)


@contextmanager
def _sound(root: Path) -> Iterator[None]:
    """Say it where files of the landing store are gone or broken: somebody else's doing, or the disk's."""
    try:
        yield
    except (OSError, duckdb.Error, pa.ArrowException, json.JSONDecodeError) as error:
        if str(root) not in str(error) and not isinstance(error, json.JSONDecodeError):
            raise
        first_line = str(error).splitlines()[0]
        raise ChurnError(
            f"{root}: what was kept cannot be read ({first_line}). Delete it; that costs time only."
        ) from None


class Places(NamedTuple):
    """Where a pull keeps what it made: the landing store, the branch, the report beside which rows are put aside."""

    landing: Path
    branch: str
    report: Path

    @property
    def aside(self) -> Path:
        """The CSV of rows that are no customer's."""
        return self.report.parent / f"unmatched_{self.branch}.csv"

    @property
    def accounts(self) -> Path:
        """The JSON of what became of every row."""
        return self.report.parent / f"accounts_{self.branch}.json"

    @property
    def direct(self) -> Path:
        """What readers gave without landing it."""
        return self.landing / ".direct" / self.branch

    @property
    def about(self) -> Path:
        """Parts under customers' ids."""
        return self.landing / ".about" / self.branch

    @property
    def months(self) -> Path:
        """Months that were put together."""
        return self.landing / ".months" / self.branch


def _moment(settings: Settings, branch: str) -> tuple[str, str]:
    """The setting at whose day's midnight a branch's knowledge ends, and that day."""
    if branch == "train":
        return "observations.train.until", settings.observations.train.until
    return "observations.score.as_of", settings.observations.score.as_of


def _require_activities(con: Any, settings: Settings, facts: dict[str, Any], setting: str, parts: list[Part]) -> None:
    """Something must be left, and what the churn definitions speak of must be among it."""
    if not facts["rows"]:
        load_parts(con, parts)
        display = RowDisplay.of(settings.timezone, settings.sources)
        ends = ", ".join(display.time(f"{end}(occurred_at)") for end in ("min", "max"))
        first, last = con.execute(f"select {ends} from {STREAM}").fetchall()[0]  # noqa: S608
        if first is None:
            raise NothingToScoreError(
                "params.yaml: sources: not one row becomes an activity. All are bad, nobody's, or left out by where or "
                "exclude; `churn sources check` shows which."
            )
        raise NothingToScoreError(
            f"params.yaml: {setting}: no activity lies before {facts['moment']}; the sources' activities lie between "
            f"{first} and {last} ({settings.timezone}). Choose a day after the first of them."
        )
    raised = [
        f"params.yaml: churn.{name}.{role}: no source has {activity} before {facts['moment']}."
        + did_you_mean(activity, facts["activities"])
        for name, definition in settings.churn.items()
        for role, activity in activities_of(definition).items()
        if activity not in facts["activities"] and not (role in _MAY_BE_AHEAD and activity in _mapped(settings))
    ]
    if raised:
        raise ChurnError(*raised)


_MAY_BE_AHEAD = ("renews", "ends")
"""What nobody may have done yet, where a source is mapped to it."""


def _mapped(settings: Settings) -> set[str]:
    """Activities that sources are mapped to by name, whether a row is one or not."""
    mapped = [mapping for one in settings.sources.values() if isinstance(one, Mapped) for mapping in one.mappings()]
    return {name for one in mapped for name in (one.activity, *one.activities.values()) if name}


def _write(folder: Path, finished: list[MonthFile], customers: pa.Table | None, facts: dict[str, Any]) -> None:
    (folder / "activity").mkdir()
    for one in finished:
        one.copy_to(folder / "activity")
    if customers is not None:
        write_parquet(folder / artifacts.CUSTOMERS, customers)
    write_json(folder / artifacts.FACTS, {**facts, "digest": digest_of(folder / "activity")})


def _known(
    finished: list[MonthFile], moment: int, unique: bool
) -> tuple[int, bool, dict[str, tuple[int, int, int]]] | None:
    """What the checks need to know, where no row of the stream needs another look. `unique`: every id occurs once."""
    summaries = [one.summary for one in finished]
    if not all_sound(summaries, moment, unique=unique):
        return None
    spans: dict[str, tuple[int, int, int]] = {}
    for name, one in ((name, one) for summary in summaries for name, one in summary.activities.items()):
        count, first, last = spans.get(name, (0, one.first, one.last))
        spans[name] = count + one.count, min(first, one.first), max(last, one.last)
    return sum(summary.rows for summary in summaries), any(summary.recorded for summary in summaries), spans


def _check(folder: Path, checks: StreamChecks, report: Path, known: tuple[Any, ...] | None) -> None:
    """Judge the stream before it takes its place; the report is written either way."""
    from pipelines.checks.rules import StreamCounts, check_activity

    judged = check_activity(folder, checks, StreamCounts(*known) if known else None)
    judged.write(report)
    judged.require()
    for line in judged.warnings:
        print(f"pull_activity@{checks.branch}: {line}")


def perform(settings: Settings, branch: str, out: Path, report: Path, landing: Path | None = None) -> list[str]:
    """What the command does, by its options; what a person should know although nothing is wrong."""
    return pull(settings, branch, out, report, landing)


@stage_command(branch=BRANCH, out=PATH, report=PATH, landing=PATH, optional=("landing",))
def main(branch: str, out: Path, report: Path, landing: Path | None) -> None:
    """The command that dvc.yaml runs. Without `--landing` every source is read whole, and nothing is kept."""

    def work() -> None:
        for note in perform(load(), branch, out, report, landing):
            print(f"pull_activity@{branch}: {note}")

    run_stage(f"pull_activity@{branch}", work)


if __name__ == "__main__":
    main()
