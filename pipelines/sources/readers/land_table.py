"""Lands the rows of a database's table: a step for a moment, by the readings that were decided for its columns.

A step is read as the last one was, and columns are surveyed only where something of it could not be read or is
doubtful: then all rows since the last survey are, or all. Where what is there now wants another reading, everything is
read again by it.
"""

# Queries are put together from names of params.yaml, which the person who may read the database writes.
# ruff: noqa: S608

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

import duckdb
import numpy as np
import numpy.typing as npt

from pipelines.runtime.errors import ChurnError
from pipelines.runtime.sql import quoted
from pipelines.settings.sources import Sql
from pipelines.sources.access.database import Database, TableShape
from pipelines.sources.access.watermark import before, since
from pipelines.sources.conventions.decide import decide_for, require_kept
from pipelines.sources.conventions.kept import as_json, from_json
from pipelines.sources.conventions.survey import Survey, asked, survey
from pipelines.sources.expressions.activity_query import query, used_columns
from pipelines.sources.expressions.cell import cell
from pipelines.sources.expressions.convert import as_time
from pipelines.sources.expressions.readings import AS_WRITTEN, Readings
from pipelines.sources.landing.aside import put_aside
from pipelines.sources.landing.file_summary import Hashes
from pipelines.sources.landing.store import UNREAD, Landing, Part, Piece
from pipelines.sources.readers.session import local_timezone

_DAY = 86_400_000_000
_SAMPLE = 2048


