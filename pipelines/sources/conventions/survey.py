"""Surveys of a table's columns: how many texts of each are written in which way. What is decided, is decided by them.

A survey of several files is the sum of theirs, so that it does not matter which part of a column came first.
"""

# Queries are put together from our own column names; whatever comes from outside is quoted by runtime.sql.text.
# ruff: noqa: S608

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from pipelines.settings.sources import Mapped
from pipelines.settings.types import TIME_COLUMNS
from pipelines.sources.expressions import number_text, time_text
from pipelines.sources.expressions.activity_query import NUMBERS, columns_of
from pipelines.sources.expressions.cell import cell
from pipelines.sources.expressions.convert import as_text, as_time
from pipelines.sources.expressions.left_out import conditions_of
from pipelines.sources.expressions.optional import applicable, fitted
from pipelines.sources.expressions.time_text import TimeReading
from pipelines.sources.expressions.types import Shape

Counts = dict[str, list[Any]]  # kind -> number of texts, the first of them by the alphabet
Survey = dict[str, dict[str, Counts]]  # `numbers`, `times` -> column or expression -> counts


def asked(setting: Mapped, shape: Shape) -> dict[str, dict[str, str]]:
    """`numbers`, `times` -> column or expression -> SQL of its text; what params.yaml says is not asked."""
    numbers: dict[str, str] = {}
    times: dict[str, str] = {}
    setting = applicable(setting, shape)
    for mapping, absent in fitted(setting, shape):
        if absent:
            continue
        wanted = columns_of(mapping, shape)
        if mapping.decimal_sign is None:
            for one in [
                *(cell(one, shape, number=ours in NUMBERS) for ours, one in wanted.items()),
                *(cell(one, shape, condition=True) for one in conditions_of(setting, mapping)),
            ]:
                numbers.update((number.column, number.written) for number in one.numbers)
            numbers.update(_texts(shape, {wanted[ours]: ours for ours in NUMBERS if ours in wanted}))
        if mapping.time_format is None:
            times.update(_texts(shape, {wanted[ours]: ours for ours in TIME_COLUMNS if ours in wanted}))
    return {"numbers": numbers, "times": times}


def _texts(shape: Shape, wanted: dict[str, str]) -> dict[str, str]:
    cells = {one: cell(one, shape, number=ours in NUMBERS) for one, ours in wanted.items()}
    return {one: as_text(found.sql, found.kind) for one, found in cells.items() if found.kind == "text"}


def survey(con: Any, setting: Mapped, shape: Shape, scan: str) -> Survey:
    """Look at every text of the columns that are read as numbers or times.

    Args:
        con: the connection.
        setting: the source's section.
        shape: the table.
        scan: SQL of its rows: `c0`, `c1`, ..., in their order.
    """
    return survey_texts(con, asked(setting, shape), scan)


def survey_texts(con: Any, wanted: dict[str, dict[str, str]], scan: str) -> Survey:
    """The same of any texts. `wanted`: as of `asked`, over the columns of `scan`."""
    texts = [(what, name, sql) for what, columns in wanted.items() for name, sql in columns.items()]
    if not texts:
        return {}
    listed = ", ".join(f"{sql} as t{i}" for i, (_, _, sql) in enumerate(texts))
    con.execute(f"create or replace temp table surveyed as select {listed} from ({scan})")
    found: Survey = {"numbers": {}, "times": {}}
    for i, (what, name, _) in enumerate(texts):
        found[what][name] = _numbers(con, f"t{i}") if what == "numbers" else _times(con, f"t{i}")
    con.execute("drop table surveyed")
    return found


def _counted(con: Any, kind: str, text: str, parts: str) -> Counts:
    # Days and prices come again and again: each text is looked at once.
    texts = f"select {text}, count(*) as n from surveyed where {text} is not null group by {text}"
    # What is no number and no time may be anything, and is not kept.
    shown = f"if(kind in ('unread', 'plain'), '', min({text}))"
    staged = f"select {text}, n, {parts} from ({texts})"
    query = f"select {kind} as kind, sum(n)::bigint, {shown} from ({staged}) group by kind order by kind"
    return {str(one): [count, example] for one, count, example in con.execute(query).fetchall()}


