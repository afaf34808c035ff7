"""The rows of a feature table in chunks, and who of them is a customer: what `churn score` goes through.

A table may be larger than memory: it is read as a stream, and a chunk is all that is held of it.
"""

from __future__ import annotations

import bisect
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from features.catalogue.readings import NEVER
from models.columns import KEYS
from pipelines.commands.score.models import Champion
from pipelines.runtime.errors import ChurnError
from pipelines.settings.params import Settings

READ_ROWS = 16_384
BUFFER = 1 << 18  # bytes of a column that are read at once, where a row group is larger


@dataclass(frozen=True)
class Chunk:
    """Rows `[begin, end)` of a table; `rows` has the wanted columns, keys as text and day."""

    begin: int
    end: int
    rows: pa.Table


def chunks(path: Path, columns: Sequence[str], as_of: str, size: int, skip: set[tuple[int, int]]) -> Iterator[Chunk]:
    """The chunks of a table that are not in `skip` (as begin and end), in order.

    Args:
        path: a Parquet file with `customer_id`, `as_of` and features.
        columns: the features that are wanted.
        as_of: the day that all rows must be of.
        size: rows of a chunk; the last may be shorter.
        skip: the chunks that are there already.

    Raises:
        ChurnError: a row is of another day.
    """
    with pq.ParquetFile(path, buffer_size=BUFFER, memory_map=True) as file:
        for begin, end in missing(file.metadata.num_rows, size, skip):
            for rows in _between(file, [*_keys(file), *columns], begin, end, size):
                yield Chunk(rows.begin, rows.end, _keyed(rows.rows, path, as_of))


def missing(rows: int, size: int, skip: set[tuple[int, int]]) -> list[tuple[int, int]]:
    """Stretches of rows that are not done: neighbouring chunks in one, each beginning at a chunk's first row."""
    found: list[tuple[int, int]] = []
    for begin in range(0, rows, size):
        end = min(begin + size, rows)
        if (begin, end) in skip:
            continue
        if found and found[-1][1] == begin:
            found[-1] = (found[-1][0], end)
        else:
            found.append((begin, end))
    return found


def _between(file: pq.ParquetFile, columns: list[str], begin: int, end: int, size: int) -> Iterator[Chunk]:
    """Chunks of `[begin, end)`, from the row groups that hold them."""
    groups, first = [], None
    start = 0
    for group in range(file.num_row_groups):
        rows = file.metadata.row_group(group).num_rows
        if start < end and begin < start + rows:
            groups.append(group)
            first = start if first is None else first
        start += rows
    held: list[pa.RecordBatch] = []
    place, waiting, drop = begin, 0, begin - (first or 0)
    for read in file.iter_batches(batch_size=min(READ_ROWS, size), row_groups=groups, columns=columns):
        batch, drop = read.slice(min(drop, len(read))), max(0, drop - len(read))
        while len(batch) and place < end:
            taken = batch.slice(0, min(size, end - place) - waiting)
            held.append(taken)
            waiting, batch = waiting + len(taken), batch.slice(len(taken))
            if waiting == min(size, end - place):
                yield Chunk(place, place + waiting, pa.Table.from_batches(held))
                place, waiting, held = place + waiting, 0, []


def _keys(file: pq.ParquetFile) -> list[str]:
    return [name for name in KEYS if name in file.schema_arrow.names]


def _keyed(rows: pa.Table, path: Path, as_of: str) -> pa.Table:
    """Ids as text, days as days, and none of another day. A table without `as_of` is of the day that was asked for."""
    place = rows.schema.get_field_index("customer_id")
    rows = rows.set_column(place, "customer_id", rows["customer_id"].cast(pa.string()))
    wanted = pa.scalar(as_of).cast(pa.date32())
    if "as_of" not in rows.column_names:
        return rows.add_column(1, "as_of", pa.repeat(wanted, len(rows)))
    days = rows["as_of"] if rows["as_of"].type == pa.date32() else rows["as_of"].cast(pa.date32(), safe=False)
    others = [str(day) for day in pc.unique(days).to_pylist() if day != wanted.as_py()]
    if others:
        raise ChurnError(
            f"{path}: holds rows of {', '.join(others[:3])}, and --as-of is {as_of}. Name the day of the table."
        )
    return rows.set_column(rows.schema.get_field_index("as_of"), "as_of", days)


class Customers(Protocol):
    """Who can still be lost by a definition."""

    def among(self, rows: pa.Table) -> pa.Array:
        """Whether each row is one of them."""


@dataclass(frozen=True)
class EligibleIds:
    """The customers by their ids, sorted: from the activity."""

    ids: Sequence[str]

    def among(self, rows: pa.Table) -> pa.Array:
        """Whether each row is one of them."""
        found = pc.min_max(rows["customer_id"]).as_py()
        if found["min"] is None:
            return pa.repeat(pa.scalar(False), len(rows))
        begin, end = bisect.bisect_left(self.ids, found["min"]), bisect.bisect_right(self.ids, found["max"])
        near = pa.array(self.ids[begin:end], pa.string())
        return pc.is_in(rows["customer_id"], value_set=near).combine_chunks()


@dataclass(frozen=True)
class RecentlyActive:
    """Whoever did the activity at most so many days ago, by the feature that counts them: exact for kind `silence`."""

    column: str
    most: int

    def among(self, rows: pa.Table) -> pa.Array:
        """Whether each row is one of them."""
        return pc.less_equal(rows[self.column], self.most).combine_chunks()


@dataclass(frozen=True)
class EveryRow:
    """All of them."""

    def among(self, rows: pa.Table) -> pa.Array:
        """Whether each row is one of them."""
        return pa.repeat(pa.scalar(True), len(rows))


def customers_by_features(champion: Champion, settings: Settings, names: Sequence[str]) -> RecentlyActive:
    """Customers of a definition where nothing but features is given.

    Raises:
        ChurnError: features do not tell who is a customer by this definition.
    """
    definition = settings.churn[champion.definition]
    column = f"{definition.activity}_days_since_last"
    if definition.kind != "silence" or definition.active_within_days >= NEVER or column not in names:
        raise ChurnError(
            f"churn.{champion.definition}: features alone do not tell who is a customer by it. Give --activity beside "
            "--features, or say --every-row where the table holds customers only."
        )
    return RecentlyActive(column, definition.active_within_days)
