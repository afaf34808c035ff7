"""The profile of a stream (facts.json): rows, customers and figures per activity, on which later stages depend.

`facts_of` counts rows; `facts_of_months` takes the same figures from the summaries of month files and opens only those
in which a period begins.
"""

# Queries are put together from our own column names; whatever comes from outside is quoted by runtime.sql.text.
# ruff: noqa: S608

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from features.activity import SINCE_VERSION_2
from pipelines.runtime.sql import text
from pipelines.sources.landing.assemble import MonthFile
from pipelines.sources.landing.file_summary import ActivitySummary, MonthSummary, count_distinct
from pipelines.sources.relations import KNOWN

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
from {KNOWN} group by activity order by activity
"""
_WEEKLY = f"""
select known.activity, count(*) / any_value(history.weeks) as previous_weekly_mean
from {KNOWN} as known join history on known.activity = history.activity
where occurred_at >= make_timestamptz($moment - {7 * DAY} * history.weeks::bigint)
group by known.activity
"""


def facts_of(con: Any, moment: int) -> dict[str, Any]:
    """Rows, customers, and figures per activity of KNOWN before `moment` (microseconds, UTC).

    `previous_weekly_mean` is over the last up to 26 whole weeks; shorter histories are divided by the weeks they have.
    """
    con.execute(f"create or replace temp table history as {_ACTIVITIES}", {"moment": moment})
    weekly = dict(con.execute(_WEEKLY, {"moment": moment}).fetchall())
    counted = con.execute("select * exclude (weeks) from history order by activity")
    names = [field[0] for field in counted.description]
    activities = {row[0]: dict(zip(names[1:], row[1:], strict=True)) for row in counted.fetchall()}
    for name, entry in activities.items():
        entry["previous_weekly_mean"] = weekly.get(name, 0.0)
    further = ", ".join(f"count({name}) > 0" for name in SINCE_VERSION_2)
    rows, customers, recorded, *filled = con.execute(
        f"select count(*), count(distinct customer_id), count(recorded_at) > 0, {further} from {KNOWN}"
    ).fetchall()[0]
    version = _version_2(name for name, one in zip(SINCE_VERSION_2, filled, strict=True) if one)
    return {"rows": rows, "customers": customers, "has_recorded_at": recorded, **version, "activities": activities}


def _version_2(filled: Iterable[str]) -> dict[str, Any]:
    """What facts.json says of the columns that came with version 2 of the contract; nothing where none is filled."""
    told = {f"has_{name}": True for name in filled}
    return {"activity_version": 2, **told} if told else {}


def facts_of_months(con: Any, finished: Sequence[MonthFile], moment: int) -> dict[str, Any]:
    """The same figures as `facts_of`, of a stream in month files."""
    summaries = [one.summary for one in finished]
    rows_since = _RowsSince(con, finished)
    activities = {
        name: _activity(name, summaries, moment, rows_since)
        for name in sorted({n for s in summaries for n in s.activities})
    }
    return {
        "rows": sum(summary.rows for summary in summaries),
        "customers": _customers(summaries, activities),
        "has_recorded_at": any(summary.recorded for summary in summaries),
        **_version_2(name for name in SINCE_VERSION_2 if any(summary.fills(name) for summary in summaries)),
        "activities": activities,
    }


def _customers(summaries: Sequence[MonthSummary], activities: dict[str, dict[str, Any]]) -> int:
    if len(activities) == 1:
        return sum(one["customers"] for one in activities.values())
    return count_distinct(summary.customers(name) for summary in summaries for name in summary.activities)


def _activity(name: str, summaries: Sequence[MonthSummary], moment: int, rows_since: _RowsSince) -> dict[str, Any]:
    seen = [summary.activities[name] for summary in summaries if name in summary.activities]
    first = min(one.first for one in seen)
    weeks = min(26, max(1, (moment - first) // (7 * DAY)))
    return {
        "count": sum(one.count for one in seen),
        "customers": count_distinct(summary.customers(name) for summary in summaries if name in summary.activities),
        "first": _iso(first),
        "last": _iso(max(one.last for one in seen)),
        "has_value": any(one.values for one in seen),
        "has_quantity": any(one.quantities for one in seen),
        "has_detail": any(one.details for one in seen),
        "last_28d_count": rows_since.count(name, moment - 28 * DAY),
        "previous_weekly_mean": rows_since.count(name, moment - 7 * DAY * weeks) / weeks,
    }


class _RowsSince:
    """Counts rows of an activity from a time on; a file is opened only where that time lies within it."""

    def __init__(self, con: Any, finished: Sequence[MonthFile]) -> None:
        self._con, self._finished = con, finished
        self._opened: dict[tuple[str, int], Counter[str]] = {}

    def count(self, name: str, start: int) -> int:
        """Rows of activity `name` at or after `start` (microseconds, UTC)."""
        return sum(self._in_file(one, name, start, one.summary.activities[name]) for one in self._files_with(name))

    def _files_with(self, name: str) -> Iterator[MonthFile]:
        return (one for one in self._finished if name in one.summary.activities)

    def _in_file(self, one: MonthFile, name: str, start: int, seen: ActivitySummary) -> int:
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


def _iso(time: int) -> str:
    return (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=time)).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
