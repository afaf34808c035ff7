"""What a worker does, and how much of it each gets. No Java is needed here."""

from __future__ import annotations

from dataclasses import replace

import pyarrow as pa
import pytest

from pipelines.engines import spark_worker
from pipelines.engines.spark import Stream
from pipelines.runtime.errors import ChurnError
from pipelines.settings.spark import Spark
from tests.pipelines.test_duckdb_engine import ORDER

LARGE = Stream(activities=10_000_000, customers=500_000, largest=1_000_000, largest_customer="00042")


def batches(customers: str, size: int) -> list[pa.RecordBatch]:
    table = pa.table({"customer_id": list(customers), "place": range(len(customers))})
    return table.to_batches(max_chunksize=size)


@pytest.mark.parametrize("size", [1, 2, 3, 100])
@pytest.mark.parametrize(
    ("customers", "activities", "at_most", "pieces"),
    [
        ("aabbbc", 100, 100, ["aabbbc"]),
        ("aabbbc", 100, 2, ["aabbb", "c"]),
        ("abcdefg", 100, 3, ["abc", "def", "g"]),
        ("aaaaaaaa", 3, 3, ["aaaaaaaa"]),
        ("", 3, 3, []),
    ],
)
def test_pieces_hold_whole_customers_in_order(
    monkeypatch: pytest.MonkeyPatch, size: int, customers: str, activities: int, at_most: int, pieces: list[str]
) -> None:
    monkeypatch.setattr(spark_worker, "PIECE_ACTIVITIES", activities)
    monkeypatch.setattr(spark_worker, "PIECE_CUSTOMERS", at_most)
    found = list(spark_worker.whole_customers(batches(customers, size)))
    assert ["".join(piece["customer_id"].to_pylist()) for piece in found] == pieces
    assert [place for piece in found for place in piece["place"].to_pylist()] == list(range(len(customers)))


def test_a_piece_ends_between_customers_and_not_far_above_its_size(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spark_worker, "PIECE_ACTIVITIES", 4)
    found = [piece["customer_id"].to_pylist() for piece in spark_worker.whole_customers(batches("aabbbbbbbccdde", 2))]
    assert found == [["a"] * 2, ["b"] * 7, ["c"] * 2 + ["d"] * 2, ["e"]]


@pytest.mark.parametrize(
    ("settings", "moments", "tasks", "partitions"),
    [
        (Spark(), 1, 2, 10),  # by activities: 10 of a million
        (Spark(partition_activities=100_000), 1, 2, 100),
        (Spark(), 1, 64, 64),  # one for every task that can run at once
        (Spark(), 12, 2, 34),  # by what a partition sends back: 500,000 customers x 12 x 185 x 4 bytes / 128 MB
    ],
)
def test_how_partitions_are_sized(settings: Spark, moments: int, tasks: int, partitions: int) -> None:
    order = replace(ORDER, features=ORDER.features[:185], moments=("2017-12-04",) * moments)
    assert LARGE.partitions(order, settings, tasks) == partitions
    assert replace(LARGE, customers=3).partitions(order, settings, tasks) == 3


def test_a_customer_who_does_not_fit_into_a_worker_is_refused_in_words() -> None:
    LARGE.require_fits(Spark())
    with pytest.raises(ChurnError, match="customer '00042' has 1,000,000 of 10,000,000 activities") as problem:
        LARGE.require_fits(Spark(worker_memory="512m"))
    for words in ("about 676 MB", "spark.worker_memory in params.yaml is 512m. Raise it", "Nothing was computed"):
        assert words in str(problem.value)