@dataclass(frozen=True)
class LandingTable:
    """One source while it is read."""

    con: Any
    setting: Sql
    landing: Landing
    database: Database
    shape: TableShape

    @property
    def zone(self) -> str:
        """The timezone of its watermark."""
        return self.setting.watermark_zone(self.landing.context.timezone)

    def step(self, steps: list[Any], moment: int) -> dict[str, Any]:
        """Read what is new into a piece; everything, where nothing was read yet or what was settled has changed.

        Raises:
            ChurnError: columns can be read in several ways, or other than before.
        """
        settled = moment - self.setting.window_days * _DAY
        known = from_json(steps[-1].get("readings")) if steps else AS_WRITTEN
        begin = steps[-1]["settled"] if steps and self.setting.watermark else None
        if begin is None:
            self._require_a_watermark_that_sorts()
        surveyed = self._survey(None, moment) if begin is None and self._first_are_unread(moment, known) else None
        readings = known if surveyed is None else self._decided(known, [surveyed["columns"]])
        read = self._read(steps, begin, settled, moment, readings)
        if surveyed is None and Piece(self.landing.folder / read["piece"]).is_in_question():
            earlier = [] if read["whole"] else _surveys(steps)
            surveyed = self._survey(begin if earlier else None, moment)
            readings = self._decided(known, [*earlier, surveyed["columns"]])
            if readings != known:
                read = self._read(steps, None, settled, moment, readings)
        return {"moment": moment, "settled": settled, **read, "readings": as_json(readings), "survey": surveyed}

    def _require_a_watermark_that_sorts(self) -> None:
        """Of texts, 31/05/2024 would come behind 2024-06-01, and never be read."""
        mark = self.setting.watermark
        if mark is None or self.setting.time_format or self.shape.types[self.shape.columns.index(mark)] != "text":
            return
        odd = [one for one in self.database.extremes(mark) if one is not None and not re.match(r"\d{4}-", str(one))]
        if odd:
            raise ChurnError(
                f"params.yaml: sources.{self.landing.context.name}.watermark: {mark} holds texts like {str(odd[0])!r}, "
                "which do not sort in time: written like 2017-12-04 they would. Take a column that is a time, turn it "
                "into one in `query`, or take watermark out: then every pull reads everything."
            )

    def _read(
        self, steps: list[Any], begin: int | None, settled: int, moment: int, readings: Readings
    ) -> dict[str, Any]:
        """Read from `begin` on, or everything where there is none or where that would not do."""
        removed = steps[-1]["below"] - self._count_before(begin) if begin is not None else 0
        if removed < 0:
            begin = None
        settled_rows = self._count_before(settled) if self.setting.watermark else 0
        piece, replaced = self._read_piece(begin, settled, moment, len(steps), readings), 0
        if begin is not None:
            replaced = _count_returned(self._pieces(steps), self.landing.piece(piece), self.landing.context.name)
            if replaced and not removed and self._keeps_versions(moment, replaced):
                replaced = 0
            elif replaced != removed:
                begin, replaced = None, 0
                piece = self._read_piece(begin, settled, moment, len(steps), readings)
        return {"below": settled_rows, "piece": piece, "whole": begin is None, "moved": replaced}

    def _decided(self, known: Readings, surveys: list[Survey]) -> Readings:
        section = f"sources.{self.landing.context.name}"
        readings = decide_for(self.setting, section, surveys, points=True)
        require_kept(section, known, readings)
        return readings

    def _keeps_versions(self, moment: int, replaced: int) -> bool:
        """Whether the table keeps former versions of that many rows: ids occur on several rows."""
        ids = {mapping.columns.get("activity_id", "activity_id") for mapping in self.setting.mappings()}
        if len(ids) > 1 or not ids <= set(self.shape.columns):
            return False
        where = f" where {before(self.database, self.shape, moment, self.zone)}"
        return self.database.count_repeated(ids.pop(), where) >= replaced

    def _pieces(self, steps: list[Any]) -> list[Piece]:
        return [Piece(self.landing.folder / step["piece"]) for step in steps[last_whole(steps) :]]

    def _read_piece(self, begin: int | None, settled: int, moment: int, number: int, readings: Readings) -> str:
        """Read rows into a piece of its own.

        Returns:
            Its name.
        """
        piece = f"step-{number}"
        while self.landing.piece(piece):
            piece += "b"
        self._land(piece, begin, settled, moment, readings)
        return piece

    def _count_before(self, moment: int) -> int:
        return self.database.count(f" where {before(self.database, self.shape, moment, self.zone, slack=0)}", None)[0]

    def _land(self, piece: str, begin: int | None, settled: int, moment: int, readings: Readings) -> None:
        """Rows from `begin` (or the first) to the moment; those from `settled` on are open."""
        with self._fetched(used_columns(self.setting, self.shape), begin, moment, settled) as rows:
            found = query(self.setting, self.shape, rows, self.landing.context, carried=", open", readings=readings)
            several, judge = bool(self.setting.yields), partial(put_aside, self.con)
            self.landing.write(self.con, piece, found, judge, several=several, carried=", open")

    def _first_are_unread(self, moment: int, readings: Readings) -> bool:
        """Whether the first rows have numbers or times that cannot be read."""
        with self._fetched(used_columns(self.setting, self.shape), None, moment, moment, f" limit {_SAMPLE}") as rows:
            found = query(self.setting, self.shape, rows, self.landing.context, readings=readings)
            faults = self.con.execute(f"select distinct fault from ({found})").fetchall()
        return bool(UNREAD & {fault for (fault,) in faults})

    def _survey(self, begin: int | None, moment: int) -> dict[str, Any]:
        """`columns`: the survey of the rows from `begin` on; `all`: whether these are all rows."""
        texts = [sql for columns in asked(self.setting, self.shape).values() for sql in columns.values()]
        places = {int(place) for sql in texts for place in re.findall(r"\bc(\d+)\b", sql)}
        found: Survey = {}
        if places:
            with self._fetched(places, begin, moment, moment) as rows:
                found = survey(self.con, self.setting, self.shape, rows)
        return {"columns": found, "all": begin is None}

    @contextmanager
    def _fetched(
        self, places: set[int], begin: int | None, moment: int, settled: int, limit: str = ""
    ) -> Iterator[str]:
        """SQL of the rows from `begin` (or the first) to the moment: `record`, `open`, and their columns as `c{i}`.

        It can be read once, inside the block.
        """
        where, condition, is_open = "", "", "true"
        if self.setting.watermark:
            places = places | {self.shape.columns.index(self.setting.watermark)}
            one = cell(self.setting.watermark, self.shape)
            mark = as_time(one.sql, one.kind, self.zone, self.setting.time_format)
            where = self._between(begin, moment)
            condition = f"where coalesce({mark} < make_timestamptz({moment}) and {_at_or_after(mark, begin)}, true)"
            is_open = f"coalesce({_at_or_after(mark, settled)}, true)"
        names = {i: self.shape.columns[i] for i in sorted(places)}
        named = ", ".join(f"{quoted(name)} as c{i}" for i, name in names.items())
        with (
            self.database.rows(self.shape, list(names.values()), where + limit) as reader,
            local_timezone(self.con, self.setting, self.landing.context),
        ):
            self.con.register("fetched", reader)
            # Rows come from one connection, in order, and are numbered: a second thread would only wait, at a cost.
            self.con.execute("set threads = 1")
            try:
                yield (
                    f"select row_number() over () as record, {is_open} as open, * "
                    f"from (select {named} from fetched) {condition}"
                )
            except (duckdb.Error, OSError, self.database.error()) as error:
                message = f"sources.{self.landing.context.name}: reading broke off. {str(error).splitlines()[0]}"
                raise ChurnError(self.database.redact(message)) from None
            finally:
                self.con.execute("reset threads")
                self.con.unregister("fetched")

    def _between(self, begin: int | None, moment: int) -> str:
        later = f" and {since(self.database, self.shape, begin, self.zone)}" if begin is not None else ""
        mark = str(self.setting.watermark)
        kind = self.shape.types[self.shape.columns.index(mark)]
        never = f"{self.database.name(mark)} is null or {self.database.is_infinite(mark, kind)}"
        return f" where ({before(self.database, self.shape, moment, self.zone)}{later}) or {never}"


def _surveys(steps: list[Any]) -> list[Survey]:
    """The surveys of all rows that were read so far; empty where some were not surveyed."""
    found: list[Survey] = []
    for step in reversed(steps):
        one = step.get("survey")
        if one is None:
            return []
        found.append(one["columns"])
        if one["all"]:
            return found
    return []


def last_whole(steps: list[Any]) -> int:
    """The index of the last step that read everything."""
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
