"""The landing store: what was read from sources, so that it is not read again. Deleting it costs time only.

    data/landing/{source}/{key}/{piece}/rows.parquet   activities of one file, or of one stretch of a database's table
                                       /piece.json     how many rows, which are bad
    data/landing/{source}/{key}/steps.json             of a database: what was read for which moment

The key is made of everything that decides how a row is read: another mapping is another key, and former ones go. Rows
of customers who are forgotten (`is_forgotten`, see who.py) are not kept here either. A piece appears whole or not at
all and is never changed.
"""

# Queries are put together from our own column names; whatever comes from outside is quoted by stream.text.
# ruff: noqa: S608

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipelines.source_settings import Mapped
from pipelines.sources.rows import Context
from pipelines.sources.stream import COLUMNS, text
from pipelines.sources.tombstones import FILE as FORGOTTEN
from pipelines.tables import digest_of, read_json, whole_folder, write_json

FORM = 1  # of what lies here; another number is another key
Bad = tuple[int, str, str, str | None]  # line or row, fault, our column, what is there

_READ = """
select record{carried}, {columns}, fault, field, found from ({query}) where not is_forgotten({source}, customer_id)
"""
_REPEATED = ["customer_id", "activity", "detail", "fault", "field"]  # a dictionary pays for these alone
_ROWS = 1 << 17
_COUNTS = """
select {rows}, coalesce({excluded}, 0), count(*) filter (fault <> 'excluded') from read_parquet({path})
"""


@dataclass(frozen=True)
class Piece:
    """Activities that were read together, and how many rows they came from."""

    folder: Path

    @property
    def told(self) -> dict[str, Any]:
        """`rows`, `excluded`, `bad`: each as in `Bad`."""
        found: dict[str, Any] = read_json(self.folder / "piece.json")
        return found

    def enter(self, con: Any, source: str, file: str) -> None:
        """Its activities to `stream`, its bad rows to `rejected`, its count to `delivered`."""
        path, told = text(self.folder / "rows.parquet"), self.told
        con.execute(
            f"insert into stream select $1, {', '.join(COLUMNS)} from read_parquet({path}) where fault is null",
            [source],
        )
        if told["bad"]:
            con.executemany(
                "insert into rejected values (?, ?, ?, ?, ?, ?)", [[source, file, *one] for one in told["bad"]]
            )
        con.execute("insert into delivered values (?, ?, ?, ?)", [source, file, told["rows"], told["excluded"]])


@dataclass(frozen=True)
class Landing:
    """One source's part of the store."""

    folder: Path
    context: Context

    @classmethod
    def of(cls, root: Path, setting: Mapped, context: Context) -> Landing:
        """Where `setting`'s rows lie; what lies there under other keys is deleted."""
        wanted = setting.model_dump(mode="json", exclude={"max_bad_share"})
        gone = digest_of(FORGOTTEN) if FORGOTTEN.is_file() else None
        said = json.dumps([FORM, wanted, context.timezone, context.far_future, gone], sort_keys=True)
        key = hashlib.sha256(said.encode()).hexdigest()[:16]
        source = root / context.name
        for other in source.iterdir() if source.is_dir() else ():
            if other.name != key:
                shutil.rmtree(other, ignore_errors=True)
        return cls(source / key, context)

    def piece(self, name: str) -> Piece | None:
        """The piece of that name, if it is there."""
        folder = self.folder / name
        return Piece(folder) if (folder / "piece.json").is_file() else None

    def keep_only(self, names: Iterable[str]) -> None:
        """Forget pieces that nothing needs any more."""
        kept = set(names)
        for folder in self.folder.iterdir() if self.folder.is_dir() else ():
            if folder.is_dir() and folder.name not in kept:
                shutil.rmtree(folder, ignore_errors=True)

    def write(
        self,
        con: Any,
        name: str,
        query: str,
        judge: Callable[[Path, int], tuple[list[Bad], int]],
        *,
        numbered: bool,
        carried: str = "",
    ) -> Piece:
        """Read a source into a piece.

        Args:
            con: the connection.
            name: the piece's.
            query: SQL of the rows, as rows.py makes it.
            judge: called with the written file and the number of bad rows in it; gives all bad rows with their lines,
                and how many of them are not in the file because they are no rows.
            numbered: whether several activities may come from one row, which counts once.
            carried: further columns of the query, as `, open`.
        """
        with whole_folder(self.folder / name) as folder:
            path = folder / "rows.parquet"
            source, columns = text(self.context.name), ", ".join(COLUMNS)
            _write(con.sql(_READ.format(carried=carried, columns=columns, query=query, source=source)), path)
            rows = "count(distinct record)" if numbered else "count(*)"
            excluded = f"{rows} filter (fault = 'excluded')"
            read, left_out, wrong = con.execute(
                _COUNTS.format(rows=rows, excluded=excluded, path=text(path))
            ).fetchall()[0]
            bad, broken = judge(path, wrong)
            told = {"rows": read + broken, "excluded": left_out, "bad": bad}
            write_json(folder / "piece.json", told)
        return Piece(self.folder / name)


def _write(rows: Any, path: Path) -> None:
    """A DuckDB relation to a Parquet file, batch by batch; DuckDB's own writer takes three times as long."""
    import pyarrow.parquet as pq

    reader = rows.to_arrow_reader(_ROWS)
    with pq.ParquetWriter(path, reader.schema, compression="lz4", use_dictionary=_REPEATED) as writer:
        for batch in reader:
            writer.write_batch(batch, row_group_size=_ROWS)
