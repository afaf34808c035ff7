"""The engine lays the stream out by customer; its numbers are the kernel's, however customers are partitioned."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np
import pytest

from features.windows import DAY_US, midnight
from pipelines.engines import layout
from pipelines.engines.duckdb import FeatureRequest, _customers, _stream, features_of
from pipelines.engines.layout import Bounds
from pipelines.runtime.errors import ChurnError
from tests.features.oracle import Did, number_of, rows_at
from tests.features.streams_for_tests import ACTIVITIES, MAIN, everything
from tests.pipelines.activity_folders import write_stream

pytestmark = pytest.mark.slow

MOMENTS = ("2017-11-06", "2017-10-09")
FEATURES = everything()
ORDER = FeatureRequest(FEATURES, MAIN, MOMENTS, "Europe/Berlin", 365, has_recorded_at=True, has_removed_at=True)


def shop(customers: int, activities: int, seed: int = 1) -> list[Did]:
    chance, end = random.Random(seed), midnight("2017-12-04", "Europe/Berlin")
    stream, late = [], end - 60 * DAY_US  # the last months lack the column
    for _ in range(activities):
        occurred_at = end - chance.randint(1, 500 * DAY_US)
        stream.append(
            Did(
                customer=f"{chance.randrange(customers):05d}",
                activity=chance.choice((*ACTIVITIES, "was_listed")),
                occurred_at=occurred_at,
                value=chance.choice([None, chance.randint(0, 9999) / 100]),
                quantity=chance.choice([None, float(chance.randint(0, 9))]),
                detail=chance.choice([None, "x", "y", "it's"]),
                recorded_at=occurred_at + chance.choice([0, 0, 0, 9 * DAY_US]),
                removed_at=occurred_at + 30 * DAY_US if chance.random() < 0.03 and occurred_at < late else None,
            )
        )
    return stream


def rows(folder: Path, order: FeatureRequest) -> dict[tuple[str, str], list[float]]:
    found: dict[tuple[str, str], list[float]] = {}
    for partition in features_of(folder / "activity", order):
        ids = partition.customer_ids.to_pylist()
        for moment, block in zip(order.moments, partition.blocks, strict=True):
            found |= {(moment, ids[row]): block.numbers[:, i].tolist() for i, row in enumerate(block.rows)}
    return found


def test_the_engine_equals_the_obvious_join(tmp_path: Path) -> None:
    stream = shop(25, 600)
    found = rows(write_stream(tmp_path, stream, "Europe/Berlin"), replace(ORDER, partition_customers=7))
    wanted = [(m, c) for m in MOMENTS for c in rows_at(stream, date.fromisoformat(m), "Europe/Berlin", 365)]
    assert sorted(found) == sorted(wanted)
    for moment, customer in wanted[::5]:
        for feature, number in zip(FEATURES, found[moment, customer], strict=True):
            expected = number_of(feature, stream, customer, date.fromisoformat(moment), "Europe/Berlin", MAIN)
            assert number == pytest.approx(
                expected, rel=2e-6, abs=1e-3 if feature.measure == "value_spread" else 2e-6
            ), feature.name


@pytest.mark.parametrize(("customers", "threads", "on_disk"), [(1, 2, False), (40, 1, False), (13, 2, True)])
def test_partitions_threads_and_spilling_change_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, customers: int, threads: int, on_disk: bool
) -> None:
    folder = write_stream(tmp_path, shop(60, 900), "Europe/Berlin")
    together = rows(folder, ORDER)
    if on_disk:
        monkeypatch.setattr(Bounds, "stream", 0)
    assert rows(folder, replace(ORDER, partition_customers=customers, threads=threads)) == together


def test_a_customer_with_very_many_activities_gets_a_partition_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stream = shop(9, 200)
    stream += [replace(did, customer="00004") for did in shop(9, 300, seed=2)]
    folder = write_stream(tmp_path, stream, "Europe/Berlin")
    together = rows(folder, ORDER)
    monkeypatch.setattr(layout, "PARTITION_ACTIVITIES", 50)
    sizes = [len(partition.customer_ids) for partition in features_of(folder / "activity", ORDER)]
    assert sum(sizes) == 9
    assert 1 in sizes
    assert rows(folder, ORDER) == together


@pytest.mark.parametrize("name", ["data [2017]", "all*", "why?", "it's"])
def test_no_character_of_a_folder_is_a_wildcard(name: str, tmp_path: Path) -> None:
    stream = shop(5, 40)
    plain = rows(write_stream(tmp_path / "plain", stream, "Europe/Berlin"), ORDER)
    assert rows(write_stream(tmp_path / name, stream, "Europe/Berlin"), ORDER) == plain


def test_the_stream_is_laid_out_in_the_same_order_every_time(tmp_path: Path) -> None:
    """Values of one day add up to the last bit only in the same order; threads would hand them over in another one."""
    import duckdb

    folder = write_stream(tmp_path, shop(50, 20_000), "Europe/Berlin") / "activity"
    orders = set()
    for _ in range(5):
        with duckdb.connect(config={"threads": 2}) as connection:
            _customers(connection, folder, ORDER)
            orders.add(tuple(tuple(batch["occurred_at"].to_pylist()) for batch in _stream(connection, folder, ORDER)))
    assert len(orders) == 1


def test_customers_come_in_order_of_their_text(tmp_path: Path) -> None:
    ids = ["10", "9", "é", "Z", "a", "009"]
    stream = [Did(customer, MAIN, midnight("2017-11-01", "UTC") + i) for i, customer in enumerate(ids)]
    order = replace(ORDER, partition_customers=2, moments=("2017-11-06",), has_removed_at=False)
    assert [customer for _, customer in rows(write_stream(tmp_path, stream), order)] == sorted(ids)


def test_progress_ends_with_everybody(tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []
    folder = write_stream(tmp_path, shop(30, 300))
    for _ in features_of(
        folder / "activity", replace(ORDER, partition_customers=8), on_progress=lambda *done: told.append(done)
    ):
        pass
    assert told == [(8, 30), (16, 30), (24, 30), (30, 30)]


def test_an_unreadable_stream_is_said_in_words(tmp_path: Path) -> None:
    (tmp_path / "2017-11.parquet").write_bytes(b"PAR1 no more")
    with pytest.raises(ChurnError, match="the stream could not be laid out by customer"):
        list(features_of(tmp_path, ORDER))


def test_money_is_what_it_was_in_single_precision(tmp_path: Path) -> None:
    stream = [Did("a", MAIN, midnight("2017-11-01", "UTC") + i, 99_999.99) for i in range(100)]
    row = rows(write_stream(tmp_path, stream), replace(ORDER, moments=("2017-11-06",), has_removed_at=False))[
        "2017-11-06", "a"
    ]
    names = [feature.name for feature in FEATURES]
    assert row[names.index("placed_order_total_value_7d")] == np.float32(9_999_999.0)
