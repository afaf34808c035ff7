"""The reader `sql`: a table or query of a database, read in steps that the landing store keeps.

A step is what was read for one moment: rows whose watermark lies before it. The last `window_days` before the moment
are open: the next step reads them again, so that what arrived late or was corrected there replaces what was known. A
later step begins where the former one's settled rows end. Fewer settled rows than then are right where as many came
again under their ids, with a later watermark; where their number changed otherwise, everything is read again. A moment
before the last step's reads nothing and gives what it gave then.
"""

# Queries are put together from our own column names; whatever comes from outside is quoted by runtime.sql.text.
# ruff: noqa: S608

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from itertools import chain
from typing import Any

import duckdb
import numpy as np
import numpy.typing as npt

from pipelines.runtime.errors import ChurnError
from pipelines.runtime.sql import quoted
from pipelines.settings.reading import Reading
from pipelines.settings.sources import Sql
from pipelines.sources.access.database import (
    Database,
    TableShape,
    before,
    connected,
    since,
    sql_setting,
    watermark_faults,
)
from pipelines.sources.expressions.activity_query import Context, query, used_columns
from pipelines.sources.expressions.cell import cell
from pipelines.sources.expressions.convert import as_time
from pipelines.sources.landing.aside import put_aside
from pipelines.sources.landing.file_summary import Hashes
from pipelines.sources.landing.history import answering_step, note_change, read_steps, write_steps
from pipelines.sources.landing.store import Landing, Part, Piece
from pipelines.sources.landing.superseded import without_superseded
from pipelines.sources.reader import Inspection, Pull, Reader
from pipelines.sources.readers.mapping_checks import activity_faults
from pipelines.sources.readers.session import local_timezone
from pipelines.sources.relations import DELIVERED

_DAY = 86_400_000_000


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
        source = _Source(con, setting, landing, database, database.shape())
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


@dataclass(frozen=True)
class _Source:
    """One source while it is read."""

    con: Any
    setting: Sql
    landing: Landing
    database: Database
    shape: TableShape

    @property
    def zone(self) -> str:
        return self.setting.watermark_zone(self.landing.context.timezone)

    def step(self, steps: list[Any], moment: int) -> dict[str, Any]:
        """Read what is new into a piece; everything, where nothing was read yet or what was settled has changed."""
        settled = moment - self.setting.window_days * _DAY
        begin = steps[-1]["settled"] if steps and self.setting.watermark else None
        removed = steps[-1]["below"] - self._count_before(begin) if begin is not None else 0
        if removed < 0:
            begin = None
        settled_rows = self._count_before(settled) if self.setting.watermark else 0
        piece, replaced = self._read_piece(begin, settled, moment, len(steps)), 0
        if begin is not None:
            replaced = _count_returned(self._pieces(steps), self.landing.piece(piece), self.landing.context.name)
            if replaced and not removed and self._keeps_versions(moment, replaced):
                replaced = 0
            elif replaced != removed:
                begin, replaced = None, 0
                piece = self._read_piece(begin, settled, moment, len(steps))
        read = {"below": settled_rows, "piece": piece, "whole": begin is None, "moved": replaced}
        return {"moment": moment, "settled": settled, **read}

    def _keeps_versions(self, moment: int, replaced: int) -> bool:
        """Whether the table keeps former versions of that many rows: ids occur on several rows."""
        ids = {mapping.columns.get("activity_id", "activity_id") for mapping in self.setting.mappings()}
        if len(ids) > 1 or not ids <= set(self.shape.columns):
            return False
        where = f" where {before(self.database, self.shape, moment, self.zone)}"
        return self.database.count_repeated(ids.pop(), where) >= replaced

    def _pieces(self, steps: list[Any]) -> list[Piece]:
        return [Piece(self.landing.folder / step["piece"]) for step in steps[_last_whole(steps) :]]

    def _read_piece(self, begin: int | None, settled: int, moment: int, number: int) -> str:
        """Read rows into a piece of its own.

        Returns:
            Its name.
        """
        piece = f"step-{number}"
        while self.landing.piece(piece):
            piece += "b"
        self._land(piece, begin, settled, moment)
        return piece

    def _count_before(self, moment: int) -> int:
        return self.database.count(f" where {before(self.database, self.shape, moment, self.zone, slack=0)}", None)[0]

    def _land(self, piece: str, begin: int | None, settled: int, moment: int) -> None:
        """Rows from `begin` (or the first) to the moment; those from `settled` on are open."""
        positions = used_columns(self.setting, self.shape)
        where, condition, is_open = "", "", "true"
        if self.setting.watermark:
            positions |= {self.shape.columns.index(self.setting.watermark)}
            one = cell(self.setting.watermark, self.shape)
            mark = as_time(one.sql, one.kind, self.zone, self.setting.time_format)
            where = self._between(begin, moment)
            condition = f"where coalesce({mark} < make_timestamptz({moment}) and {_at_or_after(mark, begin)}, true)"
            is_open = f"coalesce({_at_or_after(mark, settled)}, true)"
        names = {i: self.shape.columns[i] for i in sorted(positions)}
        named = ", ".join(f"{quoted(name)} as c{i}" for i, name in names.items())
        read = f"select row_number() over () as record, {is_open} as open, * "
        read += f"from (select {named} from fetched) {condition}"
        rows = query(self.setting, self.shape, read, self.landing.context, carried=", open")
        with (
            self.database.rows(list(names.values()), where) as reader,
            local_timezone(self.con, self.setting, self.landing.context),
        ):
            self.con.register("fetched", reader)
            # Rows come from one connection, in order, and are numbered: a second thread would only wait, at a cost.
            self.con.execute("set threads = 1")
            try:
                several = bool(self.setting.yields)
                judge = partial(put_aside, self.con)
                self.landing.write(self.con, piece, rows, judge, several=several, carried=", open")
            except (duckdb.Error, OSError, self.database.error()) as error:
                message = f"sources.{self.landing.context.name}: reading broke off. {str(error).splitlines()[0]}"
                raise ChurnError(self.database.redact(message)) from None
            finally:
                self.con.execute("reset threads")
                self.con.unregister("fetched")

    def _between(self, begin: int | None, moment: int) -> str:
        later = f" and {since(self.database, self.shape, begin, self.zone)}" if begin is not None else ""
        null = f"{self.database.name(str(self.setting.watermark))} is null"
        return f" where ({before(self.database, self.shape, moment, self.zone)}{later}) or {null}"


