"""The readers under their names in params.yaml; inspection and reading of all sources."""

# Queries are put together from our own column names; whatever comes from outside is quoted by runtime.sql.text.
# ruff: noqa: S608

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
from pydantic import BaseModel

from features.windows import midnight
from pipelines.runtime import scratch
from pipelines.runtime.errors import did_you_mean
from pipelines.runtime.sql import text
from pipelines.settings.churn import activities_of
from pipelines.settings.reading import Reading
from pipelines.settings.sources import Ledger, Mapped, Table
from pipelines.sources.access.headers import files_of
from pipelines.sources.accounts.losses import record_direct, record_later, record_nobodys, record_replaced
from pipelines.sources.exchange import faults_of_rates, load_rates, with_rates
from pipelines.sources.grouping.gather import gather
from pipelines.sources.identity.settle import (
    ResolutionStore,
    apply_privacy,
    faults_of_privacy,
    install_erasure_filter,
    resolve_parts,
)
from pipelines.sources.landing.assemble import load_parts
from pipelines.sources.landing.store import Part, land_stream
from pipelines.sources.reader import Inspection, Pull, Reader
from pipelines.sources.readers import complete_journey, files, ledger, sql
from pipelines.sources.readers.customers import faults_of_customers, read_customers

READERS: dict[str, Reader] = {
    "complete_journey": complete_journey.READER,
    "csv": files.READER,
    "json": files.READER,
    "ledger": ledger.READER,
    "parquet": files.READER,
    "sql": sql.READER,
}


FOR_EVER = midnight("2200-01-01", "UTC")
"""No time of a source lies after it."""


def inspect_sources(reading: Reading, *pulls: Pull) -> dict[str, Inspection]:
    """What headers and schemas of every source show, by source; files are located once and passed on in a `Pull`.

    `pulls`: a source is not inspected where the landing store answers for it in all of them.
    """
    reading, inspected = with_rates(reading), dict[str, Inspection]()
    for name, source in reading.sources.items():
        reader = READERS[source.reader]
        if not pulls or any(reader.remembered_versions(name, source, reading, pull) is None for pull in pulls):
            inspected[name] = reader.inspect(name, source, reading)
    return inspected


def faults_of_sources(reading: Reading, inspected: Mapping[str, Inspection]) -> list[str]:
    """Every fault of the inspected sources, of `churn:` beside them, and as of `faults_of_tables`; empty if none."""
    return faults_of_tables(reading, inspected) + unknown_activities(reading)


def faults_of_tables(reading: Reading, inspected: Mapping[str, Inspection]) -> list[str]:
    """Every fault of the inspected sources, the customers table, identities and privacy; empty if all is well."""
    faults = [fault for inspection in inspected.values() for fault in inspection.faults]
    faults += faults_of_rates(reading.exchange_rates)
    return faults + faults_of_customers(reading.customers, reading.attributes) + faults_of_privacy(reading.resolution)


def check_sources(reading: Reading, *pulls: Pull) -> list[str]:
    """Every fault that shows without reading rows, for callers that read nothing afterwards; empty if all is well."""
    return faults_of_sources(reading, inspect_sources(reading, *pulls))


def read_sources(
    con: Any, reading: Reading, inspected: Mapping[str, Inspection] | None = None, *, cut: bool = True
) -> list[str]:
    """Fill STREAM, REJECTED, DELIVERED and ACCOUNTED from every source, in the order of params.yaml; nothing is kept.

    `inspected`: by `inspect_sources`, where that was done before. `cut`: whether rows on the list's day and later are
    accounted as such: the caller leaves them out.

    Returns:
        Notes on rows whose id is no customer's.

    Raises:
        ChurnError: as of `resolve_parts`.
    """
    moment = midnight(reading.as_of, reading.timezone)
    with tempfile.TemporaryDirectory() as nowhere:
        pull = Pull(Path(nowhere), moment, inspected or {})
        parts = read_parts(con, reading, pull, None if cut else FOR_EVER) + land_stream(con, pull.landing / ".direct")
        store = ResolutionStore(pull.landing / ".about", pull.landing / "unmatched.csv", fill_vault=False)
        parts, notes = resolve_parts(con, reading.resolution, parts, moment, store)
        record_nobodys(con)
        if cut:
            record_later(con, parts, moment)
        load_parts(con, parts)
    return notes


