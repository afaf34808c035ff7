"""The local engine: DuckDB reads the stream twice (who there is, what they did), the kernel of `features/` does the
arithmetic.

Customers are numbered in order of customer_id and laid out in partitions of bounded size, each in one stretch of
memory (of a temporary file where the stream is large), so that nothing is ever filtered again. Partitions come out in
order.
"""

from __future__ import annotations

import os
import tempfile
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from features.catalogue import ANY, Feature
from features.kernel import Block, Events, compute
from features.windows import Array
from pipelines.problems import Problem

PARTITION_CUSTOMERS = 8192
PARTITION_ACTIVITIES = 2_000_000
MEMORY_BYTES = 1 << 30  # a larger stream is laid out in a temporary file
NEVER_RECORDED = np.iinfo(np.int64).min


@dataclass(frozen=True)
class Order:
    """What to compute: features at moments, and what the engine must know of the stream."""

    features: tuple[Feature, ...]
    main_activity: str
    moments: tuple[str, ...]
    timezone: str
    seen_within_days: int
    has_recorded_at: bool
    threads: int = 2
    partition_customers: int = PARTITION_CUSTOMERS

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Activities that the features are about."""
        return tuple(sorted({feature.activity for feature in self.features} - {ANY}))

    @cached_property
    def columns(self) -> dict[str, tuple[str, type]]:
        """Column of the layout -> SQL expression and number type; only what is needed."""
        needs = {feature.how.needs for feature in self.features}
        columns: dict[str, tuple[str, type]] = {
            "customer": ("code", np.int32),
            "activity": (f"(list_position({_text_list(self.names)}, activity) - 1)::TINYINT", np.int8),
            "occurred_at": ("epoch_us(occurred_at)", np.int64),
        }
        if len(self.names) > 127:
            columns["activity"] = (columns["activity"][0].replace("TINYINT", "SMALLINT"), np.int16)
        if self.has_recorded_at:
            columns["recorded_at"] = (f"coalesce(epoch_us(recorded_at), {NEVER_RECORDED})", np.int64)
        if "value" in needs:
            columns["value"] = ("coalesce(value, 'nan'::DOUBLE)", np.float64)
        if "quantity" in needs:
            columns["quantity"] = ("coalesce(quantity, 'nan'::DOUBLE)", np.float64)
        if "detail" in needs:
            # Details matter only as same or not same within a customer: half of a 64-bit hash's range is plenty.
            columns["detail"] = ("CASE WHEN detail IS NULL THEN -1 ELSE (hash(detail) >> 1)::BIGINT END", np.int64)
        return columns


@dataclass(frozen=True)
class Partition:
    """Some customers' features: sorted ids, and one block per moment whose rows point into the ids."""

    customer_ids: pa.Array
    blocks: list[Block]


def features_of(
    activity: Path, order: Order, *, told: Callable[[int, int], None] = lambda done, of: None
) -> Iterator[Partition]:
    """Features of every partition of the customers in a folder of activity files, in order of customer_id.

    Args:
        activity: folder with *.parquet files of the activity contract.
        order: what to compute.
        told: called with customers done and customers in all after every partition.

    Raises:
        Problem: the disk is full, or DuckDB cannot read the stream.
    """
    import duckdb

    with tempfile.TemporaryDirectory() as spill:
        try:
            with duckdb.connect(config={"threads": order.threads, "temp_directory": spill}) as connection:
                connection.execute("SET enable_progress_bar = false")
                ids, counts = _customers(connection, activity, order)
                layout = _Layout(counts, order, Path(spill))
                for batch in _stream(connection, activity, order):
                    layout.add(batch)
        except (duckdb.Error, OSError) as error:
            raise Problem(f"{activity}: the stream could not be laid out by customer. {error}") from error
        yield from _computed(ids, layout, order, told)


def _computed(ids: pa.Array, layout: _Layout, order: Order, told: Callable[[int, int], None]) -> Iterator[Partition]:
    """Partitions in order; a few are under way at once."""
    cuts = layout.cuts

    def work(index: int) -> Partition:
        events = layout.events(index, order)
        blocks = compute(
            events,
            order.features,
            main_activity=order.main_activity,
            moments=order.moments,
            timezone=order.timezone,
            seen_within_days=order.seen_within_days,
        )
        return Partition(ids.slice(cuts[index], cuts[index + 1] - cuts[index]), blocks)

    with ThreadPoolExecutor(order.threads) as pool:
        under_way: deque[Future[Partition]] = deque()
        for index in range(len(cuts) - 1):
            under_way.append(pool.submit(work, index))
            if len(under_way) > order.threads:
                yield under_way.popleft().result()
                told(int(cuts[index + 1 - order.threads]), len(ids))
        while under_way:
            yield under_way.popleft().result()
            told(int(cuts[len(cuts) - 1 - len(under_way)]), len(ids))


