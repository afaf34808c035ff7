"""The stream partitioned by customer: each partition contiguous, in memory or in a temporary file.

Partitions are bounded so that what the kernel needs for those under way fits into the engine's memory.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import pyarrow as pa

from features.windows import Array
from pipelines.runtime.errors import ChurnError

PARTITION_CUSTOMERS = 4096  # what the kernel reads of more would not stay in the processor's cache
PARTITION_ACTIVITIES = 2_000_000
BYTES_PER_ACTIVITY = 400  # what the kernel holds for one activity at most, measured
MB = 1 << 20


@dataclass(frozen=True)
class Bounds:
    """How the engine's memory is divided: DuckDB, the stream, and the partitions under way get about a third each.

    Attributes:
        memory: bytes in all (`engine_memory`).
        threads: partitions computed at once; as many again wait to be written.
        bytes_per_customer: what the kernel holds and returns for one customer.
    """

    memory: int
    threads: int
    bytes_per_customer: int

    @property
    def duckdb(self) -> int:
        """Bytes for DuckDB; what needs more goes to disk."""
        return self.memory // 3

    @property
    def stream(self) -> int:
        """Bytes of the stream that are kept in memory; a larger one goes to disk."""
        return self.memory // 3

    @property
    def partition(self) -> int:
        """Bytes for one partition."""
        return self.memory // 3 // (2 * self.threads)

    def customers(self, most: int) -> int:
        """Customers of a partition."""
        return max(1, min(most, self.partition // 2 // self.bytes_per_customer))

    @property
    def activities(self) -> int:
        """Activities of a partition."""
        return max(1, min(PARTITION_ACTIVITIES, self.partition // 2 // BYTES_PER_ACTIVITY))

    def require(self, counts: Array, ids: pa.Array) -> None:
        """Require that the customer with the most activities fits.

        Raises:
            ChurnError: it does not; names the customer, and the setting that would do.
        """
        most = int(counts.max(initial=0))
        needed = most * BYTES_PER_ACTIVITY + self.bytes_per_customer
        available = self.memory // 3
        if needed > available:
            customer = ids[int(np.argmax(counts))].as_py()
            raise ChurnError(
                f"params.yaml: engine_memory {self.memory // MB:,}MB is too small: customer {customer} has {most:,} "
                f"activities, which take about {needed // MB + 1:,}MB at once. Set engine_memory to at least "
                f"{3 * needed // MB + 1:,}MB, or leave the customer out."
            )


def numbers_of(column: pa.Array) -> Array:
    """An Arrow array of numbers, none of them null, as it lies in memory; `to_numpy` would import pandas for it."""
    return np.from_dlpack(column)


class _Column(Protocol):
    """A column of the layout: numbers that are written at positions and read by range."""

    def put(self, begin: int, values: Array, rows: Array) -> None: ...

    def get(self, begin: int, end: int) -> Array: ...


class _InMemory:
    def __init__(self, size: int, kind: type) -> None:
        self.numbers: Array = np.empty(size, dtype=kind)

    def put(self, begin: int, values: Array, rows: Array) -> None:
        np.take(values, rows, out=self.numbers[begin : begin + len(rows)], mode="clip")

    def get(self, begin: int, end: int) -> Array:
        return self.numbers[begin:end]


class _OnDisk:
    """Written and read piece by piece, so that it takes disk and no memory."""

    def __init__(self, path: Path, size: int, kind: type) -> None:
        self.path, self.kind, self.width = path, kind, np.dtype(kind).itemsize
        with path.open("wb") as file:  # a full disk is noticed here, before the work
            if size:
                os.posix_fallocate(file.fileno(), 0, size * self.width)

    def put(self, begin: int, values: Array, rows: Array) -> None:
        with self.path.open("r+b") as file:
            file.seek(begin * self.width)
            file.write(values.take(rows, mode="clip").astype(self.kind, copy=False).tobytes())

    def get(self, begin: int, end: int) -> Array:
        return np.fromfile(self.path, dtype=self.kind, count=end - begin, offset=begin * self.width)


class Layout:
    """The stream, one contiguous range per partition of customers.

    Args:
        counts: activities of every customer, in order of customer number.
        columns: name -> number type; `customer` is the customer's number.
        most_customers: of a partition.
        bounds: the memory.
        spill: a folder for what does not fit into it.
    """

    def __init__(
        self, counts: Array, columns: Mapping[str, type], most_customers: int, bounds: Bounds, spill: Path
    ) -> None:
        self.cuts = cuts_of(counts, bounds.customers(most_customers), bounds.activities)
        sizes = np.add.reduceat(counts, self.cuts[:-1]) if len(counts) else np.zeros(0, dtype=np.int64)
        self.starts = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
        self.partition_of = np.repeat(np.arange(len(sizes), dtype=np.int32), np.diff(self.cuts))
        self.filled = self.starts[:-1].copy()
        rows = int(self.starts[-1])
        self.on_disk = rows * sum(np.dtype(kind).itemsize for kind in columns.values()) > bounds.stream
        self.columns: dict[str, _Column] = {
            name: _OnDisk(spill / name, rows, kind) if self.on_disk else _InMemory(rows, kind)
            for name, kind in columns.items()
        }

    def add(self, batch: pa.RecordBatch) -> None:
        """Put a batch's rows into their partitions, in their order."""
        partition = self.partition_of[numbers_of(batch["customer"])]
        order = np.argsort(partition.astype(np.uint16) if len(self.filled) < 1 << 16 else partition, kind="stable")
        sizes = np.bincount(partition, minlength=len(self.filled))
        ends = np.cumsum(sizes)
        for name, column in self.columns.items():
            values = numbers_of(batch[name])
            for index in np.flatnonzero(sizes):
                column.put(self.filled[index], values, order[ends[index] - sizes[index] : ends[index]])
        self.filled += sizes

    def partition(self, index: int) -> tuple[int, dict[str, Array]]:
        """How many customers a partition has, and its columns, customers numbered from 0."""
        begin, end = self.starts[index], self.starts[index + 1]
        columns = {name: column.get(begin, end) for name, column in self.columns.items()}
        columns["customer"] = columns["customer"] - np.int32(self.cuts[index])
        return int(self.cuts[index + 1] - self.cuts[index]), columns


def cuts_of(counts: Array, customers: int, activities: int) -> Array:
    """Customer numbers at which partitions begin (and the last ends): bounded in customers and in activities."""
    before = np.concatenate([[0], np.cumsum(counts)])
    cuts = [0]
    while cuts[-1] < len(counts):
        full = int(np.searchsorted(before, before[cuts[-1]] + activities, side="right")) - 1
        cuts.append(max(cuts[-1] + 1, min(cuts[-1] + customers, full, len(counts))))
    return np.asarray(cuts, dtype=np.int64)


def bytes_per_customer(edges: Mapping[str, Any], moments: int, features: int) -> int:
    """What the kernel holds for one customer: a cell for every window's edge at every moment, and the numbers."""
    cells = sum(min(len(days) * moments, 4000) for days in edges.values())
    return 8 * cells + 4 * moments * features + 200
