"""SQL that turns a table's rows into activities: one query per mapping, the same for every kind of source.

A row without `activity_id` is known by a hash of what is mapped of it (all but `recorded_at`), so that a row delivered
twice counts once. Columns that nothing maps are not read. A row that cannot be read keeps its number and the reason.
"""

# Queries are put together from our own column names; whatever comes from outside is quoted or was parsed.
# ruff: noqa: S608

from __future__ import annotations

import re
from typing import Any

from pipelines.runtime.sql import text
from pipelines.settings.sources import MINOR_UNITS, Mapped, Mapping
from pipelines.settings.types import zone_of
from pipelines.sources.expressions.cell import Cell, cell, with_numbers
from pipelines.sources.expressions.context import Context
from pipelines.sources.expressions.convert import as_number, as_text, as_time, as_word
from pipelines.sources.expressions.gathering_mark import marked
from pipelines.sources.expressions.left_out import NOTHING, conditions_of, counted, reason_of, unread_text
from pipelines.sources.expressions.money import converted, in_whole_units, unit_of
from pipelines.sources.expressions.number_text import is_doubtful
from pipelines.sources.expressions.optional import applicable, fitted
from pipelines.sources.expressions.readings import AS_WRITTEN, Readings
from pipelines.sources.expressions.scale import on_scale
from pipelines.sources.expressions.time_text import TimeReading
from pipelines.sources.expressions.types import Shape
from pipelines.sources.stream import COLUMNS

CONDITION = "condition"
"""What a bad row's field is called where `where` or `exclude` met text that is no number."""

GROUP = "group_by"
"""What a bad row's field is called where a line of an order does not say of which."""

# What can be wrong with a row, first things first: the fault, our column, and when. `{has}`, what the table has there,
# is written out where it stands, so that it is computed for the rows that need it and no others.
_FAULTS = (
    ("not a number", CONDITION, "unread is not null"),
    ("missing", "customer_id", "customer_id is null"),
    ("missing", GROUP, "order_key is null"),
    ("missing", "occurred_at", "occurred_at is null and {has} is null"),
    ("not a time", "occurred_at", "occurred_at is null"),
    ("in the far future", "occurred_at", "occurred_at >= {far}"),
    ("not a time", "recorded_at", "recorded_at is null and {has} is not null"),
    ("without a rate", "currency", "without_rate"),
    ("not a time", "removed_at", "removed_at is null and {has} is not null"),
    ("not a number", "value", "value is null and {has} is not null"),
    ("not a number", "quantity", "quantity is null and {has} is not null"),
    ("not a number", "term_days", "term_days is null and {has} is not null"),
    ("missing", "activity", "activity is null"),
    ("not an activity", "activity", "not regexp_full_match(activity, '[a-z][a-z0-9_]*')"),
)
NUMBERS = ("value", "quantity", "term_days")


def columns_of(mapping: Mapping, shape: Shape) -> dict[str, str]:
    """Our column -> what is taken for it. Without a mapping the table has our names; those it lacks are left out."""
    if mapping.columns:
        return {str(ours): wanted for ours, wanted in mapping.columns.items()}
    return {name: name for name in COLUMNS if name in shape.columns and not (name == "activity" and mapping.activity)}


def used_columns(setting: Mapped, shape: Shape) -> set[int]:
    """Places of the columns that a mapping, a condition or an expression speaks of; nothing else is read."""
    cells, setting = [], applicable(setting, shape)
    for mapping, absent in fitted(setting, shape):
        if absent:
            continue
        cells += [cell(one, shape, condition=True) for one in conditions_of(setting, mapping)]
        cells += [cell(one, shape) for one in mapping.order_key]
        cells += [cell(one, shape, number=ours in NUMBERS) for ours, one in columns_of(mapping, shape).items()]
    return {int(place) for one in cells for place in re.findall(r"\bc(\d+)\b", one.sql)}


