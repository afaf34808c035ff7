"""Stage validate_features: features of one branch -> the report that later stages depend on; what fails stops them."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from pipelines.checks.rules import check_features
from pipelines.runtime.stage import run_stage
from pipelines.settings.params import Settings, load


def validate(features: Path, report: Path, settings: Settings) -> None:
    """Check the features, write `report` and the page beside it, and stop where something failed.

    Raises:
        Problem: a check failed; the report is there all the same.
    """
    judged = check_features(features, settings)
    judged.write(report)
    judged.require()


def main(arguments: Sequence[str] | None = None) -> None:
    """`python -m pipelines.stages.validate_features --features data/features/train --report ...json`."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--features", type=Path, required=True)
    parser.add_argument("--report", type=Path, required=True)
    options = parser.parse_args(arguments)
    run_stage(f"validate_features@{options.features.name}", lambda: validate(options.features, options.report, load()))


if __name__ == "__main__":
    main()
