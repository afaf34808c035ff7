"""A Spark worker's share: features of one partition. Imported on the workers, so it needs the kernel and no more.

Activities come sorted by customer and are computed in pieces of whole customers, so that a worker needs memory for
one piece, not for its partition. A piece's features leave as one row per moment that holds the numbers as they lie in
memory: hundreds of columns never become Java rows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from features.kernel import Events, compute
from features.windows import Array

if TYPE_CHECKING:
    from pipelines.engines.duckdb import FeatureRequest

PIECE_ACTIVITIES = 500_000
PIECE_CUSTOMERS = 8192
Work = Callable[[Iterable[pa.RecordBatch]], Iterator[pa.RecordBatch]]

FEATURES = pa.schema(
    [
        ("customer_ids", pa.list_(pa.string())),  # of the whole piece, with its first moment only
        ("rows", pa.binary()),  # int64: which customers of the piece have a row at this moment
        ("numbers", pa.binary()),  # float32: features by rows
    ]
)


def feature_work(request: FeatureRequest) -> Work:
    """For `mapInArrow`: activities -> FEATURES, one row for every piece and moment, in order."""

    def work(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for piece in whole_customers(batches):
            yield from _features(piece, request)

    return work


def whole_customers(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.Table]:
    """The stream, sorted by customer, cut between customers: at most PIECE_CUSTOMERS, about PIECE_ACTIVITIES.

    A customer with more activities than that is in a piece of their own, or ends one.
    """
    waiting: list[pa.RecordBatch] = []
    for batch in batches:
        waiting.append(batch)
        if sum(len(part) for part in waiting) >= PIECE_ACTIVITIES:
            table = pa.Table.from_batches(waiting).combine_chunks()
            last = pc.index(table["customer_id"], table["customer_id"][-1]).as_py()
            yield from _pieces(table.slice(0, last))
            waiting = table.slice(last).to_batches()
    if waiting:
        yield from _pieces(pa.Table.from_batches(waiting).combine_chunks())


def _pieces(table: pa.Table) -> Iterator[pa.Table]:
    starts = np.append(_starts(table["customer_id"]), len(table))
    for first in range(0, len(starts) - 1, PIECE_CUSTOMERS):
        begin, end = starts[first], starts[min(first + PIECE_CUSTOMERS, len(starts) - 1)]
        yield table.slice(begin, end - begin)


def _starts(customers: pa.ChunkedArray) -> Array:
    """Positions at which another customer begins."""
    if not len(customers):
        return np.zeros(0, dtype=np.int64)
    changes = pc.not_equal(customers.slice(1), customers.slice(0, len(customers) - 1)).to_numpy()
    return np.concatenate([[0], np.flatnonzero(changes) + 1])


def _features(piece: pa.Table, request: FeatureRequest) -> Iterator[pa.RecordBatch]:
    starts = _starts(piece["customer_id"])
    customers = np.zeros(len(piece), dtype=np.int32)
    customers[starts[1:]] = 1
    columns = {name: piece[name].to_numpy() for name in piece.column_names if name != "customer_id"}
    blocks = compute(
        Events(customers=len(starts), names=request.names, customer=customers.cumsum(dtype=np.int32), **columns),
        request.features,
        main_activity=request.main_activity,
        moments=request.moments,
        timezone=request.timezone,
        seen_within_days=request.seen_within_days,
    )
    ids = piece["customer_id"].take(pa.array(starts)).to_pylist()
    for index, block in enumerate(blocks):
        rows, numbers = block.rows.astype(np.int64).tobytes(), np.ascontiguousarray(block.numbers).tobytes()
        row = [[ids if index == 0 else None], [rows], [numbers]]
        yield pa.RecordBatch.from_arrays(
            [pa.array(values, kind) for values, kind in zip(row, FEATURES.types, strict=True)], schema=FEATURES
        )
