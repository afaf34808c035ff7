"""Spark on two workers gives the numbers of the local engine, bit by bit, and leaves nothing behind."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pyarrow as pa
import pytest

from features.windows import DAY_US, midnight
from models.errors import ModelError
from pipelines.engines import duckdb, spark
from pipelines.engines.duckdb import Partition
from pipelines.engines.spark_session import session
from pipelines.runtime.errors import ChurnError
from pipelines.runtime.files import digest_of, write_parquet
from pipelines.stages.build_features import build
from pipelines.stages.score_customers import Places, score_customers
from tests.features.oracle import Did
from tests.features.streams_for_tests import MAIN
from tests.pipelines import model_folders_for_tests as folders
from tests.pipelines.activity_folders import settings_with, write_stream
from tests.pipelines.model_folders_for_tests import Folders
from tests.pipelines.spark_for_tests import on_spark, require_spark
from tests.pipelines.test_duckdb_engine import ORDER, shop

require_spark()
pytestmark = [pytest.mark.java, pytest.mark.slow]
BERLIN = settings_with(timezone="Europe/Berlin")


@pytest.fixture(autouse=True)
def nothing_is_left_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The present folder and that of temporary files are empty afterwards: no warehouse, no metastore, no blocks."""
    here, temporary = tmp_path / "here", tmp_path / "temporary"
    here.mkdir()
    temporary.mkdir()
    monkeypatch.chdir(here)
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    yield
    assert [path.name for folder in (here, temporary) for path in folder.iterdir()] == []


def equal(one: list[Partition], other: list[Partition]) -> None:
    assert len(one) == len(other)
    for mine, theirs in zip(one, other, strict=True):
        assert mine.customer_ids == theirs.customer_ids
        for block, again in zip(mine.blocks, theirs.blocks, strict=True):
            np.testing.assert_array_equal(block.rows, again.rows)
            np.testing.assert_array_equal(block.numbers, again.numbers)


def test_every_number_is_the_local_engines_also_with_late_records(tmp_path: Path) -> None:
    stream = [*shop(60, 4000), *(Did(name, MAIN, midnight("2017-11-01", "UTC"), 1.0) for name in ("é", "Z", "~"))]
    local = write_stream(tmp_path / "local", stream, "Europe/Berlin") / "activity"
    awkward = tmp_path / "a [b] {c,d}*?"
    shutil.copytree(local, awkward)
    order, told = replace(ORDER, partition_customers=13), list[tuple[int, int]]()
    settings = on_spark(BERLIN, partition_activities=1000)
    found = list(spark.features_of(awkward, order, settings.spark, on_progress=lambda *done: told.append(done)))
    equal(found, list(duckdb.features_of(local, order)))
    assert told == [(13, 63), (26, 63), (39, 63), (52, 63), (63, 63)]


def test_a_customer_with_most_of_the_activities_is_worked_on_or_refused_before_the_work(tmp_path: Path) -> None:
    chance, end = np.random.default_rng(1), midnight("2017-12-04", "UTC")
    times = pa.array(np.sort(end - chance.integers(1, 500 * DAY_US, 320_000)), pa.timestamp("us", "UTC"))
    whose = np.where(chance.random(320_000) < 0.7, "00007", chance.integers(10_000, 12_000, 320_000).astype(str))
    cents = chance.integers(0, 9999, 320_000) / 100
    columns = {"customer_id": whose, "occurred_at": times, "activity": [MAIN] * 320_000, "value": cents}
    columns |= {"activity_id": np.arange(320_000).astype(str), "quantity": cents, "detail": whose}
    columns["recorded_at"] = pa.nulls(320_000, times.type)
    write_parquet(tmp_path / "activity" / "all.parquet", pa.table(columns))
    order = replace(ORDER, has_recorded_at=False, has_removed_at=False)
    settings = on_spark(BERLIN, partition_activities=50_000)
    found = list(spark.features_of(tmp_path / "activity", order, settings.spark))
    equal(found, list(duckdb.features_of(tmp_path / "activity", order)))
    with pytest.raises(
        ChurnError, match=r"customer '00007' has 22\d,\d{3} of 320,000 activities.*Nothing was computed"
    ):
        list(spark.features_of(tmp_path / "activity", order, on_spark(BERLIN, worker_memory="300m").spark))


@pytest.fixture
def activity(tmp_path: Path) -> Path:
    folder = write_stream(tmp_path / "activity", shop(60, 3000), "Europe/Berlin")
    ids = [f"{number:05d}" for number in range(50)]
    write_parquet(folder / "customers.parquet", pa.table({"customer_id": ids, "age": ["35-44", None] * 25}))
    return folder


@pytest.mark.parametrize("branch", ["train", "score"])
def test_the_stage_writes_the_same_bytes(activity: Path, tmp_path: Path, branch: str) -> None:
    settings = settings_with(timezone="Europe/Berlin", features={"attributes": ["age"]})
    build(settings, branch, activity, tmp_path / "duckdb")
    build(on_spark(settings, partition_activities=1000), branch, activity, tmp_path / "spark")
    assert digest_of(tmp_path / "spark") == digest_of(tmp_path / "duckdb")


