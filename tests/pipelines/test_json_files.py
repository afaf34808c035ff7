"""JSON in every shape it is exported in, and lines of it that are none."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from pipelines.runtime.errors import ChurnError
from pipelines.settings.params import Settings
from pipelines.settings.reading import Reading
from pipelines.sources.quarantine import reasons
from pipelines.sources.registry import check_sources, read_sources
from pipelines.sources.stream import connect

ROWS = [
    {"user": {"id": "007", "plan": "pro"}, "at": "2024-03-01T10:00:00Z", "amount": 1999, "tags": ["x", "y"]},
    {"user": {"id": "é, 8"}, "at": "2024-03-02", "amount": "5.5", "note": 'two\nlines "quoted"'},
]
COLUMNS = {"customer_id": "user.id", "occurred_at": "at", "value": "amount / 100", "detail": "user.plan"}
EXPECTED = [("007", "pro", 19.99), ("é, 8", None, 0.055)]


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def settings_of(path: str, **source: Any) -> Settings:
    events = {"reader": "json", "path": path, "columns": COLUMNS, "activity": "placed_order"} | source
    return Settings.model_validate(
        {
            "sources": {"events": events},
            "observations": {"train": {"until": "2024-06-01"}, "score": {"as_of": "2024-06-01"}},
            "churn": {"silent": {"kind": "silence", "active_within_days": 56, "horizon_days": 28}},
            "at_risk": {"definition": "silent"},
        }
    )


def read(settings: Settings) -> Any:
    assert check_sources(Reading.of(settings)) == []
    con = connect()
    read_sources(con, Reading.of(settings))
    return con


def lines(rows: list[Any]) -> str:
    return "".join(json.dumps(row) + "\n" for row in rows)


@pytest.mark.parametrize(
    "content",
    [
        lines(ROWS),
        lines(ROWS).replace("\n", "\r\n"),
        "\n" + lines(ROWS).replace("}\n", "}\n\n"),
        json.dumps(ROWS),
        json.dumps(ROWS, indent=2),
        "\n".join(json.dumps(row, indent=2) for row in ROWS),
    ],
    ids=["lines", "crlf", "blank lines", "list", "pretty list", "pretty objects"],
)
def test_every_shape_is_the_same(content: str, here: Path) -> None:
    (here / "events.json").write_bytes(content.encode())
    con = read(settings_of("events.json"))
    assert con.execute("select customer_id, detail, value from stream order by 1").fetchall() == EXPECTED
    assert reasons(con) == {}


@pytest.mark.parametrize("name", ["events.jsonl", "events.jsonl.gz"])
@pytest.mark.parametrize("content", [lines(ROWS), json.dumps(ROWS)], ids=["lines", "list"])
def test_a_byte_order_mark_costs_no_line(name: str, content: str, here: Path) -> None:
    marked = content.encode("utf-8-sig")
    (here / name).write_bytes(gzip.compress(marked) if name.endswith(".gz") else marked)
    con = read(settings_of(name))
    assert con.execute("select customer_id, detail, value from stream order by 1").fetchall() == EXPECTED
    assert con.execute("select rows from delivered").fetchall() == [(2,)]
    assert reasons(con) == {}


def test_packed_lines_in_a_folder(here: Path) -> None:
    (here / "in").mkdir()
    (here / "in" / "1.jsonl.gz").write_bytes(gzip.compress(lines(ROWS[:1]).encode()))
    (here / "in" / "2.ndjson").write_text(lines(ROWS[1:]))
    con = read(settings_of("in"))
    assert con.execute("select customer_id, detail, value from stream order by 1").fetchall() == EXPECTED


def test_garbage_is_a_bad_row_with_its_line(here: Path) -> None:
    good = lines(ROWS[:1]).encode()
    bad = lines([{"user": {}, "at": "2024-03-02"}, {"user": {"id": 1}, "at": "soon"}]).encode()
    (here / "events.jsonl").write_bytes(good + b'\n{"user": \n' + b'{"user": "M\xfcller"}\n[1, 2]\n' + bad + good)
    con = read(settings_of("events.jsonl"))
    assert con.execute("select line, fault, field, found from rejected order by line").fetchall() == [
        (3, "broken", "no JSON object", None),
        (4, "broken", "no JSON object", None),
        (5, "broken", "no JSON object", None),
        (6, "missing", "customer_id", None),
        (7, "not a time", "occurred_at", "soon"),
    ]
    assert con.execute("select rows from delivered").fetchall() == [(7,)]
    assert reasons(con)["events"][0] == (
        "events.jsonl: 3 of 7 rows are broken (no JSON object) (lines 3, 4, 5). Mend the file."
    )


def test_a_list_that_breaks_off_is_no_file(here: Path) -> None:
    (here / "events.json").write_text(json.dumps(ROWS)[:-4])
    with pytest.raises(ChurnError, match=r"events.json: cannot be read to its end\."):
        read(settings_of("events.json"))


def test_a_field_that_is_not_there_is_named_with_the_nearest(here: Path) -> None:
    (here / "events.json").write_text(lines(ROWS))
    faults = check_sources(Reading.of(settings_of("events.json", columns=COLUMNS | {"customer_id": "usr.id"})))
    assert faults == [
        "params.yaml: sources.events.columns.customer_id: events.json has no column 'usr.id'. Did you mean user.id?"
    ]


@pytest.mark.parametrize("content", ["", "hello", "[]", "[1, 2]"])
def test_what_is_no_json_is_said(content: str, here: Path) -> None:
    (here / "events.json").write_text(content)
    faults = check_sources(Reading.of(settings_of("events.json")))
    said = "events.json: begins with no JSON object. One object per line, or a list of them, is read."
    assert faults == [f"{said} (sources.events.path)"]
