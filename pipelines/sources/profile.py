"""Figures of a cut stream that later stages decide by: what is there, how much, since when. Nothing else counts.

`facts_of` counts rows; `facts_by_sight` knows the same of finished months without opening them (but for those in which
a stretch of time begins).
"""

# Queries are put together from our own column names; whatever comes from outside is quoted by stream.text.
# ruff: noqa: S608

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from pipelines.runtime.sql import text
from pipelines.sources.landing.assemble import Finished
from pipelines.sources.landing.file_summary import Seen, Sight, distinct

DAY = 86_400_000_000
_ACTIVITIES = f"""
select activity,
    count(*) as count,
    count(distinct customer_id) as customers,
    strftime(min(occurred_at), '%Y-%m-%dT%H:%M:%S.%fZ') as first,
    strftime(max(occurred_at), '%Y-%m-%dT%H:%M:%S.%fZ') as last,
    count(value) > 0 as has_value,
    count(quantity) > 0 as has_quantity,
    count(detail) > 0 as has_detail,
    count(*) filter (occurred_at >= make_timestamptz($moment - {28 * DAY})) as last_28d_count,
    -- whole weeks since the activity's first time, at most half a year of them
    least(26, greatest(1, ($moment - epoch_us(min(occurred_at))) // {7 * DAY})) as weeks
from known group by activity order by activity
"""
_WEEKLY = f"""
select known.activity, count(*) / any_value(history.weeks) as previous_weekly_mean
from known join history on known.activity = history.activity
where occurred_at >= make_timestamptz($moment - {7 * DAY} * history.weeks::bigint)
group by known.activity
"""


def facts_of(con: Any, moment: int) -> dict[str, Any]:
    """Rows, customers, and figures per activity of `known` before `moment` (microseconds, UTC).

    `previous_weekly_mean` is over the last up to 26 whole weeks; shorter histories are divided by the weeks they have.
    """
    con.execute(f"create or replace temp table history as {_ACTIVITIES}", {"moment": moment})
    weekly = dict(con.execute(_WEEKLY, {"moment": moment}).fetchall())
    found = con.execute("select * exclude (weeks) from history order by activity")
    names = [field[0] for field in found.description]
    activities = {row[0]: dict(zip(names[1:], row[1:], strict=True)) for row in found.fetchall()}
    for name, entry in activities.items():
        entry["previous_weekly_mean"] = weekly.get(name, 0.0)
    rows, customers, recorded = con.execute(
        "select count(*), count(distinct customer_id), count(recorded_at) > 0 from known"
    ).fetchall()[0]
    return {"rows": rows, "customers": customers, "has_recorded_at": recorded, "activities": activities}


def facts_by_sight(con: Any, finished: Sequence[Finished], moment: int) -> dict[str, Any]:
    """What `facts_of` says of a stream in finished month files."""
    sights = [one.sight for one in finished]
    since = _Since(con, finished)
    activities = {
        name: _activity(name, sights, moment, since) for name in sorted({n for s in sights for n in s.activities})
    }
    return {
        "rows": sum(sight.rows for sight in sights),
        "customers": _customers(sights, activities),
        "has_recorded_at": any(sight.recorded for sight in sights),
        "activities": activities,
    }


def _customers(sights: Sequence[Sight], activities: dict[str, dict[str, Any]]) -> int:
    if len(activities) == 1:
        return sum(one["customers"] for one in activities.values())
    return distinct(sight.customers(name) for sight in sights for name in sight.activities)


def _activity(name: str, sights: Sequence[Sight], moment: int, since: _Since) -> dict[str, Any]:
    seen = [sight.activities[name] for sight in sights if name in sight.activities]
    first = min(one.first for one in seen)
    weeks = min(26, max(1, (moment - first) // (7 * DAY)))
    return {
        "count": sum(one.count for one in seen),
        "customers": distinct(sight.customers(name) for sight in sights if name in sight.activities),
        "first": _written(first),
        "last": _written(max(one.last for one in seen)),
        "has_value": any(one.values for one in seen),
        "has_quantity": any(one.quantities for one in seen),
        "has_detail": any(one.details for one in seen),
        "last_28d_count": since.count(name, moment - 28 * DAY),
        "previous_weekly_mean": since.count(name, moment - 7 * DAY * weeks) / weeks,
    }


class _Since:
    """Counts rows of an activity from a time on; a file is opened only where the time lies in its middle."""

    def __init__(self, con: Any, finished: Sequence[Finished]) -> None:
        self._con, self._finished = con, finished
        self._opened: dict[tuple[str, int], Counter[str]] = {}

    def count(self, name: str, start: int) -> int:
        """Rows of activity `name` at or after `start` (microseconds, UTC)."""
        return sum(self._in_file(one, name, start, one.sight.activities[name]) for one in self._having(name))

    def _having(self, name: str) -> Iterator[Finished]:
        return (one for one in self._finished if name in one.sight.activities)

    def _in_file(self, one: Finished, name: str, start: int, seen: Seen) -> int:
        if start <= seen.first:
            return seen.count
        if start > seen.last:
            return 0
        if (one.month, start) not in self._opened:
            rows = self._con.execute(
                f"select activity, count(*) from read_parquet({text(one.path)}) "
                f"where occurred_at >= make_timestamptz({start}) group by activity"
            ).fetchall()
            self._opened[one.month, start] = Counter(dict(rows))
        return self._opened[one.month, start][name]


def _written(time: int) -> str:
    return (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=time)).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
