"""Memory is bounded by engine_memory; too little of it, or of the disk, ends in words and leaves nothing behind."""

from __future__ import annotations

import gc
import os
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from features.windows import DAY_US, midnight
from pipelines.engines import layout
from pipelines.engines.duckdb import features_of
from pipelines.engines.layout import MB, Bounds, Layout, cuts_of
from pipelines.runtime.errors import ChurnError
from pipelines.runtime.files import digest_of
from pipelines.stages.build_features import build
from tests.features.oracle import Did
from tests.pipelines.activity_folders import settings_with, write_stream
from tests.pipelines.test_duckdb_engine import ORDER, shop

pytestmark = pytest.mark.slow

END = midnight("2017-12-04", "UTC")


@pytest.fixture
def activity(tmp_path: Path) -> Path:
    return write_stream(tmp_path / "activity", shop(80, 2500))


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of one megabyte."""
    place = tmp_path / "disk"
    place.mkdir()
    mounted = (
        os.geteuid() == 0
        and not subprocess.run(
            ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(place)], capture_output=True
        ).returncode
    )
    if not mounted:
        pytest.skip("a small disk can be mounted by root only: run the tests as root to see a full disk")
    yield place
    subprocess.run(["umount", str(place)], check=True)


def test_little_memory_gives_the_same_numbers(activity: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Bounds, "stream", 0)
    monkeypatch.setattr(layout, "BYTES_PER_ACTIVITY", 300_000)
    found = [
        np.concatenate(
            [block.numbers for part in features_of(activity / "activity", order) for block in part.blocks[:1]], 1
        )
        for order in (replace(ORDER, memory=4 << 30), replace(ORDER, memory=256 << 20))
    ]
    np.testing.assert_array_equal(found[0], found[1])


def test_what_does_not_fit_lies_beside_the_output_and_is_gone_afterwards(
    activity: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[Path] = []
    begun = Layout.__init__

    def watched(self: Layout, *given: object) -> None:
        begun(self, *given)  # type: ignore[arg-type]
        seen.extend(path for path in tmp_path.rglob("occurred_at"))

    monkeypatch.setattr(Layout, "__init__", watched)
    monkeypatch.setattr(Bounds, "stream", 0)
    build(settings_with(), "train", activity, tmp_path / "features" / "train")
    assert [path.relative_to(tmp_path).parts[0] for path in seen] == ["features"]
    assert [path.name for path in (tmp_path / "features").iterdir()] == ["train"]
    assert all(path.suffix in (".parquet", ".json") for path in (tmp_path / "features" / "train").iterdir())


def test_a_customer_too_large_for_the_memory_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stream = [Did("whale", "placed_order", END - (i + 1) * DAY_US // 9) for i in range(500)]
    folder = write_stream(tmp_path / "activity", [*stream, Did("minnow", "placed_order", END - DAY_US)])
    monkeypatch.setattr(layout, "BYTES_PER_ACTIVITY", MB)
    little = settings_with().model_copy(update={"engine_memory": "256MB"})
    with pytest.raises(
        ChurnError, match=r"engine_memory 256MB is too small: customer whale has 500 activities.*at least 1,5"
    ):
        build(little, "score", folder, tmp_path / "out" / "score")
    assert list((tmp_path / "out").iterdir()) == []


def test_a_memory_too_small_for_the_database_is_said(
    activity: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Bounds, "duckdb", MB)
    with pytest.raises(ChurnError, match=r"engine_memory 4,096MB is too small for .*Raise it\. Nothing was kept\."):
        build(settings_with(), "score", activity, tmp_path / "out" / "score")
    assert list((tmp_path / "out").iterdir()) == []


def test_a_full_disk_keeps_what_was_there_before(
    activity: Path, small_disk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = small_disk / "score"
    few = write_stream(small_disk.parent / "few", shop(3, 40))
    build(settings_with(), "score", few, out)
    before = digest_of(out)
    with pytest.raises(
        ChurnError, match=r"the features could not be written: .*No space left on device.*Nothing was kept"
    ):
        build(settings_with(), "train", write_stream(small_disk.parent / "many", shop(900, 4000)), out)
    assert (digest_of(out), [path.name for path in small_disk.iterdir()]) == (before, ["score"])
    monkeypatch.setattr(Bounds, "stream", 0)
    gc.collect()  # what was being written is closed only now
    free = os.statvfs(small_disk)
    (small_disk / "ballast").write_bytes(bytes(free.f_bavail * free.f_frsize - 40_000))
    with pytest.raises(ChurnError, match="the disk is full: the stream does not fit into engine_memory 4,096MB"):
        build(settings_with(), "score", write_stream(small_disk.parent / "long", shop(9, 4000)), out)
    assert (digest_of(out), sorted(path.name for path in small_disk.iterdir())) == (before, ["ballast", "score"])


def test_the_memory_is_divided() -> None:
    bounds = Bounds(memory=3 << 30, threads=2, bytes_per_customer=1 << 20)
    assert bounds.duckdb + bounds.stream + 4 * bounds.partition == 3 << 30
    assert bounds.customers(8192) == 128
    assert bounds.activities * layout.BYTES_PER_ACTIVITY <= bounds.partition
    bounds.require(np.array([1]), pa.array(["a"]))


@pytest.mark.parametrize(
    ("counts", "customers", "activities", "cuts"),
    [
        ([], 2, 10, [0]),
        ([1, 1, 1], 2, 10, [0, 2, 3]),
        ([9, 9, 1, 1], 9, 10, [0, 1, 3, 4]),
        ([99, 1], 9, 10, [0, 1, 2]),
    ],
)
def test_partitions_are_bounded_in_customers_and_in_activities(
    counts: list[int], customers: int, activities: int, cuts: list[int]
) -> None:
    assert cuts_of(np.array(counts, dtype=np.int64), customers, activities).tolist() == cuts
