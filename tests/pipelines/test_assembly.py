"""Months that are taken as they are, and months that are put together: both give what reading everything gives."""

from __future__ import annotations

import shutil
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from features.activity import ACTIVITY_ORDER, ACTIVITY_SCHEMA
from features.windows import midnight
from pipelines.checks.rules import activity_rules
from pipelines.runtime.errors import ChurnError
from pipelines.runtime.files import digest_of, read_json
from pipelines.settings.params import Settings
from pipelines.settings.reading import Reading
from pipelines.settings.row_display import RowDisplay
from pipelines.sources.accounts.losses import record_repeated
from pipelines.sources.accounts.statement import accounts_of, sentences_of
from pipelines.sources.landing import assemble
from pipelines.sources.landing.as_of import cut_as_of
from pipelines.sources.landing.file_summary import (
    ActivitySummary,
    MonthSummary,
    all_sound,
    count_distinct,
    repeated_hashes,
    summarise,
)
from pipelines.sources.landing.month_writer import MonthWriter, write_month
from pipelines.sources.profile import facts_of
from pipelines.sources.registry import read_sources
from pipelines.sources.stream import as_stored, connect, months
from pipelines.stages import pull_activity
from pipelines.stages.pull_activity import pull

pytestmark = pytest.mark.slow

HEADER = "id,who,at,known,paid\n"
MAPPED = {"activity_id": "id", "customer_id": "who", "occurred_at": "at", "recorded_at": "known", "value": "paid"}


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(pull_activity, "_check", lambda *_: None)
    for name in ("shop", "desk"):
        (tmp_path / name).mkdir()
    return tmp_path


def export(path: str, rows: list[str]) -> None:
    Path(path).write_text(HEADER + "\n".join(rows) + "\n")


def rows_of(first: int, last: int, seed: int = 1) -> list[str]:
    """Rows of half a year in no order, some at the same time."""
    random = np.random.default_rng(seed)
    days = random.integers(0, 180, last)
    return [
        f"{i},c{i % 37},{np.datetime64('2024-01-01') + int(days[i])} {i % 24:02d}:00:00,,{i % 9}"
        for i in range(first, last)
    ]


def settings_of(as_of: str = "2024-07-01", **more: Any) -> Settings:
    def table(name: str, activity: str) -> dict[str, Any]:
        return {"reader": "csv", "path": name, "columns": MAPPED, "activity": activity}

    sources = {"shop": table("shop", "placed_order")} | more.pop("sources", {})
    if any(Path("desk").iterdir()):
        sources["desk"] = table("desk", "contacted_support")
    return Settings.model_validate(
        {
            "sources": sources,
            "observations": {"train": {"until": "2024-01-01"}, "score": {"as_of": as_of}},
            "churn": {
                "silent": {"kind": "silence", "activity": "placed_order", "active_within_days": 56, "horizon_days": 28}
            },
            "at_risk": {"definition": "silent"},
        }
        | more
    )


def pulled(as_of: str = "2024-07-01", landing: str = "landing") -> tuple[str, list[str]]:
    notes = pull(settings_of(as_of), "score", Path("out"), Path("validation/score.json"), Path(landing))
    return digest_of(Path("out")), notes


def the_plain_way(as_of: str = "2024-07-01") -> tuple[dict[str, pa.Table], dict[str, Any], list[str]]:
    """Everything read, cut, sorted and counted by SQL: the oracle."""
    con, settings = connect(), settings_of(as_of)
    moment = midnight(as_of, settings.timezone)
    read_sources(con, Reading.of(settings))
    record_repeated(con, cut_as_of(con, moment, RowDisplay()))
    notes = sentences_of(accounts_of(con, settings.sources))
    return dict(months(con, "known")), facts_of(con, moment), notes


