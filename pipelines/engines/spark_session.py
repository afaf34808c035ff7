"""A Spark session for one job: UTC, quiet, no web page, temporary files removed; and what this machine lacks for one.

The project's three packages travel to the workers as a zip, so that the same code runs there. The Java process ends
with ours, however we end: it reads from a pipe that only we hold open.
"""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
import sys
import tempfile
import warnings
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil

from pipelines.runtime.errors import USER_ERRORS, ChurnError
from pipelines.settings.spark import Spark, size_bytes

LEAST_JAVA = 17
PACKAGES = ("features", "models", "pipelines")
SCRATCH = "churn-spark-"
ROOT = Path(__file__).resolve().parents[2]


def missing_requirements(engine: str) -> list[str]:
    """What `engine: spark` needs and this machine lacks, one line each; nothing for another engine."""
    if engine != "spark":
        return []
    faults = []
    if importlib.util.find_spec("pyspark") is None:
        faults.append(
            "pyspark is not installed: make setup EXTRAS=spark, or .venv/bin/pip install --editable '.[spark]'"
        )
    java = java_version()
    if java is None or java < LEAST_JAVA:
        found = "there is no Java" if java is None else f"Java {java} is too old"
        faults.append(f"{found}: install Java 17 (Debian: apt-get install default-jre-headless) or set JAVA_HOME")
    return [f"params.yaml: engine: spark needs more than is here: {fault}. Or set engine: duckdb." for fault in faults]


def java_version() -> int | None:
    """The major version of the Java that Spark would start; None where there is none."""
    home = os.environ.get("JAVA_HOME")
    java = str(Path(home, "bin", "java")) if home else shutil.which("java")
    if java is None or not Path(java).exists():
        return None
    output = subprocess.run([java, "-version"], capture_output=True, text=True, check=False).stderr
    version = re.search(r'version "(?:1\.)?(\d+)', output)
    return int(version[1]) if version else None


@contextmanager
def session(settings: Spark) -> Iterator[Any]:
    """A SparkSession, stopped at the end of the block.

    Raises:
        ChurnError: pyspark or Java is missing, Spark did not start, or work inside the block failed on Spark; a
            worker's own error message is passed on.
    """
    faults = missing_requirements("spark")
    if faults:
        raise ChurnError(*faults)
    _remove_leftovers()
    with tempfile.TemporaryDirectory(prefix=f"{SCRATCH}{os.getpid()}-", ignore_cleanup_errors=True) as name:
        scratch = Path(name)
        spark = _start(settings, scratch)
        try:
            if "spark.sql.shuffle.partitions" not in settings.options:
                spark.conf.set("spark.sql.shuffle.partitions", str(4 * spark.sparkContext.defaultParallelism))
            spark.sparkContext.addPyFile(str(zip_packages(scratch / "churn_pipeline.zip")))
            yield spark
        except Exception as error:
            translated = _translated(error)
            if translated is None:
                raise
            raise translated from error
        finally:
            spark.stop()


def _remove_leftovers() -> None:
    """Remove what killed processes left in the folder of temporary files."""
    for left in Path(tempfile.gettempdir()).glob(f"{SCRATCH}*-*"):
        owner = left.name.removeprefix(SCRATCH).split("-")[0]
        if owner.isdigit() and not psutil.pid_exists(int(owner)):
            shutil.rmtree(left, ignore_errors=True)


def _start(settings: Spark, scratch: Path) -> Any:
    """Start Spark. Java's output goes into a file, of which the errors are shown if it does not start."""
    from pyspark.sql import SparkSession

    builder = SparkSession.builder
    for key, value in options_of(settings, scratch).items():
        builder = builder.config(key, value)
    os.environ["PYSPARK_PYTHON"] = settings.python or sys.executable
    log = scratch / "spark.log"
    try:
        # A fork before Java starts is safe here; Python 3.12 warns of it where threads are about.
        with _stderr_to(log), warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            return builder.getOrCreate()
    except Exception as error:
        errors = [line for line in log.read_text(errors="replace").splitlines() if re.search("rror|xception", line)]
        raise ChurnError(
            f"Spark did not start on {settings.master}. Check spark.master and spark.memory in params.yaml. "
            + " ".join(errors[:2] or [str(error).strip().splitlines()[0]])
        ) from error


