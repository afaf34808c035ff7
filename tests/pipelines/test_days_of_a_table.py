"""A table may hold days, or another clock's times: no fact is known before the event that it is about.

The law is held against the demo's own tables, read by every reader that maps columns: baskets with times in UTC, and
redemptions of coupons with days of the shop, which is in New York. Whoever looks at a midnight and sees a redemption
sees the basket that it was paid with.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import duckdb
import pandas as pd
import pytest

from features.windows import midnight
from pipelines.settings.messages import in_words
from pipelines.settings.params import Settings
from pipelines.settings.presets.catalogue import expanded
from pipelines.settings.reading import Reading
from pipelines.sources.readers import complete_journey
from pipelines.sources.registry import check_sources, customers_of, read_sources
from pipelines.sources.stream import connect

SHOP = "America/New_York"
DAY = pd.Timedelta("1D")
TIMEZONES = ("UTC", SHOP, "Asia/Bangkok", "Pacific/Honolulu")

_LAST_BASKETS = """
select household_id::varchar as customer_id, day, max(paid_at) as paid_at from (
    select household_id, transaction_timestamp as paid_at,
        timezone('America/New_York', timezone('UTC', transaction_timestamp))::date as day
    from read_parquet('{folder}/transactions.parquet')
) semi join (select household_id, redemption_date::date as day from read_parquet('{folder}/coupon_redemptions.parquet'))
using (household_id, day) group by all
"""
_REDEMPTIONS = """
select household_id::varchar as customer_id, redemption_date::date as day, coupon_upc::varchar as coupon
from read_parquet('{folder}/coupon_redemptions.parquet') order by all
"""


@pytest.fixture(scope="module")
def demo() -> tuple[pd.DataFrame, pd.DataFrame]:
    """The last basket of every household's day with a redemption, and the redemptions."""
    folder = complete_journey.folder()
    baskets, redemptions = (duckdb.sql(one.format(folder=folder)).df() for one in (_LAST_BASKETS, _REDEMPTIONS))
    assert len(redemptions) == 2102
    return baskets.assign(day=baskets["day"].dt.strftime("%Y-%m-%d")), redemptions


def csv(name: str, table: pd.DataFrame) -> dict[str, Any]:
    table.to_csv(f"{name}.csv", index=False)
    return {"reader": "csv", "path": f"{name}.csv"}


def json(name: str, table: pd.DataFrame) -> dict[str, Any]:
    table.astype("str").to_json(f"{name}.json", orient="records", lines=True)
    return {"reader": "json", "path": f"{name}.json"}


def parquet(name: str, table: pd.DataFrame) -> dict[str, Any]:
    days = "select * replace (day::date as day) from table"
    duckdb.sql(days.replace("from table", "from found"), connection=_with(table)).write_parquet(f"{name}.parquet")
    return {"reader": "parquet", "path": f"{name}.parquet"}


def _with(table: pd.DataFrame) -> Any:
    con = duckdb.connect()
    con.register("found", table)
    return con


def sqlite(name: str, table: pd.DataFrame) -> dict[str, Any]:
    with closing(sqlite3.connect("shop.sqlite")) as con:
        table.astype("str").to_sql(name, con, index=False)
    return {"reader": "sql", "driver": "sqlite", "address": "shop.sqlite", "table": name}


def settings_of(timezone: str, **sources: Any) -> Settings:
    return Settings.model_validate(
        {
            "timezone": timezone,
            "sources": sources,
            "observations": {"train": {"until": "2017-12-04"}, "score": {"as_of": "2017-12-04"}},
            "churn": {"silent": {"kind": "silence", "active_within_days": 56, "horizon_days": 28}},
            "at_risk": {"definition": "silent"},
        }
    )


def stream(settings: Settings) -> Any:
    assert check_sources(Reading.of(settings)) == []
    con = connect()
    read_sources(con, Reading.of(settings))
    return con


def too_early(con: Any, timezone: str) -> int:
    """Redemptions that some midnight knows and not their basket: what lies on a day is known when it is over."""
    con.execute(
        f"""
        create or replace temp table facts as
        select customer_id, activity, timezone('{timezone}', occurred_at)::date as known,
            timezone('{SHOP}', occurred_at)::date as day from stream
        """
    )
    return int(
        con.execute(
            """
            select count(*) from facts as redeemed join facts as paid using (customer_id, day)
            where redeemed.activity = 'redeemed_coupon' and paid.activity = 'placed_order'
                and redeemed.known < paid.known
            """
        ).fetchall()[0][0]
    )


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("timezone", TIMEZONES)
@pytest.mark.parametrize("kept_in", [csv, json, parquet, sqlite])
def test_no_redemption_is_known_before_its_basket(
    kept_in: Callable[[str, pd.DataFrame], dict[str, Any]], timezone: str, demo: tuple[pd.DataFrame, pd.DataFrame]
) -> None:
    baskets, redemptions = demo
    columns = {"customer_id": "customer_id", "occurred_at": "paid_at"}
    paid = {**kept_in("baskets", baskets), "columns": columns, "activity": "placed_order", "timezone": "UTC"}
    used = {
        **kept_in("redemptions", redemptions.assign(day=redemptions["day"].dt.strftime("%Y-%m-%d"))),
        "columns": {**columns, "occurred_at": "day", "detail": "coupon"},
        "activity": "redeemed_coupon",
        "timezone": {"occurred_at": SHOP},
    }
    con = stream(settings_of(timezone, baskets=paid, redemptions=used))
    assert con.execute("select count(*) from stream where activity = 'redeemed_coupon'").fetchall() == [(2102,)]
    assert too_early(con, timezone) == 0


