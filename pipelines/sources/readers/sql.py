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
from itertools import chain
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import numpy.typing as npt

from pipelines.runtime.errors import ChurnError
from pipelines.runtime.sql import quoted
from pipelines.settings.reading import Reading
from pipelines.settings.sources import Sql
from pipelines.sources.access.database import Asked, Database, before, connected, marked, since, watermark_faults
from pipelines.sources.access.scan import Bad
from pipelines.sources.expressions.activity_query import Context, query, used_columns
from pipelines.sources.expressions.cell import cell
from pipelines.sources.expressions.convert import as_time
from pipelines.sources.landing.file_summary import Hashes
from pipelines.sources.landing.history import answering, changed_since, remember, steps_of
from pipelines.sources.landing.store import Landing, Part, Piece
from pipelines.sources.landing.superseded import newest
from pipelines.sources.reader import Place, Reader
from pipelines.sources.readers.mapping_checks import activity_faults
from pipelines.sources.readers.session import local_time

_DAY = 86_400_000_000


def _faults(name: str, setting: Sql, _reading: Reading) -> list[str]:
    section = f"sources.{name}"
    try:
        with connected(setting, section) as database:
            asked = database.asked()
    except ChurnError as problem:
        return list(problem.faults)
    return activity_faults(name, setting, [asked]) + watermark_faults(setting, asked, section)


def fingerprint(name: str, setting: Sql, reading: Reading, moment: int) -> list[str]:
    """Count and last watermark of the rows before a moment."""
    with connected(setting, f"sources.{name}") as database:
        rows, last = _counted(database, database.asked(), moment, setting.timezone or reading.timezone)
    return [str(rows), last]


def _counted(database: Database, asked: Asked, moment: int, zone: str) -> tuple[int, str]:
    mark = marked(database).watermark
    return database.count(f" where {before(database, asked, moment, zone)}" if mark else "", mark)


def _read(con: Any, name: str, setting: Sql, reading: Reading, place: Place) -> list[Part]:
    context = Context.of(name, reading)
    landing = Landing.of(place.landing, setting, context)
    steps = steps_of(landing)
    earlier = answering(steps, place.moment)
    if earlier is not None:
        return _enter(con, setting, landing, steps[: earlier + 1])
    at = len([step for step in steps if step["moment"] < place.moment])
    with connected(setting, f"sources.{name}") as database:
        source = _Source(con, setting, landing, database, database.asked())
        now = list(_counted(database, source.asked, place.moment, source.zone))
        if at == len(steps) or steps[at]["found"] != now or setting.watermark is None:
            steps = [*steps[:at], {**source.step(steps[:at], place.moment), "found": now}]
            remember(landing, steps)
            landing.keep_only(one["piece"] for one in steps)
            if at and setting.watermark and steps[at]["whole"]:
                changed_since(con, name, steps[at - 1]["moment"], reading.timezone)
    return _enter(con, setting, landing, steps)


def _remembered(name: str, setting: Sql, reading: Reading, place: Place) -> list[str] | None:
    steps = steps_of(Landing.at(place.landing, setting, Context.of(name, reading)))
    at = answering(steps, place.moment)
    return None if at is None else list(map(str, steps[at]["found"]))