def _last_whole(steps: list[Any]) -> int:
    return max(i for i, step in enumerate(steps) if step["whole"])


def _count_returned(former: list[Piece], new: Piece | None, name: str) -> int:
    """How many ids of a new piece are on settled rows; a row that was open in the last piece with it is not settled."""
    assert new is not None
    ids = np.unique(np.concatenate([np.empty(0, np.uint64), *(part.summary.ids() for part in new.parts(name))]))
    again = np.zeros(len(ids), bool)
    for piece in former:
        again = _is_among(ids, piece.parts(name, open_too=False)) | (again & ~_is_among(ids, piece.parts(name)))
    return int(again.sum())


def _is_among(ids: Hashes, parts: list[Part]) -> npt.NDArray[np.bool_]:
    """Which of the hashes are in one of the parts."""
    present = np.zeros(len(ids), bool)
    for known in (part.summary.ids() for part in parts):
        present |= known[np.minimum(np.searchsorted(known, ids), len(known) - 1)] == ids
    return present


def _at_or_after(mark: str, moment: int | None) -> str:
    return "true" if moment is None else f"{mark} >= make_timestamptz({moment})"


def _collect(con: Any, setting: Sql, landing: Landing, steps: list[Any]) -> list[Part]:
    """The activities of steps: settled rows of all since everything was read, open rows of the last."""
    first = _last_whole(steps)
    pieces = [Piece(landing.folder / step["piece"]) for step in steps[first:]]
    replaced = sum(step["moved"] for step in steps[first:])
    name, file = landing.context.name, setting.table or "the query"
    parts: list[list[Part]] = []
    rows, excluded, bad = -replaced, 0, 0
    for piece in pieces:
        content, last = piece.content, piece is pieces[-1]
        rows += sum(content["rows"]) if last else content["rows"][0]
        excluded += sum(content["excluded"]) if last else content["excluded"][0]
        parts.append(piece.parts(name, open_too=last))
        bad += piece.report_bad(con, name, file, open_too=last)
    con.execute(f"insert into {DELIVERED} values (?, ?, ?, ?, ?)", [name, file, rows, excluded, bad])
    # Where rows have a recorded_at, as_of.py chooses between a row and its former version, if both are there.
    dated = all("recorded_at" in mapping.columns for mapping in setting.mappings())
    return list(chain.from_iterable(parts)) if dated and not replaced else without_superseded(parts)


READER = Reader(inspect=_inspect, versions=_versions, read=_read, remembered=_remembered)
