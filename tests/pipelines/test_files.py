"""A stranger's files: every shape they may have, and every way in which they may be wrong."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from pipelines.runtime.errors import ChurnError
from pipelines.settings.params import Settings
from pipelines.settings.reading import Reading
from pipelines.settings.sources import Mapped
from pipelines.sources.quarantine import quarantine_rows, reasons
from pipelines.sources.registry import check_sources, read_sources
from pipelines.sources.stream import connect

MAPPING = {"customer_id": "Kunde", "occurred_at": "Zeit", "value": "Betrag"}
HEADER = "Kunde,Zeit,Betrag\n"


def settings_of(timezone: str = "UTC", **sources: dict[str, Any]) -> Settings:
    named = {name: {"reader": "csv"} | source for name, source in sources.items()}
    return Settings.model_validate(
        {
            "timezone": timezone,
            "sources": named,
            "observations": {"train": {"until": "2024-06-01"}, "score": {"as_of": "2024-06-01"}},
            "churn": {"silent": {"kind": "silence", "active_within_days": 56, "horizon_days": 28}},
            "at_risk": {"definition": "silent"},
        }
    )


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def orders(text: str, **setting: Any) -> Settings:
    """One source `orders` over a CSV with Kunde, Zeit, Betrag."""
    Path("orders.csv").write_text(text)
    return settings_of(orders={"path": "orders.csv", "columns": MAPPING, "activity": "placed_order"} | setting)


def read(settings: Settings) -> Any:
    assert check_sources(Reading.of(settings)) == []
    con = connect()
    read_sources(con, Reading.of(settings))
    return con


def stream(con: Any, columns: str = "customer_id, value") -> list[tuple[Any, ...]]:
    found: list[tuple[Any, ...]] = con.execute(f"select {columns} from stream order by all").fetchall()
    return found


def times(settings: Settings) -> list[str]:
    return [row[0] for row in stream(read(settings), "strftime(occurred_at, '%Y-%m-%dT%H:%M:%S.%g')")]


def test_leading_zeros_stay_and_returns_get_their_own_name() -> None:
    con = read(orders(HEADER + "007,2024-03-01,12.5\n7,2024-03-01,-3.25\n", when_negative="returned_order"))
    assert stream(con, "customer_id, activity, value") == [("007", "placed_order", 12.5), ("7", "returned_order", 3.25)]


def test_negative_values_stay_negative_where_nothing_names_them() -> None:
    assert stream(read(orders(HEADER + "a,2024-03-01,-3\n"))) == [("a", -3.0)]


@pytest.mark.parametrize(
    ("written", "timezone", "instant"),
    [
        ("2024-03-01", "UTC", "2024-03-01T00:00:00.000"),
        ("2024-03-01", "Europe/Berlin", "2024-03-01T22:59:59.999"),  # a day of another timezone: known when it is over
        ("2024-03-01 10:00:00", "Europe/Berlin", "2024-03-01T09:00:00.000"),
        ("2024-07-01 10:00", "Europe/Berlin", "2024-07-01T08:00:00.000"),
        ("2024-03-01T10:00:00Z", "Europe/Berlin", "2024-03-01T10:00:00.000"),
        ("2024-03-01T10:00:00.250+05:30", "Europe/Berlin", "2024-03-01T04:30:00.250"),
        ("2024-03-01 10:00:00 +0200", "Europe/Berlin", "2024-03-01T08:00:00.000"),
        ("2024-03-01 10:00:00 -05:00", "Europe/Berlin", "2024-03-01T15:00:00.000"),
        ("2024-03-31 02:30:00", "Europe/Berlin", "2024-03-31T01:30:00.000"),  # clocks skip it
        ("2024-10-27 02:30:00", "Europe/Berlin", "2024-10-27T01:30:00.000"),  # it comes twice: the second
        ("2024-10-27 02:30:00+02:00", "Europe/Berlin", "2024-10-27T00:30:00.000"),  # the first
        ("2024-03-01 00:00:00", "Asia/Bangkok", "2024-02-29T17:00:00.000"),
    ],
)
def test_times(written: str, timezone: str, instant: str) -> None:
    assert times(orders(HEADER + f"a,{written},1\n", timezone=timezone)) == [instant]


@pytest.mark.parametrize(
    ("written", "time_format", "instant"),
    [
        ("31.12.2023 18:05", "%d.%m.%Y %H:%M", "2023-12-31T17:05:00.000"),
        ("12/31/2023 06:05 PM", "%m/%d/%Y %I:%M %p", "2023-12-31T17:05:00.000"),
        ("31.12.2023 18:05 +0300", "%d.%m.%Y %H:%M %z", "2023-12-31T15:05:00.000"),
        ("1704045900", "unix_seconds", "2023-12-31T18:05:00.000"),
        ("1704045900250", "unix_milliseconds", "2023-12-31T18:05:00.250"),
    ],
)
def test_times_in_other_spellings(written: str, time_format: str, instant: str) -> None:
    assert times(orders(HEADER + f"a,{written},1\n", timezone="Europe/Berlin", time_format=time_format)) == [instant]


def test_times_without_an_offset_are_local_to_the_whole_pipeline_by_default() -> None:
    settings = orders(HEADER + "a,2024-07-01 10:00,1\n").model_copy(update={"timezone": "Asia/Bangkok"})
    assert times(settings) == ["2024-07-01T03:00:00.000"]


@pytest.mark.parametrize(
    ("written", "setting", "value"),
    [
        ("1999", {"unit": 0.01}, 19.99),
        ("12.5", {}, 12.5),
        (" 12.5 ", {}, 12.5),
        ('"12,50"', {"decimal": ","}, 12.5),
        ('"1.234,50"', {"decimal": ","}, 1234.5),
        ("", {}, None),
    ],
)
def test_numbers(written: str, setting: dict[str, Any], value: float | None) -> None:
    assert stream(read(orders(HEADER + f"a,2024-03-01,{written}\n", **setting))) == [("a", value)]


def test_a_stream_without_money_works() -> None:
    Path("visits.csv").write_text("who;when;page\n1;2024-03-01;home\n")
    mapping = {"customer_id": "who", "occurred_at": "when", "detail": "page"}
    con = read(settings_of(visits={"path": "visits.csv", "columns": mapping, "activity": "placed_order"}))
    assert stream(con, "value, quantity, detail") == [(None, None, "home")]


def test_columns_that_nothing_maps_are_not_read() -> None:
    con = read(orders("Kunde,Zeit,Betrag,email\na,2024-03-01,1,a@example.org\n"))
    assert "example.org" not in str(
        con.execute("select * replace (occurred_at::varchar as occurred_at) from stream").fetchall()
    )


def test_the_activity_may_stand_in_a_column() -> None:
    Path("log.csv").write_text("who,when,what\n1,2024-03-01,Sale\n1,2024-03-02,placed_order\n1,2024-03-03,Re-Turn\n")
    mapping = {"customer_id": "who", "occurred_at": "when", "activity": "what"}
    con = read(settings_of(log={"path": "log.csv", "columns": mapping, "activities": {"Sale": "placed_order"}}))
    assert stream(con, "activity") == [("placed_order",), ("placed_order",)]
    assert reasons(con) == {
        "log": [
            (
                "log.csv: 1 of 3 rows has an activity that is not an activity (line 4; for example 'Re-Turn'). "
                "Say what they are in sources.log.activities."
            )
        ]
    }


def test_a_file_in_our_schema_needs_no_mapping_and_keeps_its_ids() -> None:
    Path("ours.csv").write_text(
        "activity_id,customer_id,occurred_at,activity,value,shoe_size\nx1,007,2024-03-01T00:00:00Z,placed_order,3,46\n"
    )
    con = read(settings_of(ours={"path": "ours.csv"}))
    assert stream(con, "activity_id, customer_id, activity, value") == [("x1", "007", "placed_order", 3.0)]


def test_mapped_ids_are_the_sources_own_and_a_return_has_its_orders_number() -> None:
    Path("orders.csv").write_text("Beleg,Kunde,Zeit,Betrag\n9,a,2024-03-01,5\n9,a,2024-03-02,-5\n")
    mapping = MAPPING | {"activity_id": "Beleg"}
    source = {"path": "orders.csv", "columns": mapping, "activity": "placed_order", "when_negative": "returned_order"}
    assert stream(read(settings_of(shop=source)), "activity_id") == [("shop-9",), ("shop-returned_order-9",)]


def test_rows_without_an_id_are_known_by_their_content() -> None:
    text = HEADER + "a,2024-03-01,5\na,2024-03-01,5\na,2024-03-01,6\n"
    ids = [row[0] for row in stream(read(orders(text)), "activity_id")]
    assert len(ids) == 3
    assert len(set(ids)) == 2
    assert [row[0] for row in stream(read(orders(text)), "activity_id")] == ids


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_the_delimiter_is_seen_in_the_header(delimiter: str) -> None:
    text = "Kunde,Zeit,Betrag\na,2024-03-01,5\n".replace(",", delimiter)
    assert stream(read(orders(text))) == [("a", 5.0)]


def test_an_unusual_delimiter_is_said() -> None:
    assert stream(read(orders("Kunde:Zeit:Betrag\na:2024-03-01:5\n", delimiter=":"))) == [("a", 5.0)]


@pytest.mark.parametrize(
    "content",
    [
        "\ufeffKunde,Zeit,Betrag\r\na,2024-03-01,5\r\n",
        "Kunde,Zeit,Betrag\na,2024-03-01,5",
        '"Kunde","Zeit","Betrag"\n"a","2024-03-01","5"\n\n\n',
        " Kunde , Zeit ,Betrag\n a , 2024-03-01 , 5 \n",
    ],
)
def test_bom_line_ends_quotes_and_blanks(content: str, here: Path) -> None:
    settings = orders("")
    (here / "orders.csv").write_bytes(content.encode())
    assert stream(read(settings)) == [("a", 5.0)]


def test_a_folder_a_glob_and_packed_files(here: Path) -> None:
    folder = here / "exports" / "deep"
    folder.mkdir(parents=True)
    (folder / "1.csv").write_text(HEADER + "a,2024-03-01,1\n")
    (here / "exports" / "2.csv.gz").write_bytes(gzip.compress((HEADER + "b,2024-03-01,2\n").encode()))
    (here / "exports" / ".hidden.csv").write_text("nothing")
    (here / "exports" / "notes.md").write_text("nothing")
    source = {"columns": MAPPING, "activity": "placed_order"}
    assert stream(read(settings_of(orders=source | {"path": "exports"}))) == [("a", 1.0), ("b", 2.0)]
    assert stream(read(settings_of(orders=source | {"path": "exports/**/*.csv"}))) == [("a", 1.0)]


def test_files_may_have_their_columns_in_another_order(here: Path) -> None:
    (here / "1.csv").write_text("Kunde,Zeit,Betrag\na,2024-03-01,1\n")
    (here / "2.csv").write_text("Betrag;Neu;Zeit;Kunde\n2;x;2024-03-01;b\n")
    source = {"path": "*.csv", "columns": MAPPING, "activity": "placed_order"}
    assert stream(read(settings_of(orders=source))) == [("a", 1.0), ("b", 2.0)]


def test_parquet_with_its_own_types(here: Path) -> None:
    frame = pd.DataFrame(
        {
            "Kunde": [7, 8],
            "Zeit": pd.to_datetime(["2024-07-01 10:00", "2024-07-02 10:00"]),
            "Betrag": [1999, -500],
            "Gebucht": pd.to_datetime(["2024-07-01 12:00+02:00", "2024-07-02 12:00+02:00"], utc=True),
        }
    )
    frame.to_parquet(here / "orders.parquet")
    source = {
        "reader": "parquet",
        "path": "orders.parquet",
        "columns": MAPPING | {"recorded_at": "Gebucht"},
        "activity": "placed_order",
        "when_negative": "returned_order",
        "unit": 0.01,
        "timezone": "Europe/Berlin",
    }
    con = read(settings_of(orders=source))
    hour = "strftime({}, '%d %H')"
    assert stream(con, f"customer_id, activity, value, {hour.format('occurred_at')}, {hour.format('recorded_at')}") == [
        ("7", "placed_order", 19.99, "01 08", "01 10"),
        ("8", "returned_order", 5.0, "02 08", "02 10"),
    ]


def test_bad_rows_are_counted_and_named_by_line(here: Path) -> None:
    text = (
        'Kunde,Zeit,Betrag\n1,2024-03-01,1\n\n2,2024-03-01,"1"\n,2024-03-01,1\n3,gestern,1\n3,2024-03-01,zwei\n'
        "4,2024-03-01\n5,2024-03-01,1,2\n6,,1\n7,9999-01-01,1\n8,infinity,1\n"
    )
    con = read(orders(text))
    assert [row[0] for row in stream(con)] == ["1", "2"]
    path = here / "quarantine.csv"
    notes = quarantine_rows(con, {"orders": Mapped(max_bad_share=1.0)}, path)
    assert notes[0] == (
        "orders.csv: 3 of 10 rows have an occurred_at that is not a time (lines 6, 11, 12; for example 'gestern'). "
        "Mend them, or leave them out with sources.orders.where."
    )
    assert "orders.csv: 1 of 10 rows has no customer_id (line 5). Drop or map them in sources.orders." in notes
    assert path.read_text().splitlines() == [
        "source,file,line,reason",
        "orders,orders.csv,5,customer_id is missing",
        "orders,orders.csv,6,occurred_at is not a time: 'gestern'",
        "orders,orders.csv,7,value is not a number: 'zwei'",
        "orders,orders.csv,8,broken: too few columns",
        "orders,orders.csv,9,broken: too many columns",
        "orders,orders.csv,10,occurred_at is missing",
        "orders,orders.csv,11,occurred_at is not a time: '9999-01-01'",
        "orders,orders.csv,12,occurred_at is not a time: 'infinity'",
    ]


def test_lines_are_right_behind_line_breaks_in_quotes() -> None:
    Path("orders.csv").write_bytes(
        b'\xef\xbb\xbfKunde,Zeit,Betrag,Notiz\r\n1,2024-03-01,1,"two\r\nlines"\r\n\r\n2,bad,1,x\r\n3,2024-03-01\r\n'
    )
    source = {"path": "orders.csv", "columns": MAPPING, "activity": "placed_order"}
    con = read(settings_of(orders=source))
    assert con.execute("select line, fault from rejected order by line").fetchall() == [
        (5, "not a time"),
        (6, "broken"),
    ]


def test_wrong_encoding_is_a_bad_row_not_a_crash() -> None:
    settings = orders("")
    Path("orders.csv").write_bytes(HEADER.encode() + b"1,2024-03-01,1\nM\xfcller,2024-03-01,1\n")
    con = read(settings)
    assert stream(con) == [("1", 1.0)]
    assert reasons(con)["orders"] == ["orders.csv: 1 of 2 rows is broken (not UTF-8) (line 3). Save it as UTF-8."]


def test_rows_of_a_parquet_file_are_named_as_rows(here: Path) -> None:
    frame = pd.DataFrame({"Kunde": ["a", None], "Zeit": ["2024-03-01", "2024-03-02"], "Betrag": [1.0, float("inf")]})
    frame.to_parquet(here / "orders.parquet")
    source = {"reader": "parquet", "path": "orders.parquet", "columns": MAPPING, "activity": "placed_order"}
    con = read(settings_of(orders=source))
    assert reasons(con)["orders"] == [
        "orders.parquet: 1 of 2 rows has no customer_id (row 2). Drop or map them in sources.orders."
    ]


def test_thousands_are_written_and_lines_elided() -> None:
    rows = "".join(f"{'' if i in (16, 202, 909, 1000) else i},2024-03-01,1\n" for i in range(12_004))
    assert reasons(read(orders(HEADER + rows)))["orders"] == [
        (
            "orders.csv: 4 of 12,004 rows have no customer_id (lines 18, 204, 911, ...). "
            "Drop or map them in sources.orders."
        )
    ]


def test_too_many_bad_rows_are_refused_with_every_reason(here: Path) -> None:
    con = read(orders(HEADER + "a,2024-03-01,1\n,2024-03-01,1\nb,soon,1\n"))
    with pytest.raises(ChurnError) as problem:
        quarantine_rows(con, {"orders": Mapped(max_bad_share=0.5)}, here / "q.csv")
    assert len(problem.value.faults) == 3
    assert problem.value.faults[-1] == (
        f"sources.orders: 2 of 3 rows are bad, more than its max_bad_share of 0.5 allows. "
        f"They are listed in {here / 'q.csv'}. Mend them, or raise sources.orders.max_bad_share."
    )
    assert (here / "q.csv").exists()


@pytest.mark.parametrize(
    ("source", "fault"),
    [
        ({"path": "ordrs.csv"}, "sources.orders.path: there is no file ordrs.csv. Did you mean orders.csv?"),
        (
            {"path": "data/x.csv"},
            "sources.orders.path: there is no file data/x.csv. Paths begin at the project's folder.",
        ),
        ({"path": "*.tsv"}, "sources.orders.path: no file matches *.tsv. Paths begin at the project's folder."),
        (
            {"path": "empty"},
            "sources.orders.path: the folder empty holds no .csv file. Put one there or name another path.",
        ),
        (
            {"columns": MAPPING | {"value": "Betrg"}},
            "sources.orders.columns.value: orders.csv has no column 'Betrg'. Did you mean Betrag?",
        ),
        (
            {"columns": MAPPING | {"quantity": "pieces"}},
            "sources.orders.columns.quantity: orders.csv has no column 'pieces'. Its columns: Kunde, Zeit, Betrag, Z",
        ),
        (
            {"columns": MAPPING | {"recorded_at": "Zeit"}},
            "sources.orders.columns.occurred_at: orders.csv has 2 columns 'Zeit'. Rename all but one.",
        ),
        (
            {"columns": {}},
            (
                "sources.orders.columns.customer_id is missing and orders.csv has no column customer_id. "
                "Its columns: Kunde, Zeit, Betrag, Zeit."
            ),
        ),
        (
            {"delimiter": "|"},
            (
                "sources.orders.columns.customer_id: orders.csv has no column 'Kunde'. "
                "It has one column, which is not repeated here. "
                "The header was read as one column: set delimiter."
            ),
        ),
    ],
)
def test_a_wrong_source_is_named_before_any_work(here: Path, source: dict[str, Any], fault: str) -> None:
    (here / "empty").mkdir()
    header = "Kunde,Zeit,Betrag" if source.get("columns", {}).get("value") == "Betrg" else "Kunde,Zeit,Betrag,Zeit"
    (here / "orders.csv").write_text(f"{header}\na,2024-03-01,1,2024-03-01\n")
    orders_ = {"path": "orders.csv", "columns": MAPPING, "activity": "placed_order"} | source
    faults = check_sources(Reading.of(settings_of(orders=orders_)))
    assert any(line.startswith(f"params.yaml: {fault}") for line in faults), faults


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        (b"", "orders.csv: is empty. The first line must name the columns. (sources.orders.path)"),
        (
            b"Kunde,Zeit,Betrag\n",
            "orders.csv: there is a header but not one row. Export it again. (sources.orders.path)",
        ),
        (b"Kunde,Zeit,Betrag\n\n\n", "orders.csv: there is a header but not one row. Export it again."),
        (
            "Kundé,Zeit\na,b\n".encode("utf-16"),
            "orders.csv: is not UTF-8 text. Save it as UTF-8. (sources.orders.path)",
        ),
    ],
)
def test_an_empty_or_foreign_file_is_said(content: bytes, fault: str) -> None:
    settings = orders("")
    Path("orders.csv").write_bytes(content)
    assert check_sources(Reading.of(settings))[0].startswith(fault)


def test_a_parquet_file_that_is_none(here: Path) -> None:
    (here / "x.parquet").write_text("no")
    faults = check_sources(
        Reading.of(settings_of(orders={"reader": "parquet", "path": "x.parquet", "activity": "placed_order"}))
    )
    assert faults[0].startswith("x.parquet: is not a Parquet file.")


def test_numbers_for_times_and_lists_for_numbers_are_said(here: Path) -> None:
    pd.DataFrame({"Kunde": ["a"], "Zeit": [1704045900], "Betrag": [[1]]}).to_parquet(here / "x.parquet")
    source = {"reader": "parquet", "path": "x.parquet", "columns": MAPPING, "activity": "placed_order"}
    assert check_sources(Reading.of(settings_of(orders=source))) == [
        (
            "params.yaml: sources.orders.columns.occurred_at: x.parquet has numbers there. "
            "Set sources.orders.time_format to unix_seconds, unix_milliseconds or spreadsheet_days."
        ),
        "params.yaml: sources.orders.columns.value: x.parquet has a bigint[] there. Allowed: text, number.",
    ]


def test_the_faults_of_all_sources_come_at_once() -> None:
    settings = settings_of(
        first={"path": "a.csv", "activity": "ordered"},
        second={"path": "b.csv", "activity": "ordered"},
    )
    assert [fault.split(":")[1] for fault in check_sources(Reading.of(settings))] == [
        " sources.first.path",
        " sources.second.path",
        " churn.silent.activity",
    ]


def test_an_activity_that_no_source_yields_is_said() -> None:
    assert check_sources(Reading.of(orders(HEADER + "a,2024-03-01,1\n", activity="placed_orders"))) == [
        "params.yaml: churn.silent.activity: no source yields placed_order. Did you mean placed_orders?"
    ]
