"""Lands the files of a source: each is read into a piece, as computers write numbers and times, or as was decided.

A file is read as it stands, and its columns are surveyed only where something could not be read or is doubtful. Then
all files of the source are, the readings are decided by what they hold together, and files that were read in another
way are read again. So no file that a computer wrote costs more, and it does not matter which file came first.
"""

# Queries are put together from our own column names; whatever comes from outside is quoted by runtime.sql.text.
# ruff: noqa: S608

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from pipelines.runtime.errors import ChurnError
from pipelines.runtime.files import read_json, write_json
from pipelines.runtime.sql import text
from pipelines.settings.sources import Files
from pipelines.sources.access.headers import LocatedFile, digest_at, local_copy
from pipelines.sources.access.line_numbers import lines_in_open_quote
from pipelines.sources.access.scan import (
    BEHINDOPEN_QUOTE,
    OPEN_QUOTE,
    Bad,
    broken_rows,
    drop_rejects,
    lines_of,
    scan,
)
from pipelines.sources.conventions.decide import decide_for, require_kept
from pipelines.sources.conventions.kept import as_json, from_json, key_of
from pipelines.sources.conventions.survey import Survey, survey
from pipelines.sources.expressions.activity_query import query
from pipelines.sources.expressions.left_out import LEFT_OUT
from pipelines.sources.expressions.readings import AS_WRITTEN, Readings
from pipelines.sources.landing.aside import Aside, put_aside, with_broken
from pipelines.sources.landing.store import SURVEY, UNREAD, Landing, Piece
from pipelines.sources.readers.session import local_timezone

_SAMPLE = 2048


def digest_of_piece(name: str) -> str:
    """The digest of the file that a piece was made of."""
    return name.partition("~")[0]


@dataclass(frozen=True)
class LandingFiles:
    """The files of one source while they are landed."""

    con: Any
    setting: Files
    landing: Landing

    def land(self, located: Sequence[LocatedFile], known: dict[str, Any] | None) -> dict[str, Any]:
        """Land every file that is not landed yet.

        Args:
            located: the files.
            known: the readings of the last pull, as a step keeps them.

        Returns:
            What a step keeps: `pieces` and `names`, of each file, and `readings`.

        Raises:
            ChurnError: a file cannot be read to its end; columns can be read in several ways, or other than before.
        """
        files = [(digest_at(file.path), file) for file in located]
        readings = AS_WRITTEN
        if (known and from_json(known) != AS_WRITTEN) or self._needs_survey(files):
            readings = self._decided(files)
            require_kept(f"sources.{self.landing.context.name}", from_json(known), readings)
        pieces = [str(self._piece(digest, file, readings)) for digest, file in files]
        names = [file.name for _, file in files]
        return {"pieces": pieces, "names": names, "readings": as_json(readings)}

    def _needs_survey(self, files: Iterable[tuple[str, LocatedFile]]) -> bool:
        """Land the files as computers write; whether something in one of them is unread or doubtful."""
        asking = False
        for digest, file in files:
            name = self._piece(digest, file, AS_WRITTEN, unread_too=False)
            if name is None:
                return True
            asking = Piece(self.landing.folder / name).is_in_question() or asking
        return asking

    def _piece(self, digest: str, file: LocatedFile, readings: Readings, *, unread_too: bool = True) -> str | None:
        """The name of the file's piece, which is there now.

        `unread_too`: else there is none where numbers or times of the first rows cannot be read: a file is not worth
        reading whole before its columns are surveyed.
        """
        former = self.landing.piece(digest)
        plain = readings == AS_WRITTEN and not (former and _is_outdated(former))
        name = digest if plain else f"{digest}~{key_of(readings)}"

        def land(local: LocatedFile) -> bool:
            faults = self._first_faults(local, readings)
            if not unread_too and faults & UNREAD:
                return False
            self._write(local, name, readings, numbered=bool(self.setting.yields or faults))
            return True

        return name if self.landing.piece(name) or self._reading(file, land) else None

    def _reading(self, file: LocatedFile, read: Any) -> Any:
        """What reading a local copy of a file gives."""
        try:
            with local_copy(file) as (local, _):
                return read(local)
        except _MixedLineEndsError:
            with local_copy(file, normalise_ends=True) as (local, _):
                return read(local)

    def _decided(self, files: Iterable[tuple[str, LocatedFile]]) -> Readings:
        """How the source's columns are read, by all that its files hold."""
        surveys = (self._surveyed(digest, file) for digest, file in files)
        section = f"sources.{self.landing.context.name}"
        return decide_for(self.setting, section, surveys, points=self.setting.reader != "csv")

    def _surveyed(self, digest: str, file: LocatedFile) -> Survey:
        """The survey of a file, kept beside the pieces."""
        path = self.landing.folder / f"{digest}{SURVEY}"
        if path.is_file():
            kept: Survey = read_json(path)
            return kept

        def look(local: LocatedFile) -> Survey:
            with _readable(local):
                found = survey(self.con, self.setting, local, scan(local, numbered=False))
            drop_rejects(self.con, local)
            return found

        found: Survey = self._reading(file, look)
        path.parent.mkdir(parents=True, exist_ok=True)
        write_json(path, found)
        return found

    def _first_faults(self, file: LocatedFile, readings: Readings) -> frozenset[str]:
        """What is wrong with the first rows of a local file."""
        first = f"select * from ({scan(file, numbered=False)}) limit {_SAMPLE}"
        rows = query(self.setting, file, first, self.landing.context, readings=readings)
        with _readable(file), local_timezone(self.con, self.setting, self.landing.context):
            found = self.con.execute(f"select distinct fault from ({rows}) where fault <> {text(LEFT_OUT)}").fetchall()
        drop_rejects(self.con, file)
        return frozenset(fault for (fault,) in found)

    def _write(self, file: LocatedFile, name: str, readings: Readings, *, numbered: bool) -> Piece:
        """Read a local file into a piece. Rows are numbered only where one of them is bad, or several become of one."""

        def judge(bad: pa.Table) -> Aside:
            broken = broken_rows(self.con, file)
            broken += _rows_in_open_quote(self.con, file, broken)
            if len(bad) and not numbered:
                bad = self._numbered(file, readings)
            aside = put_aside(self.con, bad)
            return with_broken(aside, self._lines(file, aside, broken), broken)

        with _readable(file), local_timezone(self.con, self.setting, self.landing.context):
            rows = query(self.setting, file, scan(file, numbered=numbered), self.landing.context, readings=readings)
            return self.landing.write(self.con, name, rows, judge, several=bool(self.setting.yields))

    def _numbered(self, file: LocatedFile, readings: Readings) -> pa.Table:
        """The rows that cannot be used, with their numbers: the file is read once more."""
        rows = query(self.setting, file, scan(file), self.landing.context, readings=readings)
        bad = self.con.sql(
            f"select record, false as open, fault, field, found from ({rows}) where fault <> {text(LEFT_OUT)}"
        ).to_arrow_table()
        drop_rejects(self.con, file)
        return bad

    def _lines(self, file: LocatedFile, aside: Aside, broken: list[Bad]) -> dict[int, int]:
        """Record -> the line that it begins on, of the records that are listed."""
        records = sorted({one for one in aside.listed["line"].to_pylist() if one is not None})
        if not records:
            return {}
        rows = self.con.execute(f"select count(*) from ({scan(file, numbered=False)})").fetchall()[0][0]
        drop_rejects(self.con, file)
        return lines_of(file, records, rows, broken)