def query(
    setting: Mapped, shape: Shape, scan: str, context: Context, *, carried: str = "", readings: Readings = AS_WRITTEN
) -> str:
    """SQL of a table's rows as activities: `record`, our columns, and `fault`, `field`, `found` where a row is bad.

    `doubtful`: whether a number of the row might be another one, were its column read in another way. `entry`: which
    of the source's mappings it is. Rows that are left out are counted, see left_out.py.

    Args:
        setting: the source's section.
        shape: the table.
        scan: SQL of its rows: `record` (from 1) and its columns as `c0`, `c1`, ...
        context: the source's name, its default timezone, and the far future.
        carried: columns of the scan that come along as they are, as `, open`.
        readings: how texts are read, as decided for the source.
    """
    setting = applicable(setting, shape)
    further: dict[str, Any] = {"carried": carried, "readings": readings}
    parts = [
        part
        for entry, (mapping, absent) in enumerate(fitted(setting, shape))
        for part in (
            [counted(text(absent), "file", entry, carried)]
            if absent
            else _query(setting, mapping, shape, context, entry=entry, **further)
        )
    ]
    if len(parts) == 1:
        return f"with file as ({scan}) {parts[0]}"
    used = ", ".join(f"c{i}" for i in sorted(used_columns(setting, shape)))
    return f"with file as materialized (select record{carried}, {used} from ({scan})) {' union all '.join(parts)}"


def _query(
    setting: Mapped, mapping: Mapping, shape: Shape, context: Context, *, entry: int, carried: str, readings: Readings
) -> list[str]:
    """SQL of the activities, and of how many rows are left out, where some may be."""
    wanted, signs = columns_of(mapping, shape), readings.signs(mapping)
    cells = {ours: cell(one, shape, signs=signs, number=ours in NUMBERS).bound() for ours, one in wanted.items()}
    times = {ours: readings.time(one, mapping) for ours, one in wanted.items()}
    told = conditions_of(setting, mapping)
    conditions = {one: cell(one, shape, signs=signs, condition=True).bound() for one in told}
    in_text = [number for one in (*cells.values(), *conditions.values()) for number in one.numbers]
    unread = unread_text(conditions)
    scanned = with_numbers("file", in_text)
    reason = reason_of(setting, mapping, conditions, _text(cells, "customer_id"), _text(cells, "value"))
    where = f"where {reason} is null" if reason else ""
    used = "".join(f", c{i}" for i in sorted(used_columns(setting, shape)))
    used += "".join(f", {name}" for name in dict.fromkeys(one.name for one in in_text))
    numbers = [_number(cells, ours, unit, signs.of(wanted.get(ours, "")), mapping) for ours, unit in _units(mapping)]
    read = f"""
        select record{carried}{used}, {_text(cells, "activity_id")} as id, {_order_key(mapping, shape)} as order_key,
            {_text(cells, "customer_id")} as customer_id,
            {_time(cells, "occurred_at", context.timezone, mapping, times)} as occurred_at,
            {_time(cells, "recorded_at", context.timezone, mapping, times)} as recorded_at,
            {_activity(mapping, _text(cells, "activity"))} as activity,
            {numbers[0]} as value, {numbers[1]} as quantity, {_term(mapping, numbers[2])} as term_days,
            {_text(cells, "detail")} as detail, {_text(cells, "subject")} as subject,
            {_text(cells, "user_id")} as user_id,
            {_time(cells, "removed_at", context.timezone, mapping, times)} as removed_at,
            {_currency(cells)} as currency, {unread} as unread, {_doubtful(setting, mapping, cells)} as doubtful
        from {scanned} {where}
    """
    has = {ours: (_unreadable_text if ours in NUMBERS else _text)(cells, ours) for _, ours, _ in _FAULTS}
    has |= {CONDITION: "unread", GROUP: NOTHING, "currency": "currency"}
    converts = "currency" in cells and context.rates is not None
    read = converted(read, context.currency, context.timezone) if converts else read
    far = f"timestamptz '{context.far_future} 00:00:00+00'"
    turned = f"""
        select record{carried}{used}, id, order_key, customer_id, occurred_at, recorded_at, detail, unread, doubtful,
            subject, user_id, removed_at, term_days,
            currency, {"without_rate" if converts else "false as without_rate"},
            {_with_sign_turned(mapping)},
            case when {_is_valid(far, cells, mapping, may_be_unread=unread != NOTHING)} then null
                else {_first_fault("'{fault}'", far, has, mapping)} end as fault
        from ({read})
    """
    activities = f"""
        select record{carried}, {_activity_id(context.name, setting, mapping)} as activity_id, customer_id,
            occurred_at, recorded_at, activity, value, quantity, detail, subject, user_id, removed_at, term_days, fault,
            case when fault is not null then {_first_fault("'{field}'", far, has, mapping)} end as field,
            case when fault is not null then {_first_fault("{has}", far, has, mapping)} end as found, doubtful,
            {entry} as entry, currency
        from ({turned})
    """
    return [activities, counted(reason, scanned, entry, carried)] if reason else [activities]


