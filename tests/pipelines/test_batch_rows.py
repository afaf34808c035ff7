"""Chunks of a table: every row once, in order, whatever the row groups, and none that is done already."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipelines.commands.score.chunks import EligibleIds, EveryRow, RecentlyActive, chunks, missing
from pipelines.runtime.errors import ChurnError

DAY = "2024-12-02"


def write(path: Path, rows: int, group: int) -> Path:
    days = pa.array([DAY] * rows).cast(pa.date32())
    ids, numbers = [f"{number:04d}" for number in range(rows)], pa.array(range(rows), pa.float32())
    table = pa.table({"a": numbers, "as_of": days, "customer_id": ids, "unused": numbers})
    pq.write_table(table, path, row_group_size=group)
    return path


@pytest.mark.parametrize("group", [1, 7, 10, 100])
@pytest.mark.parametrize("size", [1, 10, 33, 100, 1000])
def test_every_row_is_in_one_chunk(tmp_path: Path, group: int, size: int) -> None:
    path = write(tmp_path / "t.parquet", 100, group)
    found = list(chunks(path, ["a"], DAY, size, set()))
    assert [(one.begin, one.end) for one in found] == [(b, min(b + size, 100)) for b in range(0, 100, size)]
    assert [number for one in found for number in one.rows["a"].to_pylist()] == list(range(100))
    assert found[0].rows.column_names == ["customer_id", "as_of", "a"]


@pytest.mark.parametrize("group", [1, 7, 10, 100])
def test_chunks_that_are_done_are_not_read(tmp_path: Path, group: int) -> None:
    path = write(tmp_path / "t.parquet", 100, group)
    found = list(chunks(path, ["a"], DAY, 30, {(0, 30), (60, 90)}))
    assert [(one.begin, one.end) for one in found] == [(30, 60), (90, 100)]
    assert [one.rows["a"].to_pylist() for one in found] == [list(range(30, 60)), list(range(90, 100))]
    assert list(chunks(path, ["a"], DAY, 100, {(0, 100)})) == []


def test_neighbours_that_are_missing_are_read_in_one() -> None:
    assert missing(100, 30, {(0, 30)}) == [(30, 100)]
    assert missing(100, 30, {(30, 60)}) == [(0, 30), (60, 100)]
    assert missing(0, 30, set()) == []


def test_days_and_ids_are_read_as_they_come(tmp_path: Path) -> None:
    stamps = pa.array([1733097600000000] * 2, pa.timestamp("us"))
    pq.write_table(pa.table({"customer_id": [7, 8], "as_of": stamps}), tmp_path / "numbers.parquet")
    (found,) = chunks(tmp_path / "numbers.parquet", [], DAY, 9, set())
    assert found.rows["customer_id"].to_pylist() == ["7", "8"]
    pq.write_table(pa.table({"customer_id": ["a"]}), tmp_path / "undated.parquet")
    (found,) = chunks(tmp_path / "undated.parquet", [], DAY, 9, set())
    assert str(found.rows["as_of"][0]) == DAY
    with pytest.raises(ChurnError, match="holds rows of 2024-12-02, and --as-of is 2024-12-03"):
        list(chunks(tmp_path / "numbers.parquet", [], "2024-12-03", 9, set()))


ROWS = pa.table({"customer_id": ["b", "d", "a", None], "since": pa.array([1.0, 56.0, 57.0, 3.0], pa.float32())})


@pytest.mark.parametrize(
    ("customers", "found"),
    [
        (EligibleIds(["a", "b", "c"]), [True, False, True, False]),
        (EligibleIds([]), [False] * 4),
        (RecentlyActive("since", 56), [True, True, False, True]),
        (EveryRow(), [True] * 4),
    ],
    ids=["by name", "nobody", "by silence", "everybody"],
)
def test_who_is_a_customer(customers: EveryRow, found: list[bool]) -> None:
    assert customers.among(ROWS).to_pylist() == found
    assert customers.among(ROWS.slice(0, 0)).to_pylist() == []
