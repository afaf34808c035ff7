"""Libraries that stages use, loaded before the fork: the next stage that needs them has them already.

A stage is lent what it would load anyway, so nothing is loaded in vain. A name that is missing here costs time, and one
too many costs memory; neither changes a result. The project's own code is never lent.
"""

from __future__ import annotations

import importlib
import os
from collections.abc import Callable
from contextlib import suppress

EVERY_STAGE = (
    "click",
    "duckdb",
    "filelock",
    "numpy",
    "psutil",
    "pyarrow.dataset",
    "pyarrow.parquet",
    "pydantic",
    "yaml",
)
TABLES = ("pandas",)
NUMBERS = ("pandas", "scipy.special")
FITS = ("pandas", "scipy.special", "scipy.optimize")
BY_STAGE = {
    "pull_activity": TABLES,
    "validate_features": TABLES,
    "label_churn": TABLES,
    "train_model": FITS,
    "evaluate_model": NUMBERS,
    "score_customers": FITS,
    "make_list": FITS,
}
JUDGING = frozenset({"pull_activity", "validate_features", "score_customers"})
BOOSTING = frozenset({"train_model", "score_customers"})


def load(stage: str) -> None:
    """What the stage of this name will need. What cannot be loaded is left to the stage, which says why."""
    os.environ.update({"GX_ANALYTICS_ENABLED": "false", "MLFLOW_DISABLE_TELEMETRY": "true"})  # as every stage has them
    for name in (*EVERY_STAGE, *BY_STAGE.get(stage, ())):
        with suppress(Exception):
            importlib.import_module(name)
    for wanted, load_one in ((JUDGING, _great_expectations), (BOOSTING, _lightgbm)):
        if stage in wanted:
            _quietly(load_one)


def _quietly(load_one: Callable[[], object]) -> None:
    with suppress(Exception):
        load_one()


def _great_expectations() -> None:
    from features.judging import load_great_expectations

    load_great_expectations()


def _lightgbm() -> None:
    from models.learners import lightgbm_import

    lightgbm_import.load()