def _units(mapping: Mapping) -> tuple[tuple[str, float], ...]:
    return ("value", unit_of(mapping)), ("quantity", 1), ("term_days", 1)


def _term(mapping: Mapping, told: str) -> str:
    """SQL of what a row pays for: what its column says, else what params.yaml says of all rows."""
    return told if mapping.term_days is None else f"coalesce({told}, {mapping.term_days})"


def _doubtful(setting: Mapped, mapping: Mapping, cells: dict[str, Cell]) -> str:
    """SQL: a number's text may be another number in the other reading, which nothing but its column tells."""
    if mapping.decimal_sign:
        return "false"
    texts = [number.written for one in cells.values() for number in one.numbers]
    texts += [as_text(one.sql, one.kind) for ours, one in cells.items() if ours in NUMBERS and one.kind == "text"]
    points = getattr(setting, "reader", "") == "csv"
    return " or ".join(is_doubtful(text, points=points) for text in dict.fromkeys(texts)) or "false"


def _text(cells: dict[str, Cell], ours: str) -> str:
    if ours in cells and cells[ours].whole:
        return f"{cells[ours].sql}::varchar"  # nothing to trim, never NaN
    return as_word(cells[ours].sql, cells[ours].kind) if ours in cells else "null::varchar"


def _currency(cells: dict[str, Cell]) -> str:
    """SQL of a currency's three letters, in capitals."""
    return f"upper({_text(cells, 'currency')})"


def _order_key(mapping: Mapping, shape: Shape) -> str:
    """SQL of what tells the order of a line from others; of rows that are no lines nothing is asked."""
    cells = [cell(one, shape) for one in mapping.order_key]
    return " || chr(31) || ".join(as_text(one.sql, one.kind) for one in cells) or "''"


def _time(
    cells: dict[str, Cell],
    ours: str,
    project_timezone: str,
    mapping: Mapping,
    times: dict[str, TimeReading],
) -> str:
    if ours not in cells:
        return "null::timestamptz"
    zone = zone_of(mapping.timezone, ours, project_timezone)
    one, reading = cells[ours], times[ours]
    return as_time(one.sql, one.kind, zone, mapping.time_format, project_timezone=project_timezone, reading=reading)


def _number(cells: dict[str, Cell], ours: str, unit: float, decimal: str, mapping: Mapping) -> str:
    if ours not in cells:
        return "null::double"
    one, scale = cells[ours], mapping.scale if ours == "value" else None
    number = as_number(one.sql, one.kind, decimal, unit)
    if ours == "value" and mapping.unit == MINOR_UNITS:
        number = in_whole_units(number, _currency(cells))
    if scale:
        number = on_scale(number, as_text(one.sql, one.kind), scale)
    return f"(case when {one.unreadable} is null then {number} end)" if one.unreadable else number


