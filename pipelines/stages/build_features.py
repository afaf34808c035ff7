"""Stage build_features: activity of a branch -> one feature table per moment, and columns.json, which describes them.

The training branch looks at customers at many moments counted back from `until`, the scoring branch at one.
Everything else is the same, so they cannot skew. Families are switched at training, not here.
"""

from __future__ import annotations

from collections.abc import Generator
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from features.catalogue.catalogue import catalogue, unavailable
from pipelines.engines.customer_attributes import attributes_of
from pipelines.engines.feature_files import FeatureFiles
from pipelines.runtime.errors import ChurnError
from pipelines.runtime.files import atomic_folder, read_json, write_json
from pipelines.runtime.progress import progress
from pipelines.runtime.stage import BRANCH, PATH, run_stage, stage_command
from pipelines.settings import artifacts
from pipelines.settings.moments import moments_of, seen_within
from pipelines.settings.params import Settings, load
from pipelines.settings.types import bytes_of

if TYPE_CHECKING:
    from pipelines.engines.duckdb import FeatureRequest, Partition


def build(settings: Settings, branch: str, activity: Path, out: Path) -> None:
    """Write the feature tables of a branch into a folder.

    Raises:
        ChurnError: a listed attribute does not exist or could have changed since; the disk is full.
        FeatureError: the stream cannot be used: no main activity, too short a history, impossible numbers.
    """
    from pipelines.engines.duckdb import FeatureRequest

    facts = read_json(activity / artifacts.FACTS)
    features = catalogue(facts["activities"], settings.main_activity)
    moments = moments_of(settings, facts, branch)
    attributes = attributes_of(
        settings.features.attributes, activity, customers=settings.customers, timezone=settings.timezone
    )
    request = FeatureRequest(
        features,
        settings.main_activity,
        tuple(moments),
        settings.timezone,
        seen_within(settings),
        facts["has_recorded_at"],
        memory=bytes_of(settings.engine_memory),
        has_removed_at=bool(facts.get("has_removed_at")),
    )
    for line in unavailable(facts["activities"], settings.main_activity):
        print(f"build_features@{branch}: {line}")
    try:
        with atomic_folder(out) as folder:
            computed = _partitions(activity / "activity", request, settings, folder)
            with closing(computed), FeatureFiles(folder, moments, features, attributes) as tables:
                for partition in computed:
                    tables.add(partition.customer_ids, partition.blocks)
                tables.finish()
            write_json(folder / artifacts.COLUMNS, [feature.column() for feature in features])
    except OSError as error:
        raise ChurnError(
            f"{out}: the features could not be written: {error}. Free some space. Nothing was kept."
        ) from error


def _partitions(activity: Path, request: FeatureRequest, settings: Settings, spill: Path) -> Generator[Partition]:
    """Features in order of customer_id, by the engine of params.yaml. Every engine gives the same numbers."""
    on_progress = progress("build_features")
    if settings.engine == "spark":
        from pipelines.engines import spark

        yield from spark.features_of(activity, request, settings.spark, on_progress=on_progress)
    else:
        from pipelines.engines import duckdb

        yield from duckdb.features_of(activity, request, on_progress=on_progress, spill=spill)


def perform(settings: Settings, branch: str, activity: Path, out: Path) -> None:
    """What the command does, by its options."""
    build(settings, branch, activity, out)


@stage_command(branch=BRANCH, activity=PATH, out=PATH)
def main(branch: str, activity: Path, out: Path) -> None:
    """The command that dvc.yaml runs."""
    run_stage(f"build_features@{branch}", lambda: perform(load(), branch, activity, out))


if __name__ == "__main__":
    main()
