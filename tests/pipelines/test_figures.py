"""The figures against the rows that they stand for: counted by the engine or judged row by row, one verdict."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from features.expectations import features_suite
from features.judging import judge
from pipelines.checks.figures import OFFENDERS_SHOWN, Rule, Table, duplicate_keys, out_of_bounds, unusable
from pipelines.runtime.sql import quoted

pytestmark = pytest.mark.slow

COLUMNS: list[dict[str, Any]] = [
    {"name": "orders", "low": 0.0, "high": None},
    {"name": "share", "low": 0.0, "high": 1.0},
    {"name": "trend", "low": None, "high": 2.0},
]
WANTED = {"customer_id": pa.string(), **{str(column["name"]): pa.float32() for column in COLUMNS}}


def rows(seed: int, n: int = 200) -> pd.DataFrame:
    """Rows of which a few, or none, are spoilt in some way."""
    random = np.random.default_rng(seed)
    frame = pd.DataFrame({"orders": random.poisson(3, n), "share": random.random(n), "trend": random.uniform(-2, 2, n)})
    frame = frame.astype("float32")
    for column in frame:
        if random.random() < 0.6:
            bad = random.choice([np.nan, -0.5, 1.5, 2.5, 3.0])
            frame.loc[random.integers(0, n, random.integers(1, 4)), column] = bad
    frame.insert(0, "customer_id", [f"c{i:03d}" for i in range(n)])
    return frame


def in_files(frame: pd.DataFrame, folder: Path, parts: int = 3) -> list[Path]:
    for part, places in enumerate(np.array_split(np.arange(len(frame)), parts)):
        schema = pa.schema(list(WANTED.items()))
        table = pa.Table.from_pandas(frame.iloc[places], schema=schema, preserve_index=False)
        pq.write_table(table, folder / f"part-{part}.parquet")
    return sorted(folder.iterdir())


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("by_file", [True, False])
def test_one_suite_gives_one_verdict_on_the_rows_and_on_their_figures(seed: int, by_file: bool, tmp_path: Path) -> None:
    frame = rows(seed)
    figures = Table(WANTED, ["customer_id"], files=in_files(frame, tmp_path), by_file=by_file).figures({})
    verdicts = []
    for table in (frame, figures):
        judged = judge(features_suite(COLUMNS, [], "2024-01-01"), table)
        verdicts.append({v.statement: v.passed for v in judged if v.column in ("orders", "share", "trend")})
    assert verdicts[0] == verdicts[1]
    assert len(verdicts[0]) == 6


def test_figures_by_hand(tmp_path: Path) -> None:
    frame = pd.DataFrame(
        {"customer_id": ["a", "b", "b", "d"], "orders": [1, 2, np.nan, 4], "share": 0.5, "trend": np.inf}
    )
    table = Table(WANTED, ["customer_id"], files=in_files(frame, tmp_path, 1))
    figures = table.figures({"twice": duplicate_keys("customer_id"), "many": Rule('"orders" >= 2')})
    assert figures["rows"].tolist() == [4.0, 4.0]
    assert figures["twice"].tolist() == [1.0, 1.0]
    assert figures["many"].tolist() == [2.0, 2.0]
    assert figures["customer_id"].tolist() == ["a", "d"]
    assert figures["share"].tolist() == [0.5, 0.5]
    assert figures[["orders", "trend"]].isna().all(axis=None)  # a null in one, infinity in the other


def test_a_file_without_rows_still_has_its_figures(tmp_path: Path) -> None:
    files = in_files(rows(1), tmp_path)
    pq.write_table(pq.read_table(files[1]).slice(0, 0), files[1])
    figures = Table(WANTED, ["customer_id"], files=files, by_file=True).figures({})
    assert figures["rows"].tolist()[2:4] == [0.0, 0.0]
    assert figures["orders"].iloc[2:4].isna().all()


@pytest.mark.parametrize(
    ("rule", "count", "first"),
    [
        (out_of_bounds("share", 0.0, 1.0), 1, {"customer_id": "c3", "found": "1.5"}),
        (out_of_bounds("share", None, None), 0, None),
        (unusable("orders", pa.float32()), 2, {"customer_id": "c1", "found": "null"}),
        (Rule("orders >= 0"), 48, {"customer_id": "c0"}),
    ],
)
def test_offenders_are_named_and_counted(rule: Rule, count: int, first: dict[str, str] | None) -> None:
    orders = pa.array([0.0, None, float("nan"), *[2.0] * 46, -1.0], pa.float32())
    share = pa.array([*[0.5] * 3, 1.5, *[0.5] * 46], pa.float32())
    ids = pa.array([f"c{i}" for i in range(50)])
    frame = pa.table({"customer_id": ids, "orders": orders, "share": share, "trend": orders})
    table = Table(WANTED, ["customer_id"], frame=frame)
    actual = table.offenders(rule)
    # The engine holds that not-a-number is more than any number.
    assert table.count([rule]) == [count]
    assert len(actual) == min(count, OFFENDERS_SHOWN)
    assert actual[:1] == ([first] if first else [])


def test_misfits_and_names_that_need_quoting() -> None:
    frame = pa.table({'we"ird': [1.0], "orders": ["3"], "customer_id": ["a"], "share": pa.array([1.0], pa.float32())})
    table = Table(WANTED, ["customer_id"], frame=frame)
    assert table.schema_differences() == [
        {"column": "orders", "found": "VARCHAR", "allowed": "FLOAT"},
        {"column": "trend", "found": "missing", "allowed": "FLOAT"},
        {"column": 'we"ird', "found": "DOUBLE", "allowed": "no such column"},
    ]
    assert table.figures({})["columns_of_another_type"].tolist() == [1.0, 1.0]
    assert quoted('we"ird') == '"we""ird"'