def test_what_the_kernel_says_against_the_data_is_said_without_javas_words(activity: Path, tmp_path: Path) -> None:
    stream = [*shop(9, 200), Did("00003", MAIN, midnight("2017-11-01", "UTC"), 3e12)]
    folder = write_stream(tmp_path / "wrong", stream, "Europe/Berlin")
    with pytest.raises(ChurnError) as problem:
        build(on_spark(BERLIN), "score", folder, tmp_path / "out")
    (fault,) = problem.value.faults
    assert fault.startswith("activity: a value of 3e+12 was found; allowed are numbers between -1e12 and 1e12. Mend")
    assert not (tmp_path / "out").exists()
    with pytest.raises(ChurnError, match="Spark could not do the work"):
        list(spark.features_of(tmp_path / "no such folder", ORDER, on_spark(BERLIN).spark))


@pytest.fixture
def places(trained_folders: Folders, tmp_path: Path) -> Places:
    read, model = trained_folders, trained_folders.model / "shipped"
    return Places(read.score_activity, read.score_features, model, tmp_path / "scores", tmp_path / "report.json")


def test_scores_are_those_of_the_model_here_row_by_row(places: Places, tmp_path: Path) -> None:
    here, there = (replace(places, out=tmp_path / f"{name}.parquet") for name in ("duckdb", "spark"))
    local = score_customers(folders.D, folders.settings_with(), here)
    spread = score_customers(folders.D, on_spark(folders.settings_with()), there)
    assert list(spread.columns) == list(local.columns)
    assert spread["customer_id"].tolist() == local["customer_id"].tolist()
    for name in ("churn_probability", "expected_value", "value_at_risk"):
        np.testing.assert_allclose(spread[name], local[name], rtol=1e-9, atol=1e-9)
    assert digest_of(there.out) == digest_of(here.out)


def test_features_that_do_not_fit_the_model_are_said(places: Places, tmp_path: Path) -> None:
    import pyarrow.parquet as pq

    path = f"{folders.AS_OF}.parquet"
    table = pq.read_table(places.features / path)
    shutil.copytree(places.features, tmp_path / "features")
    spoilt = replace(places, features=tmp_path / "features", out=tmp_path / "out.parquet")
    settings = on_spark(folders.settings_with())
    write_parquet(spoilt.features / path, table.drop_columns(["noise_1"]))
    with pytest.raises(ModelError, match="needs a column that is not there: noise_1"):
        score_customers(folders.D, settings, spoilt)
    write_parquet(spoilt.features / path, table.slice(3))
    with pytest.raises(ChurnError, match=r"3 of 250 eligible customers have no features \(c0000, c0001, c0002\)"):
        score_customers(folders.D, settings, spoilt)


ALONE = """
import pathlib, sys
from pipelines.engines import duckdb, spark
from tests.pipelines.test_spark_engine import BERLIN, ORDER, equal, on_spark

options = {"spark.executor.extraJavaOptions": "-Djava.io.tmpdir=" + sys.argv[3]}
settings = on_spark(BERLIN, master=sys.argv[2], memory="600m", partition_activities=1000, options=options)
activity = pathlib.Path(sys.argv[1])
equal(list(spark.features_of(activity, ORDER, settings.spark)), list(duckdb.features_of(activity, ORDER)))
print("equal")
"""


def spark_home(folder: Path) -> Path:
    """Spark as it is installed, in a folder of its own: a cluster on this machine writes its workers' logs there."""
    import pyspark

    folder.mkdir()
    for part in ("bin", "jars", "python"):
        (folder / part).symlink_to(Path(pyspark.__file__).parent / part)
    return folder


def started(tmp_path: Path, master: str, **options: Any) -> subprocess.Popen[str]:
    """The engine in a process of its own, outside of the project's folder."""
    import os

    activity = write_stream(tmp_path / "stream", shop(60, 3000), "Europe/Berlin") / "activity"
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    environment = {**os.environ, "TMPDIR": str(scratch), "SPARK_HOME": str(spark_home(tmp_path / "home"))}
    # Where Python finds the project here is no help to the workers: they must get it from us.
    code = f"import sys; sys.path.insert(0, {str(Path(__file__).parents[2])!r})\n{ALONE}"
    return subprocess.Popen(
        [sys.executable, "-c", code, str(activity), master, str(scratch)],
        cwd=scratch,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        **options,
    )


def test_a_cluster_of_two_workers_gets_the_projects_code_from_us(tmp_path: Path) -> None:
    process = started(tmp_path, "local-cluster[2,1,1024]")
    said, errors = process.communicate(timeout=400)
    assert said.strip() == "equal", errors[-3000:]
    assert errors == ""


def command_of(process: psutil.Process) -> list[str]:
    """A process that has just ended has no command."""
    try:
        return process.cmdline()
    except psutil.NoSuchProcess:
        return []


def test_a_killed_stage_leaves_no_process_behind_and_the_next_one_sweeps_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    process = started(tmp_path, "local[2]")
    children: list[psutil.Process] = []
    while not any("pyspark.daemon" in command_of(child) for child in children):
        assert process.poll() is None
        time.sleep(0.1)
        children = psutil.Process(process.pid).children(recursive=True)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    _, alive = psutil.wait_procs(children, timeout=60)
    assert [child.cmdline() for child in alive] == []

    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "scratch"))
    assert [path.name for path in (tmp_path / "scratch").glob("churn-spark-*")]
    with session(on_spark(BERLIN).spark):
        pass
    assert not [path.name for path in (tmp_path / "scratch").glob("churn-spark-*")]
