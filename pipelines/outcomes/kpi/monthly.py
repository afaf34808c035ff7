"""The activity counted by customer, activity and month: one scan of the stream by DuckDB, within bounds of memory.

What is counted per row of the result: activities, their values (in ten-thousandths, whole numbers, so that money adds
up to the last cent whatever the order), of survey answers how many are high and low, and the first and the last time.
Months begin at midnights of the project's timezone (features/windows.py).
"""

# Queries are put together from our own names and numbers; whatever comes from outside is quoted by runtime/sql.py.
# ruff: noqa: S608

from __future__ import annotations

import glob
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from features.windows import boundary, midnight
from pipelines.runtime.errors import ChurnError
from pipelines.runtime.sql import text

if TYPE_CHECKING:
    import duckdb

Ints = npt.NDArray[np.int64]

UNITS = 10_000
NEVER = np.iinfo(np.int64).max
MEMORY = "1GiB"
NPS_HIGH, NPS_LOW = 9, 6
_ROW = ("customer", "activity", "month", "number", "units", "high", "low", "first", "last")


@dataclass(frozen=True)
class Monthly:
    """Counts by customer, activity and month.

    Attributes:
        ids: of the customers, sorted; a customer is known by the place here.
        starts: first days of the months, and of the one behind the last.
        timezone: in which days begin.
        activities: names; a row has the place here.
        rows: by name of _ROW, sorted by month; `first` and `last` in microseconds UTC, `units` in ten-thousandths.
        begins: place of the first row of every month, and the number of rows.
        settled: rows of complaints that were settled: customer, month (of the settlement), days.
        tiers: rows of tiers reached: customer, month, and the last tier of the month.
        first_ahead: by gap in days: rows of the main activities: customer, activity, month (shifted by the gap), first.
    """

    ids: pa.Array
    starts: tuple[str, ...]
    timezone: str
    activities: tuple[str, ...]
    rows: Mapping[str, Ints]
    begins: Ints
    settled: Mapping[str, Any]
    tiers: Mapping[str, Any]
    first_ahead: Mapping[int, Mapping[str, Ints]]

    @property
    def customers(self) -> int:
        """How many there are."""
        return len(self.ids)

    def summed(self, what: str, activities: Sequence[str], first: int, behind: int) -> npt.NDArray[np.float64]:
        """`number`, `units`, `high` or `low` of some activities by customer; months `first <= month < behind`."""
        chosen = self._chosen(activities, first, behind)
        weights = self.rows[what][chosen].astype(np.float64)
        return np.bincount(self.rows["customer"][chosen], weights, self.customers).astype(np.float64)

    def last_in(self, activities: Sequence[str], month: int) -> tuple[Ints, Ints]:
        """Customers who did one of the activities in a month, and when last."""
        chosen = self._chosen(activities, month, month + 1)
        return self.rows["customer"][chosen], self.rows["last"][chosen]

    def first_in(self, activities: Sequence[str], month: int) -> tuple[Ints, Ints]:
        """Customers who did one of the activities in a month, and when first."""
        chosen = self._chosen(activities, month, month + 1)
        return self.rows["customer"][chosen], self.rows["first"][chosen]

    def first_of(self, activities: Sequence[str]) -> Ints:
        """When every customer did one of the activities first, microseconds UTC; NEVER where they never did."""
        first = np.full(self.customers, NEVER, dtype=np.int64)
        chosen = self._chosen(activities, 0, len(self.starts) - 1)
        np.minimum.at(first, self.rows["customer"][chosen], self.rows["first"][chosen])
        return first

    def _chosen(self, activities: Sequence[str], first: int, behind: int) -> Ints:
        wanted = np.array([name in activities for name in self.activities], dtype=bool)
        begin, end = self.begins[first], self.begins[behind]
        chosen: Ints = begin + np.flatnonzero(wanted[self.rows["activity"][begin:end]])
        return chosen


@dataclass(frozen=True)
class Counting:
    """What is counted: `activities` of the stream, from which CSAT answer a customer is satisfied, `gaps` in days of
    definitions by silence with their activity. Nothing at or after the midnight of `known_until` is known."""

    activities: tuple[str, ...]
    satisfied_from: float
    gaps: tuple[tuple[int, str], ...]
    timezone: str
    known_until: str
    has_recorded_at: bool = False


def monthly(folder: Path, starts: Sequence[str], counting: Counting) -> Monthly:
    """Count a stream.

    Args:
        folder: with *.parquet files of the activity contract.
        starts: first days of the months, and of the one behind the last.
        counting: see Counting.

    Raises:
        ChurnError: DuckDB cannot read or hold it.
    """
    import duckdb

    with tempfile.TemporaryDirectory() as spill:
        config = {"temp_directory": spill, "memory_limit": MEMORY}
        try:
            with duckdb.connect(config=config) as con:
                return _counted(con, folder, tuple(starts), counting)
        except duckdb.Error as error:
            raise ChurnError(f"{folder}: the activity could not be counted. {error}") from error


