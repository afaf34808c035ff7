"""Mappings: columns, expressions over columns, conditions, several activities out of one source; and what is wrong."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import pytest

from pipelines.settings.params import Settings
from pipelines.settings.reading import Reading
from pipelines.sources.accounts.statement import accounts_of, sentences_of
from pipelines.sources.quarantine import reasons
from pipelines.sources.registry import check_sources, read_sources
from pipelines.sources.stream import connect

TICKETS = """id,user,Created Date,status,amount,plan
1,a,2024-03-01,paid,1999,pro
2,b,2024-03-02,open,100,
3,c@example.org,2024-03-03,paid,zwei,free
4,d,2024-03-04,paid, 50 ,free
"""
MAPPED = {"customer_id": "user", "occurred_at": "Created Date"}


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "tickets.csv").write_text(TICKETS)
    return tmp_path


def settings_of(**source: Any) -> Settings:
    tickets = {"reader": "csv", "path": "tickets.csv", "columns": MAPPED, "activity": "placed_order"} | source
    return Settings.model_validate(
        {
            "sources": {"desk": {name: value for name, value in tickets.items() if value is not None}},
            "observations": {"train": {"until": "2024-06-01"}, "score": {"as_of": "2024-06-01"}},
            "churn": {"silent": {"kind": "silence", "active_within_days": 56, "horizon_days": 28}},
            "at_risk": {"definition": "silent"},
        }
    )


def read(chosen: str, **source: Any) -> list[tuple[Any, ...]]:
    found: list[tuple[Any, ...]] = connected(**source).execute(f"select {chosen} from stream order by all").fetchall()
    return found


def connected(**source: Any) -> Any:
    settings = settings_of(**source)
    assert check_sources(Reading.of(settings)) == []
    con = connect()
    read_sources(con, Reading.of(settings))
    return con


@pytest.mark.parametrize(
    ("value", "values"),
    [
        ("amount / 100", [19.99, 1.0, 0.5]),
        ("amount", [1999.0, 100.0, 50.0]),
        ("case when status = 'paid' then amount else 0 end", [1999.0, 0.0, 50.0]),
        ("coalesce(amount, 0) * 2", [3998.0, 200.0, 100.0]),
        ("round(AMOUNT / 1000, 1)", [2.0, 0.1, 0.1]),
    ],
)
def test_numbers_are_calculated_and_words_among_them_are_bad_rows(value: str, values: list[float]) -> None:
    con = connected(columns=MAPPED | {"value": value})
    assert [row[0] for row in con.execute("select value from stream order by customer_id").fetchall()] == values
    assert reasons(con)["desk"] == [
        (
            "tickets.csv: 1 of 4 rows has a value that is not a number (line 4; for example 'zwei'). "
            "Mend them, or leave them out with sources.desk.where."
        )
    ]


@pytest.mark.parametrize(
    ("where", "customers"),
    [
        ("status = 'paid'", ["a", "c@example.org", "d"]),
        ("amount > 60", ["a", "b"]),
        ("status in ('open') or plan is null", ["b"]),
        ("plan <> 'pro'", ["c@example.org", "d"]),
        ("\"Created Date\" >= '2024-03-03'", ["c@example.org", "d"]),
    ],
)
def test_where_keeps_rows_for_which_it_is_true(where: str, customers: list[str]) -> None:
    assert [row[0] for row in read("customer_id", where=where)] == customers


def test_constants_texts_and_times_are_expressions_too() -> None:
    columns = {
        "customer_id": "lower(user)",
        "occurred_at": "\"Created Date\" || 'T10:00:00'",
        "activity": "'contacted_' || if(status = 'paid', 'support', 'sales')",
        "detail": "'fixed'",
    }
    con = connected(columns=columns, activity=None, timezone="Europe/Berlin")
    assert con.execute(
        "select activity, detail, strftime(occurred_at, '%H:%M') from stream order by occurred_at limit 2"
    ).fetchall() == [("contacted_support", "fixed", "09:00"), ("contacted_sales", "fixed", "09:00")]


def test_rows_of_test_accounts_are_left_out_and_counted() -> None:
    con = connected(exclude="user like '%@example.org' or plan = 'pro'", columns=MAPPED | {"value": "amount"})
    assert con.execute("select customer_id from stream order by 1").fetchall() == [("b",), ("d",)]
    assert reasons(con) == {}, "what is excluded is not judged"
    said = sentences_of(accounts_of(con, {"desk": settings_of(exclude="true").sources["desk"]}))
    assert said == ["sources.desk: placed_order: of 4 rows 2 became activities; 2 left out by exclude."]


def test_one_source_yields_several_activities() -> None:
    columns = MAPPED | {"activity_id": "id"}
    paid = {"activity": "placed_order", "where": "status = 'paid'", "columns": {"value": "amount"}, "unit": 0.01}
    support = {"activity": "contacted_support", "columns": {"detail": "plan"}}
    con = connected(columns=columns, activity=None, yields=[paid, support])
    assert con.execute("select activity_id, activity, value, detail from stream order by all").fetchall() == [
        ("desk-contacted_support-1", "contacted_support", None, "pro"),
        ("desk-contacted_support-2", "contacted_support", None, None),
        ("desk-contacted_support-3", "contacted_support", None, "free"),
        ("desk-contacted_support-4", "contacted_support", None, "free"),
        ("desk-placed_order-1", "placed_order", 19.99, None),
        ("desk-placed_order-4", "placed_order", 0.5, None),
    ]
    assert con.execute("select rows from delivered").fetchall() == [(4,)]


def test_an_entry_may_tell_its_activity_otherwise() -> None:
    plans = {"columns": {"activity": "plan"}, "activities": {"pro": "placed_order"}, "where": "plan = 'pro'"}
    con = connected(yields=[{"where": "status = 'open'"}, plans])
    assert con.execute("select customer_id, activity from stream order by 1").fetchall() == [
        ("a", "placed_order"),
        ("b", "placed_order"),
    ]


def test_fields_of_structs_and_elements_of_lists(here: Path) -> None:
    frame = pd.DataFrame(
        {
            "user": [{"id": "a"}, {"id": "b"}],
            "clock": pd.to_datetime(["2024-03-01", "2024-03-02"]),
            "params": [[{"key": "page", "value": "home"}], [{"key": "x", "value": "y"}]],
        }
    )
    frame.to_parquet(here / "events.parquet")
    columns = {
        "customer_id": "user.id",
        "occurred_at": "clock + interval 1 hour",
        "detail": "list_filter(params, lambda p: p.key = 'page')[1].value",
    }
    found = read(
        "customer_id, detail, strftime(occurred_at, '%H')", reader="parquet", path="events.parquet", columns=columns
    )
    assert found == [("a", "home", "01"), ("b", None, "01")]


def test_a_time_in_the_far_future_is_a_bad_row(here: Path) -> None:
    (here / "tickets.csv").write_text("user,Created Date\na,2039-12-31\nb,2040-01-01\nc,2099-12-31\n")
    assert reasons(connected())["desk"] == [
        (
            "tickets.csv: 2 of 3 rows have an occurred_at in the far future (lines 3, 4; for example '2040-01-01'). "
            "Mend them, or leave them out with sources.desk.where."
        )
    ]


@pytest.mark.parametrize(
    ("source", "fault"),
    [
        (
            {"columns": MAPPED | {"value": "amout / 100"}},
            "sources.desk.columns.value: tickets.csv has no column 'amout' (in 'amout / 100'). Did you mean amount?",
        ),
        (
            {"columns": MAPPED | {"occurred_at": "Created  Date"}},
            "sources.desk.columns.occurred_at: tickets.csv has no column 'Created  Date'. Did you mean Created Date?",
        ),
        (
            {"columns": MAPPED | {"occurred_at": "created_date"}},
            "sources.desk.columns.occurred_at: tickets.csv has no column 'created_date'. Did you mean Created Date?",
        ),
        (
            {"columns": MAPPED | {"detail": "#"}},
            "sources.desk.columns.detail: '#' is neither a column of tickets.csv nor an expression that can be used: ",
        ),
        (
            {"yields": [{"where": "paid = 1"}, {"where": "paid = 2"}]},
            "sources.desk.yields, entry 1, where: tickets.csv has no column 'paid' (in 'paid = 1'). ",
        ),
        ({"where": "statu = 'paid'"}, "sources.desk.where: tickets.csv has no column 'statu' (in \"statu = 'paid'\")."),
        ({"where": "length(status)"}, "sources.desk.where: tickets.csv has no condition (true or false) there."),
        ({"exclude": "mail = 'x'"}, "sources.desk.exclude: tickets.csv has no column 'mail' (in \"mail = 'x'\")."),
        (
            {"columns": MAPPED | {"value": "amount * (2"}},
            "sources.desk.columns.value: 'amount * (2' is neither a column of tickets.csv nor an expression",
        ),
        (
            {"yields": [{}, {"columns": {"detail": "pln"}}]},
            "sources.desk.yields, entry 2, columns.detail: tickets.csv has no column 'pln'. Did you mean plan?",
        ),
        (
            {"columns": MAPPED | {"value": "date_trunc(amount, 3)"}},
            "sources.desk.columns.value: 'date_trunc(amount, 3)' cannot be computed from tickets.csv: ",
        ),
    ],
)
def test_a_wrong_mapping_names_source_setting_column_and_nearest(source: dict[str, Any], fault: str) -> None:
    faults = check_sources(Reading.of(settings_of(**source)))
    assert len(faults) == 1, faults
    assert faults[0].startswith(f"params.yaml: {fault}")


def test_headings_are_named_on_one_line_and_blank_ones_not_at_all() -> None:
    Path("tickets.csv").write_text('user,Created Date,"What did\nyou buy?",,\na,2024-03-01,x,y,z\n')
    (fault,) = check_sources(Reading.of(settings_of(where="plan = 'pro'")))
    assert fault.endswith("Its columns: user, Created Date, What did you buy?.")


@pytest.mark.parametrize(
    "expression",
    [
        "(select content from read_text('/etc/passwd'))",
        "user || (from read_csv('/etc/passwd') limit 1)",
        "current_setting('temp_directory')",
        "now()",
        "random()",
        "count(*)",
        "sum(amount) over ()",
        "*",
        "user; drop table stream",
        "user) from read_text('/etc/passwd') --",
        "$1",
        "getvariable('x')",
        "nextval('x')",
        "write_log('x')",
        "sleep_ms(1000)",
    ],
)
def test_expressions_read_their_row_and_nothing_else(expression: str) -> None:
    assert len(check_sources(Reading.of(settings_of(columns=MAPPED | {"detail": expression})))) == 1


def test_an_expression_that_fails_on_a_row_is_a_bad_row_and_no_crash() -> None:
    con = connected(columns=MAPPED | {"occurred_at": "strptime(plan, '%Y')"})
    assert reasons(con)["desk"][0].startswith("tickets.csv: 4 of 4 rows have no occurred_at (lines 2, 3, 4, ...)")


def test_the_connection_that_reads_sees_nothing_but_the_sources(here: Path) -> None:
    outside = here.parent / "outside.csv"
    outside.write_text(TICKETS)
    con = connected()
    for statement in (f"from read_csv('{outside}')", "set enable_external_access = true", "copy stream to 'x.csv'"):
        with pytest.raises(duckdb.Error):
            con.execute(statement.replace("x.csv", str(here.parent / "x.csv")))