def read_parts(con: Any, reading: Reading, pull: Pull, until: int | None = None) -> list[Part]:
    """Land every source, in the order of params.yaml; fills REJECTED, DELIVERED and ACCOUNTED.

    Args:
        con: the connection.
        reading: how sources are read.
        pull: this reading.
        until: lines of orders before this time are known (microseconds, UTC); usually the pull's moment.

    Returns:
        The landed parts of the stream. What a source does not land, and what is gathered, is in STREAM.
    """
    reading = with_rates(reading)
    install_erasure_filter(con, reading.resolution)
    load_rates(con, reading)
    _restrict_access(con, reading, pull)
    parts: list[Part] = []
    for name, source in reading.sources.items():
        parts += READERS[source.reader].read(con, name, source, reading, pull)
        if not isinstance(source, Mapped):
            record_direct(con, name)
    record_replaced(con, parts)
    return gather(con, parts, reading.sources, pull.moment if until is None else until)


def _restrict_access(con: Any, reading: Reading, pull: Pull) -> None:
    """Restrict the connection to the sources' folders; the restriction cannot be lifted again.

    Expressions of params.yaml cannot read files anyway (parse.py); this holds even if one found a way.
    """
    opened = {
        name: source
        for name, source in reading.sources.items()
        if READERS[source.reader].remembered_versions(name, source, reading, pull) is None
    }
    folders = {
        pull.landing,
        complete_journey.folder(),
        scratch.folder(),
    }  # in the last: copies of files, see local_copy
    for table in _tables(
        {**opened, "customers": reading.customers, "identities": reading.identities, "rates": reading.exchange_rates}
    ):
        folders |= {file.parent for file in files_of(table) if isinstance(file, Path)}
    allowed = ", ".join(text(folder.as_posix()) for folder in sorted(filter(None, folders)))
    con.execute(f"set allowed_directories = [{allowed}]; set enable_external_access = false")


def _tables(section: Any) -> Iterator[Table]:
    """Every table of files in some sections, however deeply."""
    if isinstance(section, Table):
        yield section
    for inner in dict(section).values() if isinstance(section, BaseModel | dict) else ():
        yield from _tables(inner)


def customers_of(con: Any, reading: Reading, moment: int) -> pa.Table | None:
    """The customers table as it was known at `moment` (microseconds, UTC), sorted; None where there is none."""
    if reading.customers is not None:
        return apply_privacy(read_customers(con, reading.customers, reading, moment), reading.privacy)
    for source in reading.sources.values():
        query = READERS[source.reader].customers
        if query is not None:
            table = con.sql(f"select * from ({query()}) order by customer_id").to_arrow_table()
            return apply_privacy(table, reading.privacy)
    return None


def unknown_activities(reading: Reading) -> list[str]:
    """Churn definitions of an activity which no source can yield, where the activities of every source are known."""
    yielded: set[str] = set()
    for source in reading.sources.values():
        if not isinstance(source, Mapped):
            yielded.update(ledger.ACTIVITIES if isinstance(source, Ledger) else complete_journey.ACTIVITIES)
            continue
        for mapping in source.mappings():
            if mapping.activity is None:
                return []
            yielded.update(name for name in (mapping.activity, mapping.when_negative) if name)
    return [
        f"params.yaml: churn.{name}.{role}: no source yields {activity}.{did_you_mean(activity, yielded)}"
        for name, definition in reading.churn.items()
        for role, activity in activities_of(definition).items()
        if activity not in yielded
    ]
