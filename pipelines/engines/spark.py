"""The engine for a cluster: Spark partitions the stream by customer, the kernel of `features/` computes on the workers.

The numbers are those of the local engine to the last bit.

Customers are spread by ranges of customer_id that hold about equally many activities, so one with very many has a
partition (almost) alone, and partitions come back in order of customer_id. Within a customer activities are sorted as
the stream's files have them, so that every sum adds up in the same order everywhere.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from features.kernel import Block
from pipelines.engines import spark_worker
from pipelines.engines.duckdb import NEVER_RECORDED, NEVER_REMOVED, FeatureRequest, Partition
from pipelines.engines.spark_session import map_in_arrow, session, spark_path
from pipelines.runtime.errors import ChurnError
from pipelines.runtime.sql import text
from pipelines.settings.spark import Spark, size_bytes

ACTIVITY_BYTES = 500  # that a worker needs for each activity of one customer; measured 380 to 460 at a million
WORKER_BYTES = 200 << 20  # that a worker needs in any case
RESULT_BYTES = 128 << 20  # of features that one partition sends to the driver, about
ROW = (
    "activity_id string, customer_id string, occurred_at timestamp, recorded_at timestamp, activity string, "
    "value double, quantity double, detail string, subject string, user_id string, removed_at timestamp, "
    "term_days double"
)


@dataclass(frozen=True)
class Stream:
    """The size of a stream, by which it is partitioned; `largest`: activities of the customer with the most."""

    activities: int
    customers: int
    largest: int
    largest_customer: str

    def partitions(self, request: FeatureRequest, settings: Spark, tasks: int) -> int:
        """How many partitions: each of at most about `partition_activities`, and of results that the driver can take.

        Where both allow few, there are as many as tasks that can run at once (`tasks`).
        """
        results = 4 * self.customers * len(request.moments) * max(1, len(request.features))
        least = max(self.activities / settings.partition_activities, results / RESULT_BYTES, tasks)
        return max(1, min(math.ceil(least), self.customers))

    def require_fits(self, settings: Spark) -> None:
        """Raise ChurnError where the customer with the most activities does not fit into a worker: nobody is split."""
        needed = WORKER_BYTES + self.largest * ACTIVITY_BYTES
        if needed > size_bytes(settings.worker_memory):
            raise ChurnError(
                f"customer {self.largest_customer!r} has {self.largest:,} of {self.activities:,} activities; a "
                f"customer is worked on in one piece, which takes a worker about {needed >> 20:,} MB, and "
                f"spark.worker_memory in params.yaml is {settings.worker_memory}. Raise it, or leave the customer out "
                "of the source if it is a test or collective account. Nothing was computed."
            )


def features_of(
    activity: Path,
    request: FeatureRequest,
    settings: Spark,
    *,
    on_progress: Callable[[int, int], None] = lambda done, total: None,
) -> Iterator[Partition]:
    """Features of all customers in a folder of activity files, in order of customer_id.

    Args:
        activity: folder with *.parquet files of the activity contract, seen by every worker under the same path.
        request: what to compute.
        settings: where Spark runs, and what it may use.
        on_progress: called with customers done and customers in all after every partition.

    Raises:
        ChurnError: pyspark or Java is missing, a customer is too large for a worker, or Spark failed.
        FeatureError: never; the kernel's errors come as a ChurnError.
    """
    with session(settings) as spark:
        events = _events(spark, activity, request)
        stream = measure(events)
        if stream is None:
            return
        stream.require_fits(settings)
        done = 0
        for partition in _regroup(_pieces(spark, events, stream, request, settings), request):
            yield partition
            done += len(partition.customer_ids)
            on_progress(done, stream.customers)


def _events(spark: Any, activity: Path, request: FeatureRequest) -> Any:
    """The activities that the features read, as the numbers that the kernel takes."""
    needs = {feature.how.needs for feature in request.features}
    names = ", ".join(text(name) for name in request.names)
    columns = [
        "activity_id",
        "customer_id",
        f"CAST(array_position(array({names}), activity) - 1 AS SMALLINT) AS activity",
        "unix_micros(occurred_at) AS occurred_at",
    ]
    if request.has_recorded_at:
        columns.append(f"coalesce(unix_micros(recorded_at), {NEVER_RECORDED + 1}L - 1L) AS recorded_at")
    if request.has_removed_at:
        columns.append(f"coalesce(unix_micros(removed_at), {NEVER_REMOVED}L) AS removed_at")
    columns += [f"coalesce({name}, double('NaN')) AS {name}" for name in ("value", "quantity") if name in needs]
    if "detail" in needs:
        columns.append("if(detail IS NULL, -1L, shiftrightunsigned(xxhash64(detail), 1)) AS detail")
    rows = spark.read.schema(ROW).parquet(spark_path(activity))
    return rows.where(f"activity IN ({names})").selectExpr(*columns)


def measure(events: Any) -> Stream | None:
    """The size of a stream; None where it is empty."""
    counted = events.groupBy("customer_id").count()
    row = counted.selectExpr(
        "sum(count) AS activities", "count(*) AS customers", "max(struct(count, customer_id)) AS largest"
    ).first()
    if not row["customers"]:
        return None
    return Stream(row["activities"], row["customers"], row["largest"]["count"], row["largest"]["customer_id"])


def _pieces(spark: Any, events: Any, stream: Stream, request: FeatureRequest, settings: Spark) -> Iterator[Partition]:
    """Every piece's features, in order of customer_id, one partition at a time on this side."""
    from pyspark import StorageLevel

    partitions = stream.partitions(request, settings, spark.sparkContext.defaultParallelism)
    partitioned = (
        events.repartitionByRange(partitions, "customer_id")
        .sortWithinPartitions("customer_id", "occurred_at", "activity", "activity_id")
        .drop("activity_id")
    )
    computed = map_in_arrow(partitioned, spark_worker.feature_work(request), spark_worker.FEATURES)
    computed.persist(StorageLevel.DISK_ONLY)
    computed.count()  # all partitions at once; what follows only fetches them
    rows = computed.toLocalIterator(prefetchPartitions=True)
    for row in rows:
        blocks = [_block(row, request), *(_block(next(rows), request) for _ in request.moments[1:])]
        yield Partition(pa.array(row["customer_ids"], pa.string()), blocks)


