"""Stage build_features: activity of a branch -> one feature table per moment, and columns.json that says what the
columns are.

The training branch looks at customers at many moments counted back from `until`, the scoring branch at one.
Everything else is the same, so they cannot skew. Families are switched at training, not here.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from features.catalogue import Feature, catalogue, left_out
from features.churn import Definition
from features.windows import day_number, day_text, local_days, training_moments
from pipelines.customer_attributes import Attributes, attributes_of
from pipelines.params import Settings, load
from pipelines.stage import run_stage
from pipelines.tables import read_json, whole_folder, write_json

if TYPE_CHECKING:
    from pipelines.engines.duckdb import Order, Partition


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
    return {name: Definition(**entry.model_dump()) for name, entry in settings.churn.items()}


def seen_within(settings: Settings) -> int:
    """Days behind a moment in which a customer must have done something: never fewer than a definition looks back."""
    return max(settings.observations.seen_within_days, *(entry.active_within_days for entry in settings.churn.values()))


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
    )
    for line in left_out(facts["activities"], settings.main_activity):
        print(f"build_features@{branch}: {line}")
    with whole_folder(out) as folder:
        tables = _Tables(folder, moments, features, attributes)
        with tables:
            for partition in _partitions(activity / "activity", order, settings):
                tables.add(partition.customer_ids, partition.blocks)
        write_json(folder / "columns.json", [feature.column() for feature in features])


def _partitions(activity: Path, order: Order, settings: Settings) -> Iterator[Partition]:
    """Features in order of customer_id, by the engine of params.yaml. Every engine gives the same numbers."""
    if settings.engine == "spark":
        from pipelines.engines import spark

        return spark.features_of(activity, order, settings, told=_progress())
    from pipelines.engines import duckdb

    return duckdb.features_of(activity, order, told=_progress())


class _Tables:
    """One growing Parquet file per moment, without pandas metadata, floats as they are."""

    def __init__(self, folder: Path, moments: list[str], features: tuple[Feature, ...], attributes: Attributes) -> None:
        self.moments, self.attributes = moments, attributes
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
                compression="snappy",
                use_dictionary=["as_of", *(field.name for field in attributes.fields)],
                write_statistics=False,
            )
            for moment in moments
        ]

    def add(self, ids: pa.Array, blocks: list[Any]) -> None:
        """A partition's rows, to every moment's file."""
        for moment, writer, block in zip(self.moments, self.writers, blocks, strict=True):
            customers = ids.take(pa.array(block.rows))
            as_of = pa.array([day_number(moment)] * len(customers), pa.int32()).cast(pa.date32())
            columns = [customers, as_of, *(pa.array(numbers) for numbers in block.numbers)]
            columns += self.attributes.of(customers, moment)
            writer.write_table(pa.Table.from_arrays(columns, schema=self.schema))

    def __enter__(self) -> _Tables:
        return self

    def __exit__(self, *_: object) -> None:
        for writer in self.writers:
            writer.close()


def _progress() -> Any:
    """Customers done and time left on stderr where somebody watches; silent otherwise."""
    started = time.perf_counter()

    def told(done: int, of: int) -> None:
        if sys.stderr.isatty():
            left = (time.perf_counter() - started) * (of - done) / max(1, done)
            end = "\n" if done == of else ""
            print(
                f"\rbuild_features: {done:,} of {of:,} customers, {left:.0f} s left ",
                end=end,
                file=sys.stderr,
                flush=True,
            )

    return told


def main() -> None:
    """`python -m pipelines.build_features --branch train --activity data/activity/train --out data/features/train`."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--branch", choices=("train", "score"), required=True)
    parser.add_argument("--activity", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    run_stage("build_features", lambda: build(load(), options.branch, options.activity, options.out))


if __name__ == "__main__":
    main()
