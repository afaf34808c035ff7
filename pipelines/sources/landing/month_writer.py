"""Writes activity rows to month files: split by UTC month as they arrive, sorted, in the contract's schema.

Rows are held in memory until a million have come; then the months that were touched least recently are written. An
export in the order of time thus becomes one file a month, any other order several, which assemble.py merges.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from features.activity import ACTIVITY_ORDER, ACTIVITY_SCHEMA
from pipelines.runtime.files import write_parquet
from pipelines.sources.stream import as_stored, by_month

HELD = 1_000_000
REPEATED = ["activity", "detail", "value"]  # a dictionary pays for these, and for customers who come again and again
SORTED = {"occurred_at": "DELTA_BINARY_PACKED"}
SAMPLE = 1 << 14


class MonthWriter:
    """Month files of a folder while they are written: `2024-05.0.parquet`, of open rows `2024-05.0.open.parquet`."""

    def __init__(
        self, folder: Path, written: Callable[[Path, str, bool, pa.Table], None], held: int = HELD, suffix: str = ""
    ) -> None:
        """`written`: called with each file, its month, whether its rows are open, and its rows. `suffix`: of names."""
        self._suffix = suffix
        self._folder, self._most, self._written = folder, held, written
        self._held: dict[tuple[str, bool], list[pa.Table]] = {}
        self._rows = 0
        self._numbers: Counter[tuple[str, bool]] = Counter()

    def add(self, rows: pa.Table, *, is_open: bool = False) -> None:
        """Add rows in any order. `is_open`: they will be read again."""
        for month, part in _in_months(rows.cast(ACTIVITY_SCHEMA)):
            held = self._held.pop((month, is_open), [])
            self._held[month, is_open] = [*held, part]
            self._rows += len(part)
        if self._rows > self._most:
            self._release(self._most // 2)

    def close(self) -> None:
        """Write what is held."""
        self._release(0)

    def _release(self, keep: int) -> None:
        for key in list(self._held):
            if self._rows <= keep:
                break
            rows = pa.concat_tables(self._held.pop(key))
            self._rows -= len(rows)
            month, is_open = key
            path = self._folder / f"{month}.{self._numbers[key]}{self._suffix}{'.open' if is_open else ''}.parquet"
            self._numbers[key] += 1
            ordered = sorted_rows(rows)
            write_month(path, ordered)
            self._written(path, month, is_open, ordered)


def _in_months(rows: pa.Table) -> Iterator[tuple[str, pa.Table]]:
    if not len(rows):
        return
    stamps = rows["occurred_at"].to_numpy()
    ends = np.array([stamps.min(), stamps.max()]).astype("datetime64[M]")
    if ends[0] == ends[1]:
        yield str(ends[0]), rows
        return
    if (stamps[1:] < stamps[:-1]).any():
        rows = rows.take(np.argsort(stamps.astype("datetime64[M]"), kind="stable"))
    yield from by_month(rows)


def sorted_rows(rows: pa.Table) -> pa.Table:
    """Rows sorted as the contract says; rows that are sorted already cost nothing."""
    stamps = rows["occurred_at"].to_numpy()
    if (stamps[1:] > stamps[:-1]).all():
        return rows
    return rows.sort_by([(name, "ascending") for name in ACTIVITY_ORDER])


def write_month(path: Path, rows: pa.Table) -> None:
    """Sorted rows of a month as a file: the same rows are the same bytes, in whatever order they arrived."""
    write_parquet(path, as_stored(rows.combine_chunks()), [*REPEATED, *_dictionary(rows)], SORTED)


def _dictionary(rows: pa.Table) -> list[str]:
    """`customer_id` where a dictionary of it stays small: Parquet gives up on a large one only after building it."""
    sample = rows["customer_id"][:SAMPLE]
    return ["customer_id"] if 2 * pc.count_distinct(sample).as_py() <= len(sample) else []
