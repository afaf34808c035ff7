"""What was known before a moment, every activity once: the relation `known` out of `stream`.

Copies of a row (same id, same content) count once and were known from their first arrival on. Rows with one id and
different content are corrections where `recorded_at` orders them: the one learned last counts. Without it they are a
mapping error: nobody can say which row is right, and a line item's order number would otherwise eat its neighbours.
"""

# Queries are put together from our own column names; whatever comes from outside is quoted by stream.text.
# ruff: noqa: S608

from __future__ import annotations

from typing import Any

from pipelines.runtime.errors import ChurnError

_CONTENT = "customer_id, occurred_at, activity, value, quantity, detail"

_BEFORE = """
create or replace temp view before as select * from stream
where occurred_at < make_timestamptz({moment}) and (recorded_at is null or recorded_at < make_timestamptz({moment}))
"""

_TWICE = """
create or replace temp table twice as
select * from before semi join (select activity_id from before group by all having count(*) > 1) using (activity_id)
"""

_KNOWN = f"""
create or replace temp table chosen as
select * from before anti join twice using (activity_id)
union all
select source, activity_id, customer_id, occurred_at,
    min(recorded_at) over (partition by activity_id, {_CONTENT}) as recorded_at, activity, value, quantity, detail
from twice
qualify row_number() over (partition by activity_id order by twice.recorded_at desc nulls last, source, {_CONTENT}) = 1
"""

_UNDECIDED = f"""
with ids as (
    select activity_id, list_sort(list(distinct source)) as sources,
        list_sort(list(distinct customer_id || ' at ' || strftime(occurred_at, '%Y-%m-%d %H:%M:%S'))) as examples
    from twice group by activity_id
    having count(distinct ({_CONTENT})) > greatest(1, count(distinct recorded_at))
)
select sources, count(*) as ids, min(activity_id) as id, arg_min(examples, activity_id) as examples
from ids group by sources order by sources
"""

_COPIES = """
select source, count(*) - count(distinct activity_id) as copies
from twice group by source having copies > 0 order by source
"""


def cut(con: Any, moment: int) -> list[str]:
    """Make `known`: rows of `stream` that occurred and were recorded before `moment` (microseconds UTC), every id once.

    Returns:
        What to tell: how many copies each source held.

    Raises:
        ChurnError: one id on rows that differ, and no `recorded_at` that says which came last.
    """
    con.execute(_BEFORE.format(moment=moment))
    rows, ids = con.execute("select count(*), count(distinct activity_id) from before").fetchall()[0]
    if rows == ids:
        con.execute("create or replace temp view known as from before")
        return []
    con.execute(_TWICE)
    undecided = con.execute(_UNDECIDED).fetchall()
    if undecided:
        raise ChurnError(*(_undecided(*found) for found in undecided))
    con.execute(_KNOWN)
    con.execute("create or replace temp view known as from chosen")
    return [
        f"sources.{source}: {copies:,} rows are copies of others or older versions and count once."
        for source, copies in con.execute(_COPIES).fetchall()
    ]


def _undecided(sources: list[str], ids: int, example: str, rows: list[str]) -> str:
    where = " and ".join(f"sources.{source}" for source in sources)
    return (
        f"{where}: {ids:,} activity ids stand on rows that differ, for example {example!r} "
        f"(customer {'; customer '.join(rows[:2])}). Map a column that is unique per row to activity_id or leave "
        "activity_id out; where the rows are corrections, map when they were made to recorded_at, or set "
        "later_files_replace: true where later files correct earlier ones."
    )
