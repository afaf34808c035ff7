"""The landing store keeps what was read from sources, so that it is not read again. Deleting it costs time only.

    data/landing/{source}/{key}/{piece}/2024-05.0.parquet   activities of one file, or of one stretch of a database's
                                                            table, by month, sorted, as they go into the stream
                                       /2024-05.0.hashes    see file_summary.py
                                       /aside.parquet       its bad rows, see aside.py
                                       /piece.json          how many rows, what the month files hold
    data/landing/{source}/{key}/{piece}.survey.json         how numbers and times of a file are written, where asked
    data/landing/{source}/{key}/steps.json                  what was read for which moment, see history.py
    data/landing/.direct/{branch}/{source}/                 what a reader gave without landing it, until the next pull
    data/landing/.about/{branch}/                           parts under customers' ids, see identity/translate.py
    data/landing/.months/{branch}/                          assembled months, see assemble.py

The key is made of everything that decides how a row is read: another mapping is another key, and former ones are
deleted. Rows of erased customers (IS_ERASED) are not kept here either. A piece is written atomically and never changed.
"""

# Queries are put together from our own names; whatever comes from outside is quoted or bound.
# ruff: noqa: S608

from __future__ import annotations

import shutil
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from pipelines.runtime.files import atomic_folder, digest_of, read_json, write_json
from pipelines.runtime.sql import text
from pipelines.settings.sources import Mapped
from pipelines.sources.expressions.context import Context
from pipelines.sources.landing.aside import FILE, Aside, report
from pipelines.sources.landing.file_summary import MonthSummary, summarise
from pipelines.sources.landing.key import key_of
from pipelines.sources.landing.month_writer import write_month
from pipelines.sources.landing.piece_writer import PieceWriter
from pipelines.sources.landing.tally import bad, former_tally, record_currencies, record_tally
from pipelines.sources.relations import DELIVERED, IS_ERASED, STREAM
from pipelines.sources.stream import COLUMNS, months

_READ = """
select record{carried}, {columns}, fault, field, found, doubtful, entry, currency
from ({query}) where not {is_erased}({source}, customer_id)
"""
SURVEY = ".survey.json"
UNREAD = frozenset(("not a time", "not a number"))
"""Faults of rows that another reading of their columns might mend."""
_ROWS = 1 << 17


@dataclass(frozen=True)
class Part:
    """A month of a source, or what one piece holds of it.

    `kept`: SQL condition on the rows that count, where not all do; `kept_by`: digests of the files that it reads.
    `gathered`: whether its rows are still to be gathered into activities, see grouping/gather.py.
    """

    source: str
    month: str
    path: Path
    digest: str
    summary: MonthSummary
    kept: str = ""
    kept_by: tuple[str, ...] = ()
    gathered: bool = False


@dataclass(frozen=True)
class Piece:
    """Activities that were read together, and how many rows they came from."""

    folder: Path

    @property
    def content(self) -> dict[str, Any]:
        """`rows`, `bad_rows`, each of settled and of open rows; `doubtful` (activity_query.py); `tally`; `parts`."""
        content: dict[str, Any] = read_json(self.folder / "piece.json")
        return content

    def parts(self, source: str, *, open_too: bool = True) -> list[Part]:
        """Its month files. `open_too`: with those whose rows were to be read again."""
        return [
            Part(
                source,
                one["month"],
                path,
                one["digest"],
                MonthSummary.from_json(one["sight"], path.with_suffix(".hashes")),
                gathered=one.get("gathered", False),
            )
            for one in self.content["parts"]
            if (path := self.folder / one["file"]) and (open_too or not one["open"])
        ]

    def report(self, con: Any, source: str, file: str) -> list[Part]:
        """Insert its bad rows into REJECTED and its counts into DELIVERED and ACCOUNTED.

        Returns:
            Its activities.
        """
        content = self.content
        bad_rows = self.report_bad(con, source, file)
        self.report_tally(con, source)
        con.execute(f"insert into {DELIVERED} values (?, ?, ?, ?)", [source, file, sum(content["rows"]), bad_rows])
        return self.parts(source)

    def report_tally(self, con: Any, source: str, *, open_too: bool = True) -> None:
        """Insert what became of its rows into ACCOUNTED."""
        content = self.content
        kept = [sum(part.summary.rows for part in self.parts(source, open_too=False)), 0]
        kept[1] = sum(part.summary.rows for part in self.parts(source)) - kept[0]
        record_currencies(con, source, content.get("currencies", {}), open_too=open_too)
        record_tally(con, source, content.get("tally") or former_tally(content, kept), open_too=open_too)

    def has_fault(self, faults: Collection[str]) -> bool:
        """Whether one of its bad rows has one of the faults."""
        path = self.folder / FILE
        return path.is_file() and bool(
            set(pq.read_table(path, columns=["fault"])["fault"].unique().to_pylist()) & set(faults)
        )

    def is_in_question(self) -> bool:
        """Whether something could not be read as a number or a time, or might be another number."""
        return bool(self.content.get("doubtful")) or self.has_fault(UNREAD)

    def report_bad(self, con: Any, source: str, file: str, *, open_too: bool = True) -> int:
        """Insert its bad rows into REJECTED; how many there are."""
        return report(con, self.folder, self.content, (source, file), open_too=open_too)


