"""The local engine: DuckDB reads the stream twice (customers, then activities), the kernel of `features/` computes.

Customers are numbered in order of customer_id and partitioned with a bounded size, each partition contiguous in memory
(in a temporary file where the stream is large), so that nothing is ever filtered again. Partitions come out in order.
"""

from __future__ import annotations

import ctypes
import errno
import glob
import os
import tempfile
from collections import deque
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from features.catalogue.catalogue import ANY, Feature
from features.kernel import Block, Events, compute, edges_of
from features.windows import Array
from pipelines.engines.layout import MB, PARTITION_CUSTOMERS, Bounds, Layout, bytes_per_customer, numbers_of
from pipelines.runtime.errors import ChurnError
from pipelines.runtime.sql import text

MEMORY = 4 << 30
NEVER_RECORDED = np.iinfo(np.int64).min
NEVER_REMOVED = np.iinfo(np.int64).max


@dataclass(frozen=True)
class FeatureRequest:
    """What to compute: features at moments, and the settings that the engine needs."""

    features: tuple[Feature, ...]
    main_activity: str
    moments: tuple[str, ...]
    timezone: str
    seen_within_days: int
    has_recorded_at: bool
    threads: int = 2
    partition_customers: int = PARTITION_CUSTOMERS
    memory: int = MEMORY  # bytes, see Bounds
    has_removed_at: bool = False

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Activities that the features read."""
        return tuple(sorted({feature.activity for feature in self.features} - {ANY}))

    @cached_property
    def columns(self) -> dict[str, tuple[str, type]]:
        """Column of the layout -> SQL expression and number type; only what is needed."""
        needs = {feature.how.needs for feature in self.features}
        columns: dict[str, tuple[str, type]] = {
            "customer": ("code", np.int32),
            "activity": (f"(coalesce(list_position({_text_list(self.names)}, activity), 0) - 1)::TINYINT", np.int8),
            "occurred_at": ("epoch_us(occurred_at)", np.int64),
        }
        if len(self.names) > 127:
            columns["activity"] = (columns["activity"][0].replace("TINYINT", "SMALLINT"), np.int16)
        if self.has_recorded_at:
            columns["recorded_at"] = (f"coalesce(epoch_us(recorded_at), {NEVER_RECORDED})", np.int64)
        if self.has_removed_at:
            columns["removed_at"] = (f"coalesce(epoch_us(removed_at), {NEVER_REMOVED})", np.int64)
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
    activity: Path,
    request: FeatureRequest,
    *,
    on_progress: Callable[[int, int], None] = lambda done, total: None,
    spill: Path | None = None,
) -> Generator[Partition]:
    """Features of every partition of the customers in a folder of activity files, in order of customer_id.

    Args:
        activity: folder with *.parquet files of the activity contract.
        request: what to compute.
        on_progress: called with customers done and customers in all after every partition.
        spill: a folder for what does not fit into memory, in a folder of its own that is always removed (default: the
            system's temporary folder).

    Raises:
        ChurnError: the memory or the disk does not suffice, or DuckDB cannot read the stream.
    """
    import duckdb

    _keep_freed_memory()
    with tempfile.TemporaryDirectory(dir=spill) as temporary:
        try:
            ids, layout = _read(activity, request, Path(temporary))
        except (duckdb.Error, OSError, MemoryError) as error:
            raise _translated(error, activity, request, spill or Path(temporary).parent) from error
        yield from _compute(ids, layout, request, on_progress)


def _keep_freed_memory() -> None:
    """Ask glibc not to hand freed memory back at once: the kernel takes it again a moment later.

    Without this a fifth of the time went into the operating system. Elsewhere nothing is asked.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None) if os.name == "posix" else None
    if mallopt is not None:
        trim_threshold, top_pad, mmap_threshold = -1, -2, -3
        for option, size in ((trim_threshold, 256), (top_pad, 16), (mmap_threshold, 32)):
            mallopt(option, size * MB)


def _read(activity: Path, request: FeatureRequest, spill: Path) -> tuple[pa.Array, Layout]:
    """Ids of the customers, and the stream partitioned by customer."""
    import duckdb

    edges = edges_of(request.features, request.names, request.main_activity, request.seen_within_days)
    bounds = Bounds(
        request.memory, request.threads, bytes_per_customer(edges, len(request.moments), len(request.features))
    )
    config = {"threads": request.threads, "temp_directory": str(spill), "memory_limit": f"{bounds.duckdb // MB}MiB"}
    with duckdb.connect(config=config) as connection:
        connection.execute("SET enable_progress_bar = false")
        ids, counts = _customers(connection, activity, request)
        bounds.require(counts, ids)
        kinds = {name: kind for name, (_, kind) in request.columns.items()}
        layout = Layout(counts, kinds, request.partition_customers, bounds, spill)
        for batch in _prefetch(_stream(connection, activity, request)):
            layout.add(_known_activities(batch))
    return ids, layout


