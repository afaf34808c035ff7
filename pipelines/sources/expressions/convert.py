"""SQL expressions that convert a column of any kind into ours. What cannot be converted becomes null.

Kinds are those of types.py: text, number, instant (a time with a zone), time (without one), day.
"""

from __future__ import annotations

import re

from pipelines.runtime.sql import text
from pipelines.runtime.text.yes_no import NO, YES
from pipelines.settings.tables.time_format import SERIAL, TimeFormat
from pipelines.settings.tables.time_format import YEAR_FIRST as YEAR_FIRST_WORD
from pipelines.sources.expressions.number_text import as_double
from pipelines.sources.expressions.time_text import YEAR_FIRST, TimeReading, quick, rewritten

# Outside these years a time is a typing error or a placeholder, and 'infinity' is no time at all.
_SANE = "between timestamptz '1900-01-01 00:00:00+00' and timestamptz '2200-01-01 00:00:00+00'"
_PER_SECOND = {"unix_seconds": 1_000_000, "unix_milliseconds": 1_000}
_NUMBERED = (*_PER_SECOND, SERIAL)
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


def as_yes_no(written: str) -> str:
    """What a trimmed text says, as a boolean; null where it is empty or no word of `runtime/text/yes_no.py`."""
    yes, no = (", ".join(map(text, words)) for words in (YES, NO))
    return f"(case when lower({written}) in ({yes}) then true when lower({written}) in ({no}) then false end)"


def as_time(
    column: str,
    kind: str,
    timezone: str,
    time_format: TimeFormat,
    *,
    project_timezone: str | None = None,
    reading: TimeReading = YEAR_FIRST,
) -> str:
    """An instant. Times without an offset are local to `timezone`, as days are.

    A local time that clocks skip is taken as if they had not; one that comes twice is the second. A day is its first
    moment. Where `project_timezone` is another it is its last one: what happened on a day is known for certain when the
    day is over, and a midnight of the project's lies within it. `reading`: of texts that are not written year first.
    """
    parsed = _parsed(column, kind, timezone, time_format)
    is_day = "false" if project_timezone in (None, timezone) else _is_day(column, kind, time_format)
    if is_day != "false":
        parsed = f"(case when {is_day} then {_end_of_day(parsed, timezone)} else {parsed} end)"
    sane = f"(case when {parsed} {_SANE} then {parsed} end)"
    written = as_text(column, kind)
    again = rewritten(written, reading) if kind == "text" and time_format is None else None
    if again is None:
        return sane
    other = as_time("r", "text", timezone, None, project_timezone=project_timezone)
    slow = f"coalesce({sane}, list_transform([{again}], lambda r: {other})[1])"
    cases = ""
    for fits, clock, day in quick(written, reading):
        instant = _local(clock, timezone)
        cases += f" when {fits} then {_end_of_day(instant, timezone) if day and is_day != 'false' else instant}"
    return f"(case{cases} else {slow} end)" if cases else slow


def _end_of_day(parsed: str, timezone: str) -> str:
    zone = text(timezone)
    return f"timezone({zone}, (timezone({zone}, {parsed})::date + 1)::timestamp) - interval 1 microsecond"


def _is_day(column: str, kind: str, time_format: TimeFormat) -> str:
    """SQL of whether a cell holds a day and no time of it; a time at midnight is a time."""
    if kind == "day":
        return "true"
    formats = formats_of(time_format)
    if kind != "text" or set(formats) & set(_NUMBERED):
        return "false"
    if formats and YEAR_FIRST_WORD not in formats:
        with_clock = [bool(re.search(r"%-?[HIXcs]", one)) for one in formats]
        return "false" if all(with_clock) else "true" if not any(with_clock) else f"not contains({column}, ':')"
    return f"not contains({as_text(column, kind)}, ':')"


def formats_of(time_format: TimeFormat) -> tuple[str, ...]:
    """The formats of a setting that is one of them, several, or not set."""
    return (time_format,) if isinstance(time_format, str) else tuple(time_format or ())


def _parsed(column: str, kind: str, timezone: str, time_format: TimeFormat) -> str:
    if kind == "instant":
        return f"{column}::timestamptz"
    if kind in ("time", "day"):
        return _local(f"{column}::timestamp", timezone)
    trimmed = as_text(column, kind)
    if time_format in (None, YEAR_FIRST_WORD):
        return _year_first(trimmed, timezone)
    formats = [_by_format(column, trimmed, timezone, one) for one in formats_of(time_format)]
    if len(formats) > 1:  # %Y takes 13 for the year 13: what no sane year is goes on to the next
        return f"coalesce({', '.join(f'case when {one} {_SANE} then {one} end' for one in formats)})"
    return formats[0]


def _year_first(trimmed: str, timezone: str) -> str:
    local = _local(f"try_cast({trimmed} as timestamp)", timezone)
    spaced = f"regexp_replace({trimmed}, '\\s+([+-]\\d)', '\\1')"  # 2024-05-01 10:00:00 +02:00
    instant = f"coalesce(try_cast({trimmed} as timestamptz), try_cast({spaced} as timestamptz))"
    return f"case when {_has_offset(trimmed)} then {instant} else {local} end"


def _by_format(column: str, trimmed: str, timezone: str, time_format: str) -> str:
    if time_format == YEAR_FIRST_WORD:
        return _year_first(trimmed, timezone)
    if time_format in _PER_SECOND:
        return f"make_timestamptz(try_cast(try_cast({column} as double) * {_PER_SECOND[time_format]} as bigint))"
    if time_format == SERIAL:
        days = f"try_cast(replace({column}::varchar, ',', '.') as double)"
        passed = f"case when {days} between 0 and 200000 then to_milliseconds(round({days} * 86400000)::bigint) end"
        return _local(f"(timestamp '1899-12-30 00:00:00' + {passed})", timezone)
    parsed = f"try_strptime({trimmed}, {text(time_format)})"
    return parsed if "%z" in time_format.lower() else _local(parsed, timezone)


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

    With a decimal comma, points stand between thousands and nowhere else: 12.50 is no number then, 1.250 is 1250; with
    a decimal point commas do. Currency signs, parentheses and percent are read as number_text.py says.
    1999 * 0.01 is 19.990000000000002: what a unit made is rounded to six decimals.
    """
    number = f"{column}::double" if kind == "number" else as_double(as_text(column, kind), decimal)
    if unit == 1 and kind != "number":
        return number
    scaled = number if unit == 1 else f"round({number} * {unit!r}, 6)"
    return f"(case when isfinite({scaled}) then {scaled} end)"
