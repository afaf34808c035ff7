"""Files that other programs wrote carelessly: nothing of them is lost in silence, nothing is read as something else."""

from __future__ import annotations

import gzip
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipelines.runtime import scratch
from pipelines.runtime.errors import NothingToScoreError
from pipelines.settings.params import Settings
from pipelines.settings.reading import Reading
from pipelines.sources.access import headers, json_rare_fields
from pipelines.sources.quarantine import reasons
from pipelines.sources.registry import check_sources, read_sources
from pipelines.sources.stream import connect
from pipelines.stages.pull_activity import pull

COLUMNS = {"customer_id": "who", "occurred_at": "at", "value": "paid"}
HEADER = "who,at,paid\n"


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def settings_of(**source: Any) -> Settings:
    named = {"reader": "csv", "path": "a.csv", "columns": COLUMNS, "activity": "placed_order"} | source
    return Settings.model_validate(
        {
            "sources": {"shop": named},
            "observations": {"train": {"until": "2024-06-01"}, "score": {"as_of": "2024-06-01"}},
            "churn": {"silent": {"kind": "silence", "active_within_days": 56, "horizon_days": 28}},
            "at_risk": {"definition": "silent"},
        }
    )


def read(**source: Any) -> tuple[list[tuple[Any, ...]], list[str], int]:
    """Customers and values, the reasons of bad rows, and how many rows were counted."""
    settings = settings_of(**source)
    assert check_sources(Reading.of(settings)) == []
    con = connect()
    read_sources(con, Reading.of(settings))
    rows = con.execute("select customer_id, value from stream order by all").fetchall()
    counted = con.execute("select sum(rows)::bigint from delivered").fetchall()[0][0]
    return rows, reasons(con).get("shop", []), counted


def test_a_quote_that_is_not_closed_takes_no_line_with_it_uncounted() -> None:
    Path("a.csv").write_text(HEADER + 'a,2024-03-01,1\n"b,2024-03-01,2\nc,2024-03-01,3\n\nd,2024-03-01,4\n')
    rows, bad, counted = read()
    assert rows == [("a", 1.0)]
    assert counted == 4
    assert bad == [
        "a.csv: 2 of 4 rows are broken (behind a quote that is not closed) (lines 4, 6). Mend the file.",
        "a.csv: 1 of 4 rows is broken (a quote that is not closed) (line 3). Mend the file.",
    ]


def test_line_breaks_in_good_texts_are_not_counted_as_lost() -> None:
    Path("a.csv").write_text(HEADER + '"a\nb",2024-03-01,1\nc,2024-03-01,2\n"d,2024-03-01,3\ne,2024-03-01,4\n')
    rows, _, counted = read()
    assert (rows, counted) == ([("a\nb", 1.0), ("c", 2.0)], 4)


@pytest.mark.slow
def test_behind_an_open_quote_in_a_long_file_rows_are_counted_and_have_their_lines() -> None:
    with Path("a.csv").open("w") as stream:
        stream.write(HEADER)
        for i in range(400_000):
            at = "soon" if i == 390_000 else "2024-03-01 10:00:00"
            stream.write('"' * (i == 200_000) + f"c{i},{at},1\n")
    rows, bad, counted = read()
    assert counted == 400_000
    assert len(rows) < 400_000 - 1
    assert "(line 390002; for example 'soon')" in bad[-1]


@pytest.mark.parametrize(
    "ends", [("\r\n", "\n", "\n"), ("\n", "\r\n", "\n"), ("\n", "\r", "\n"), ("\r\n", "\r\n", "\n")]
)
def test_lines_may_end_in_several_ways(ends: tuple[str, ...]) -> None:
    lines = (HEADER.strip(), "a,2024-03-01,1", "b,2024-03-01,2")
    Path("a.csv").write_bytes("".join(line + end for line, end in zip(lines, ends, strict=True)).encode())
    assert read()[0] == [("a", 1.0), ("b", 2.0)]


