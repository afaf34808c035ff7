"""Lines become orders, totals count once, an event that is sent again counts once: from files and from databases."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings, strategies

from pipelines.commands.sources import checked
from pipelines.runtime.errors import ChurnError
from pipelines.runtime.files import digest_of, read_json
from pipelines.settings.params import Settings
from pipelines.settings.reading import Reading
from pipelines.sources.registry import read_sources
from pipelines.sources.stream import connect
from pipelines.stages.pull_activity import pull

HEADER = "invoice,line,client,at,amount,pieces,total\n"
LINES = [
    "A1,1,ann,2024-05-01 10:00:05,5.10,1,20.30",
    "A1,2,ann,2024-05-01 10:00:05,10.10,2,20.30",
    "A1,3,ann,2024-05-01 10:00:09,5.10,1,20.30",
    "A2,1,ann,2024-05-03 09:00:00,7,1,7",
    "B1,1,bob,2024-05-02 12:00:00,30,3,20",
    "B1,2,bob,2024-05-09 12:00:00,-10,-1,20",
]
LINED = {"one_row_is": "line", "group_by": ["invoice"]}


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def settings_of(columns: dict[str, str] | None = None, **source: Any) -> Settings:
    shop = {
        "reader": "csv",
        "path": "lines*.csv",
        "columns": {"customer_id": "client", "occurred_at": "at", "value": "amount", "quantity": "pieces"}
        | (columns or {}),
        "activity": "placed_order",
    } | source
    return Settings.model_validate(
        {
            "sources": {"shop": shop},
            "observations": {"train": {"until": "2024-06-01"}, "score": {"as_of": "2024-06-01"}},
            "churn": {"silent": {"kind": "silence", "active_within_days": 56, "horizon_days": 28}},
            "at_risk": {"definition": "silent"},
            "checks": {"max_days_without_activity": 60},
        }
    )


def write(lines: list[str], name: str = "lines.csv", header: str = HEADER) -> None:
    Path(name).write_text(header + "".join(f"{one}\n" for one in lines))


def orders(read: Settings) -> list[tuple[Any, ...]]:
    con = connect()
    read_sources(con, Reading.of(read))
    found: list[tuple[Any, ...]] = con.execute(
        "select activity_id, customer_id, strftime(occurred_at, '%d %H:%M:%S'), activity, value, quantity from stream "
        "order by occurred_at, activity"
    ).fetchall()
    return found


NETTED = [
    ("shop-A1", "ann", "01 10:00:05", "placed_order", 20.3, 4.0),
    ("shop-B1", "bob", "02 12:00:00", "placed_order", 20.0, 2.0),
    ("shop-A2", "ann", "03 09:00:00", "placed_order", 7.0, 1.0),
]
KEPT = [
    NETTED[0],
    ("shop-B1", "bob", "02 12:00:00", "placed_order", 30.0, 3.0),
    NETTED[2],
    ("shop-returned_order-B1", "bob", "09 12:00:00", "returned_order", 10.0, 1.0),
]


@pytest.mark.parametrize(("more", "expected"), [({}, NETTED), ({"when_negative": "returned_order"}, KEPT)])
@pytest.mark.parametrize("own_id", [{}, {"activity_id": "invoice || '-' || line"}])
def test_lines_become_orders(more: dict[str, Any], expected: list[Any], own_id: dict[str, str]) -> None:
    write(LINES)
    assert orders(settings_of(own_id, **LINED, **more)) == expected
    write(LINES, "lines_again.csv")
    assert orders(settings_of(own_id, **LINED, **more)) == expected, "exported again"


def test_an_order_that_nets_below_zero_is_a_return_where_returns_are_netted() -> None:
    write([*LINES, "C1,1,cy,2024-05-04,5,1,5", "C1,2,cy,2024-05-05,-9,-2,5"])
    found = orders(settings_of(**LINED, when_negative="returned_order", returns="netted"))
    assert found == [*NETTED, ("shop-C1", "cy", "04 00:00:00", "returned_order", 4.0, 1.0)]


@pytest.mark.parametrize("once", [False, True])
def test_a_total_that_stands_on_each_line_or_on_one_counts_once(once: bool) -> None:
    lines = [
        line.rpartition(",")[0] + "," if once and ",1,ann" not in line and ",1,bob" not in line else line
        for line in LINES
    ]
    write(lines)
    found = orders(settings_of({"value": "total"}, **LINED, value_of="order"))
    assert [row[4:] for row in found] == [(20.3, 4.0), (20.0, 2.0), (7.0, 1.0)]


def test_lines_in_a_database_become_the_same_orders() -> None:
    with sqlite3.connect("shop.sqlite") as base:
        base.execute("create table lines (invoice text, line int, client text, at text, amount text, pieces text)")
        base.executemany("insert into lines values (?, ?, ?, ?, ?, ?)", [one.split(",")[:6] for one in LINES])
    base.close()
    table = {"reader": "sql", "driver": "sqlite", "address": "shop.sqlite", "table": "lines", "path": None}
    content = settings_of(**LINED).model_dump(mode="json")["sources"]["shop"]
    source = {name: one for name, one in (content | table).items() if one is not None and name in _SQL}
    for more in ({}, {"watermark": "at"}):
        read = settings_of()
        whole = Settings.model_validate(
            read.model_dump(mode="json", exclude_unset=True) | {"sources": {"shop": source | more}}
        )
        assert orders(whole) == NETTED


_SQL = ("reader", "driver", "address", "table", "columns", "activity", "one_row_is", "group_by")


def test_lines_of_several_customers_in_one_order_are_refused() -> None:
    write([*LINES, "A1,9,bob,2024-05-01 10:00:05,5,1,5"])
    with pytest.raises(ChurnError, match=r"1 orders have lines of several customers, for example 'A1'.*shop\.group_by"):
        orders(settings_of(**LINED))


def test_a_line_that_names_no_order_is_bad() -> None:
    write([*LINES, ",1,dee,2024-05-01 10:00:05,5,1,5"])
    said = checked(settings_of(**LINED, max_bad_share=0.5), rows=1)
    assert any(line.endswith("3 further lines of the same orders, 1 bad: no group_by.") for line in said)


def test_the_settings_of_lines_belong_together() -> None:
    with pytest.raises(ValueError, match="one_row_is: line needs group_by"):
        settings_of(one_row_is="line")
    with pytest.raises(ValueError, match="value_of is for lines of orders only"):
        settings_of(value_of="order")
    with pytest.raises(ValueError, match="repeats: first needs columns"):
        settings_of(repeats="first")


@given(strategies.permutations(range(len(LINES))), strategies.lists(strategies.integers(0, 1), min_size=6, max_size=6))
@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_neither_the_order_of_lines_nor_the_files_they_come_in_matter(order: list[int], files: list[int]) -> None:
    for old in Path().glob("lines*.csv"):
        old.unlink()
    for number in (0, 1):
        write([LINES[i] for i in order if files[i] == number], f"lines{number}.csv")
    assert orders(settings_of({"activity_id": "invoice || '-' || line"}, **LINED)) == NETTED


AGAIN = [
    "T1,ann,2024-05-01 10:00:00,35",
    "T1,ann,2024-05-01 10:15:00,35",
    "T1,ann,2024-05-04 10:00:00,35",
    "T2,bob,2024-05-02 10:00:00,9",
    ",bob,2024-05-03 10:00:00,9",
]
SENT = {"activity_id": "id", "value": "amount"}


def sent(**more: Any) -> Settings:
    columns = {"activity_id": "id", "customer_id": "client", "occurred_at": "at", "value": "amount"}
    read = settings_of(**more)
    content = read.model_dump(mode="json", exclude_unset=True)
    content["sources"]["shop"]["columns"] = columns
    return Settings.model_validate(content)


def test_an_event_that_is_sent_again_counts_once_at_its_first_time() -> None:
    write(AGAIN, header="id,client,at,amount\n")
    with pytest.raises(ChurnError, match=r"the same but for their time.*repeats: first"):
        pull(sent(), "score", Path("out"), Path("validation/activity_score.json"))
    read = sent_first()
    assert [row[2:5] for row in orders(read)] == [
        ("01 10:00:00", "placed_order", 35.0),
        ("02 10:00:00", "placed_order", 9.0),
        ("03 10:00:00", "placed_order", 9.0),
    ]
    assert "  placed_order: of 5 rows 3 became activities; 2 repeated." in checked(read)


def sent_first() -> Settings:
    content = sent().model_dump(mode="json", exclude_unset=True)
    content["sources"]["shop"]["repeats"] = "first"
    return Settings.model_validate(content)


def test_an_export_that_repeats_it_changes_nothing() -> None:
    write(AGAIN[:2], "lines1.csv", header="id,client,at,amount\n")
    where = (Path("out"), Path("validation/activity_score.json"), Path("landing"))
    pull(sent_first(), "score", *where)
    before = digest_of(Path("out/activity"))
    write(AGAIN[1:3], "lines2.csv", header="id,client,at,amount\n")
    pull(sent_first(), "score", *where)
    assert digest_of(Path("out/activity")) == before
    found = read_json(Path("validation/accounts_score.json"))["sources"]["shop"][0]
    assert (found["read"], found["became_activities"], found["left_out"]) == (4, 1, {"repeated": 3})


def test_lines_are_recognised_and_the_setting_is_proposed() -> None:
    write(LINES[:3] + LINES[3:5])
    by_id = settings_of({"activity_id": "invoice"})
    said = "\n".join(checked(by_id, rows=1))
    assert "Are they lines of orders? Then set sources.shop.one_row_is: line and group_by: [invoice]" in said
    with pytest.raises(ChurnError, match=r"lines of orders\? Then set sources\.shop\.one_row_is: line"):
        pull(by_id, "score", Path("out"), Path("validation/activity_score.json"))


def test_many_rows_of_one_customer_at_one_second_look_like_lines() -> None:
    write([f"I{n // 6},{n},c{n // 6},2024-05-0{1 + n // 24} 1{n // 6 % 8}:30:00,{n}.5,1,9" for n in range(48)])
    said = "\n".join(checked(settings_of(), rows=1))
    assert "placed_order: 48 of 48 rows stand beside others of the same customer at the same second" in said
    assert "one_row_is: line" in said
    assert "group_by: [invoice]" in said
    assert "same second" not in "\n".join(checked(settings_of(**LINED), rows=1))
