"""SQL expressions that convert a column of any kind into ours. What cannot be converted becomes null.

Kinds are those of types.py: text, number, instant (a time with a zone), time (without one), day.
"""

from __future__ import annotations

import re

from pipelines.runtime.sql import text

# Outside these years a time is a typing error or a placeholder, and 'infinity' is no time at all.
_SANE = "between timestamptz '1900-01-01 00:00:00+00' and timestamptz '2200-01-01 00:00:00+00'"
_PER_SECOND = {"unix_seconds": 1_000_000, "unix_milliseconds": 1_000}
_THOUSANDS = r"[+-]?\d{1,3}(\.\d{3})+(,\d*)?"
TIMES = ("text", "instant", "time", "day", "empty")
NUMBERS = ("text", "number", "empty")


def as_text(column: str, kind: str) -> str:
    """The value as trimmed text; null where it is empty (NaN in a Parquet file is empty too).

    7.0 is written 7: a column of whole numbers with a hole in it is a column of fractions to who wrote the file.
    """
    sql_over = f"nullif(trim({column}::varchar), '')"
    if kind != "number":
        return sql_over
    whole = f"{column} = floor({column}) and abs({column}) < 1e15"
    return f"(case when {whole} then {column}::bigint::varchar else nullif({sql_over}, 'nan') end)"


def as_word(column: str, kind: str) -> str:
    """The same as `as_text`, for what is mostly one plain word: trimming knows every alphabet's spaces, slowly."""
    sql_over = as_text(column, kind)
    if kind != "text" or not re.fullmatch(r"c\d+", column):
        return sql_over
    word = f"{column}::varchar"
    plain = f"strlen({word}) = length({word}) and not contains({word}, ' ') and {word} <> ''"
    return f"(case when {plain} then {word} else {sql_over} end)"


def as_time(
    column: str, kind: str, timezone: str, time_format: str | None, *, project_timezone: str | None = None
) -> str:
    """An instant. Times without an offset are local to `timezone`, as days are.

    A local time that clocks skip is taken as if they had not; one that comes twice is the second. A day is its first
    moment. Where `project_timezone` is another it is its last one: what happened on a day is known for certain when the
    day is over, and a midnight of the project's lies within it.
    """
    parsed = _parsed(column, kind, timezone, time_format)
    is_day = "false" if project_timezone in (None, timezone) else _is_day(column, kind, time_format)
    if is_day != "false":
        zone = text(timezone)
        end = f"timezone({zone}, (timezone({zone}, {parsed})::date + 1)::timestamp) - interval 1 microsecond"
        parsed = f"(case when {is_day} then {end} else {parsed} end)"
    return f"(case when {parsed} {_SANE} then {parsed} end)"


def _is_day(column: str, kind: str, time_format: str | None) -> str:
    """SQL of whether a cell holds a day and no time of it; a time at midnight is a time."""
    if kind == "day":
        return "true"
    if kind != "text" or time_format in _PER_SECOND:
        return "false"
    if time_format:
        return "false" if re.search(r"%-?[HIXcs]", time_format) else "true"
    return f"not contains({as_text(column, kind)}, ':')"


def _parsed(column: str, kind: str, timezone: str, time_format: str | None) -> str:
    if kind == "instant":
        return f"{column}::timestamptz"
    if kind in ("time", "day"):
        return _local(f"{column}::timestamp", timezone)
    if time_format in _PER_SECOND:
        return f"make_timestamptz(try_cast(try_cast({column} as double) * {_PER_SECOND[time_format]} as bigint))"
    trimmed = as_text(column, kind)
    if time_format:
        parsed = f"try_strptime({trimmed}, {text(time_format)})"
        return parsed if "%z" in time_format.lower() else _local(parsed, timezone)
    local = _local(f"try_cast({trimmed} as timestamp)", timezone)
    spaced = f"regexp_replace({trimmed}, '\\s+([+-]\\d)', '\\1')"  # 2024-05-01 10:00:00 +02:00
    instant = f"coalesce(try_cast({trimmed} as timestamptz), try_cast({spaced} as timestamptz))"
    return f"case when {_has_offset(trimmed)} then {instant} else {local} end"


def _local(clock: str, timezone: str) -> str:
    """The instant of a time without an offset. A calendar is asked only where it has something to say: that is slow."""
    if timezone == "UTC":
        return f"make_timestamptz(epoch_us({clock}))"
    return f"timezone({text(timezone)}, {clock})"


def _has_offset(sql_over: str) -> str:
    """Whether a time ends in `Z`, `+02:00` or a word: a zone's name, or `PM`, which DuckDB would pass over."""
    return f"(contains({sql_over}, '+') or ({sql_over})[-1] > '9' or contains(substr({sql_over}, 12), '-'))"


def as_number(column: str, kind: str, decimal: str, unit: float) -> str:
    """A finite double times `unit`; `decimal` divides whole from fraction where numbers are text.

    With a decimal comma, points stand between thousands and nowhere else: 12.50 is no number then, 1.250 is 1250.
    1999 * 0.01 is 19.990000000000002: what a unit made is rounded to six decimals.
    """
    if kind == "number":
        number = f"{column}::double"
    else:
        sql_over = as_text(column, kind)
        if decimal == ",":
            plain = f"regexp_full_match({sql_over}, '{_THOUSANDS}') or not contains({sql_over}, '.')"
            sql_over = f"case when {plain} then replace(replace({sql_over}, '.', ''), ',', '.') end"
        number = f"try_cast({sql_over} as double)"
    scaled = number if unit == 1 else f"round({number} * {unit!r}, 6)"
    return f"(case when isfinite({scaled}) then {scaled} end)"