def _is_outdated(piece: Piece) -> bool:
    """Whether version 0.1 put rows aside that can be read now."""
    return any(fault in UNREAD for _, fault, *_ in piece.content.get("bad", ()))


class _MixedLineEndsError(ChurnError):
    """Lines of a CSV end in more than one way, and its beginning did not show it."""


@contextmanager
def _readable(file: LocatedFile) -> Iterator[None]:
    """What DuckDB says of a file that it cannot read to its end, as a ChurnError."""
    try:
        yield
    except (duckdb.Error, OSError) as error:
        if "invalid state" in str(error):
            raise _MixedLineEndsError(f"{file.name}: its lines end in more than one way. Save it again.") from None
        raise ChurnError(f"{file.name}: cannot be read to its end. {str(error).splitlines()[0]}") from None


def _rows_in_open_quote(con: Any, file: LocatedFile, bad: list[Bad]) -> list[Bad]:
    """Rows within a quote that is never closed: DuckDB reports the first of them only."""
    quotes = [line for line, _, what, _ in bad if what == OPEN_QUOTE]
    if not quotes:
        return []
    assert isinstance(file.path, Path)
    columns = ", ".join(f"c{i}" for i in range(len(file.columns)))
    breaks = f"len(concat_ws('', {columns})) - len(replace(concat_ws('', {columns}), chr(10), ''))"
    counted = con.execute(f"select count(*), sum({breaks}) from ({scan(file, numbered=False)})").fetchall()[0]
    drop_rejects(con, file)
    read = counted[0] + int(counted[1] or 0)
    lines = lines_in_open_quote(file.path, quotes, {line for line, *_ in bad}, read)
    return [(line, "broken", BEHINDOPEN_QUOTE, None) for line in lines]
