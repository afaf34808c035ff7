"""A pull for an earlier moment: it reads nothing, not even whether the source is there, and gives what it gave then."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from pipelines.runtime.errors import ChurnError
from pipelines.runtime.files import digest_of
from pipelines.settings.params import Settings
from pipelines.settings.reading import Reading
from pipelines.sources.registry import check_sources
from pipelines.stages import pull_activity
from pipelines.stages.pull_activity import pull
from pipelines.stages.watch_sources import fingerprint, places_of, watch

FIRST, SECOND, THIRD = "2024-06-01", "2024-06-08", "2024-06-15"
LANDING = Path("landing")
MAPPED = {"activity_id": "id", "customer_id": "who", "occurred_at": "at"}
HEADER = "id,who,at,known\n"


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(pull_activity, "_check", lambda *_: None)
    Path("in").mkdir()
    Path("in/1.csv").write_text(HEADER + "1,a,2024-05-01,2024-05-01\n2,b,2024-05-30,2024-05-30\n")
    with closing(sqlite3.connect("in/shop.sqlite")) as con, con:
        con.execute("create table orders (id, who, at, known)")
    add([(1, "a", "2024-05-01", "2024-05-01"), (2, "b", "2024-05-30", "2024-05-30")])
    return tmp_path


def add(rows: list[tuple[Any, ...]]) -> None:
    with closing(sqlite3.connect("in/shop.sqlite")) as con, con:
        con.executemany("insert into orders values (?, ?, ?, ?)", rows)


CSV = {"reader": "csv", "path": "in"}
DATABASE = {"reader": "sql", "driver": "sqlite", "address": "in/shop.sqlite", "table": "orders", "watermark": "at"}


def settings_of(as_of: str, source: dict[str, Any], **mapping: Any) -> Settings:
    named = source | {"columns": MAPPED, "activity": "placed_order"} | mapping
    return Settings.model_validate(
        {
            "sources": {"shop": named},
            "observations": {"train": {"until": FIRST}, "score": {"as_of": as_of}},
            "churn": {"silent": {"kind": "silence", "active_within_days": 56, "horizon_days": 28}},
            "at_risk": {"definition": "silent"},
        }
    )


def pulled(as_of: str, source: dict[str, Any], **mapping: Any) -> tuple[str, list[str]]:
    settings = settings_of(as_of, source, **mapping)
    notes = pull(settings, "score", Path("out"), Path("validation/score.json"), LANDING)
    return digest_of(Path("out")), [note for note in notes if "gave then" in note]


def something_late() -> None:
    """A row of the time before FIRST and one of the week behind it, both for the first time in the second week."""
    late = [("3", "late", "2024-05-29", "2024-06-05"), ("4", "b", "2024-06-05", "2024-06-05")]
    Path("in/2.csv").write_text(HEADER + "".join(",".join(row) + "\n" for row in late))
    add(late)


@pytest.mark.parametrize("source", [CSV, DATABASE])
def test_it_gives_what_it_gave_then_although_the_source_is_gone(source: dict[str, Any]) -> None:
    then, _ = pulled(FIRST, source)
    something_late()
    second, _ = pulled(SECOND, source)
    shutil.move("in", "away")
    assert pulled(FIRST, source)[0] == then
    assert not Path("in").exists()
    settings = settings_of(FIRST, source)
    assert check_sources(Reading.of(settings), *places_of(settings, LANDING, FIRST)) == []
    with pytest.raises(ChurnError):
        pulled(SECOND, source)
    with pytest.raises(ChurnError):
        pulled(THIRD, source)
    shutil.move("away", "in")
    assert pulled(SECOND, source)[0] == second


@pytest.mark.parametrize("source", [CSV, DATABASE])
def test_a_moment_that_nobody_pulled_is_cut_out_of_the_next_one(source: dict[str, Any]) -> None:
    something_late()
    pulled(THIRD, source)
    shutil.move("in", "away")
    between, _ = pulled(SECOND, source)
    shutil.move("away", "in")
    shutil.rmtree(LANDING)
    assert pulled(SECOND, source)[0] == between


@pytest.mark.parametrize("source", [CSV, DATABASE])
def test_the_fingerprint_of_an_earlier_moment_is_the_one_it_had(source: dict[str, Any]) -> None:
    settings = settings_of(SECOND, source)
    then = fingerprint(settings, FIRST)
    pulled(FIRST, source)
    something_late()
    assert fingerprint(settings, FIRST, LANDING) != then, "the last moment is looked at"
    pulled(SECOND, source)
    shutil.move("in", "away")
    assert fingerprint(settings, FIRST, LANDING) == then
    shutil.move("away", "in")
    watch(settings, LANDING / "train.json", LANDING / "score.json")
    assert (LANDING / "train.json").read_bytes() != (LANDING / "score.json").read_bytes()


def test_what_changed_in_files_of_an_earlier_moment_is_noted() -> None:
    pulled(FIRST, CSV)
    Path("in/2.csv").write_text(HEADER + "4,b,2024-06-05,2024-06-05\n")
    assert pulled(SECOND, CSV)[1] == [], "what lies behind the moment changes nothing"
    Path("in/3.csv").write_text(HEADER + "3,late,2024-05-29,2024-06-12\n")
    (note,) = pulled(THIRD, CSV)[1]
    assert note.startswith("sources.shop: what it says about the time before 2024-06-08 has changed")
    dated = MAPPED | {"recorded_at": "known"}
    for as_of in (FIRST, SECOND, THIRD):
        assert pulled(as_of, CSV, columns=dated)[1] == []
    Path("in/3.csv").unlink()
    assert "before 2024-06-15" in pulled("2024-06-22", CSV, columns=dated)[1][0]


def test_files_that_no_pull_has_seen_are_noted_for_an_earlier_moment() -> None:
    pulled(SECOND, CSV)
    Path("in/0.csv").write_text(HEADER + "9,z,2024-01-05,2024-06-05\n")
    settings = settings_of(FIRST, CSV)
    notes = pull(settings, "score", Path("out"), Path("validation/score.json"), LANDING)
    said = "sources.shop: 1 files that no pull has seen (0.csv) are not read for a moment before the last."
    assert notes == [f"{said} `churn run --full` reads everything again."]


def test_rows_of_a_database_that_are_older_than_the_window_are_noted() -> None:
    pulled(FIRST, DATABASE)
    something_late()
    assert pulled(SECOND, DATABASE)[1] == [], "the window is read again in any case"
    add([("5", "old", "2024-02-01", "2024-06-10")])
    (note,) = pulled(THIRD, DATABASE)[1]
    assert "before 2024-06-08" in note


def test_files_are_kept_as_long_as_a_moment_needs_them() -> None:
    pulled(FIRST, CSV)
    for as_of, who in ((SECOND, "c"), (SECOND, "d"), (THIRD, "e")):
        Path("in/1.csv").write_text(HEADER + f"1,{who},2024-05-01,2024-05-01\n")
        pulled(as_of, CSV)
    assert len(list(LANDING.rglob("piece.json"))) == 3


@pytest.mark.parametrize("source", [CSV, DATABASE])
def test_where_a_part_of_the_store_is_gone_the_source_is_asked(source: dict[str, Any]) -> None:
    then, _ = pulled(FIRST, source)
    pulled(SECOND, source)
    shutil.rmtree(next(LANDING.rglob("piece.json")).parent)
    assert pulled(FIRST, source)[0] == then
    assert pulled(SECOND, source)