@pytest.mark.parametrize("timezone", TIMEZONES)
def test_the_demo_keeps_the_law_in_every_timezone(timezone: str) -> None:
    con = stream(settings_of(timezone, demo={"reader": "complete_journey"}))
    assert too_early_or_lonely(con, timezone) == (0, 0)


def too_early_or_lonely(con: Any, timezone: str) -> tuple[int, int]:
    """Redemptions that a midnight knows without a basket of their day, and those that stand at no basket."""
    con.execute(
        "create temp table at_basket as select customer_id, occurred_at from stream where activity = 'placed_order'"
    )
    alone = "select count(*) from stream where activity = 'redeemed_coupon' and (customer_id, occurred_at) not in "
    (lonely,) = con.execute(alone + "(select (customer_id, occurred_at) from at_basket)").fetchall()[0]
    shop, known = (f"timezone('{zone}', {{}}.occurred_at)::date" for zone in (SHOP, timezone))
    early = f"""
        select count(*) from stream as redeemed where activity = 'redeemed_coupon' and not exists (
            from at_basket as paid where paid.customer_id = redeemed.customer_id
            and {shop.format("paid")} = {shop.format("redeemed")}
            and {known.format("paid")} <= {known.format("redeemed")})
    """
    return int(con.execute(early).fetchall()[0][0]), int(lonely)


def read_one(setting: dict[str, Any], timezone: str = "UTC") -> list[tuple[str, ...]]:
    con = stream(settings_of(timezone, rows=setting))
    columns = ", ".join(f"strftime({name}, '%m-%d %H:%M')" for name in ("occurred_at", "recorded_at"))
    return [tuple(row) for row in con.execute(f"select {columns} from stream order by all").fetchall()]


ROW = {"columns": {"customer_id": "who", "occurred_at": "day", "recorded_at": "at"}, "activity": "placed_order"}
TABLE = pd.DataFrame({"who": ["a"], "day": ["2024-03-01"], "at": ["2024-03-02 12:00:00"]})


@pytest.mark.parametrize(
    ("zones", "project", "read"),
    [
        (None, SHOP, ("03-01 05:00", "03-02 17:00")),  # the project's own days begin at its midnight
        (SHOP, SHOP, ("03-01 05:00", "03-02 17:00")),
        ({"recorded_at": "UTC"}, SHOP, ("03-01 05:00", "03-02 12:00")),
        ({"occurred_at": SHOP}, "UTC", ("03-02 04:59", "03-02 12:00")),  # of another's the end is known for certain
        ({"occurred_at": SHOP, "recorded_at": "Asia/Bangkok"}, "UTC", ("03-02 04:59", "03-02 05:00")),
    ],
)
@pytest.mark.parametrize("kept_in", [csv, json, parquet, sqlite])
def test_each_column_has_a_clock_of_its_own(kept_in: Any, zones: Any, project: str, read: tuple[str, str]) -> None:
    assert read_one({**kept_in("facts", TABLE), **ROW, "timezone": zones}, project) == [read]


@pytest.mark.parametrize(
    ("written", "time_format", "read"),
    [
        ("01.03.2024", "%d.%m.%Y", "03-02 04:59"),
        ("01.03.2024 10:00", "%d.%m.%Y %H:%M", "03-01 15:00"),
        ("2024-03-01 00:00:00", None, "03-01 05:00"),  # a time at midnight is a time
        ("2024-03-01T10:00:00Z", None, "03-01 10:00"),
    ],
)
def test_what_is_a_day(written: str, time_format: str | None, read: str) -> None:
    setting = {**csv("facts", TABLE.assign(day=written)), **ROW, "timezone": SHOP, "time_format": time_format}
    if time_format:
        setting["columns"] = {"customer_id": "who", "occurred_at": "day"}
    assert read_one(setting)[0][0] == read


def test_a_yield_changes_one_clock_and_keeps_the_other() -> None:
    kept = {**csv("facts", TABLE), **ROW, "timezone": "Asia/Bangkok"}
    kept["yields"] = [{"activity": "placed_order", "timezone": {"occurred_at": SHOP}}]
    assert read_one(kept) == [("03-02 04:59", "03-02 05:00")]