def test_lines_that_end_otherwise_far_behind_the_beginning(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(headers, "SAMPLE_BYTES", 40)
    rows = [f"c{i},2024-03-01,{i}" + ("\r\n" if i > 50 else "\n") for i in range(100)]
    Path("a.csv").write_bytes((HEADER + "".join(rows)).encode())
    assert len(read()[0]) == 100


@pytest.mark.parametrize("written", ["2024-03-01 10:00 PM", "2024-03-01 10:00:00 soon", "2024-03-01 10:00 XYZ"])
def test_a_word_behind_a_time_is_not_passed_over(written: str) -> None:
    Path("a.csv").write_text(HEADER + f"a,{written},1\n")
    rows, bad, _ = read()
    assert not rows
    assert f"not a time (line 2; for example {written!r})" in bad[0]


def test_a_zone_behind_a_time_is_its_zone() -> None:
    Path("a.csv").write_text(HEADER + "a,2024-03-01 10:00:00 EST,1\nb,2024-03-01 10:00:00 Europe/Berlin,1\n")
    settings = settings_of(timezone="Asia/Bangkok")
    con = connect()
    read_sources(con, Reading.of(settings))
    found = con.execute("select strftime(occurred_at, '%H:%M') from stream order by customer_id").fetchall()
    assert found == [("15:00",), ("09:00",)]


@pytest.mark.parametrize(
    ("written", "value"),
    [("1.234,50", 1234.5), ("-1.234.567", -1234567.0), ("12,5", 12.5), ("12.50", None), ("1.2345,6", None)],
)
def test_with_a_decimal_comma_a_point_stands_between_thousands_only(written: str, value: float | None) -> None:
    Path("a.csv").write_text(HEADER + f'a,2024-03-01,"{written}"\n')
    rows, bad, _ = read(decimal=",")
    assert rows == ([] if value is None else [("a", value)])
    assert bool(bad) == (value is None)


def test_what_a_unit_makes_infinite_is_no_number() -> None:
    Path("a.csv").write_text(HEADER + "a,2024-03-01,1e308\n")
    assert "not a number" in read(unit=100)[1][0]


def test_a_number_beyond_all_times_is_a_bad_row() -> None:
    Path("a.csv").write_text(HEADER + "a,99999999999999999999,1\nb,1709251200000,2\n")
    rows, bad, _ = read(time_format="unix_milliseconds")
    assert rows == [("b", 2.0)]
    assert "not a time" in bad[0]


def test_a_time_format_that_is_none_is_said_before_any_work() -> None:
    Path("a.csv").write_text(HEADER + "a,2024-03-01,1\n")
    (fault,) = check_sources(Reading.of(settings_of(time_format="%Q")))
    assert fault.startswith("params.yaml: sources.shop.time_format: %Q: Unrecognized format")


def test_a_whole_number_is_an_id_without_a_point() -> None:
    table = pa.table({"who": [7.0, None, 1e15], "at": ["2024-03-01"] * 3, "paid": [1, 2, 3]})
    pq.write_table(table, "a.parquet")
    assert read(reader="parquet", path="a.parquet")[0] == [("1000000000000000.0", 3.0), ("7", 1.0)]


def test_a_dot_may_belong_to_the_name_of_a_field() -> None:
    told = [{"user.id": "7", "at": "2024-03-01"}, {"user": {"id": "8"}, "at": "2024-03-01"}]
    Path("a.jsonl").write_text("\n".join(map(json.dumps, told)))
    columns = {"customer_id": "user.id", "occurred_at": "at"}
    assert [who for who, _ in read(reader="json", path="a.jsonl", columns=columns)[0]] == ["7", "8"]


@pytest.mark.parametrize(
    ("value", "hint"),
    [("net-paid / 100", 'Within an expression write "net-paid", in double quotes.'), ("order + 1", "double quotes")],
)
def test_an_odd_name_in_an_expression_goes_in_quotes(value: str, hint: str) -> None:
    Path("a.csv").write_text("who,at,net-paid,order\na,2024-03-01,100,1\n")
    assert all(hint in fault for fault in check_sources(Reading.of(settings_of(columns=COLUMNS | {"value": value}))))
    quoted = value.replace("net-paid", '"net-paid"').replace("order", '"order"')
    assert read(columns=COLUMNS | {"value": quoted})[0] in ([("a", 1.0)], [("a", 2.0)])


def test_where_nothing_is_left_that_is_said() -> None:
    Path("a.csv").write_text(HEADER + "a,2024-03-01,1\n")
    with pytest.raises(NothingToScoreError, match="not one row becomes an activity"):
        pull(settings_of(exclude="true"), "score", Path("out"), Path("v/score.json"))


def test_what_a_killed_pull_left_on_the_disk_goes_with_the_next() -> None:
    done = subprocess.run([sys.executable, "-c", "pass"], check=True, capture_output=True)
    assert not done.stderr
    ended = subprocess.Popen([sys.executable, "-c", "pass"])
    ended.wait()
    left = scratch.folder().parent / f"churn-pull-{ended.pid}"
    left.mkdir()
    (left / "rows").write_text("a customer")
    scratch.folder.cache_clear()
    assert scratch.folder().stat().st_mode & 0o777 == 0o700
    assert not left.exists()
    assert scratch.folder().name.endswith(str(os.getpid()))


@pytest.mark.parametrize("packed", [False, True])
def test_a_rare_field_may_first_appear_far_behind_the_beginning(monkeypatch: pytest.MonkeyPatch, packed: bool) -> None:
    monkeypatch.setattr(headers, "SAMPLE_BYTES", 200)
    monkeypatch.setattr(json_rare_fields, "SAMPLE_BYTES", 200)
    told = [{"who": f"c{i}", "at": "2024-03-01"} for i in range(50)]
    told += [{"who": "z", "at": "2024-03-01", "cost": {"net": 100}, "kind": "x"}]
    written = "\n".join(map(json.dumps, told)).encode()
    Path("a.jsonl" + ".gz" * packed).write_bytes(gzip.compress(written) if packed else written)
    source = {"reader": "json", "path": "a.jsonl" + ".gz" * packed}
    columns = COLUMNS | {"value": "cost.net / 100", "detail": "kind"}
    rows, bad, _ = read(**source, columns=columns)
    assert (rows[-1], len(rows), bad) == (("z", 1.0), 51, [])
    (fault,) = check_sources(Reading.of(settings_of(**source, columns=columns | {"detail": "kinds"})))
    assert "has no column 'kinds'" in fault