@dataclass(frozen=True)
class _Source:
    """One source while it is read."""

    con: Any
    setting: Sql
    landing: Landing
    database: Database
    asked: Asked

    @property
    def zone(self) -> str:
        return self.setting.timezone or self.landing.context.timezone

    def step(self, steps: list[Any], moment: int) -> dict[str, Any]:
        """Read what is new into a piece; everything, where nothing was read yet or what was settled has changed."""
        settled = moment - self.setting.window_days * _DAY
        begin = steps[-1]["settled"] if steps and self.setting.watermark else None
        gone = steps[-1]["below"] - self._below(begin) if begin is not None else 0
        if gone < 0:
            begin = None
        below = self._below(settled) if self.setting.watermark else 0
        piece, moved = self._next(begin, settled, moment, len(steps)), 0
        if begin is not None:
            moved = _came_again(self._pieces(steps), self.landing.piece(piece), self.landing.context.name)
            if moved and not gone and self._is_log(moment, moved):
                moved = 0
            elif moved != gone:
                begin, moved = None, 0
                piece = self._next(begin, settled, moment, len(steps))
        told = {"below": below, "piece": piece, "whole": begin is None, "moved": moved}
        return {"moment": moment, "settled": settled, **told}

    def _is_log(self, moment: int, moved: int) -> bool:
        """Whether former versions of so many rows are there still: ids stand on several rows."""
        ids = {mapping.columns.get("activity_id", "activity_id") for mapping in self.setting.mappings()}
        if len(ids) > 1 or not ids <= set(self.asked.columns):
            return False
        where = f" where {before(self.database, self.asked, moment, self.zone)}"
        return self.database.repeated(ids.pop(), where) >= moved

    def _pieces(self, steps: list[Any]) -> list[Piece]:
        return [Piece(self.landing.folder / step["piece"]) for step in steps[_last_whole(steps) :]]

    def _next(self, begin: int | None, settled: int, moment: int, number: int) -> str:
        """Read rows into a piece of its own.

        Returns:
            Its name.
        """
        piece = f"step-{number}"
        while self.landing.piece(piece):
            piece += "b"
        self._land(piece, begin, settled, moment)
        return piece

    def _below(self, moment: int) -> int:
        return self.database.count(f" where {before(self.database, self.asked, moment, self.zone, slack=0)}", None)[0]

    def _land(self, piece: str, begin: int | None, settled: int, moment: int) -> None:
        """Rows from `begin` (or the first) to the moment; those from `settled` on are open."""
        places = used_columns(self.setting, self.asked)
        where, kept, is_open = "", "", "true"
        if self.setting.watermark:
            places |= {self.asked.columns.index(self.setting.watermark)}
            one = cell(self.setting.watermark, self.asked)
            mark = as_time(one.sql, one.kind, self.zone, self.setting.time_format)
            where = self._between(begin, moment)
            kept = f"where coalesce({mark} < make_timestamptz({moment}) and {_from(mark, begin)}, true)"
            is_open = f"coalesce({_from(mark, settled)}, true)"
        names = {i: self.asked.columns[i] for i in sorted(places)}
        named = ", ".join(f"{quoted(name)} as c{i}" for i, name in names.items())
        read = f"select row_number() over () as record, {is_open} as open, * from (select {named} from fetched) {kept}"
        rows = query(self.setting, self.asked, read, self.landing.context, carried=", open")
        with (
            self.database.rows(list(names.values()), where) as reader,
            local_time(self.con, self.setting, self.landing.context),
        ):
            self.con.register("fetched", reader)
            # Rows come from one connection, in order, and are numbered: a second thread would only wait, at a cost.
            self.con.execute("set threads = 1")
            try:
                several = bool(self.setting.yields)
                self.landing.write(self.con, piece, rows, _judge, numbered=several, carried=", open")
            except (duckdb.Error, OSError, self.database.error()) as error:
                said = f"sources.{self.landing.context.name}: reading broke off. {str(error).splitlines()[0]}"
                raise ChurnError(self.database.clean(said)) from None
            finally:
                self.con.execute("reset threads")
                self.con.unregister("fetched")

    def _between(self, begin: int | None, moment: int) -> str:
        later = f" and {since(self.database, self.asked, begin, self.zone)}" if begin is not None else ""
        null = f"{self.database.name(str(self.setting.watermark))} is null"
        return f" where ({before(self.database, self.asked, moment, self.zone)}{later}) or {null}"


def _last_whole(steps: list[Any]) -> int:
    return max(i for i, step in enumerate(steps) if step["whole"])


def _came_again(former: list[Piece], new: Piece | None, name: str) -> int:
    """How many ids of a new piece stand on settled rows; what was open in the last piece that had it is not settled."""
    assert new is not None
    ids = np.unique(np.concatenate([np.empty(0, np.uint64), *(part.sight.ids() for part in new.parts(name))]))
    again = np.zeros(len(ids), bool)
    for piece in former:
        again = _among(ids, piece.parts(name, open_too=False)) | (again & ~_among(ids, piece.parts(name)))
    return int(again.sum())


def _among(ids: Hashes, parts: list[Part]) -> npt.NDArray[np.bool_]:
    """Which of the hashes stand in one of the parts."""
    found = np.zeros(len(ids), bool)
    for there in (part.sight.ids() for part in parts):
        found |= there[np.minimum(np.searchsorted(there, ids), len(there) - 1)] == ids
    return found


def _from(mark: str, moment: int | None) -> str:
    return "true" if moment is None else f"{mark} >= make_timestamptz({moment})"


def _judge(_path: Path, _wrong: int) -> tuple[list[Bad], int]:
    """Bad rows of a database have no lines; they stay in the piece."""
    return [], 0


def _enter(con: Any, setting: Sql, landing: Landing, steps: list[Any]) -> list[Part]:
    """The steps' activities: settled rows of all since everything was read, open ones of the last."""
    first = _last_whole(steps)
    pieces = [Piece(landing.folder / step["piece"]) for step in steps[first:]]
    moved = sum(step["moved"] for step in steps[first:])
    name, file = landing.context.name, setting.table or "the query"
    aside = (
        "insert into rejected select ?, ?, record, fault, field, found from read_parquet(?) where fault <> 'excluded'"
    )
    parts: list[list[Part]] = []
    rows, excluded = -moved, 0
    for piece in pieces:
        told, last = piece.told, piece is pieces[-1]
        rows += sum(told["rows"]) if last else told["rows"][0]
        excluded += sum(told["excluded"]) if last else told["excluded"][0]
        parts.append(piece.parts(name, open_too=last))
        if (piece.folder / "aside.parquet").is_file():
            here = aside if last else f"{aside} and not open"
            con.execute(here, [name, file, str(piece.folder / "aside.parquet")])
    con.execute("insert into delivered values (?, ?, ?, ?)", [name, file, rows, excluded])
    # Where rows tell when they were recorded, cut.py chooses between a row and its former self, if both are there.
    dated = all("recorded_at" in mapping.columns for mapping in setting.mappings())
    return list(chain.from_iterable(parts)) if dated and not moved else newest(parts)


READER = Reader(faults=_faults, versions=fingerprint, read=_read, remembered=_remembered)