def test_a_preset_keeps_the_clock_of_what_is_not_named() -> None:
    given = {"preset": "mailchimp_activity", "path": "x.csv", "timezone": {"recorded_at": SHOP}}
    assert expanded({"sources": {"mails": given}})["sources"]["mails"]["timezone"] == {
        "occurred_at": "UTC",
        "recorded_at": SHOP,
        "removed_at": "UTC",
    }


def test_the_watermark_keeps_the_clock_of_the_column_that_it_is() -> None:
    setting = {**sqlite("facts", TABLE), **ROW, "watermark": "at"}
    zones = [{"recorded_at": "Asia/Bangkok"}, {"recorded_at": "Asia/Bangkok", "watermark": SHOP}, "Europe/Berlin", None]
    found = [settings_of("UTC", rows={**setting, "timezone": one}).sources["rows"] for one in zones]
    assert [one.watermark_zone("UTC") for one in found] == ["Asia/Bangkok", SHOP, "Europe/Berlin", "UTC"]  # type: ignore[union-attr]


def test_customers_are_known_by_their_own_clock() -> None:
    Path("orders.csv").write_text("who,at\na,2024-03-01\n")
    Path("people.csv").write_text("customer_id,joined_at\na,2024-03-01\n")
    orders = {"reader": "csv", "path": "orders.csv", "columns": {"customer_id": "who", "occurred_at": "at"}}
    plain = settings_of("UTC", orders={**orders, "activity": "placed_order"})
    given = {"reader": "csv", "path": "people.csv", "timezone": {"joined_at": SHOP}}
    settings = Settings.model_validate({**plain.model_dump(exclude_unset=True), "customers": given})
    table = customers_of(connect(), Reading.of(settings), midnight("2024-06-01", "UTC"))
    assert table is not None
    (joined,) = table["joined_at"].to_pylist()
    assert joined == datetime(2024, 3, 1, 23, 59, 59, 999999, tzinfo=ZoneInfo(SHOP))


@pytest.mark.parametrize(
    ("timezone", "said"),
    [
        ("Europe/Berln", "'Europe/Berln' is not a timezone. Did you mean Europe/Berlin?"),
        ({"occured_at": "UTC"}, "'occured_at' is not a column with times. Did you mean occurred_at?"),
        ({"occurred_at": "UTZ"}, "occurred_at: 'UTZ' is not a timezone."),
        (7, "7 is not a timezone. Write it like Europe/Berlin, or one for each of occurred_at, recorded_at, "),
    ],
)
def test_a_timezone_that_is_none_is_named(timezone: Any, said: str) -> None:
    with pytest.raises(ValueError) as error:
        settings_of("UTC", rows={"reader": "csv", "path": "x.csv", **ROW, "timezone": timezone})
    (line,) = in_words(error.value, Settings)  # type: ignore[arg-type]
    assert line.startswith("sources.rows.timezone: ")
    assert said in line


def test_a_day_without_a_basket_is_known_when_it_is_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    day, at = pd.Timestamp("2017-03-05"), pd.Timestamp("2017-03-05 02:00")  # 21:00 the day before, in New York
    shared = {"household_id": [1], "campaign_id": [9], "campaign_type": ["A"], "start_date": [day], "end_date": [day]}
    basket = {"basket_id": 5, "store_id": 1, "product_id": 1, "quantity": 1, "sales_value": 1.0, "retail_disc": 0.0}
    basket |= {"coupon_disc": 0.0, "coupon_match_disc": 0.0, "week": 1, "transaction_timestamp": at}
    tables = {
        "transactions": pd.DataFrame([{"household_id": 1, **basket}]),
        "campaigns": pd.DataFrame(shared)[["campaign_id", "household_id"]],
        "campaign_descriptions": pd.DataFrame(shared).drop(columns="household_id"),
        "coupon_redemptions": pd.DataFrame(
            {
                "household_id": [1, 1],
                "coupon_upc": [3, 4],
                "campaign_id": 9,
                "redemption_date": [day, day - DAY],
            }
        ),
        "demographics": pd.DataFrame({"household_id": [1]}),
    }
    for name, table in tables.items():
        table.to_parquet(tmp_path / f"{name}.parquet")
    monkeypatch.setattr(complete_journey, "folder", lambda: tmp_path)
    con = connect()
    complete_journey.READER.read(con, "demo", None, None, None)  # type: ignore[arg-type]
    wanted = "select activity, strftime(occurred_at, '%m-%d %H:%M:%S') from stream order by occurred_at"
    assert con.execute(wanted).fetchall() == [
        ("placed_order", "03-05 02:00:00"),
        ("redeemed_coupon", "03-05 02:00:00"),
        ("received_campaign", "03-05 05:00:00"),
        ("redeemed_coupon", "03-06 04:59:59"),
    ]
