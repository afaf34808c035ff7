"""The reader `sql`: a table or query of a database, read in steps that the landing store keeps.

A step is what was read for one moment: rows whose watermark lies before it. The last `window_days` before the moment
are open: the next step reads them again, so that what arrived late or was corrected there replaces what was known. A
later step begins where the former one's settled rows end. Fewer settled rows than then are right where as many came
again under their ids, with a later watermark; where their number changed otherwise, everything is read again. A moment
before the last step's reads nothing and gives what it gave then.

Columns of text are read as those of files are: how, a step keeps, and the next one goes on; where what is there now
wants another reading, everything is read again.
"""

# Queries are put together from our own column names; whatever comes from outside is quoted by runtime.sql.text.
# ruff: noqa: S608

from __future__ import annotations

from itertools import chain
from typing import Any

from pipelines.runtime.errors import ChurnError
from pipelines.settings.reading import Reading
from pipelines.settings.sources import Sql
from pipelines.sources.access.database import (
    Database,
    TableShape,
    connected,
)
from pipelines.sources.access.watermark import before, sql_setting, watermark_faults
from pipelines.sources.expressions.context import Context
from pipelines.sources.landing.history import answering_step, note_change, read_steps, write_steps
from pipelines.sources.landing.store import Landing, Part, Piece
from pipelines.sources.landing.superseded import without_superseded
from pipelines.sources.reader import Inspection, Pull, Reader
from pipelines.sources.readers.land_table import LandingTable, last_whole
from pipelines.sources.readers.mapping_checks import activity_faults
from pipelines.sources.relations import DELIVERED


def _inspect(name: str, setting: Sql, _reading: Reading) -> Inspection:
    section = f"sources.{name}"
    try:
        with connected(setting, section) as database:
            shape = database.shape()
    except ChurnError as problem:
        return Inspection(problem.faults)
    return Inspection(activity_faults(name, setting, [shape]) + watermark_faults(setting, shape, section))


def _versions(name: str, setting: Sql, reading: Reading, moment: int) -> list[str]:
    """Count and last watermark of the rows before a moment."""
    with connected(setting, f"sources.{name}") as database:
        rows, last = _counted(database, database.shape(), moment, setting.watermark_zone(reading.timezone))
    return [str(rows), last]


def _counted(database: Database, shape: TableShape, moment: int, zone: str) -> tuple[int, str]:
    mark = sql_setting(database).watermark
    return database.count(f" where {before(database, shape, moment, zone)}" if mark else "", mark)


def _read(con: Any, name: str, setting: Sql, reading: Reading, pull: Pull) -> list[Part]:
    context = Context.of(name, reading)
    landing = Landing.of(pull.landing, setting, context)
    steps = read_steps(landing)
    earlier = answering_step(steps, pull.moment)
    if earlier is not None:
        return _collect(con, setting, landing, steps[: earlier + 1])
    at = len([step for step in steps if step["moment"] < pull.moment])
    with connected(setting, f"sources.{name}") as database:
        source = LandingTable(con, setting, landing, database, database.shape())
        now = list(_counted(database, source.shape, pull.moment, source.zone))
        if at == len(steps) or steps[at]["found"] != now or setting.watermark is None:
            steps = [*steps[:at], {**source.step(steps[:at], pull.moment), "found": now}]
            write_steps(landing, steps)
            landing.keep_only(one["piece"] for one in steps)
            if at and setting.watermark and steps[at]["whole"]:
                note_change(con, name, steps[at - 1]["moment"], reading.timezone)
    return _collect(con, setting, landing, steps)


def _remembered(name: str, setting: Sql, reading: Reading, pull: Pull) -> list[str] | None:
    steps = read_steps(Landing.at(pull.landing, setting, Context.of(name, reading)))
    at = answering_step(steps, pull.moment)
    return None if at is None else list(map(str, steps[at]["found"]))


def _collect(con: Any, setting: Sql, landing: Landing, steps: list[Any]) -> list[Part]:
    """The activities of steps: settled rows of all since everything was read, open rows of the last."""
    first = last_whole(steps)
    pieces = [Piece(landing.folder / step["piece"]) for step in steps[first:]]
    replaced = sum(step["moved"] for step in steps[first:])
    name, file = landing.context.name, setting.table or "the query"
    parts: list[list[Part]] = []
    rows, bad = -replaced, 0
    for piece in pieces:
        content, last = piece.content, piece is pieces[-1]
        rows += sum(content["rows"]) if last else content["rows"][0]
        parts.append(piece.parts(name, open_too=last))
        bad += piece.report_bad(con, name, file, open_too=last)
        piece.report_tally(con, name, open_too=last)
    con.execute(f"insert into {DELIVERED} values (?, ?, ?, ?)", [name, file, rows, bad])
    # Where rows have a recorded_at, as_of.py chooses between a row and its former version, if both are there.
    dated = all("recorded_at" in mapping.columns for mapping in setting.mappings())
    return list(chain.from_iterable(parts)) if dated and not replaced else without_superseded(parts)


READER = Reader(inspect=_inspect, versions=_versions, read=_read, remembered=_remembered)
