"""Stage validate_features: features of one branch -> the report of their checks; a failed one stops later stages."""

from __future__ import annotations

from pathlib import Path

from pipelines.checks.rules import check_features
from pipelines.runtime.stage import PATH, run_stage, stage_command
from pipelines.settings.params import Settings, load


def perform(settings: Settings, features: Path, report: Path) -> None:
    """Check the features, write `report` and the page beside it, and stop where something failed.

    Raises:
        ChurnError: a check failed; the report is there all the same.
    """
    judged = check_features(features, settings.observations.score.as_of, settings.features.attributes)
    judged.write(report)
    judged.require()


@stage_command(features=PATH, report=PATH)
def main(features: Path, report: Path) -> None:
    """The command that dvc.yaml runs."""
    run_stage(f"validate_features@{features.name}", lambda: perform(load(), features, report))


if __name__ == "__main__":
    main()