def _unreadable_text(cells: dict[str, Cell], ours: str) -> str:
    """The text that should be a number; of an expression, that of one of its columns."""
    if ours in cells and (unreadable := cells[ours].unreadable):
        return f"coalesce({unreadable}, {_text(cells, ours)})"
    return _text(cells, ours)


def _activity(mapping: Mapping, sql_over: str) -> str:
    """The row's activity under our name for it."""
    if mapping.activity:
        return text(mapping.activity)
    renamed = " ".join(f"when {text(theirs)} then {text(ours)}" for theirs, ours in sorted(mapping.activities.items()))
    return f"case {sql_over} {renamed} else {sql_over} end" if renamed else sql_over


def _with_sign_turned(mapping: Mapping) -> str:
    """Negative rows under their own name and with positive numbers, where params.yaml names them."""
    if not mapping.when_negative or mapping.returns == "netted":
        return "activity, value, quantity, false as negative"
    return f"""
        coalesce(coalesce(value, quantity) < 0, false) as negative,
        if(negative, {text(mapping.when_negative)}, activity) as activity,
        if(negative, abs(value), value) as value, if(negative, abs(quantity), quantity) as quantity
    """


def _first_fault(then: str, far: str, has: dict[str, str], mapping: Mapping) -> str:
    """SQL of the first fault of a row; null where there is none."""
    cases = (
        f"when {when.format(far=far, has=has[field])} then {then.format(fault=fault, field=field, has=has[field])}"
        for fault, field, when in _FAULTS
        if not (fault == "not an activity" and mapping.activity)
    )
    return f"case {' '.join(cases)} end"


def _is_valid(far: str, cells: dict[str, Cell], mapping: Mapping, *, may_be_unread: bool) -> str:
    """SQL: a row has no fault. Most have none, and checking no further saves a fifth of the reading."""
    filled = ["customer_id", *(name for name in ("recorded_at", "value", "quantity") if name in cells)]
    named = [] if mapping.activity else ["regexp_full_match(activity, '[a-z][a-z0-9_]*')"]
    named += ["unread is null"] if may_be_unread else []
    named += ["order_key is not null"] if mapping.order_key else []
    named += ["not without_rate"] if "currency" in cells else []
    named += [f"(removed_at is not null or {_text(cells, 'removed_at')} is null)"] if "removed_at" in cells else []
    if "term_days" in cells:
        named += [f"(term_days is not null or {_text(cells, 'term_days')} is null)"]
    return " and ".join([f"occurred_at < {far}", *(f"{one} is not null" for one in filled), *named])


def _activity_id(name: str, setting: Mapped, mapping: Mapping) -> str:
    """The row's id, under the source's name unless the table is in our schema already; a hash where it has none.

    A return is often booked under the number of its order, and one row may yield several activities: they stay apart.
    """
    columns = ["customer_id", "epoch_us(occurred_at)::varchar", "activity", "value::varchar", "quantity::varchar"]
    columns += ["detail", *(name for name in ("subject", "user_id") if name in mapping.columns)]
    content = ", ".join(f"coalesce({one}, '')" for one in columns)
    digest = f"md5(concat_ws(chr(31), {content}))"
    hashed = f"{text(name + '-')} || {digest}"
    if not mapping.columns and not setting.yields and not mapping.is_gathered:
        return f"coalesce(id, {hashed})"
    is_turned = mapping.when_negative and mapping.returns != "netted"
    prefix = "activity || '-', " if setting.yields else "if(negative, activity || '-', ''), " if is_turned else ""
    if mapping.order_key:
        return marked(mapping, f"concat({text(name + '-')}, {prefix}order_key)", "id", digest)
    known = f"concat({text(name + '-')}, {prefix}id)"
    if mapping.repeats == "first":
        known = marked(mapping, known, "id", digest)
    return f"case when id is not null then {known} else {hashed} end"