def _block(row: Any, request: FeatureRequest) -> Block:
    rows = np.frombuffer(row["rows"], dtype=np.int64)
    return Block(rows, np.frombuffer(row["numbers"], dtype=np.float32).reshape(len(request.features), len(rows)))


def _regroup(pieces: Iterator[Partition], request: FeatureRequest) -> Iterator[Partition]:
    """The same customers in partitions of `partition_customers`: Spark's own must not show in the files."""
    size, rest = request.partition_customers, None
    for piece in pieces:
        rest = piece if rest is None else _concat(rest, piece)
        while len(rest.customer_ids) > size:
            yield _slice(rest, 0, size)
            rest = _slice(rest, size, len(rest.customer_ids))
    if rest is not None:
        yield rest


def _concat(first: Partition, second: Partition) -> Partition:
    offset = len(first.customer_ids)
    return Partition(
        pa.concat_arrays([first.customer_ids, second.customer_ids]),
        [
            Block(np.concatenate([a.rows, b.rows + offset]), np.concatenate([a.numbers, b.numbers], axis=1))
            for a, b in zip(first.blocks, second.blocks, strict=True)
        ],
    )


def _slice(partition: Partition, begin: int, end: int) -> Partition:
    """The customers `begin` .. `end` - 1 of a partition."""
    cuts = [np.searchsorted(block.rows, [begin, end]) for block in partition.blocks]
    return Partition(
        partition.customer_ids.slice(begin, end - begin),
        [
            Block(block.rows[first:last] - begin, block.numbers[:, first:last])
            for block, (first, last) in zip(partition.blocks, cuts, strict=True)
        ],
    )
