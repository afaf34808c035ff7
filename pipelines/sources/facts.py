"""Figures of a cut stream that later stages decide by: what is there, how much, since when. Nothing else counts."""

# Queries are put together from our own column names; whatever comes from outside is quoted by stream.text.
# ruff: noqa: S608

from __future__ import annotations

from typing import Any

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
