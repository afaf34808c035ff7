"""The stream as of a moment, every activity once: the relation KNOWN from STREAM.

Copies of a row (same id, same content) count once and were known from their first arrival on. Rows with one id and
different content are corrections where `recorded_at` orders them: the one recorded last counts. Without it they are a
mapping error: there is no telling which row is right, and the rows of an order would replace each other.
"""

# Queries are put together from our own column names; whatever comes from outside is quoted by runtime.sql.text.
# ruff: noqa: S608

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pipelines.runtime.errors import ChurnError
from pipelines.settings.row_display import RowDisplay
from pipelines.sources.relations import KNOWN, STREAM

_CONTENT = "customer_id, occurred_at, activity, value, quantity, detail, subject, user_id, term_days"
_COLUMNS = "activity, value, quantity, detail, subject, user_id"

_BEFORE = f"""
create or replace temp view before as
select * replace (if(removed_at <= make_timestamptz({{moment}}), removed_at, null) as removed_at) from {STREAM}
where occurred_at < make_timestamptz({{moment}})
    and (recorded_at is null or recorded_at < make_timestamptz({{moment}}))
"""
_STANDING = " and (removed_at is null or removed_at > make_timestamptz({moment}))"

_REPEATED = """
create or replace temp table repeated as
select * from before semi join (select activity_id from before group by all having count(*) > 1) using (activity_id)
"""

_KNOWN = f"""
create or replace temp table deduplicated as
select * from before anti join repeated using (activity_id)
union all
select source, activity_id, customer_id, occurred_at,
    min(recorded_at) over (partition by activity_id, {_CONTENT}) as recorded_at, {_COLUMNS},
    min(removed_at) over (partition by activity_id, {_CONTENT}) as removed_at, term_days
from repeated
qualify row_number() over (
    partition by activity_id order by repeated.recorded_at desc nulls last, source, {_CONTENT}
) = 1
"""

_CONFLICTS = """
with ids as (
    select activity_id, list_sort(list(distinct source)) as sources,
        list_sort(list(distinct customer_id || ' at ' || {time})) as examples,
        count(distinct customer_id) = 1 and max(occurred_at) - min(occurred_at) < interval 1 day as near,
        count(distinct (customer_id, activity, value, quantity, detail)) = 1 as same
    from repeated group by activity_id
    having count(distinct ({content})) > greatest(1, count(distinct recorded_at))
)
select sources, count(*) as ids, min(activity_id) as id, arg_min(examples, activity_id) as examples,
    2 * count(*) filter (near and not same) > count(*) as lines, 2 * count(*) filter (same) > count(*) as again
from ids group by sources order by sources
"""

_COPIES = """
select source, activity, sum(rows)::bigint as copies from (
    select source, activity, count(*) as rows from repeated group by all
    union all
    select source, activity, -count(*) from deduplicated semi join repeated using (activity_id) group by all
) group by all having copies <> 0 order by all
"""

Copies = dict[tuple[str, str], int]
"""Source and activity -> rows that are copies of others or older versions of them."""


def cut_as_of(con: Any, moment: int, display: RowDisplay, *, with_removed: bool = True) -> Copies:
    """Create KNOWN: rows of STREAM that occurred and were recorded before `moment` (microseconds UTC), every id once.

    What was removed by the moment was there at earlier ones: it stays, and says when it was removed. What was removed
    later is as if it stood.

    Args:
        con: the connection.
        moment: see above.
        display: how rows are named in messages.
        with_removed: False where nobody looks at an earlier moment: then removed rows are left out.

    Returns:
        How many rows of each source and activity are copies.

    Raises:
        ChurnError: one id on rows that differ, and no `recorded_at` that says which came last.
    """
    con.execute((_BEFORE if with_removed else _BEFORE + _STANDING).format(moment=moment))
    rows, ids = con.execute("select count(*), count(distinct activity_id) from before").fetchall()[0]
    if rows == ids:
        con.execute(f"create or replace temp view {KNOWN} as from before")
        return {}
    con.execute(_REPEATED)
    query = _CONFLICTS.format(time=display.time("occurred_at"), content=_CONTENT)
    conflicts = con.execute(query).fetchall()
    if conflicts:
        raise ChurnError(*(_Conflict(*conflict).sentence(display) for conflict in conflicts))
    con.execute(_KNOWN)
    con.execute(f"create or replace temp view {KNOWN} as from deduplicated")
    return {(source, activity): copies for source, activity, copies in con.execute(_COPIES).fetchall()}


@dataclass(frozen=True)
class _Conflict:
    """Ids on rows that differ. `lines`: most of them look like an order's lines, `again`: like events sent again."""

    sources: list[str]
    ids: int
    example: str
    rows: list[str]
    lines: bool
    again: bool

    def sentence(self, display: RowDisplay) -> str:
        """What was found and what to do."""
        where = " and ".join(f"sources.{source}" for source in self.sources)
        return (
            f"{where}: {self.ids:,} activity ids stand on rows that differ, for example "
            f"{display.source_and_key(self.example)[1]!r} (customer {'; customer '.join(self.rows[:2])}). "
            f"{self._proposal(display, where)}ap a column that is unique per row to activity_id or leave activity_id "
            "out; where the rows are corrections, map when they were made to recorded_at, or set "
            "later_files_replace: true where later files correct earlier ones."
        )

    def _proposal(self, display: RowDisplay, where: str) -> str:
        """What is likeliest meant, and the first letters of the other ways."""
        if len(self.sources) == 1 and self.again:
            return (
                "They are the same but for their time: where an event is sent again, set "
                f"{where}.repeats: first. Otherwise m"
            )
        if len(self.sources) == 1 and self.lines:
            key = display.keys.get(self.sources[0], "activity_id")
            return f"Are they lines of orders? Then set {where}.one_row_is: line and group_by: [{key}]. Otherwise m"
        return "M"
