"""The protocol keeps its own law: what follows the moment changes no score."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from tests.benchmarks.made_up_stream import stream
from tests.benchmarks.quality_stream import Stream, backtest_of

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore::DeprecationWarning")]
UNTIL = "2020-12-01"
SEARCH = {"trials": 0}


@pytest.fixture(autouse=True)
def here() -> Iterator[None]:
    before = Path.cwd()
    yield
    os.chdir(before)


def judged(path: Path, table: pa.Table, folder: Path) -> tuple[Stream, list[float], str]:
    pq.write_table(table, path)
    found = Stream(path, "placed_order", UNTIL, 28, 56)
    folder.mkdir()
    metrics = found.train(folder, SEARCH)
    return found, found.score(folder, SEARCH)["churn_probability"].tolist(), backtest_of(metrics)


def test_what_follows_changes_no_score_and_no_backtest(tmp_path: Path) -> None:
    whole = stream("daily", customers=250)
    known = whole.filter(pc.less(whole["occurred_at"], pa.scalar(f"{UNTIL} 00:00:00").cast(pa.timestamp("us")).cast(
        pa.timestamp("us", tz="UTC"))))  # fmt: skip
    assert len(known) < len(whole)
    first, scores, told = judged(tmp_path / "whole.parquet", whole, tmp_path / "one")
    second, again, told_again = judged(tmp_path / "known.parquet", known, tmp_path / "two")
    assert (scores, told) == (again, told_again)
    assert second.what_followed() == set()
    assert 50 < len(first.what_followed()) < 250
    assert told.count("\n") >= 8
    assert "bg_nbd" in told
