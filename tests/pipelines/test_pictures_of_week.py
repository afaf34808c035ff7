from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from features.activity import ACTIVITY_SCHEMA
from pipelines.rendering.chart_data import read_week, timelines_and_cohorts
from tests.pipelines.lists_for_tests import METRICS, moment

Rows = list[tuple[str, str, str]]

STREAM: Rows = [  # customer, day, activity; the list is for 2024-03-04
    ("anna", "2023-12-05", "placed_order"),
    ("anna", "2024-02-27", "placed_order"),
    ("anna", "2024-03-03", "placed_order"),
    ("anna", "2024-03-03", "visited_site"),
    ("ben", "2023-12-20", "placed_order"),
    ("carl", "2022-01-01", "placed_order"),  # came before the twelve months: in no cohort
    ("carl", "2024-01-15", "placed_order"),
    ("dora", "2024-01-01", "placed_order"),
    ("dora", "2024-02-01", "placed_order"),
    ("emil", "2024-02-02", "visited_site"),  # never did what customers do
]


def stream(folder: Path, rows: Rows, *, dictionaries: bool = True) -> Path:
    """One file per month, as `pull_activity` writes them."""
    for month in sorted({day[:7] for _, day, _ in rows}):
        found = [one for one in rows if one[1].startswith(month)]
        columns: dict[str, Any] = {name: [None] * len(found) for name in ACTIVITY_SCHEMA.names}
        columns["activity_id"] = [f"{month}-{place}" for place in range(len(found))]
        columns["customer_id"] = [one[0] for one in found]
        columns["occurred_at"] = [datetime.fromisoformat(one[1]).replace(hour=12, tzinfo=UTC) for one in found]
        columns["activity"] = [one[2] for one in found]
        folder.mkdir(exist_ok=True)
        table = pa.Table.from_pydict(columns, schema=ACTIVITY_SCHEMA)
        pq.write_table(table, folder / f"{month}.parquet", use_dictionary=dictionaries)
    return folder


@pytest.mark.parametrize("dictionaries", [True, False])
def test_the_weeks_of_whoever_is_listed(tmp_path: Path, dictionaries: bool) -> None:
    folder = stream(tmp_path / "activity", STREAM, dictionaries=dictionaries)
    timelines, _ = timelines_and_cohorts(folder, ["dora", "anna", "nobody"], moment())
    assert list(timelines) == ["dora", "anna", "nobody"]
    assert timelines["anna"][-1] == 2
    assert timelines["anna"][-2] == 0
    assert (sum(timelines["anna"]), sum(timelines["dora"]), sum(timelines["nobody"])) == (3, 2, 0)


def test_cohorts_are_of_everyone_listed_or_not(tmp_path: Path) -> None:
    _, cohorts = timelines_and_cohorts(stream(tmp_path / "activity", STREAM), [], moment())
    assert cohorts is not None
    found = {
        month: (size, active) for month, size, active in zip(cohorts.months, cohorts.sizes, cohorts.active, strict=True)
    }
    assert found["2023-12-01"] == (2, (2, 0, 1))
    assert found["2024-01-01"] == (1, (1, 1))
    assert sum(cohorts.sizes) == 3
    assert "2024-03-01" not in cohorts.months


@pytest.mark.parametrize("rows", [[], STREAM[:1], STREAM[4:5]])
def test_too_little_makes_no_triangle(tmp_path: Path, rows: Rows) -> None:
    folder = stream(tmp_path / "activity", rows) if rows else tmp_path
    timelines, cohorts = timelines_and_cohorts(folder, ["anna"], moment())
    assert cohorts is None
    assert len(timelines["anna"]) == 52


def test_the_order_of_files_and_rows_changes_nothing(tmp_path: Path) -> None:
    assert timelines_and_cohorts(stream(tmp_path / "a", STREAM), ["anna"], moment()) == (
        timelines_and_cohorts(stream(tmp_path / "b", STREAM[::-1]), ["anna"], moment())
    )


def test_where_the_data_begins_and_ends_and_what_was_promised(tmp_path: Path) -> None:
    facts = {
        "activities": {"placed_order": {"first": "2022-01-01T12:00:00.000000Z", "last": "2024-03-03T23:30:00.000000Z"}}
    }
    week = read_week(stream(tmp_path / "activity", STREAM), ["anna"], moment(), facts=facts, metrics=METRICS)
    assert (week.first_month, week.data_end) == ("2022-01-01", "2024-03-03")
    assert len(week.calibration) == 10
    bangkok = replace(moment(), timezone="Asia/Bangkok")
    assert read_week(tmp_path / "activity", ["anna"], bangkok, facts=facts).data_end == "2024-03-04"
    unknown = read_week(tmp_path / "activity", ["anna"], moment())
    assert (unknown.first_month, unknown.data_end, unknown.calibration) == ("", "", ())