def _translated(error: Exception, activity: Path, request: FeatureRequest, spill: Path) -> ChurnError:
    """The error as a ChurnError that says what to do."""
    import duckdb

    message = str(error)
    full = getattr(error, "errno", None) in (errno.ENOSPC, errno.EDQUOT) or "No space left" in message
    if full or "max_temp_directory_size" in message:
        return ChurnError(
            f"{spill}: the disk is full: the stream does not fit into engine_memory {request.memory // MB:,}MB, and "
            "there is no room to lay it out there. Free some space, or raise engine_memory. Nothing was kept."
        )
    if isinstance(error, (duckdb.OutOfMemoryException, MemoryError)):
        return ChurnError(
            f"params.yaml: engine_memory {request.memory // MB:,}MB is too small for {activity}: "
            f"{message.splitlines()[0]}. Raise it. Nothing was kept."
        )
    return ChurnError(f"{activity}: the stream could not be laid out by customer. {message}")


def _compute(
    ids: pa.Array, layout: Layout, request: FeatureRequest, on_progress: Callable[[int, int], None]
) -> Iterator[Partition]:
    """Partitions in order; a few are under way at once."""
    cuts = layout.cuts

    def work(index: int) -> Partition:
        customers, columns = layout.partition(index)
        blocks = compute(
            Events(customers=customers, names=request.names, **columns),
            request.features,
            main_activity=request.main_activity,
            moments=request.moments,
            timezone=request.timezone,
            seen_within_days=request.seen_within_days,
        )
        return Partition(ids.slice(cuts[index], cuts[index + 1] - cuts[index]), blocks)

    with ThreadPoolExecutor(request.threads) as pool:
        under_way: deque[Future[Partition]] = deque()
        for index in range(len(cuts) - 1):
            under_way.append(pool.submit(work, index))
            if len(under_way) > request.threads:
                yield under_way.popleft().result()
                on_progress(int(cuts[index + 1 - request.threads]), len(ids))
        while under_way:
            yield under_way.popleft().result()
            on_progress(int(cuts[len(cuts) - 1 - len(under_way)]), len(ids))


def _source(activity: Path, *, uneven: bool = False) -> str:
    """Every file of the folder; no character of the folder's own name is a wildcard.

    `uneven`: some files have columns that others lack (features/activity.py).
    """
    by_name = ", union_by_name = true" if uneven else ""
    return f"read_parquet({text(f'{glob.escape(str(activity))}/*.parquet')}{by_name})"


def _text_list(names: tuple[str, ...]) -> str:
    return f"[{', '.join(text(name) for name in names)}]"


def _customers(connection: Any, activity: Path, request: FeatureRequest) -> tuple[pa.Array, Array]:
    """Sorted ids of the customers with an activity that features read, and how many each has.

    Creates the table `ids` of their numbers.
    """
    counted = (
        f"SELECT customer_id, count(*) AS n FROM {_source(activity)} "  # noqa: S608
        f"WHERE activity IN {_text_list(request.names)} GROUP BY customer_id"
    )
    columns = (
        "customer_id, hash(customer_id) AS key, (row_number() OVER (ORDER BY customer_id) - 1)::INTEGER AS code, n"
    )
    connection.execute(f"CREATE TEMP TABLE ids AS SELECT {columns} FROM ({counted})")  # noqa: S608
    table = connection.sql("SELECT customer_id, n FROM ids ORDER BY code").to_arrow_table()
    return table["customer_id"].combine_chunks(), numbers_of(table["n"].combine_chunks())


def _stream(connection: Any, activity: Path, request: FeatureRequest) -> Any:
    """Batches of the layout's columns, in the same order every time: with more threads it would be another one."""
    columns = ", ".join(f"{sql} AS {name}" for name, (sql, _) in request.columns.items())
    # Numbers are joined faster than text. Two customers with one hash are not to be expected, but possible.
    shared = connection.sql("SELECT count(*) - count(DISTINCT key) FROM ids").fetchall()[0][0]
    same = "stream.customer_id = ids.customer_id" if shared else "hash(stream.customer_id) = ids.key"
    connection.execute("SET threads = 1")
    return connection.sql(
        f"SELECT {columns} FROM {_source(activity, uneven=request.has_removed_at)} AS stream JOIN ids ON {same}"  # noqa: S608
    ).to_arrow_reader(1_000_000)


def _known_activities(batch: pa.RecordBatch) -> pa.RecordBatch:
    """Without activities that no feature reads; SQL would compare every text for them, mostly in vain."""
    known = numbers_of(batch["activity"]) >= 0
    return batch if known.all() else batch.filter(pa.array(known))


def _prefetch(batches: Any) -> Iterator[pa.RecordBatch]:
    """The batches; the next is read while one is laid out."""
    with ThreadPoolExecutor(1) as pool:
        coming = pool.submit(next, batches, None)
        while (batch := coming.result()) is not None:
            coming = pool.submit(next, batches, None)
            yield batch
