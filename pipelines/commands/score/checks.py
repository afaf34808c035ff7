"""What has to hold before `churn score` writes: readable inputs, everybody scored once, sound scores."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from pipelines.commands.score.chunks import Customers, EligibleIds
from pipelines.commands.score.models import Champion
from pipelines.runtime.errors import ChurnError, NothingToScoreError
from pipelines.runtime.files import read_json
from pipelines.settings import artifacts
from pipelines.settings.params import Settings

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pipelines.checks.report import Report
    from pipelines.commands.score.request import Request


def require_readable(request: Request) -> None:
    """What is named is there, and is a file or a folder as it ought to be."""
    named = {"--activity": request.activity, "--features": request.features}
    faults = [
        f"{name} {path}: there is no such file or folder."
        for name, path in named.items()
        if path is not None and not path.exists()
    ]
    if request.features is not None and request.features.is_dir():
        faults.append(f"--features {request.features}: is a folder. Name the table of the day, a Parquet file.")
    if request.out.is_dir():
        faults.append(f"--out {request.out}: is a folder. Name a file.")
    if faults:
        raise ChurnError(*faults)


def schema_of(table: Path) -> pa.Schema:
    """The columns of a Parquet file, or a ChurnError."""
    try:
        return pq.read_schema(table)
    except (OSError, pa.ArrowInvalid) as error:
        raise ChurnError(f"{table}: cannot be read as Parquet. {str(error).splitlines()[0]}") from None


def require_columns(table: Path, champions: Sequence[Champion]) -> None:
    """The table has rows, ids, and the columns of every model."""
    from models.columns import require

    names = schema_of(table).empty_table().to_pandas()
    if "customer_id" not in names:
        raise ChurnError(f"{table}: has no column customer_id.")
    if not pq.read_metadata(table).num_rows:
        raise NothingToScoreError(f"{table}: has no rows, so there is nobody to score.")
    for one in champions:
        require(names, one.model.columns)


def require_everyone(ids: pa.ChunkedArray, customers: Customers, table: Path, definition: str) -> None:
    """Each customer once, none of them without features; `ids` are those of the scores, sorted."""
    faults = []
    twice = ids.filter(_as_the_one_before(ids))
    if len(twice):
        shown = ", ".join(pc.unique(twice).slice(0, 3).to_pylist())
        faults.append(
            f"{table}: {len(pc.unique(twice)):,} customers stand on several rows ({shown}). Keep one of each."
        )
    if isinstance(customers, EligibleIds):
        wanted = pa.array(customers.ids, pa.string())
        absent = wanted.filter(pc.invert(pc.is_in(wanted, value_set=ids.combine_chunks())))
        if len(absent):
            shown = ", ".join(absent.slice(0, 3).to_pylist())
            faults.append(
                f"{table}: {len(absent):,} of {len(wanted):,} customers have no features ({shown}). Build the features "
                "again."
            )
    if faults:
        raise ChurnError(*faults)
    if not len(ids):
        raise NothingToScoreError(f"{table}: nobody in it is a customer by churn.{definition}.")


def _as_the_one_before(ids: pa.ChunkedArray) -> pa.Array:
    if len(ids) < 2:
        return pa.repeat(pa.scalar(False), len(ids))
    same = pc.equal(ids.slice(1), ids.slice(0, len(ids) - 1)).combine_chunks()
    return pa.concat_arrays([pa.array([False]), pc.fill_null(same, True)])


def judged(scores: pa.Table, champion: Champion, activity: Path | None, settings: Settings, folder: Path) -> Report:
    """The checks of the pipeline's scores; the report is in `folder`. Without activity its volumes are not judged.

    Raises:
        CheckFailedError: one failed.
    """
    from pipelines.checks.rules import check_scores

    facts = _as_trained(champion, len(scores)) if activity is None else read_json(activity / artifacts.FACTS)
    as_of, profile = settings.observations.score.as_of, champion.model.profile
    report = check_scores(scores, profile, facts, as_of, settings.checks, definition=champion.definition)
    report.write(folder / f"scores_{champion.definition}.json")
    report.require()
    return report


def _as_trained(champion: Champion, customers: int) -> dict[str, Any]:
    """Facts of a stream that nobody has given: what training saw."""
    trained = champion.model.profile["activities"]
    usual = {name: {**entry, "last_28d_count": 4 * entry["previous_weekly_mean"]} for name, entry in trained.items()}
    return {"customers": customers, "activities": usual}