def same_as_the_plain_way(as_of: str = "2024-07-01") -> list[str]:
    digest, notes = pulled(as_of)
    tables, facts, told = the_plain_way(as_of)
    assert sorted(tables) == [path.stem for path in sorted(Path("out/activity").iterdir())]
    for month, table in tables.items():
        assert pq.read_table(f"out/activity/{month}.parquet").equals(as_stored(table))
    found = read_json(Path("out/facts.json"))
    assert {name: found[name] for name in facts} == facts
    assert notes == told
    assert pulled(as_of, f"from nothing {as_of}") == (digest, notes)
    return notes


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The groups of months that were put together, by their keys."""
    keys: list[str] = []

    def noted(original: Any) -> Any:
        def call(con: Any, what: Any, folder: Path, *display: Any, **kept: Any) -> None:
            keys.append(folder.name)
            original(con, what, folder, *display, **kept)

        return call

    for name in ("cut_group", "merge_group"):
        monkeypatch.setattr(assemble, name, noted(getattr(assemble, name)))
    return keys


def test_one_export_in_any_order() -> None:
    export("shop/1.csv", rows_of(0, 2000))
    assert same_as_the_plain_way() == []


def test_several_sources_and_exports_that_come_one_after_the_other(made: list[str]) -> None:
    export("shop/1.csv", rows_of(0, 1500))
    export("desk/1.csv", rows_of(0, 700, seed=2))
    same_as_the_plain_way()
    export("shop/2.csv", ["x1,c1,2024-06-30,,5"])
    made.clear()
    pulled()
    assert len(made) == 1, "the month of the new row"
    same_as_the_plain_way()


def test_overlapping_exports_over_months(made: list[str]) -> None:
    export("shop/1.csv", rows_of(0, 1000))
    export("shop/2.csv", [*rows_of(0, 1000)[900:], "x1,c1,2024-06-30,,5"])
    said = ["sources.shop: placed_order: of 1,101 rows 1,001 became activities; 100 repeated."]
    assert same_as_the_plain_way() == said
    made.clear()
    assert pulled()[1] == said
    assert made == []


def test_a_correction_that_moves_a_row_to_another_month() -> None:
    export("shop/1.csv", ["1,a,2024-01-05,2024-01-06,5", "2,a,2024-01-07,2024-01-07,5", "3,a,2024-02-01,2024-02-01,5"])
    export("shop/2.csv", ["1,a,2024-03-05,2024-03-06,9"])
    same_as_the_plain_way()
    assert [path.stem for path in sorted(Path("out/activity").iterdir())] == ["2024-01", "2024-02", "2024-03"]
    same_as_the_plain_way("2024-03-06")
    assert pq.read_table("out/activity")["value"].to_pylist() == [5.0, 5.0, 5.0], "nobody knew of the correction yet"


@pytest.mark.parametrize("as_of", ["2024-01-01T", "2024-02-15", "2024-03-01", "2024-06-30"])
def test_every_moment_cuts_where_it_lies(as_of: str) -> None:
    export("shop/1.csv", [*rows_of(0, 800), "late,c1,2024-01-20,2024-05-01,3"])
    day = as_of.removesuffix("T")
    if day == "2024-01-01":
        with pytest.raises(ChurnError, match=r"no activity lies before 2024-01-01; .* lie between 2024-01-01 "):
            pulled(day)
        return
    same_as_the_plain_way(day)
    same_as_the_plain_way()


def test_a_landing_store_that_somebody_changed_is_noticed() -> None:
    export("shop/1.csv", rows_of(0, 200))
    pulled()
    before = digest_of(Path("out"))
    path = next(Path("landing/shop").rglob("2024-03.0.parquet"))
    shutil.copyfile(next(Path("landing/shop").rglob("2024-04.0.parquet")), path)
    with pytest.raises(ChurnError, match=r"was changed since it was written\. Delete data/landing"):
        pulled()
    assert digest_of(Path("out")) == before


def test_what_is_no_longer_needed_goes() -> None:
    export("shop/1.csv", rows_of(0, 500))
    export("desk/1.csv", rows_of(0, 500, seed=2))
    pulled()
    kept = {path.name for path in Path("landing/.months/score").iterdir()}
    Path("desk/1.csv").unlink()
    pulled()
    assert len(kept) == 6
    assert not [path for path in Path("landing/.months/score").iterdir() if path.name in kept]


def stream_of(rows: list[dict[str, Any]]) -> pa.Table:
    defaults = {"recorded_at": None, "activity": "placed_order", "value": 1.0, "quantity": None, "detail": None}
    return pa.Table.from_pylist([defaults | row for row in rows], schema=ACTIVITY_SCHEMA)


_GOOD = [
    {"activity_id": str(i), "customer_id": "a", "occurred_at": datetime(2024, 5, 1, i, tzinfo=UTC)} for i in range(3)
]
_AT = "occurred_at"


@pytest.mark.parametrize(
    ("rule", "row"),
    [
        ("rows_without_activity_id", {"activity_id": ""}),
        ("rows_with_repeated_activity_id", {"activity_id": "0"}),
        ("rows_without_customer_id", {"customer_id": ""}),
        ("rows_at_or_after_moment", {_AT: datetime(2024, 5, 31, tzinfo=UTC)}),
        ("rows_recorded_at_or_after_moment", {"recorded_at": datetime(2024, 5, 31, tzinfo=UTC)}),
        ("rows_misnamed", {"activity": "Placed order"}),
        ("rows_with_unusable_value", {"value": float("inf")}),
        ("rows_with_unusable_quantity", {"quantity": float("nan")}),
        ("rows_in_another_month", {_AT: datetime(2024, 4, 30, 23, 59, 59, tzinfo=UTC)}),
    ],
)
def test_no_row_that_breaks_a_rule_passes_at_first_sight(rule: str, row: dict[str, Any], tmp_path: Path) -> None:
    con, moment = connect(), midnight("2024-05-31", "UTC")
    rules = set(activity_rules(moment, RowDisplay()))
    rules -= {"rows_without_occurred_at"}  # the file's schema knows no such row
    assert rule in rules
    path = tmp_path / "2024-05.parquet"
    write_month(path, stream_of(_GOOD))
    assert all_sound([summarise(con, path, "2024-05")], moment)
    write_month(path, stream_of([*_GOOD, {"activity_id": "x", "customer_id": "b", _AT: _GOOD[0][_AT]} | row]))
    assert not all_sound([summarise(con, path, "2024-05")], moment)


def test_a_file_in_another_shape_is_not_sound(tmp_path: Path) -> None:
    path = tmp_path / "2024-05.parquet"
    write_month(path, stream_of(_GOOD))
    table = pq.read_table(path)
    pq.write_table(table.append_column("more", table["value"]), path)
    assert not all_sound([summarise(connect(), path, "2024-05")], midnight("2024-06-01", "UTC"))


def test_hashes_are_counted_wherever_they_lie(tmp_path: Path) -> None:
    random = np.random.default_rng(3)
    ends = np.array([0, 1, 2**58 - 1, 2**58, 63 << 58, 2**64 - 1], np.uint64)
    parts = [np.sort(np.concatenate([random.integers(0, 2**64, 500, np.uint64), ends[i:]])) for i in range(4)]
    counted = Counter(one for part in parts for one in part.tolist())
    summaries = []
    for i, part in enumerate(parts):
        part.tofile(tmp_path / f"{i}.hashes")
        seen = ActivitySummary(len(part), 0, 1, 0, 0, 0, 0, None, 0)
        summaries.append(MonthSummary({"placed_order": seen}, sound=True, hashes=tmp_path / f"{i}.hashes"))
    assert repeated_hashes(summaries).tolist() == sorted(one for one, times in counted.items() if times > 1)
    assert count_distinct(parts) == len(counted)
    assert not all_sound(summaries, 2)
    assert all_sound(summaries[:1], 2)
    assert repeated_hashes([]).tolist() == []
    assert count_distinct([]) == 0


@pytest.mark.parametrize("held", [50, 10_000])
@pytest.mark.parametrize("ordered", [True, False])
def test_month_files_hold_every_row_once_and_sorted(held: int, ordered: bool, tmp_path: Path) -> None:
    start, random = datetime(2024, 1, 1, tzinfo=UTC), np.random.default_rng(5)
    hours = np.sort(random.integers(0, 2400, 600)) if ordered else random.integers(0, 2400, 600)
    rows = [
        {"activity_id": str(i), "customer_id": f"c{i % 7}", _AT: start + timedelta(hours=int(hour))}
        for i, hour in enumerate(hours)
    ]
    tables: dict[Path, pa.Table] = {}

    def written(path: Path, month: str, is_open: bool, rows: pa.Table) -> None:
        tables[path] = pq.read_table(path)
        assert (month, is_open) == (path.name[:7], False)
        assert tables[path].equals(as_stored(rows))

    files = MonthWriter(tmp_path, written, held=held)
    for first in range(0, 600, 40):
        files.add(stream_of(rows[first : first + 40]))
    files.close()
    found = [one for table in tables.values() for one in table["activity_id"].to_pylist()]
    assert sorted(found, key=int) == [str(i) for i in range(600)]
    for path, table in tables.items():
        assert table.equals(table.sort_by([(name, "ascending") for name in ACTIVITY_ORDER]))
        assert {str(time)[:7] for time in table[_AT].to_pylist()} == {path.name[:7]}
    if held > 600:
        assert len(tables) == 4, "one file a month where memory holds them"


@pytest.mark.parametrize(("customers", "encoded"), [(3, True), (500, False)])
def test_a_month_is_the_same_bytes_however_its_rows_lie_in_memory(
    customers: int, encoded: bool, tmp_path: Path
) -> None:
    rows = stream_of(
        [
            {
                "activity_id": f"{i:03}",
                "customer_id": f"c{i % customers}",
                _AT: datetime(2024, 5, 1 + i % 28, tzinfo=UTC),
            }
            for i in range(500)
        ]
    )
    whole = rows.sort_by([(name, "ascending") for name in ACTIVITY_ORDER])
    write_month(tmp_path / "whole.parquet", whole)
    write_month(tmp_path / "pieces.parquet", pa.concat_tables([whole.slice(0, 7), whole.slice(7)]))
    assert (tmp_path / "whole.parquet").read_bytes() == (tmp_path / "pieces.parquet").read_bytes()
    assert pq.read_table(tmp_path / "whole.parquet").equals(as_stored(whole))
    column = pq.read_metadata(tmp_path / "whole.parquet").row_group(0).column(whole.schema.names.index("customer_id"))
    assert ("RLE_DICTIONARY" in column.encodings) == encoded
