"""The readers by the name that params.yaml calls them, and the look at every source before any work starts."""

# Queries are put together from our own column names; whatever comes from outside is quoted by stream.text.
# ruff: noqa: S608

from __future__ import annotations

import tempfile
from collections.abc import Iterator
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
from pipelines.sources.identity.settle import (
    Settled,
    faults_of_privacy,
    settle,
    settle_customers,
    watch_for_the_forgotten,
)
from pipelines.sources.landing.assemble import load_parts
from pipelines.sources.landing.store import Part, land_stream
from pipelines.sources.reader import Place, Reader
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


def check_sources(reading: Reading, *places: Place) -> list[str]:
    """Every fault of every source and of the customers table that shows without reading rows; empty if all is well.

    `places`: the pulls that are meant; a source is not looked at where the landing store answers for it in all.
    """
    faults: list[str] = []
    for name, source in reading.sources.items():
        reader = READERS[source.reader]
        if not places or any(reader.recalls(name, source, reading, place) is None for place in places):
            faults += reader.faults(name, source, reading)
    faults += faults_of_customers(reading.customers, reading.attributes) + faults_of_privacy(reading.resolution)
    return faults + _unknown_activities(reading)


def read_sources(con: Any, reading: Reading) -> list[str]:
    """Fill `stream`, `rejected` and `delivered` from every source, in the order of params.yaml; nothing is kept.

    Returns:
        What a person should know of rows whose id is no customer's.

    Raises:
        ChurnError: as of `settle`.
    """
    moment = midnight(reading.as_of, reading.timezone)
    with tempfile.TemporaryDirectory() as nowhere:
        place = Place(Path(nowhere), moment)
        parts = read_parts(con, reading, place) + land_stream(con, place.landing / ".direct")
        parts, notes = settle(
            con,
            reading.resolution,
            parts,
            moment,
            Settled(place.landing / ".about", place.landing / "aside.csv", keep=False),
        )
        load_parts(con, parts)
    return notes


def read_parts(con: Any, reading: Reading, place: Place) -> list[Part]:
    """Land every source, in the order of params.yaml; fills `rejected` and `delivered`.

    Returns:
        The landed parts of the stream. What a source does not land is in `stream`.
    """
    watch_for_the_forgotten(con, reading.resolution)
    _close(con, reading, place)
    parts: list[Part] = []
    for name, source in reading.sources.items():
        parts += READERS[source.reader].read(con, name, source, reading, place)
    return parts


def _close(con: Any, reading: Reading, place: Place) -> None:
    """From here on the connection sees nothing but the sources' folders, and its gates cannot be opened again.

    Expressions of params.yaml cannot read files anyway (expressions.py); this holds even if one found a way.
    """
    asked = {
        name: source
        for name, source in reading.sources.items()
        if READERS[source.reader].recalls(name, source, reading, place) is None
    }
    folders = {place.landing, complete_journey.folder(), scratch.folder()}  # in the last: copies of files, see at_hand
    for table in _tables({**asked, "": reading.customers, "identities": reading.identities}):
        folders |= {file.parent for file in files_of(table) if isinstance(file, Path)}
    allowed = ", ".join(text(folder.as_posix()) for folder in sorted(filter(None, folders)))
    con.execute(f"set allowed_directories = [{allowed}]; set enable_external_access = false")


def _tables(part: Any) -> Iterator[Table]:
    """Every table of files that the settings name, wherever they do."""
    if isinstance(part, Table):
        yield part
    for inner in dict(part).values() if isinstance(part, BaseModel | dict) else ():
        yield from _tables(inner)


def customers_of(con: Any, reading: Reading, moment: int) -> pa.Table | None:
    """The customers table as it was known at `moment` (microseconds, UTC), sorted; None where there is none."""
    if reading.customers is not None:
        return settle_customers(read_customers(con, reading.customers, reading, moment), reading.privacy)
    for source in reading.sources.values():
        query = READERS[source.reader].customers
        if query is not None:
            table = con.sql(f"select * from ({query()}) order by customer_id").to_arrow_table()
            return settle_customers(table, reading.privacy)
    return None


def _unknown_activities(reading: Reading) -> list[str]:
    """Churn definitions of an activity which no source can yield, where every source says what it yields."""
    told: set[str] = set()
    for source in reading.sources.values():
        if not isinstance(source, Mapped):
            told.update(ledger.ACTIVITIES if isinstance(source, Ledger) else complete_journey.ACTIVITIES)
            continue
        for mapping in source.mappings():
            if mapping.activity is None:
                return []
            told.update(name for name in (mapping.activity, mapping.when_negative) if name)
    return [
        f"params.yaml: churn.{name}.{role}: no source yields {activity}.{did_you_mean(activity, told)}"
        for name, definition in reading.churn.items()
        for role, activity in activities_of(definition).items()
        if activity not in told
    ]
