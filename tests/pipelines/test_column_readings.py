"""How columns of text are read: what fits one reading is read so, what fits two is asked about, advice works."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.runtime.errors import ChurnError
from pipelines.settings.sources import Mapped
from pipelines.sources.conventions.decide import decide
from pipelines.sources.conventions.survey import survey, together
from pipelines.sources.expressions.convert import as_number, as_time
from pipelines.sources.expressions.readings import Readings
from pipelines.sources.expressions.time_text import TimeReading
from tests.pipelines.test_files import HEADER, orders, read, stream, times

_CON = duckdb.connect()


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


@dataclass(frozen=True)
class OneColumn:
    """A table of texts."""

    name: str = "orders.csv"
    columns: tuple[str, ...] = ("x", "nobody")
    types: tuple[str, ...] = ("text", "text")
    stored: tuple[str, ...] = ("VARCHAR", "VARCHAR")


def decided(texts: list[str], ours: str, **more: Any) -> Readings:
    """How a column of our name `ours` is read; no text may be a mistake."""
    columns = {"customer_id": "nobody", "occurred_at": "nobody", ours: "x"}
    setting = Mapped.model_validate({"columns": columns, "activity": "placed_order"})
    _CON.register("given", pa.table({"c0": texts, "c1": [None] * len(texts)}, schema=_TEXTS))
    found = together([survey(_CON, setting, OneColumn(), "select * from given")])
    return decide(found, "sources.orders", **{"share": 0.0, "day_first": None, "points": False} | more)


_TEXTS = pa.schema([("c0", pa.string()), ("c1", pa.string())])


def numbers(texts: list[str], sign: str) -> list[float | None]:
    query = f"select {as_number('c0', 'text', sign, 1)} from (select unnest($1::varchar[]) as c0)"
    return [one for (one,) in _CON.execute(query, [texts]).fetchall()]


def by_hand(text: str, sign: str) -> float | None:
    """A number of plain groups, read without SQL."""
    between = {".": ",", ",": r"\."}[sign]
    match = re.fullmatch(
        rf"(\d+|\d{{1,3}}(?:{between}\d{{3}})+|\d{{1,3}}(?: \d{{3}})+)?(?:{re.escape(sign)}(\d*))?", text
    )
    if not match or not (match[1] or match[2]):
        return None
    return float(re.sub(r"\D", "", match[1] or "0") + "." + (match[2] or "0"))


@st.composite
def writings(draw: st.DrawFn) -> str:
    whole = draw(st.integers(0, 9_999_999))
    between = draw(st.sampled_from(["", "", ",", ".", " "]))
    fraction = draw(st.sampled_from(["", "", ".", ","]))
    decimals = draw(st.text("0123456789", min_size=1, max_size=4)) if fraction else ""
    return f"{whole:,}".replace(",", between) + fraction + decimals


@settings(max_examples=40, deadline=None)
@given(st.lists(writings(), min_size=1, max_size=6))
def test_a_column_of_numbers_is_read_in_the_only_way_that_fits(texts: list[str]) -> None:
    read_by_hand = {sign: [by_hand(text, sign) for text in texts] for sign in ".,"}
    assert {sign: numbers(texts, sign) for sign in ".,"} == read_by_hand
    fitting = [sign for sign, values in read_by_hand.items() if None not in values]
    if len(fitting) == 1:
        assert ("x" in decided(texts, "value").commas) == (fitting == [","])
    elif len(fitting) == 2 and read_by_hand["."] != read_by_hand[","]:
        ungrouped = any(re.fullmatch(r"\d{4,}", text) for text in texts)
        if ungrouped and not any("," in text for text in texts):  # 1.250 beside 1250: points are not for thousands
            assert not decided(texts, "value").commas
        else:
            with pytest.raises(ChurnError, match=r"Set sources\.orders\.thousands: .* sources\.orders\.decimal: "):
                decided(texts, "value")
    elif len(fitting) == 2:
        decided(texts, "value")


@settings(max_examples=25, deadline=None)
@given(
    st.lists(
        st.text(st.characters(codec="utf-8", exclude_characters="\0")) | st.text("0123456789.,-()%$ €e"), max_size=20
    )
)
def test_no_text_is_more_than_a_number_can_be(texts: list[str]) -> None:
    for sign in ".,":
        assert all(one is None or abs(one) < float("inf") for one in numbers(texts, sign))


@pytest.mark.parametrize(
    ("text", "sign", "value"),
    [
        ("1,250.00", ".", 1250),
        ("12,34,567.80", ".", 1234567.8),
        ("$1,250.00", ".", 1250),
        ("US$ 12", ".", 12),
        ("(12.50)", ".", -12.5),
        ("($12.50)", ".", -12.5),
        ("5.00-", ".", -5),
        ("-€5", ".", -5),
        ("€ -5", ".", -5),
        ("\u22125", ".", -5),
        ("12.5%", ".", 0.125),
        ("1'250.00", ".", 1250),
        ("1\u202f250,50 €", ",", 1250.5),
        ("EUR 1.250,00", ",", 1250),
        ("500,-", ",", 500),
        ("500.-", ".", 500),
        ("1e3", ".", 1000),
        ("12.50", ",", None),
        ("1,25,0", ".", None),
        ("(5", ".", None),
        ("--5", ".", None),
        ("n/a", ".", None),
        ("12.50 apples", ".", None),
        ("9" * 400, ".", None),
    ],
)
def test_numbers_as_people_write_them(text: str, sign: str, value: float | None) -> None:
    assert numbers([text], sign) == [value]


DAYS = st.dates(date(1990, 1, 1), date(2060, 12, 31))


@settings(max_examples=15, deadline=None)
@given(st.lists(DAYS, min_size=1, max_size=6), st.sampled_from(["%d/%m/%Y", "%m/%d/%Y"]), st.booleans())
def test_a_column_of_days_is_read_in_the_only_way_that_fits(days: list[date], wrote: str, with_clock: bool) -> None:
    texts = [day.strftime(wrote) + (" 9:05" if with_clock else "") for day in days]
    orders = {"%d/%m/%Y": "day", "%m/%d/%Y": "month"}
    other = {"day": "month", "month": "day"}[orders[wrote]]
    if all(day.day == day.month for day in days):
        reading = decided(texts, "occurred_at")
    elif all(day.day <= 12 for day in days):
        with pytest.raises(ChurnError, match=r"Set sources\.orders\.day_first: true"):
            decided(texts, "occurred_at")
        assert local(texts, TimeReading(other)) != days
        reading = decided(texts, "occurred_at", day_first=orders[wrote] == "day")
    else:
        reading = decided(texts, "occurred_at")
    assert local(texts, dict(reading.times)["x"]) == days


@settings(max_examples=8, deadline=None)
@given(st.lists(DAYS, min_size=1, max_size=6))
def test_days_of_spreadsheets_and_of_the_buddhist_era(days: list[date]) -> None:
    later = [day for day in days if day > date(1955, 1, 1)]
    serial = [str((day - date(1899, 12, 30)).days) for day in later]
    assert local(serial, dict(decided(serial, "occurred_at").times)["x"]) == later
    thai = [f"{day.day:02}/{day.month:02}/{day.year + 543}" for day in [*days, date(2024, 2, 29), date(2024, 1, 31)]]
    assert local(thai, dict(decided(thai, "occurred_at").times)["x"])[: len(days)] == days


def local(texts: list[str], reading: TimeReading) -> list[date | None]:
    instant = as_time("c0", "text", "UTC", None, reading=reading)
    query = f"select ({instant})::timestamp::date::varchar from (select unnest($1::varchar[]) as c0)"
    found = [one for (one,) in _CON.execute(f"select * from ({query})", [texts]).fetchall()]
    return [one and date.fromisoformat(one) for one in found]


@settings(max_examples=8, deadline=None)
@given(st.lists(st.text("0123456789/.-: TZapm+", max_size=20), max_size=20))
def test_no_text_breaks_the_reading_of_times(texts: list[str]) -> None:
    for reading in (TimeReading("day", serial=True), TimeReading("month", buddhist=True), TimeReading(serial=True)):
        assert len(local(texts, reading)) == len(texts)
    for one in ("spreadsheet_days", "unix_seconds", "unix_milliseconds", ("year_first", "%d/%m/%y")):
        _CON.execute(f"select {as_time('c0', 'text', 'UTC', one)} from (select unnest($1::varchar[]) as c0)", [texts])


def column(texts: list[str], of: str) -> str:
    """A file with the texts in one column, and nothing to ask about in the others."""
    day = [str(date(2024, 1, 1) + timedelta(i)) for i in range(len(texts))]
    rows = zip(day, texts, strict=True) if of == "Betrag" else ((text, "1") for text in texts)
    return HEADER + "".join(f'c{i},"{at}","{value}"\n' for i, (at, value) in enumerate(rows))


def advised(message: str) -> list[dict[str, Any]]:
    """The settings that a message advises, each to be tried alone."""
    pairs = re.findall(r'sources\.orders\.(\w+)(?:: | to )("[^"]*"|\[[^]]*\]|\w+)(?: or ("[^"]*"))?', message)
    return [{name: yaml.safe_load(one)} for name, *values in pairs for one in values if one]


@pytest.mark.parametrize(
    ("of", "texts", "values"),
    [
        ("Betrag", ["1,910.40", "12.50", "1,910"], [12.5, 1910, 1910.4]),
        ("Betrag", ["1.910,40", "12,50", "1.910"], [12.5, 1910, 1910.4]),
        ("Betrag", ["$1,910.40", "(12.50)", "3-"], [-12.5, -3, 1910.4]),
        ("Zeit", ["13/06/2013", "09/11/2013"], ["2013-06-13", "2013-11-09"]),
        ("Zeit", ["6/13/2013 9:05 PM", "11/9/2013 12:30 AM"], ["2013-06-13", "2013-11-09"]),
        ("Zeit", ["05.12.2017", "06.12.2017 13:05"], ["2017-12-05", "2017-12-06"]),
        ("Zeit", ["43100", "43101.5"], ["2017-12-31", "2018-01-01"]),
        ("Zeit", ["43100", "43101,5"], ["2017-12-31", "2018-01-01"]),
        ("Zeit", ["29/02/2567", "01/03/2567"], ["2024-02-29", "2024-03-01"]),
        ("Zeit", ["2567-02-29", "2567-03-01 10:00"], ["2024-02-29", "2024-03-01"]),
        ("Zeit", ["31 Dec 2017", "1 Jan 2018"], ["2017-12-31", "2018-01-01"]),
    ],
)
def test_a_column_that_tells_is_read_without_a_setting(of: str, texts: list[str], values: list[Any]) -> None:
    con = read(orders(column(texts, of)))
    what = "value" if of == "Betrag" else "strftime(occurred_at, '%Y-%m-%d')"
    assert [one for (one,) in stream(con, what)] == values
    assert con.execute("select count(*) from rejected").fetchone() == (0,)


@pytest.mark.parametrize(
    ("of", "texts"),
    [
        ("Betrag", ["1,910", "2,500"]),
        ("Betrag", ["1.910", "2.500"]),
        ("Betrag", ["1,910 €", "($2,500)"]),
        ("Zeit", ["09/11/2013", "10/11/2013"]),
        ("Zeit", ["2/1/2013 10:00", "3/1/2013 10:00"]),
        ("Zeit", ["13/06/13", "9/11/2013", "10/11/2013"]),
        ("Zeit", ["6/13/2013 10:00", "11/9/13 9:05", "11/10/13"]),
    ],
)
def test_a_column_that_does_not_tell_is_asked_about_and_every_answer_is_taken(of: str, texts: list[str]) -> None:
    with pytest.raises(ChurnError) as question:
        read(orders(column(texts, of)))
    message = " ".join(question.value.faults)
    answers = advised(message)
    assert message.startswith(f"params.yaml: sources.orders: '{of}' holds ")
    assert len(answers) == 2
    found = [stream(read(orders(column(texts, of), **answer)), "occurred_at::date, value") for answer in answers]
    assert found[0] != found[1]
    assert [len(one) for one in found] == [len(texts)] * 2


@pytest.mark.parametrize(
    ("of", "texts", "setting"),
    [
        ("Zeit", ["2024.03.01 10.30"] * 3, {}),
        ("Zeit", ["20240301T103000Z"] * 3, {}),
        ("Zeit", ["1709289000"] * 3, {}),
        ("Zeit", ["1709289000250"] * 3, {}),
        ("Zeit", ["2024-03-01", "2024-03-02", "2024.03.03 10.30"], {"time_format": "%Y-%m-%d"}),
        ("Zeit", ["01/02/2024", "02/02/2024"], {"time_format": "%Y-%m-%d"}),
        ("Zeit", ["2024-03-01", "2024-03-02"], {"time_format": "%d.%m.%Y"}),
        ("Betrag", ["1.910,40", "12,50"], {"decimal": "."}),
        ("Betrag", ["1,910.40", "12.50"], {"thousands": "."}),
    ],
)
def test_advice_on_bad_rows_works_on_these_rows(of: str, texts: list[str], setting: dict[str, Any]) -> None:
    from pipelines.sources.quarantine import reasons

    source = orders(column(texts, of), **setting)
    sentences = reasons(read(source), source.sources)["orders"]
    answers = advised(" ".join(sentences))
    assert answers, sentences
    for answer in answers:
        further = {} if {"decimal", "thousands"} & set(answer) else setting
        con = read(orders(column(texts, of), **{**further, **answer}))
        assert con.execute("select count(*) from rejected").fetchone() == (0,)


def test_rows_that_no_setting_reads_get_no_setting() -> None:
    from pipelines.sources.quarantine import reasons

    source = orders(column(["12.50", "n/a", "soon"], "Betrag"))
    assert advised(" ".join(reasons(read(source), source.sources)["orders"])) == []


def test_two_formats_in_one_column() -> None:
    texts = ["13/06/13", "9/11/2013 10:00", "2013-11-12"]
    con = read(orders(column(texts, "Zeit"), time_format=["%d/%m/%y", "%d/%m/%Y %H:%M", "year_first"]))
    assert [one for (one,) in stream(con, "strftime(occurred_at, '%Y-%m-%d')")] == [
        "2013-06-13",
        "2013-11-09",
        "2013-11-12",
    ]


@pytest.mark.parametrize(
    ("texts", "answer"),
    [
        (["09/01/2013", "09/03/2013", "10/01/2013", "11/02/2013"], "day_first: false"),
        (["01/09/2013", "03/09/2013", "01/10/2013", "02/11/2013"], "day_first: true"),
        (["31/08/13", "9/1/2013", "9/2/2013", "13/09/13", "10/1/2013"], 'time_format: ["%m/%d/%Y", "%d/%m/%y"]'),
        (["31/08/13", "1/9/2013", "2/9/2013", "13/09/13", "1/10/2013"], "day_first: true"),
    ],
)
def test_the_order_of_the_rows_is_told(texts: list[str], answer: str) -> None:
    with pytest.raises(ChurnError, match=re.escape(f"The order of the rows fits {answer}.")):
        read(orders(column(texts, "Zeit")))


def test_an_expression_that_cannot_read_a_cell_makes_a_bad_row() -> None:
    text = column(["12.50", "1,250.00", "2,100.00", "n/a", "-3", ""], "Betrag")
    con = read(orders(text, where="Betrag > 0"))
    assert [value for _, value in stream(con)] == [12.5, 1250.0, 2100.0]
    assert con.execute("select line, fault, field, found from rejected").fetchall() == [
        (5, "not a number", "condition", "n/a")
    ]


def test_files_are_read_together_and_in_one_way(here: Path) -> None:
    folder = here / "orders"
    folder.mkdir()
    (folder / "a.csv").write_text(column(["1.910", "2.500"], "Betrag"))
    (folder / "b.csv").write_text(column(["1.910,40", "2,50"], "Betrag"))
    con = read(orders("", path="orders"))
    assert sorted(value for _, value in stream(con)) == [2.5, 1910.0, 1910.4, 2500.0]


@pytest.mark.parametrize(
    ("setting", "fault"),
    [
        ({"decimal": ",", "thousands": ","}, "decimal is the same sign"),
        ({"time_format": ["%d.%m.%Y", "gestern"]}, "'gestern' is not a time format"),
        ({"time_format": []}, "time_format"),
    ],
)
def test_settings_that_cannot_be(setting: dict[str, Any], fault: str) -> None:
    with pytest.raises(ValueError, match=fault):
        orders(HEADER, **setting)


def test_times_are_told_as_they_were() -> None:
    assert times(orders(HEADER + "a,2024-03-01 10:00,1\n")) == ["2024-03-01T10:00:00.000"]
