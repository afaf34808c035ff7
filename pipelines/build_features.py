"""Stage build_features: activity of a branch -> one feature table per moment, and columns.json that says what the
columns are.

The training branch looks at customers at many moments counted back from `until`, the scoring branch at one.
Everything else is the same, so they cannot skew. Families are switched at training, not here.
"""

from __future__ import annotations

import argparse
from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, nullcontext, suppress
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from features.catalogue import Feature, catalogue, left_out
from features.definition import Definition
from features.kernel import Block
from features.windows import Array, day_number, day_text, local_days, training_moments
from pipelines.churn_settings import definition_of
from pipelines.customer_attributes import Attributes, attributes_of
from pipelines.params import Settings, load
from pipelines.problems import Problem
from pipelines.progress import progress
from pipelines.setting_types import bytes_of
from pipelines.stage import run_stage
from pipelines.tables import read_json, whole_folder, write_json

if TYPE_CHECKING:
    from pipelines.engines.duckdb import Order, Partition

ROW_GROUP = 12_000


def moments_of(settings: Settings, facts: dict[str, Any], branch: str) -> list[str]:
    """The days on which a branch looks at customers, newest first."""
    if branch == "score":
        return [settings.observations.score.as_of]
    train = settings.observations.train
    return training_moments(
        until=train.until,
        leads=[definition.lead for definition in definitions_of(settings).values()],
        first_day=_first_day(facts, settings),
        customers=facts["customers"],
        every_days=train.every_days,
        count=train.count,
    )


def definitions_of(settings: Settings) -> dict[str, Definition]:
    """Every churn definition of params.yaml."""
    return {name: definition_of(entry) for name, entry in settings.churn.items()}


def seen_within(settings: Settings) -> int:
    """Days behind a moment in which a customer must have done something: never fewer than a definition looks back."""
    least = [definition.remembers_days for definition in definitions_of(settings).values()]
    return max(settings.observations.seen_within_days, *least)


def _first_day(facts: dict[str, Any], settings: Settings) -> str:
    """The local day on which the main activity begins."""
    first = datetime.fromisoformat(facts["activities"][settings.main_activity]["first"])
    return day_text(local_days(np.array([int(first.timestamp() * 1_000_000)]), settings.timezone)[0])


def build(settings: Settings, branch: str, activity: Path, out: Path) -> None:
    """Write the feature tables of a branch into a folder.

    Raises:
        Problem: a listed attribute does not exist or could have changed since; the disk is full.
        FeatureProblem: the stream cannot be used: no main activity, too short a history, impossible numbers.
    """
    from pipelines.engines.duckdb import Order

    facts = read_json(activity / "facts.json")
    features = catalogue(facts["activities"], settings.main_activity)
    moments = moments_of(settings, facts, branch)
    attributes = attributes_of(settings, activity)
    order = Order(
        features,
        settings.main_activity,
        tuple(moments),
        settings.timezone,
        seen_within(settings),
        facts["has_recorded_at"],
        memory=bytes_of(settings.engine_memory),
    )
    for line in left_out(facts["activities"], settings.main_activity):
        print(f"build_features@{branch}: {line}")
    try:
        with whole_folder(out) as folder:
            computed = _partitions(activity / "activity", order, settings, folder)
            with closing(computed), _Tables(folder, moments, features, attributes) as tables:
                for partition in computed:
                    tables.add(partition.customer_ids, partition.blocks)
                tables.finish()
            write_json(folder / "columns.json", [feature.column() for feature in features])
    except OSError as error:
        raise Problem(
            f"{out}: the features could not be written: {error}. Free some space. Nothing was kept."
        ) from error


def _partitions(activity: Path, order: Order, settings: Settings, spill: Path) -> Generator[Partition]:
    """Features in order of customer_id, by the engine of params.yaml. Every engine gives the same numbers."""
    told = progress("build_features")
    if settings.engine == "spark":
        from pipelines.engines import spark

        yield from spark.features_of(activity, order, settings, told=told)
    else:
        from pipelines.engines import duckdb

        yield from duckdb.features_of(activity, order, told=told, spill=spill)


class _Tables:
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
        """A partition's rows, to every moment's file."""
        for written in [
            self.pool.submit(self._write, moment, writer, ids, block)
            for moment, writer, block in zip(self.moments, self.writers, blocks, strict=True)
        ]:
            written.result()

    def finish(self) -> None:
        """Write what still waits."""
        list(self.pool.map(self._flush, self.moments, self.writers))

    def _write(self, moment: str, writer: pq.ParquetWriter, ids: pa.Array, block: Block) -> None:
        """Keep a moment's rows until there are enough for a row group: small ones are slow to write and to read."""
        customers = ids.take(_arrow(block.rows))
        as_of = _arrow(np.full(len(customers), day_number(moment), dtype=np.int32)).cast(pa.date32())
        columns = [customers, as_of, *(_arrow(numbers) for numbers in block.numbers)]
        columns += self.attributes.of(customers, moment)
        waiting = self.waiting[moment]
        waiting.append(pa.Table.from_arrays(columns, schema=self.schema))
        if sum(table.num_rows for table in waiting) >= ROW_GROUP:
            self._flush(moment, writer)

    def _flush(self, moment: str, writer: pq.ParquetWriter) -> None:
        if self.waiting[moment]:
            writer.write_table(pa.concat_tables(self.waiting[moment]))
            self.waiting[moment] = []

    def __enter__(self) -> _Tables:
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        self.pool.shutdown()
        for writer in self.writers:
            with suppress(OSError) if kind else nullcontext():  # the first error counts, not what follows from it
                writer.close()


def _arrow(numbers: Array) -> pa.Array:
    """Numbers as they lie in memory; `pa.array` would look at each for nulls, and import pandas."""
    row = np.ascontiguousarray(numbers)
    return pa.Array.from_buffers(pa.from_numpy_dtype(row.dtype), len(row), [None, pa.py_buffer(row)])


def main() -> None:
    """`python -m pipelines.build_features --branch train --activity data/activity/train --out data/features/train`."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--branch", choices=("train", "score"), required=True)
    parser.add_argument("--activity", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    run_stage(f"build_features@{options.branch}", lambda: build(load(), options.branch, options.activity, options.out))


if __name__ == "__main__":
    main()
