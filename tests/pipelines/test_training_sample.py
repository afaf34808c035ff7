"""Whole customers are drawn by a keyed hash: the same every time, fewer of them within more of them."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest

from pipelines.modelling.sample import BYTES_PER_NUMBER, Sample, sample_of
from pipelines.runtime.files import write_parquet

COLUMNS = 10


@pytest.fixture
def labels(tmp_path: Path) -> Path:
    ids = [f"{number:04d}" for number in range(1000)] * 3
    write_parquet(tmp_path / "labels.parquet", pa.table({"customer_id": ids, "churned": [True] * 3000}))
    return tmp_path / "labels.parquet"


def drawn(labels: Path, share: float, seed: int = 7) -> Sample:
    return sample_of(labels, columns=COLUMNS, memory=int(3000 * COLUMNS * BYTES_PER_NUMBER * share), seed=seed)


def ids(sample: Sample) -> set[str]:
    assert sample.customers is not None
    return set(sample.customers.to_pylist())


def test_everybody_is_taken_where_there_is_room(labels: Path) -> None:
    sample = drawn(labels, 1.0)
    assert sample == Sample(None, 1000, 1000)
    assert sample.to_json() == {}
    assert sample.notes("4GB") == []
    assert len(sample.rows(labels)) == 3000


def test_about_so_many_are_drawn_and_the_same_ones_again(labels: Path) -> None:
    half = drawn(labels, 0.5)
    assert 450 < half.taken < 550
    assert ids(half) == ids(drawn(labels, 0.5))
    assert ids(drawn(labels, 0.25)) < ids(half)
    assert ids(half) != ids(drawn(labels, 0.5, seed=8))
    assert half.to_json() == {"sampled_customers": half.taken, "labelled_customers": 1000}


def test_a_customer_is_taken_whole_and_in_the_order_of_the_file(labels: Path) -> None:
    half = drawn(labels, 0.5)
    rows = half.rows(labels)["customer_id"].to_pylist()
    assert rows == sorted(ids(half)) * 3
