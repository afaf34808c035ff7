"""SQL that turns a table's rows into activities: one query per mapping, the same for every kind of source.

A row without `activity_id` is known by a hash of what is mapped of it (all but `recorded_at`), so that a row delivered
twice counts once. Columns that nothing maps are not read. A row that cannot be read keeps its number and the reason.
"""

# Queries are put together from our own column names; whatever comes from outside is quoted or was parsed.
# ruff: noqa: S608

from __future__ import annotations

import re
from dataclasses import dataclass

from pipelines.runtime.sql import text
from pipelines.settings.reading import Reading
from pipelines.settings.sources import Mapped, Mapping
from pipelines.settings.types import zone_of
from pipelines.sources.expressions.cell import Cell, cell
from pipelines.sources.expressions.convert import as_number, as_time, as_word
from pipelines.sources.expressions.types import Shape
from pipelines.sources.stream import COLUMNS

# What can be wrong with a row, first things first: the fault, our column, and when. `{has}`, what the table has there,
# is written out where it stands, so that it is computed for the rows that need it and no others.
_FAULTS = (
    ("excluded", "customer_id", "excluded"),
    ("missing", "customer_id", "customer_id is null"),
    ("missing", "occurred_at", "occurred_at is null and {has} is null"),
    ("not a time", "occurred_at", "occurred_at is null"),
    ("in the far future", "occurred_at", "occurred_at >= {far}"),
    ("not a time", "recorded_at", "recorded_at is null and {has} is not null"),
    ("not a number", "value", "value is null and {has} is not null"),
    ("not a number", "quantity", "quantity is null and {has} is not null"),
    ("missing", "activity", "activity is null"),
    ("not an activity", "activity", "not regexp_full_match(activity, '[a-z][a-z0-9_]*')"),
)
_NUMBERS = ("value", "quantity")