def _counted(con: duckdb.DuckDBPyConnection, folder: Path, starts: tuple[str, ...], counting: Counting) -> Monthly:
    con.execute("set enable_progress_bar = false")
    stream = _known(f"read_parquet({text(f'{glob.escape(str(folder))}/*.parquet')})", counting)
    names = ", ".join(map(text, counting.activities))
    con.execute(f"create temp table monthly as {_query(stream, names, starts, counting)}")
    con.execute(
        "create temp table people as select customer_id, (row_number() over (order by customer_id) - 1)::bigint as "
        "customer from (select distinct customer_id from monthly)"
    )
    ids = con.sql("select customer_id from people order by customer").to_arrow_table()["customer_id"]
    found = con.sql(
        f"select {', '.join(_ROW)} from monthly join people using (customer_id) order by month, customer, activity"
    )
    rows = _arrays(found.to_arrow_table())
    begins = np.searchsorted(rows["month"], np.arange(len(starts)))
    tell = _Tell(con, stream, starts, counting.timezone)
    return Monthly(
        ids=ids.combine_chunks(),
        starts=starts,
        timezone=counting.timezone,
        activities=counting.activities,
        rows=rows,
        begins=begins,
        settled=tell.settled() if {"complained", "resolved_complaint"} <= set(counting.activities) else {},
        tiers=tell.tiers() if "reached_tier" in counting.activities else {},
        first_ahead={gap: tell.first_ahead(gap, activity) for gap, activity in counting.gaps if gap},
    )


def _known(stream: str, counting: Counting) -> str:
    moment = midnight(counting.known_until, counting.timezone)
    recorded = f" and coalesce(epoch_us(recorded_at) < {moment}, true)" if counting.has_recorded_at else ""
    return f"(select * from {stream} where epoch_us(occurred_at) < {moment}{recorded})"


def _query(stream: str, names: str, starts: Sequence[str], counting: Counting) -> str:
    satisfied = float(counting.satisfied_from)
    return f"""
    select customer_id, (list_position([{names}], activity) - 1)::bigint as activity, month::bigint as month,
        count(*) as number,
        coalesce(sum(round(value * {UNITS})::hugeint), 0)::bigint as units,
        count_if(case activity when 'answered_nps' then value >= {NPS_HIGH}
            when 'answered_csat' then value >= {satisfied} else false end)::bigint as high,
        count_if(activity = 'answered_nps' and value <= {NPS_LOW})::bigint as low,
        min(epoch_us(occurred_at)) as first, max(epoch_us(occurred_at)) as last
    from (select *, {month_of("epoch_us(occurred_at)", starts, counting.timezone)} as month from {stream}
        where activity in ({names})) where month >= 0 and month < {len(starts) - 1} group by all"""


def month_of(instant: str, starts: Sequence[str], timezone: str, later_days: int = 0) -> str:
    """SQL for the number of the month in which an instant (microseconds UTC) lies; -1 before the first.

    Args:
        instant: SQL.
        starts: first days of months.
        timezone: whose midnights.
        later_days: by which every month begins later.
    """
    bounds = [boundary(day, -later_days, timezone) for day in starts]

    def within(low: int, high: int) -> str:
        if low == high:
            return str(low - 1)
        middle = (low + high) // 2
        return f"case when {instant} < {bounds[middle]} then {within(low, middle)} else {within(middle + 1, high)} end"

    return within(0, len(bounds))


@dataclass(frozen=True)
class _Tell:
    con: duckdb.DuckDBPyConnection
    stream: str
    starts: tuple[str, ...]
    timezone: str

    def settled(self) -> dict[str, Ints]:
        """Each complaint with the customer's next settlement, in the month of the settlement."""
        day = 86_400_000_000
        query = f"""
        with events as (select customer, activity, epoch_us(occurred_at) as at from {self.stream}
            join people using (customer_id) where activity in ('complained', 'resolved_complaint'))
        select c.customer, {month_of("r.at", self.starts, self.timezone)}::bigint as month,
            count(*) as number, (sum(r.at - c.at)::double / {day} * {UNITS})::bigint as units
        from (select * from events where activity = 'complained') c
        asof join (select * from events where activity = 'resolved_complaint') r
            on c.customer = r.customer and r.at >= c.at
        group by all order by all"""
        return _arrays(self.con.sql(query).to_arrow_table())

    def tiers(self) -> dict[str, Any]:
        """The last tier that was reached in each month."""
        month = month_of("epoch_us(occurred_at)", self.starts, self.timezone)
        query = f"""select customer, {month}::bigint as month, arg_max(detail, (occurred_at, activity_id)) as tier
        from {self.stream} join people using (customer_id) where activity = 'reached_tier' and detail is not null
        group by all order by month, customer"""
        table = self.con.sql(query).to_arrow_table()
        return {**_arrays(table.select(["customer", "month"])), "tier": table["tier"].to_pylist()}

    def first_ahead(self, gap: int, activity: str) -> dict[str, Ints]:
        """The first time in each month that is shifted by a gap."""
        month = month_of("epoch_us(occurred_at)", self.starts, self.timezone, gap)
        query = f"""select customer, {month}::bigint as month, min(epoch_us(occurred_at)) as first
        from {self.stream} join people using (customer_id) where activity = {text(activity)}
        group by all order by month, customer"""
        return _arrays(self.con.sql(query).to_arrow_table())


def _arrays(table: pa.Table) -> dict[str, Ints]:
    return {name: table[name].to_numpy().astype(np.int64) for name in table.column_names}


def midnights(starts: Sequence[str], timezone: str) -> Ints:
    """The instants at which the months begin, microseconds UTC."""
    return np.array([midnight(day, timezone) for day in starts], dtype=np.int64)
