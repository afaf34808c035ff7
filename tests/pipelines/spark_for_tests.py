"""Settings for Spark on two workers of this machine, and the one line that says what is missing for it."""

from __future__ import annotations

import importlib.util
from typing import Any

import pytest

from pipelines.engines.spark_session import LEAST_JAVA, java_version
from pipelines.settings.params import Settings
from pipelines.settings.spark import Spark

TWO_WORKERS = {"master": "local[2]", "memory": "900m", "worker_memory": "900m"}


def require_spark() -> None:
    """Skip the module where Spark cannot run."""
    if importlib.util.find_spec("pyspark") is None or (java_version() or 0) < LEAST_JAVA:
        reason = "Spark was not tried: install Java 17 (Debian: apt-get install default-jre-headless) and pyspark"
        pytest.skip(reason, allow_module_level=True)


def on_spark(settings: Settings, **changed: Any) -> Settings:
    return settings.model_copy(update={"engine": "spark", "spark": Spark(**{**TWO_WORKERS, **changed})})