def _source(activity: Path) -> str:
    return "read_parquet('{}')".format(str(activity / "*.parquet").replace("'", "''"))


def _text_list(names: tuple[str, ...]) -> str:
    return "[{}]".format(", ".join(f"'{name}'" for name in names))


def _customers(connection: Any, activity: Path, order: Order) -> tuple[pa.Array, Array]:
    """Sorted ids of everyone with an activity that counts, and how many each has.

    Also a table `ids` of their numbers.
    """
    everyone = (
        f"SELECT customer_id, count(*) AS n FROM {_source(activity)} "  # noqa: S608
        f"WHERE activity IN {_text_list(order.names)} GROUP BY customer_id"
    )
    number = "(row_number() OVER (ORDER BY customer_id) - 1)::INTEGER"
    connection.execute(f"CREATE TEMP TABLE ids AS SELECT customer_id, {number} AS code, n FROM ({everyone})")  # noqa: S608
    table = connection.sql("SELECT customer_id, n FROM ids ORDER BY code").to_arrow_table()
    return table["customer_id"].combine_chunks(), table["n"].to_numpy()


def _stream(connection: Any, activity: Path, order: Order) -> Any:
    """Batches of the layout's columns, in the stream's own order."""
    columns = ", ".join(f"{sql} AS {name}" for name, (sql, _) in order.columns.items())
    return connection.sql(
        f"SELECT {columns} FROM {_source(activity)} JOIN ids USING (customer_id) "  # noqa: S608
        f"WHERE activity IN {_text_list(order.names)}"
    ).to_arrow_reader(1_000_000)


class _Layout:
    """The stream, one stretch per partition of customers."""

    def __init__(self, counts: Array, order: Order, spill: Path) -> None:
        self.cuts = _cuts(counts, order.partition_customers)
        sizes = np.add.reduceat(counts, self.cuts[:-1]) if len(counts) else np.zeros(0, dtype=np.int64)
        self.starts = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
        self.partition_of = np.repeat(np.arange(len(sizes), dtype=np.uint16), np.diff(self.cuts))
        self.filled = self.starts[:-1].copy()
        large = sum(np.dtype(kind).itemsize for _, kind in order.columns.values()) * int(self.starts[-1]) > MEMORY_BYTES
        self.columns = {
            name: _room(spill / name, int(self.starts[-1]), kind, on_disk=large)
            for name, (_, kind) in order.columns.items()
        }

    def add(self, batch: pa.RecordBatch) -> None:
        """Put a batch's rows into their partitions, in their order."""
        partition = self.partition_of[batch["customer"].to_numpy()]
        order = np.argsort(partition, kind="stable")
        sizes = np.bincount(partition, minlength=len(self.filled))
        ends = np.cumsum(sizes)
        present = np.flatnonzero(sizes)
        for name, room in self.columns.items():
            values = batch[name].to_numpy(zero_copy_only=False)[order]
            for index in present:
                begin = self.filled[index]
                room[begin : begin + sizes[index]] = values[ends[index] - sizes[index] : ends[index]]
        self.filled += sizes

    def events(self, index: int, order: Order) -> Events:
        """The activities of a partition."""
        part = slice(self.starts[index], self.starts[index + 1])
        columns = {name: np.asarray(room[part]) for name, room in self.columns.items()}
        columns["customer"] = columns["customer"] - np.int32(self.cuts[index])
        return Events(customers=int(self.cuts[index + 1] - self.cuts[index]), names=order.names, **columns)


def _room(path: Path, size: int, kind: type, *, on_disk: bool) -> Array:
    if not on_disk:
        return np.empty(size, dtype=kind)
    with path.open("wb") as file:  # a full disk is noticed here and not by a signal later
        os.posix_fallocate(file.fileno(), 0, size * np.dtype(kind).itemsize)
    return np.memmap(path, dtype=kind, mode="r+", shape=(size,))


def _cuts(counts: Array, customers: int) -> Array:
    """Customer numbers at which partitions begin (and the last ends): bounded in customers and in activities."""
    before = np.concatenate([[0], np.cumsum(counts)])
    cuts = [0]
    while cuts[-1] < len(counts):
        full = int(np.searchsorted(before, before[cuts[-1]] + PARTITION_ACTIVITIES, side="right")) - 1
        cuts.append(max(cuts[-1] + 1, min(cuts[-1] + customers, full, len(counts))))
    return np.asarray(cuts, dtype=np.int64)
