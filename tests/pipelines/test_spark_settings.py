"""`engine` and `spark:` of params.yaml: what may be set, and the words that a wrong setting gets."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pipelines.settings.spark import Spark, size_bytes
from tests.pipelines.test_params import changed, faults


@pytest.mark.parametrize(
    ("where", "value", "fault"),
    [
        ("engine", "sparc", "engine must be duckdb or spark, found 'sparc'"),
        ("spark.master", "localhost", "spark.master: 'localhost' is not a master. Write local[*], local[2], spark://"),
        ("spark.master", "sc://host", "'sc://host' is not a master"),
        ("spark.memory", "2 GB", "spark.memory: '2 GB' is not an amount of memory. Write it like 900m or 4g"),
        ("spark.worker_memory", 2, "spark.worker_memory"),
        ("spark.partition_activities", 10, "spark.partition_activities must be at least 1000, found 10"),
        ("spark.option", {}, "spark.option is not a setting. Did you mean options?"),
        ("spark.options", {"executor.cores": "2"}, "spark.options"),
    ],
)
def test_a_wrong_setting_is_named(tmp_path: Path, where: str, value: Any, fault: str) -> None:
    assert fault in "\n".join(faults(tmp_path, changed(where, value)))


@pytest.mark.parametrize("master", ["local", "local[*]", "local[4]", "spark://h:7077", "yarn", "k8s://https://h:443"])
def test_masters(master: str) -> None:
    assert Spark(master=master).local == master.startswith("local")


def test_options_are_texts_as_spark_wants_them() -> None:
    options = {"spark.executor.instances": 8, "spark.speculation": True, "spark.executor.cores": "4"}
    assert Spark.model_validate({"options": options}).options == {
        "spark.executor.instances": "8",
        "spark.speculation": "true",
        "spark.executor.cores": "4",
    }


def test_amounts() -> None:
    assert (size_bytes("900m"), size_bytes("4g")) == (900 << 20, 4 << 30)