@dataclass(frozen=True)
class Landing:
    """One source's part of the store."""

    folder: Path
    context: Context

    @classmethod
    def at(cls, root: Path, setting: Mapped, context: Context) -> Landing:
        """Where `setting`'s rows lie."""
        return cls(root / context.name / key_of(setting, context), context)

    @classmethod
    def of(cls, root: Path, setting: Mapped, context: Context) -> Landing:
        """Where `setting`'s rows lie; what lies there under other keys is deleted."""
        landing = cls.at(root, setting, context)
        source = landing.folder.parent
        for other in source.iterdir() if source.is_dir() else ():
            if other.name != landing.folder.name:
                shutil.rmtree(other, ignore_errors=True)
        return landing

    def piece(self, name: str) -> Piece | None:
        """The piece of that name, if it is there."""
        folder = self.folder / name
        return Piece(folder) if (folder / "piece.json").is_file() else None

    def keep_only(self, names: Iterable[str]) -> None:
        """Delete all other pieces."""
        needed = set(names)
        surveyed = {one.partition("~")[0] + SURVEY for one in needed}
        for path in self.folder.iterdir() if self.folder.is_dir() else ():
            if path.is_dir() and path.name not in needed:
                shutil.rmtree(path, ignore_errors=True)
            elif path.name.endswith(SURVEY) and path.name not in surveyed:
                path.unlink()

    def write(
        self,
        con: Any,
        name: str,
        query: str,
        judge: Callable[[pa.Table], Aside],
        *,
        several: bool,
        carried: str = "",
    ) -> Piece:
        """Read a source into a piece.

        Args:
            con: the connection.
            name: the piece's.
            query: SQL of the rows, as activity_query.py builds it.
            judge: called with the bad rows (`record`, `open`, `fault`, `field`, `found`); gives what is put aside, with
                what could not be read as rows.
            several: whether several activities may come from one row, which counts once.
            carried: further columns of the query, as `, open`.
        """
        with atomic_folder(self.folder / name) as folder:
            source = text(self.context.name)
            users = f"if({IS_ERASED}({source}, user_id), null, user_id) as user_id"
            columns = ", ".join(users if name == "user_id" else name for name in COLUMNS)
            rows = con.sql(
                _READ.format(carried=carried, columns=columns, query=query, source=source, is_erased=IS_ERASED)
            )
            writer = PieceWriter(con.cursor(), folder, several=several)
            for batch in rows.to_arrow_reader(_ROWS):
                writer.add(pa.Table.from_batches([batch]))
            content = writer.close()
            aside = judge(writer.bad())
            aside.write(folder)
            content["rows"][0] += aside.broken
            if aside.broken:
                content["tally"].setdefault("all", {})[bad("broken", "row")] = [aside.broken, 0]
            write_json(folder / "piece.json", {**content, "bad_rows": aside.bad})
        return Piece(self.folder / name)


def land_stream(con: Any, folder: Path) -> list[Part]:
    """Write what readers put into STREAM themselves to a folder as parts, without erased customers, and empty STREAM.

    Needs the macro IS_ERASED. What was in the folder is replaced.
    """
    con.execute(f"delete from {STREAM} where {IS_ERASED}(source, customer_id)")
    sources = [name for (name,) in con.execute(f"select distinct source from {STREAM} order by source").fetchall()]
    parts, cursor = [], con.cursor()
    with atomic_folder(folder) as partial:
        for source in sources:
            (partial / source).mkdir()
            for month, rows in months(con, f"(from {STREAM} where source = {text(source)})"):
                path = partial / source / f"{month}.parquet"
                write_month(path, rows)
                final = folder / source / path.name
                written = summarise(cursor, path, month, rows)
                summary = replace(written, hashes=final.with_suffix(".hashes"))
                parts.append(Part(source, month, final, digest_of(path), summary))
    con.execute(f"truncate {STREAM}")
    return parts
