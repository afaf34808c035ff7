"""Advice on bad numbers and times: a setting that reads them, tried on the rows before it is given.

Where no setting does, it says so by being empty: then the rows, not the settings, want mending.
"""

# Queries are put together from our own names; values are bound as parameters.
# ruff: noqa: S608

from __future__ import annotations

import json
from typing import Any

from pipelines.runtime.sql import text
from pipelines.settings.sources import Mapped
from pipelines.settings.tables.time_format import SERIAL, UNIX_TIMES, YEAR_FIRST, TimeFormat
from pipelines.sources.expressions.convert import as_number, as_time, formats_of
from pipelines.sources.relations import REJECTED

_TRIED = 1000
_DAYS = ("%d.%m.%Y", "%d/%m/%Y", "%m/%d/%Y", "%d/%m/%y", "%m/%d/%y", "%d.%m.%y", "%d-%m-%Y", "%Y%m%d", "%Y.%m.%d")
_NAMED = ("%d %b %Y", "%d-%b-%Y", "%b %d, %Y", "%d %B %Y", "%B %d, %Y", "%a, %d %b %Y", "%d-%b-%y")
_CLOCKS = (" %H:%M", " %H:%M:%S", " %I:%M %p", " %I:%M:%S %p", " %H.%M", " %H:%M:%S %z")
_COMPACT = ("%Y%m%d%H%M%S", "%Y%m%d%H%M", "%Y%m%dT%H%M%SZ", "%Y-%m-%d_%H:%M:%S", "%a %b %d %H:%M:%S %Y")
_OTHERS = ("%Y-%m-%d %I:%M %p", "%Y-%m-%d %I:%M:%S %p", "%Y-%m-%d %H.%M.%S", "%Y-%m-%d-%H.%M.%S", *_COMPACT)
FORMATS = (YEAR_FIRST, *_DAYS, *_NAMED, *(day + clock for day in (*_DAYS, *_NAMED) for clock in _CLOCKS), *_OTHERS)
NUMBERED = (SERIAL, *UNIX_TIMES)
_PLAUSIBLE = "between timestamptz '1990-01-01 00:00:00+00' and timestamptz '2100-01-01 00:00:00+00'"


def advise(con: Any, setting: Mapped, where: str, reason: tuple[str, str, str, str], *, all_rows: bool) -> str:
    """A sentence with the setting that reads the texts of a reason, or nothing.

    Args:
        con: the connection with REJECTED.
        setting: the source's section.
        where: as messages call it, such as `sources.orders`.
        reason: source, file, fault and field.
        all_rows: whether not one row of the file is without this fault; else a setting must go on reading the others.
    """
    fault = reason[2]
    told = next((one.time_format for one in setting.mappings() if one.time_format), None)
    listed = f"select distinct found from {REJECTED} where found is not null and source = ? and file = ?"
    con.execute(
        f"create or replace temp table bad_texts as {listed} and fault = ? and field = ? order by found limit {_TRIED}",
        list(reason),
    )
    if not con.execute("select count(*) from bad_texts").fetchall()[0][0]:
        return ""
    if fault == "not a time":
        return _of_times(con, told, where, all_rows=all_rows)
    return _of_numbers(con, setting, where, all_rows=all_rows) if fault == "not a number" else ""


def advise_on_times(con: Any, texts: str, told: TimeFormat, where: str, *, all_rows: bool) -> str:
    """The same for texts that are no times, of any table.

    Args:
        con: a connection.
        texts: SQL of the texts, a column `found`.
        told: the time_format that is set.
        where, all_rows: as of `advise`.
    """
    con.execute(f"create or replace temp table bad_texts as select distinct found from ({texts}) limit {_TRIED}")
    return _of_times(con, told, where, all_rows=all_rows)


def _reads_all(con: Any, value: str, *, plausible: str = "is not null") -> bool:
    return bool(con.execute(f"select bool_and(coalesce({value} {plausible}, false)) from bad_texts").fetchall()[0][0])


def _of_times(con: Any, told: TimeFormat, where: str, *, all_rows: bool) -> str:
    fitting = _fitting(con)
    if not fitting:
        return ""
    if _days_and_months_may_be_exchanged(fitting):
        shown = " or ".join(map(_written, fitting[:2]))
        return f"Set {where}.time_format to {shown}: both read all of them, and who exported knows which is right."
    formats = [fitting[0]]
    if not all_rows:
        formats = [*(formats_of(told) or (YEAR_FIRST,)), fitting[0]]
    value = _written(formats[0]) if len(formats) == 1 else f"[{', '.join(map(_written, formats))}]"
    return f"Set {where}.time_format: {value}, which reads them."


def _fitting(con: Any) -> list[str]:
    """The formats that read every one of the bad texts."""
    written = [one for one in FORMATS if "%" in one]
    read = ", ".join(f"bool_and(try_strptime(found, {text(one)}) is not null)" for one in written)
    reads = dict(zip(written, con.execute(f"select {read} from bad_texts").fetchall()[0], strict=True))
    return [one for one in (*FORMATS, *NUMBERED) if reads.get(one, True) and _is_plausible(con, one)]


def _is_plausible(con: Any, one: str) -> bool:
    return _reads_all(con, as_time("found", "text", "UTC", one), plausible=_PLAUSIBLE)


def _days_and_months_may_be_exchanged(fitting: list[str]) -> bool:
    if len(fitting) < 2 or "%d" not in fitting[0]:
        return False
    return fitting[0].translate(_EXCHANGED) == fitting[1].translate(_EXCHANGED)


_EXCHANGED = str.maketrans("dm", "xx")


def _written(one: str) -> str:
    return json.dumps(one) if "%" in one else one


def _of_numbers(con: Any, setting: Mapped, where: str, *, all_rows: bool) -> str:
    signs = [sign for sign in (".", ",") if _reads_all(con, as_number("found", "text", sign, 1))]
    if not signs:
        return ""
    sign = "point" if signs[0] == "." else "comma"
    told = any(one.decimal_sign for one in setting.mappings())
    if all_rows and told:
        return f'Set {where}.decimal: "{signs[0]}", which reads them.'
    return f"They have a decimal {sign} and the others have not: read each writer's files as a source, or mend them."
