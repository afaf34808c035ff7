"""Times as people and spreadsheets write them, as SQL: `13/06/13`, `9/11/2013 9:05 PM`, `05.12.2017`, `43100.5`, B.E.

What is written year first (`2017-12-05 13:05`) needs none of this. Of `9/11/2013` nobody can tell day from month: that
is decided for a column as a whole. With points between them (`05.12.2017`) the day comes first.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_CLOCK = r"(?:(?:[ ,T]+)(\d{1,2})(:\d{2}(?::\d{2}(?:\.\d+)?)?)?\s*((?i:[ap])\.?(?i:m)\.?)?\s*(Z|[+-]\d{2}:?\d{2}|))?"
_LOCAL = rf"^(\d{{1,2}})([/.-])(\d{{1,2}})[/.-](\d{{4}}|\d{{2}}){_CLOCK}$"
_YEAR_FIRST = rf"^(\d{{4}})([-/])(\d{{1,2}})[-/](\d{{1,2}}){_CLOCK}$"
SHORT_YEAR = r"^\d{1,2}[/.-]\d{1,2}[/.-]\d{2}(?:\D|$)"
_NAMED = r"^(?:\d{1,2}[ -][A-Za-z]{3,9}[ -]\d{2,4}|[A-Za-z]{3,9} \d{1,2}, \d{4})$"
_NAMED_FORMATS = ("%d %b %Y", "%d-%b-%Y", "%d-%b-%y", "%b %d, %Y", "%d %B %Y", "%B %d, %Y")
_SERIAL = r"^[2-7]\d{4}(?:[.,]\d+)?$"
_BUDDHIST_YEAR = r"(24[5-9]|2[56]\d)\d"
_BUDDHIST = 543  # 2567 B.E. is 2024


@dataclass(frozen=True)
class TimeReading:
    """How texts are read that are not written year first. `order`: `day` or `month` first; empty: they are not read.

    `serial`: numbers are days since 1899-12-30, as spreadsheets count them. `buddhist`: years are of the Buddhist era.
    """

    order: str = ""
    serial: bool = False
    buddhist: bool = False


YEAR_FIRST = TimeReading()
"""Texts as computers write them."""


def rewritten(text: str, reading: TimeReading) -> str | None:
    """SQL of a text as it would be written year first, null where it fits no pattern; None where none is rewritten."""
    found = []
    if reading.buddhist:
        found.append(_composed(text, _YEAR_FIRST, ("y", "s", "m", "d"), reading))
    if reading.order:
        found.append(
            f"case when contains(left({text}, 3), '.') then {_local(text, 'day', reading)} "
            f"else {_local(text, reading.order, reading)} end"
        )
        named = ", ".join(f"try_strptime({text}, '{one}')" for one in _NAMED_FORMATS)
        found.append(f"case when regexp_matches({text}, '{_NAMED}') then coalesce({named})::varchar end")
    if reading.serial:
        found.append(
            f"case when regexp_matches({text}, '{_SERIAL}') then (timestamp '1899-12-30 00:00:00' "
            f"+ to_milliseconds(round(try_cast(replace({text}, ',', '.') as double) * 86400000)::bigint))::varchar end"
        )
    return f"coalesce({', '.join(found)})" if found else None


def _local(text: str, order: str, reading: TimeReading) -> str:
    """SQL of a text whose day or month comes first."""
    return _composed(text, _LOCAL, ("d", "s", "m", "y") if order == "day" else ("m", "s", "d", "y"), reading)


def quick(text: str, reading: TimeReading) -> list[tuple[str, str, bool]]:
    """The usual ways to write a day, or a time of it: SQL of whether it is that, SQL of the local clock, is it a day.

    The years are sane ones. Whatever else there is goes the slower way of `rewritten`.
    """
    clocks = {"": "", " %H:%M": r" \d{1,2}:\d\d", " %H:%M:%S": r" \d{1,2}:\d\d:\d\d"}
    found, rest = [], r"-\d\d?-\d\d?"
    for clock, like in clocks.items():
        if reading.buddhist:
            fits = f"regexp_full_match({text}, '{_BUDDHIST_YEAR}{rest}{like}')"
            found.append((fits, f"try_cast({text} as timestamp)", not clock))
        if reading.order:
            date, places = _places(reading)
            fits = f"regexp_full_match({text}, '{date}{like}')"
            found.append((fits, f"try_strptime(translate({text}, '/.', '--'), '{places}{clock}')", not clock))
    if not reading.buddhist:
        return found
    # Years of the two eras are no leap years together.
    return [
        (f"{fits} and not contains({text}, '29')", f"({clock} - interval {_BUDDHIST} year)", day)
        for fits, clock, day in found
    ]


def _places(reading: TimeReading) -> tuple[str, str]:
    """The pattern of a day, and how strptime reads it with `-` between its parts."""
    day, month = "([0-2]?[0-9]|3[01])", "(0?[0-9]|1[0-2])"
    year = _BUDDHIST_YEAR if reading.buddhist else r"(19|20|21)\d\d"
    if reading.order == "day":
        return f"{day}[/.-]{month}[/.-]{year}", "%d-%m-%Y"
    return f"{month}[/-]{day}[/-]{year}", "%m-%d-%Y"


def _composed(text: str, pattern: str, places: tuple[str, ...], reading: TimeReading) -> str:
    """SQL of the parts of a text put together as year-month-day and its time."""
    names = ", ".join(f"'{one}'" for one in (*places, "h", "rest", "ap", "zone"))
    era = f" - {_BUDDHIST}" if reading.buddhist else ""
    year = f"(case when length(x.y) = 2 then if(x.y::int < 69, 2000, 1900) + x.y::int else x.y::int{era} end)"
    hour = "(case when x.ap = '' then x.h::int else x.h::int % 12 + if(lower(x.ap[1]) = 'p', 12, 0) end)"
    clock = f"if(x.h = '', '', ' ' || {hour} || coalesce(nullif(x.rest, ''), ':00') || x.zone)"
    whole = f"lpad(greatest({year}, 0)::varchar, 4, '0') || '-' || x.m || '-' || x.d || {clock}"
    parts = f"regexp_extract({text}, '{pattern}', [{names}])"
    return f"(case when regexp_matches({text}, '{pattern}') then list_transform([{parts}], lambda x: {whole})[1] end)"


def parts(text: str) -> str:
    """SQL of columns on which `kinds_of` decides, so that patterns are looked for once: `p` and `year`."""
    pattern = _LOCAL.replace(_CLOCK, re.sub(r"\((?!\?)", "(?:", _CLOCK))
    year = f"coalesce(nullif(struct_extract(p, 'y'), ''), nullif(regexp_extract({text}, '{_YEAR_FIRST}', 1), ''))"
    return (
        f"regexp_extract({text}, '{pattern}', ['first', 'sign', 'second', 'y']) as p, "
        f"coalesce(try_cast({year} as int), 0) as year"
    )


def kinds_of(text: str) -> dict[str, str]:
    """SQL conditions on texts that are not written year first, or with an odd year; each text is of one kind at most.

    They are over the columns of `parts` besides.

    Returns:
        `day`, `month`: only with that one first it is a date; `either`: with both, another one; `sure`: the same with
        both; `serial`: could be a spreadsheet's number of a day; `buddhist`: has a year from 2443 on, besides.
    """
    first, second = "try_cast(p.first as int)", "try_cast(p.second as int)"
    day = f"({first} between 1 and 31 and {second} between 1 and 12)"
    month = f"({first} between 1 and 12 and {second} between 1 and 31)"
    local = "p.sign in ('/', '-')"
    named = f"coalesce(regexp_matches({text}, '{_NAMED}'), false)"
    return {
        "day": f"({local} and {day} and not {month})",
        "month": f"({local} and {month} and not {day})",
        "either": f"({local} and {day} and {month} and {first} <> {second})",
        "sure": f"({day} and (p.sign = '.' or {first} = {second}) or {named})",
        "serial": f"coalesce(regexp_matches({text}, '{_SERIAL}'), false)",
        "buddhist": "(year between 2443 and 2743)",
    }