def options_of(settings: Spark, scratch: Path) -> dict[str, str]:
    """Every option of Spark; those under `options` win."""
    memory = size_bytes(settings.worker_memory) * int(settings.options.get("spark.executor.cores", "1"))
    loopback = {"spark.driver.host": "127.0.0.1", "spark.driver.bindAddress": "127.0.0.1"} if settings.local else {}
    heap = "driver" if settings.local and not settings.master.startswith("local-cluster") else "executor"
    return {
        "spark.app.name": "churn",
        "spark.master": settings.master,
        f"spark.{heap}.memory": settings.memory,
        "spark.executor.memoryOverhead": f"{memory >> 20}m",  # Python lives beside the heap
        **loopback,
        "spark.driver.maxResultSize": "0",  # results are bounded by the size of a partition
        "spark.local.dir": str(scratch / "local"),
        "spark.sql.adaptive.enabled": "false",  # partitions are sized before the work begins
        "spark.sql.catalogImplementation": "in-memory",
        "spark.sql.execution.arrow.maxRecordsPerBatch": "65536",
        "spark.sql.files.maxPartitionBytes": "32m",
        "spark.sql.files.minPartitionNum": "1",  # the same splits on any number of cores
        "spark.sql.session.timeZone": "UTC",
        "spark.sql.warehouse.dir": str(scratch / "warehouse"),
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
        **settings.options,
    }


def spark_path(path: Path) -> str:
    """A path as Spark reads it: of this file system, and no character of it a wildcard."""
    return "file://" + re.sub(r"([\\{}\[\]*?])", r"\\\1", str(path.resolve()))


def map_in_arrow(frame: Any, work: Callable[..., Any], schema: Any) -> Any:
    """`frame.mapInArrow(work, schema)` with an Arrow schema: batches go to the workers and come back as Arrow."""
    from pyspark.sql.pandas.types import from_arrow_schema

    with warnings.catch_warnings():  # of pandas 3, which nothing here passes through
        warnings.filterwarnings("ignore", "PySpark does not yet fully support pandas", FutureWarning)
        return frame.mapInArrow(work, from_arrow_schema(schema))


@contextmanager
def _stderr_to(log: Path) -> Iterator[None]:
    """A process started in the block writes its standard error, for as long as it lives, into a file."""
    sys.stderr.flush()
    stderr = os.dup(2)
    try:
        with log.open("ab") as file:
            os.dup2(file.fileno(), 2)
            yield
    finally:
        os.dup2(stderr, 2)
        os.close(stderr)


def zip_packages(path: Path) -> Path:
    """Write the Python files of the three packages as one zip, the same bytes for the same code."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for module in sorted(module for package in PACKAGES for module in (ROOT / package).rglob("*.py")):
            entry = zipfile.ZipInfo(module.relative_to(ROOT).as_posix(), (1980, 1, 1, 0, 0, 0))
            archive.writestr(entry, module.read_bytes())
    return path


def _translated(error: Exception) -> ChurnError | None:
    """A worker's FeatureError or ModelError as a ChurnError; Spark's own errors by their cause; None for others."""
    from py4j.protocol import Py4JError
    from pyspark.errors import PySparkException

    if not isinstance(error, Py4JError | PySparkException):
        return None
    text = str(error)
    names = "|".join(error_class.__name__ for error_class in USER_ERRORS)
    end = r"(?:\n\s*\n|\n\s+at |\nDriver stacktrace|\Z)"
    message = re.search(rf"\n(?:\w+\.)+(?:{names}): (.+?){end}", text, re.DOTALL)
    if message:
        return ChurnError(*message[1].strip().splitlines())
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    cause = next((line for line in reversed(lines) if re.search(r"(?:Error|Exception): ", line)), lines[0])
    return ChurnError(f"Spark could not do the work. {cause}")
