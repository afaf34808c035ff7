"""SQL expressions that turn a column of any kind into ours. What cannot be turned becomes null; who asks compares.

Kinds are the words of `located.py`: text, number, instant (a time with a zone), time (without one), day.
"""

from __future__ import annotations

import re

from pipelines.sources.stream import text

# Outside these years a time is a typing error or a placeholder, and 'infinity' is no time at all.
_SANE = "between timestamptz '1900-01-01 00:00:00+00' and timestamptz '2200-01-01 00:00:00+00'"
_PER_SECOND = {"unix_seconds": 1_000_000, "unix_milliseconds": 1_000}
TIMES = ("text", "instant", "time", "day", "empty")
NUMBERS = ("text", "number", "empty")


def as_written(column: str, kind: str) -> str:
    """What the file has there as trimmed text; null where it has nothing (NaN in a Parquet file is nothing too)."""
    written = f"nullif(trim({column}::varchar), '')"
    return f"nullif({written}, 'nan')" if kind == "number" else written


def as_word(column: str, kind: str) -> str:
    """The same as `as_written`, for what is mostly one plain word: trimming knows every alphabet's spaces, slowly."""
    written = as_written(column, kind)
    if kind != "text" or not re.fullmatch(r"c\d+", column):
        return written
    plain = f"strlen({column}) = length({column}) and not contains({column}, ' ') and {column} <> ''"
    return f"(case when {plain} then {column} else {written} end)"


def as_time(column: str, kind: str, timezone: str, time_format: str | None) -> str:
    """An instant. Times without an offset are local to `timezone`.

    A local time that clocks skip is taken as if they had not; one that comes twice is the second.
    """
    parsed = _parsed(column, kind, timezone, time_format)
    return f"(case when {parsed} {_SANE} then {parsed} end)"


def _parsed(column: str, kind: str, timezone: str, time_format: str | None) -> str:
    if kind == "instant":
        return f"{column}::timestamptz"
    if kind in ("time", "day"):
        return _local(f"{column}::timestamp", timezone)
    if time_format in _PER_SECOND:
        return f"make_timestamptz((try_cast({column} as double) * {_PER_SECOND[time_format]})::bigint)"
    trimmed = as_written(column, kind)
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


def _has_offset(written: str) -> str:
    """Whether a time ends in `Z` or in `+02:00`: behind the date there is no other sign or letter Z."""
    return f"(contains({written}, '+') or suffix({written}, 'Z') or contains(substr({written}, 12), '-'))"


def as_number(column: str, kind: str, decimal: str, unit: float) -> str:
    """A finite double times `unit`; `decimal` divides whole from fraction where numbers are text.

    1999 * 0.01 is 19.990000000000002: what a unit made is rounded to six decimals.
    """
    if kind == "number":
        number = f"{column}::double"
    else:
        written = as_written(column, kind)
        if decimal == ",":
            written = f"replace(replace({written}, '.', ''), ',', '.')"
        number = f"try_cast({written} as double)"
    scaled = number if unit == 1 else f"round({number} * {unit!r}, 6)"
    return f"(case when isfinite({number}) then {scaled} end)"
