"""Gathers rows of the landing store into activities: lines into their order, an event sent again into the first one.

A line in several files is one line, as often as the file has it that has it most: exports overlap, and an order may
hold the same article twice. Of a line that was corrected under its own id, the version that was recorded last counts.
An order is known when its last line is. Values are summed in decimals: sums of floats depend on their order.
"""

# Queries are put together from our own names; whatever comes from outside is quoted or bound.
# ruff: noqa: S608

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pipelines.runtime.errors import ChurnError
from pipelines.runtime.sql import text
from pipelines.settings.sources import Files
from pipelines.sources.accounts.losses import JOINED, LATER, REPEATED
from pipelines.sources.expressions.gathering_mark import FIRST, part_of
from pipelines.sources.landing.history import note
from pipelines.sources.landing.store import Part
from pipelines.sources.landing.tally import record_by_source
from pipelines.sources.relations import STREAM
from pipelines.sources.stream import COLUMNS, month_rows

_CONTENT = "customer_id, occurred_at, recorded_at, activity, value, quantity, detail"
_WHOLE = f"{_CONTENT}, subject, user_id, removed_at, term_days"

_ROWS = """
create or replace temp table gathered_row as
select source, piece, {id} as id, {rule} as rule, {line} as line, {content} from to_gather
where occurred_at < make_timestamptz({moment}) and (recorded_at is null or recorded_at < make_timestamptz({moment}))
"""

# Of a line with an own id the last version; without one, each content as often as the piece that has it most often.
_LINES = f"""
create or replace temp table gathered_line as
select source, id, rule, line, {_CONTENT}, if(line[1] = 'i', 1, max(n)) as n
from (select * exclude (piece), piece, count(*) as n from gathered_row where rule <> '{FIRST}' group by all)
group by source, id, rule, line, {_CONTENT}
qualify recorded_at is null or line[1] = 'h'
    or row_number() over (
        partition by source, id, activity, line order by recorded_at desc, value, quantity, detail
    ) = 1
"""

_EXACT = "::decimal(38, 9)"
_ORDERS = f"""
create or replace temp table gathered_order as
select source, id, rule, activity, arg_min(customer_id, (occurred_at, customer_id)) as customer_id,
    min(occurred_at) as occurred_at, max(recorded_at) as recorded_at,
    if(rule like 'order|%', max(value), (sum(value{_EXACT} * n))::double) as value,
    (sum(quantity{_EXACT} * n))::double as quantity,
    arg_min(detail, (occurred_at, line, detail)) filter (detail is not null) as detail,
    sum(n) as lines, count(distinct customer_id) as customers, count(distinct value) as totals
from gathered_line group by source, id, rule, activity
"""

_NETTED = """
insert into {stream} by name
select source, id as activity_id, customer_id, occurred_at, recorded_at,
    if(turned, {other}, activity) as activity, if(turned, abs(value), value) as value,
    if(turned, abs(quantity), quantity) as quantity, detail
from (select *, coalesce({other} <> '' and coalesce(value, quantity) < 0, false) as turned from gathered_order)
"""

_FIRST = f"""
create or replace temp table gathered_first as select * from gathered_row where rule = '{FIRST}'
qualify row_number() over (partition by source, id order by occurred_at, recorded_at nulls first, customer_id, value,
    quantity, detail) = 1
"""


def gather(con: Any, parts: list[Part], sources: Mapping[str, Any], moment: int) -> list[Part]:
    """Put activities of the parts that are to be gathered into STREAM; what became of their rows into ACCOUNTED.

    Args:
        con: the connection.
        parts: of all sources.
        sources: `sources:` of params.yaml.
        moment: microseconds, UTC; a line from then on is not known yet.

    Returns:
        The other parts.

    Raises:
        ChurnError: lines of one order belong to several customers.
    """
    chosen = [part for part in parts if part.gathered]
    if chosen:
        rows = " union all ".join(_rows(part, i, sources) for part, i in _numbered(chosen))
        con.execute(f"create or replace temp view to_gather as {rows}")
        parts_of_id = {name: part_of("activity_id", i) for i, name in enumerate(("id", "rule", "line"), start=1)}
        con.execute(_ROWS.format(**parts_of_id, content=_WHOLE, moment=moment))
        late = f"occurred_at >= make_timestamptz({moment}) or recorded_at >= make_timestamptz({moment})"
        record_by_source(con, f"select source, activity from to_gather where {late}", LATER)
        _gather_lines(con)
        _gather_repeats(con)
    return [part for part in parts if not part.gathered]


def _numbered(parts: list[Part]) -> Iterator[tuple[Part, int]]:
    """Parts with how often their file came before: a copy of a file is the same piece again."""
    seen = Counter[Path]()
    for part in parts:
        yield part, seen[part.path]
        seen[part.path] += 1


def _rows(part: Part, copy: int, sources: Mapping[str, Any]) -> str:
    """SQL of a part's rows. A database's steps hold no row twice; files may."""
    piece = f"{part.path.parent.name} {copy}" if isinstance(sources[part.source], Files) else ""
    return (
        f"select {text(part.source)} as source, {text(piece)} as piece, {', '.join(COLUMNS)} "
        f"from {month_rows(part.path)} where {part.kept or 'true'}"
    )


def _gather_lines(con: Any) -> None:
    con.execute(_LINES)
    con.execute(_ORDERS)
    _require_one_customer_each(con)
    _note_totals_that_differ(con)
    counted = "select source, activity, sum(n)::bigint as n from gathered_line group by all"
    copies = f"select source, activity, count(*) as n from gathered_row where rule <> '{FIRST}' group by all"
    _record_difference(con, copies, counted, REPEATED)
    _record_difference(con, counted, "select source, activity, count(*) as n from gathered_order group by all", JOINED)
    con.execute(_NETTED.format(stream=STREAM, other="split_part(rule, '|', 2)"))


def _gather_repeats(con: Any) -> None:
    con.execute(_FIRST)
    every = f"select source, activity, count(*) as n from gathered_row where rule = '{FIRST}' group by all"
    _record_difference(con, every, "select source, activity, count(*) as n from gathered_first group by all", REPEATED)
    con.execute(f"insert into {STREAM} by name select source, id as activity_id, {_WHOLE} from gathered_first")


def _record_difference(con: Any, before: str, after: str, reason: str) -> None:
    """Account the rows of each source and activity that are in the first and not in the second any more."""
    rows = (
        f"select source, activity, unnest(range((b.n - coalesce(a.n, 0))::bigint)) from ({before}) as b "
        f"left join ({after}) as a using (source, activity)"
    )
    record_by_source(con, rows, reason)


def _require_one_customer_each(con: Any) -> None:
    several = con.execute(
        "select source, count(*), min(id) from gathered_order where customers > 1 group by source order by source"
    ).fetchall()
    if several:
        raise ChurnError(
            *(
                f"sources.{source}: {orders:,} orders have lines of several customers, for example "
                f"{example.partition('-')[2]!r}: group_by does not tell one order from another. Add the column that "
                f"does, or the customer's, to sources.{source}.group_by."
                for source, orders, example in several
            )
        )


def _note_totals_that_differ(con: Any) -> None:
    found = con.execute(
        "select source, count(*), min(id) from gathered_order where totals > 1 and rule like 'order|%' group by source"
    ).fetchall()
    for source, orders, example in found:
        note(
            con,
            f"sources.{source}: {orders:,} orders have lines with different totals, for example "
            f"{example.partition('-')[2]!r}; the largest counts. If they are the lines' own, take value_of out.",
        )
