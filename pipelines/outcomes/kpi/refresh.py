"""`data/kpi/{as_of}/` brought up to date: made again where activity, ledger, settings or code have changed, else left.

A file of an earlier day is memory: what it said of a closed period and is said otherwise today came by late records,
and is marked as restated. It is compared only where the settings of the figures are the same.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pipelines.outcomes.kpi.presentation.files import read_rows, write_files
from pipelines.outcomes.kpi.presentation.summary import summary
from pipelines.outcomes.kpi.report import Asked, Known, Report, report
from pipelines.outcomes.kpi.rows import Row, is_closed, key
from pipelines.outcomes.labels import Stream
from pipelines.outcomes.refresh import Target
from pipelines.runtime import code
from pipelines.runtime.errors import ChurnError
from pipelines.runtime.files import read_json
from pipelines.runtime.progress import progress
from pipelines.runtime.receipt import Receipt, fingerprint
from pipelines.settings import artifacts

Say = Callable[[str], None]
FILES = (
    artifacts.KPI,
    artifacts.KPI_CSV,
    artifacts.KPI_WORKBOOK,
    artifacts.KPI_PAGE,
    artifacts.KPI_COHORTS,
    artifacts.KPI_MOVES,
    artifacts.KPI_TARGETS,
)


def refresh(stream: Callable[[], Stream], asked: Asked, known: Known, target: Target, say: Say = print) -> Path:
    """Bring the files of a day up to date.

    Args:
        stream: gives the activity; knows everything before `asked.as_of`.
        asked: see report.Asked.
        known: see report.Known.
        target: the folder of all days, and the language.
        say: gets the summary, line by line.

    Returns:
        The page's path.

    Raises:
        ChurnError: the stream knows less than is asked for, or is cut in another timezone.
    """
    activity = stream()
    _require(activity, asked)
    folder = target.folder / asked.as_of
    receipt = Receipt(folder / "receipt.json", folder / artifacts.MANIFEST)
    made_from = fingerprint(_inputs(activity, known), _settings(asked, target), code.digest(__name__))
    if not (receipt.if_fresh(made_from) and all((folder / name).is_file() for name in FILES)):
        found = report(activity, asked, known, progress("Figures", "periods"))
        rows = _restated(found.rows, target.folder, asked)
        content = _manifest(found, rows, activity, asked, target)
        write_files(rows, found, content, folder, target.language)
        receipt.write(made_from)
    for line in summary(dict(read_json(receipt.output)), read_rows(folder), target.language):
        say(line)
    say(str(folder / artifacts.KPI_PAGE))
    return folder / artifacts.KPI_PAGE


def _require(stream: Stream, asked: Asked) -> None:
    if stream.timezone != asked.timezone:
        raise ChurnError(
            f"{stream.folder}: was cut in {stream.timezone}, params.yaml says {asked.timezone}. Run `churn run`."
        )
    if stream.known_until < asked.as_of:
        raise ChurnError(f"{stream.folder}: ends at {stream.known_until}, {asked.as_of} is asked for. Run `churn run`.")


def _inputs(activity: Stream, known: Known) -> dict[str, Any]:
    ledger = known.ledger
    rows = "" if ledger is None else ledger.entries.to_csv(index=False) + ledger.reports.to_csv(index=False)
    return {
        "activity": activity.digest,
        "ledger": hashlib.sha256(rows.encode()).hexdigest(),
        "campaigns": hashlib.sha256(repr(known.campaigns).encode()).hexdigest(),
        "terms": hashlib.sha256(repr(sorted(known.terms.items())).encode()).hexdigest(),
    }


def _settings(asked: Asked, target: Target) -> dict[str, Any]:
    language = target.language
    return {
        "said": [language.code, language.currency],
        "as_of": asked.as_of,
        **_targets(asked),
        **figures_settings(asked),
    }


def _targets(asked: Asked) -> dict[str, Any]:
    return {"targets": {name: one.model_dump(mode="json", by_alias=True) for name, one in asked.targets.items()}}


def figures_settings(asked: Asked) -> dict[str, Any]:
    """The settings that decide what figures mean: under others, figures of closed periods are not compared."""
    return {
        "definitions": {name: vars(one) for name, one in asked.definitions.items()},
        "kpi": asked.setting.model_dump(mode="json", exclude={"refresh"}),
        "timezone": asked.timezone,
    }


def _restated(rows: list[Row], root: Path, asked: Asked) -> list[Row]:
    """Rows with `restated`: what the newest file before said of a closed period, where it said something else."""
    former = _former(root, asked)
    return [{**row, "restated": _before(row, *former[key(row)])} if key(row) in former else row for row in rows]


def _before(row: Row, value: float, earlier: float | None) -> float | None:
    return value if row["value"] is not None and value != row["value"] else earlier


def _former(root: Path, asked: Asked) -> dict[tuple[str, ...], tuple[float, float | None]]:
    """Of the newest file until this day: by `key`, the value of a closed period; of this day itself what it had
    restated already."""
    folders = [path.parent for path in root.glob(f"*/{artifacts.MANIFEST}") if path.parent.name <= asked.as_of]
    newest = max(folders, key=lambda folder: folder.name, default=None)
    if newest is None or read_json(newest / artifacts.MANIFEST)["settings"] != figures_settings(asked):
        return {}
    again = newest.name == asked.as_of
    return {key(row): (row["value"], row["restated"] if again else None) for row in read_rows(newest) if is_closed(row)}


def _manifest(found: Report, rows: list[Row], activity: Stream, asked: Asked, target: Target) -> dict[str, Any]:
    closed = sorted({(row["grain"], row["period"]) for row in rows if is_closed(row) and row["grain"] != "campaign"})
    return {
        "version": 1,
        "as_of": asked.as_of,
        "timezone": asked.timezone,
        "currency": target.language.currency,
        "definition": asked.main,
        "first_day": found.first_day,
        "activity": activity.digest,
        "settings": figures_settings(asked),
        "rows": len(rows),
        "closed": [list(one) for one in closed],
        "targets": found.targets,
        "restated": sum(row["restated"] is not None for row in rows),
    }
