"""Writes feature tables while they are computed: one Parquet file per moment."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext, suppress
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from features.catalogue.catalogue import Feature
from features.kernel import Block
from features.windows import Array, day_number
from pipelines.engines.customer_attributes import Attributes

ROW_GROUP = 12_000


class FeatureFiles:
    """One growing Parquet file per moment, without pandas metadata, floats as they are."""

    def __init__(self, folder: Path, moments: list[str], features: tuple[Feature, ...], attributes: Attributes) -> None:
        self.moments, self.attributes = moments, attributes
        self.pool = ThreadPoolExecutor(min(2, len(moments)))
        self.waiting: dict[str, list[pa.Table]] = {moment: [] for moment in moments}
        self.schema = pa.schema(
            [
                pa.field("customer_id", pa.string(), nullable=False),
                pa.field("as_of", pa.date32(), nullable=False),
                *(pa.field(feature.name, pa.float32(), nullable=False) for feature in features),
                *attributes.fields,
            ]
        )
        self.writers = [
            pq.ParquetWriter(
                folder / f"{moment}.parquet",
                self.schema,
                compression="none",  # twice as quick to write and to read; floats hardly shrink
                use_dictionary=["as_of", *(field.name for field in attributes.fields)],
                write_statistics=False,
            )
            for moment in moments
        ]

    def add(self, ids: pa.Array, blocks: list[Block]) -> None:
        """Append a partition's rows to every moment's file."""
        for task in [
            self.pool.submit(self._write, moment, writer, ids, block)
            for moment, writer, block in zip(self.moments, self.writers, blocks, strict=True)
        ]:
            task.result()

    def finish(self) -> None:
        """Write what still waits."""
        list(self.pool.map(self._flush, self.moments, self.writers))

    def _write(self, moment: str, writer: pq.ParquetWriter, ids: pa.Array, block: Block) -> None:
        """Keep a moment's rows until there are enough for a row group: small ones are slow to write and to read."""
        customers = ids.take(arrow_array(block.rows))
        as_of = arrow_array(np.full(len(customers), day_number(moment), dtype=np.int32)).cast(pa.date32())
        columns = [customers, as_of, *(arrow_array(numbers) for numbers in block.numbers)]
        columns += self.attributes.of(customers, moment)
        waiting = self.waiting[moment]
        waiting.append(pa.Table.from_arrays(columns, schema=self.schema))
        if sum(table.num_rows for table in waiting) >= ROW_GROUP:
            self._flush(moment, writer)

    def _flush(self, moment: str, writer: pq.ParquetWriter) -> None:
        if self.waiting[moment]:
            writer.write_table(pa.concat_tables(self.waiting[moment]))
            self.waiting[moment] = []

    def __enter__(self) -> FeatureFiles:
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        self.pool.shutdown()
        for writer in self.writers:
            with suppress(OSError) if kind else nullcontext():  # the first error counts, not what follows from it
                writer.close()


def arrow_array(numbers: Array) -> pa.Array:
    """Numbers as they lie in memory; `pa.array` would look at each for nulls, and import pandas."""
    row = np.ascontiguousarray(numbers)
    return pa.Array.from_buffers(pa.from_numpy_dtype(row.dtype), len(row), [None, pa.py_buffer(row)])