@dataclass(frozen=True)
class Context:
    """What besides its own section decides how a source is read: its name, the default timezone, the far future."""

    name: str
    timezone: str
    far_future: str

    @classmethod
    def of(cls, name: str, reading: Reading) -> Context:
        """`far_future`: the day from which on a time is a placeholder or a typing error.

        It is the beginning of the next decade but one after the list's, ten to twenty years on: a day that moved with
        every year would make what was read in December unusable in January.
        """
        year = (int(reading.as_of[:4]) // 10 + 2) * 10
        return cls(name, reading.timezone, f"{year}-01-01")


def columns_of(mapping: Mapping, shape: Shape) -> dict[str, str]:
    """Our column -> what is taken for it. Without a mapping the table has our names; those it lacks are left out."""
    if mapping.columns:
        return {str(ours): wanted for ours, wanted in mapping.columns.items()}
    return {name: name for name in COLUMNS if name in shape.columns and not (name == "activity" and mapping.activity)}


def used_columns(setting: Mapped, shape: Shape) -> set[int]:
    """Places of the columns that a mapping, a condition or an expression speaks of; nothing else is read."""
    cells = [cell(setting.exclude, shape)] if setting.exclude else []
    for mapping in setting.mappings():
        cells += [cell(mapping.where, shape)] if mapping.where else []
        cells += [cell(one, shape, number=ours in _NUMBERS) for ours, one in columns_of(mapping, shape).items()]
    return {int(place) for one in cells for place in re.findall(r"\bc(\d+)\b", one.sql)}


def query(setting: Mapped, shape: Shape, scan: str, context: Context, carried: str = "") -> str:
    """SQL of a table's rows as activities: `record`, our columns, and `fault`, `field`, `found` where a row is bad.

    Args:
        setting: the source's section.
        shape: the table.
        scan: SQL of its rows: `record` (from 1) and its columns as `c0`, `c1`, ...
        context: the source's name, its default timezone, and the far future.
        carried: columns of the scan that come along as they are, as `, open`.
    """
    parts = [_query(setting, mapping, shape, context, carried) for mapping in setting.mappings()]
    if len(parts) == 1:
        return f"with file as ({scan}) {parts[0]}"
    used = ", ".join(f"c{i}" for i in sorted(used_columns(setting, shape)))
    return f"with file as materialized (select record{carried}, {used} from ({scan})) {' union all '.join(parts)}"


def _query(setting: Mapped, mapping: Mapping, shape: Shape, context: Context, carried: str) -> str:
    cells = {
        ours: cell(wanted, shape, decimal=mapping.decimal, number=ours in _NUMBERS)
        for ours, wanted in columns_of(mapping, shape).items()
    }
    excluded = _condition(setting.exclude, shape, mapping) if setting.exclude else "false"
    where = f"where {_condition(mapping.where, shape, mapping)}" if mapping.where else ""
    used = "".join(f", c{i}" for i in sorted(used_columns(setting, shape)))
    read = f"""
        select record{carried}{used}, {excluded} as excluded, {_text(cells, "activity_id")} as id,
            {_text(cells, "customer_id")} as customer_id,
            {_time(cells, "occurred_at", context.timezone, mapping)} as occurred_at,
            {_time(cells, "recorded_at", context.timezone, mapping)} as recorded_at,
            {_activity(mapping, _text(cells, "activity"))} as activity,
            {_number(cells, "value", mapping, mapping.unit)} as value,
            {_number(cells, "quantity", mapping, 1)} as quantity,
            {_text(cells, "detail")} as detail
        from file {where}
    """
    has = {ours: (_unreadable_text if ours in _NUMBERS else _text)(cells, ours) for _, ours, _ in _FAULTS}
    has["customer_id"] = "null::varchar"  # ids of excluded rows are not shown
    far = f"timestamptz '{context.far_future} 00:00:00+00'"
    turned = f"""
        select record{carried}{used}, id, customer_id, occurred_at, recorded_at, {_with_sign_turned(mapping)}, detail,
            case when {_is_valid(far, cells, mapping)} then null
                else {_first_fault("'{fault}'", far, has, mapping)} end as fault
        from ({read})
    """
    return f"""
        select record{carried}, {_activity_id(context.name, setting, mapping)} as activity_id, customer_id,
            occurred_at, recorded_at, activity, value, quantity, detail, fault,
            case when fault is not null then {_first_fault("'{field}'", far, has, mapping)} end as field,
            case when fault is not null then {_first_fault("{has}", far, has, mapping)} end as found
        from ({turned})
    """


def _condition(wanted: str, shape: Shape, mapping: Mapping) -> str:
    return f"coalesce({cell(wanted, shape, decimal=mapping.decimal).sql}, false)"


def _text(cells: dict[str, Cell], ours: str) -> str:
    if ours in cells and cells[ours].whole:
        return f"{cells[ours].sql}::varchar"  # nothing to trim, never NaN
    return as_word(cells[ours].sql, cells[ours].kind) if ours in cells else "null::varchar"


def _time(cells: dict[str, Cell], ours: str, project_timezone: str, mapping: Mapping) -> str:
    if ours not in cells:
        return "null::timestamptz"
    zone = zone_of(mapping.timezone, ours, project_timezone)
    one = cells[ours]
    return as_time(one.sql, one.kind, zone, mapping.time_format, project_timezone=project_timezone)


def _number(cells: dict[str, Cell], ours: str, mapping: Mapping, unit: float) -> str:
    if ours not in cells:
        return "null::double"
    one = cells[ours]
    number = as_number(one.sql, one.kind, mapping.decimal, unit)
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
    if not mapping.when_negative:
        return "excluded, activity, value, quantity, false as negative"
    return f"""
        excluded, coalesce(coalesce(value, quantity) < 0, false) as negative,
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


def _is_valid(far: str, cells: dict[str, Cell], mapping: Mapping) -> str:
    """SQL: a row has no fault. Most have none, and checking no further saves a fifth of the reading."""
    filled = ["customer_id", *(name for name in ("recorded_at", *_NUMBERS) if name in cells)]
    named = [] if mapping.activity else ["regexp_full_match(activity, '[a-z][a-z0-9_]*')"]
    return " and ".join(["not excluded", f"occurred_at < {far}", *(f"{one} is not null" for one in filled), *named])


def _activity_id(name: str, setting: Mapped, mapping: Mapping) -> str:
    """The row's id, under the source's name unless the table is in our schema already; a hash where it has none.

    A return is often booked under the number of its order, and one row may yield several activities: they stay apart.
    """
    content = ", ".join(
        f"coalesce({one}, '')"
        for one in (
            "customer_id",
            "epoch_us(occurred_at)::varchar",
            "activity",
            "value::varchar",
            "quantity::varchar",
            "detail",
        )
    )
    hashed = f"{text(name + '-')} || md5(concat_ws(chr(31), {content}))"
    if not mapping.columns and not setting.yields:
        return f"coalesce(id, {hashed})"
    turned = "if(negative, activity || '-', ''), " if mapping.when_negative else ""
    prefix = "activity || '-', " if setting.yields else turned
    return f"case when id is not null then concat({text(name + '-')}, {prefix}id) else {hashed} end"