def _numbers(con: Any, text: str) -> Counts:
    cases = " ".join(f"when {when} then '{kind}'" for kind, when in number_text.kinds_of(text).items())
    easy = f"not {number_text.is_doubtful(text, points=True)} and isfinite(try_cast({text} as double))"
    plain = f"if(contains({text}, '.'), 'point', if(strlen({text}) > 3, 'long', 'plain'))"
    kind = f"case when {easy} then {plain} {cases} else 'plain' end"
    return _counted(con, kind, text, number_text.parts(text))


def _times(con: Any, text: str) -> Counts:
    kinds = time_text.kinds_of(text)
    short = f" || if(regexp_matches({text}, '{time_text.SHORT_YEAR}'), ' short', '')"
    cases = "".join(
        f" when {kinds[kind]} then '{kind}'{short if kind in ('day', 'month', 'either') else ''}"
        for kind in ("day", "month", "either", "sure", "serial")
    )
    plain = f"{as_time(text, 'text', 'UTC', None)} is not null"
    kind = f"case when {plain} then 'plain'{cases} when {kinds['buddhist']} then 'buddhist' else 'unread' end"
    counts = _counted(con, kind, text, time_text.parts(text))
    if set(counts) - {"plain", "unread"}:
        staged = f"select {text}, {time_text.parts(text)} from surveyed"
        era = con.execute(f"select count(*), min({text}) from ({staged}) where {kinds['buddhist']}").fetchall()[0]
        counts |= {"of the era": list(era)} if era[0] else {}
        if _is_undecided(counts):
            counts |= _orders(con, text, clock=any(":" in example for _, example in counts.values()))
    return counts


def _is_undecided(counts: Counts) -> bool:
    """Whether nothing tells the day from the month in dates that have their years in one length."""
    return any(f"either{short}" in counts and not {f"day{short}", f"month{short}"} & set(counts) for short in _LENGTHS)


_LENGTHS = ("", " short")


def _orders(con: Any, text: str, *, clock: bool) -> Counts:
    """How orderly the rows are in every reading that could be meant."""
    ways = {order: as_time(text, "text", "UTC", None, reading=TimeReading(order)) for order in ("day", "month")}
    ways |= {f"mixed {order}": as_time(text, "text", "UTC", mixed(order, clock=clock)) for order in ways}
    return {f"orderly {name}": [_in_order(con, text, at), ""] for name, at in ways.items()}


def mixed(order: str, *, clock: bool) -> tuple[str, ...]:
    """Formats of days that a spreadsheet understood, with whole years and in its `order`, beside days in the other one.

    What it did not understand stayed as it was written, with two digits of the year.
    """
    long, short = ("%d/%m/%Y", "%m/%d/%y") if order == "day" else ("%m/%d/%Y", "%d/%m/%y")
    return (long, f"{long} %H:%M", short, f"{short} %H:%M") if clock else (long, short)


def _in_order(con: Any, text: str, at: str) -> float:
    """The share of rows that follow the former one in time (or all precede it), were they read as `at` does."""
    follows = f"select {text} as text, {at} as moment, lag(moment) over (order by rowid) as former from surveyed"
    counted = "avg((moment >= former)::int), avg((moment <= former)::int), count(moment) / nullif(count(text), 0)"
    up, down, read = con.execute(f"select {counted} from ({follows})").fetchall()[0]
    return max(up or 0.0, down or 0.0) * (read or 0.0)


def together(surveys: Iterable[Survey]) -> Survey:
    """The sum of surveys; of how orderly rows are, the least."""
    total: Survey = {"numbers": {}, "times": {}}
    for one in surveys:
        for what, columns in one.items():
            for name, counts in columns.items():
                known = total[what].setdefault(name, {})
                for kind, (count, example) in counts.items():
                    known[kind] = _summed(known.get(kind), count, example, least=kind.startswith("orderly"))
    return total


def _summed(known: list[Any] | None, count: Any, example: str, *, least: bool) -> list[Any]:
    if known is None:
        return [count, example]
    return [min(known[0], count) if least else known[0] + count, min(known[1], example)]
