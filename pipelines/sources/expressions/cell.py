"""A mapping's column or expression as SQL, with the kind of its value.

A name that is a column's is that column; anything else is an expression. Text columns in an expression are trimmed and
empty ones are null, as everywhere; where an expression calculates with them they are numbers, where it asks whether
they are true they are yes or no, and text that is neither is reported like any other bad cell. `optional(column)` is
null in a table that lacks the column.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable
from dataclasses import dataclass, replace

import duckdb

from pipelines.runtime.errors import ChurnError
from pipelines.runtime.sql import text
from pipelines.runtime.text.column_names import nearest_column
from pipelines.sources.expressions.convert import as_number, as_text, as_yes_no
from pipelines.sources.expressions.parse import Reference, checker, parse
from pipelines.sources.expressions.readings import POINTS, Signs
from pipelines.sources.expressions.types import FOREIGN, WHOLE_NUMBER_TYPES, Shape, kind_of


@dataclass(frozen=True)
class Cell:
    """SQL over `c0`, `c1`, ..., the kind of its value, and SQL of text that should be a number or yes or no but is not.

    `whole`: a column of whole numbers as it is. `numbers`: columns of text that it calculates with.
    """

    sql: str
    kind: str
    unreadable: str | None = None
    whole: bool = False
    numbers: tuple[NumberInText, ...] = ()

    def bound(self) -> Cell:
        """The same over `with_numbers`, where every number in text is computed once and has a name."""
        sql, unreadable = self.sql, self.unreadable
        for one in self.numbers:
            sql = sql.replace(one.sql, one.name)
            unreadable = unreadable and unreadable.replace(one.sql, one.name)
        return replace(self, sql=sql, unreadable=unreadable)


@dataclass(frozen=True)
class NumberInText:
    """A column of text that an expression calculates with. `written`: SQL of its text; `sql`: of the number."""

    column: str
    name: str
    written: str
    sql: str


def with_numbers(scan: str, numbers: Iterable[NumberInText]) -> str:
    """SQL of a scan's rows with the numbers that bound cells speak of: their SQL is long, and planning it is slow."""
    listed = "".join(f", {sql} as {name}" for name, sql in dict.fromkeys((one.name, one.sql) for one in numbers))
    return f"(select *{listed} from {scan})" if listed else scan  # noqa: S608


@functools.lru_cache(maxsize=4096)
def cell(wanted: str, shape: Shape, *, signs: Signs = POINTS, number: bool = False, condition: bool = False) -> Cell:
    """What `wanted`, a column or an expression, takes from a row.

    Args:
        wanted: as it stands in params.yaml.
        shape: the table.
        signs: what divides whole from fraction where numbers are text.
        number: whether a number is wanted.
        condition: whether yes or no is wanted.

    Raises:
        ChurnError: why it cannot be computed; starts as `orders.csv has ...` and does not name the setting.
    """
    name, columns = shape.name, shape.columns
    wanted = _without_missing(wanted, columns)
    if wanted == _NULL:
        return Cell("null::varchar", "empty")
    if wanted in columns:
        stored, kind = shape.stored[columns.index(wanted)], shape.types[columns.index(wanted)]
        place = _position(wanted, shape)
        if condition and kind == "text":
            written = as_text(place, kind)
            return Cell(as_yes_no(written), "bool", _unsaid(written))
        return Cell(place, kind, whole=stored.startswith(WHOLE_NUMBER_TYPES))
    expression = parse(wanted, numeric=number, logical=condition)
    if expression.syntax and re.fullmatch(r"[\w .]+", wanted):
        raise ChurnError(_no_column(wanted, name, columns))
    if expression.fault:
        hint = " A column with such a name goes in double quotes." if expression.syntax else ""
        raise ChurnError(
            f"{wanted!r} is neither a column of {name} nor an expression that can be used: {expression.fault}.{hint}"
            f"{nearest_column(wanted, columns) if expression.syntax else ''}"
        )
    missing = [one for one in expression.references if _resolve(one, shape) is None]
    if missing:
        inside = "" if ".".join(missing[0].path) == wanted.strip('"') else f" (in {wanted!r})"
        quoted = _quoting_hint(wanted, shape) if inside else ""
        faults = dict.fromkeys(_no_column(".".join(one.path), name, columns, inside) + quoted for one in missing)
        raise ChurnError(*faults)
    found = [_reference_sql(one, shape, signs) for one in expression.references]
    sql = expression.sql_over([part for part, _, _ in found])
    kind = kind_of(_bound_type(sql, wanted, shape))
    unreadable = [bad for _, bad, _ in found if bad]
    if expression.may_fail and expression.references:
        # A result of null is none; a conversion that failed is a cell that cannot be read.
        tried = f"try(struct_pack(x := {sql}))"
        texts = [as_text(place, "text") for place in (_place(one, shape) for one in expression.references)]
        unreadable.append(f"case when {tried} is null then concat_ws(' ', {', '.join(texts)}) end")
        sql = f"(struct_extract({tried}, 'x'))"
    unread = f"coalesce({', '.join(dict.fromkeys(unreadable))})" if unreadable else None
    return Cell(f"try{sql}", kind, unread, numbers=tuple(dict.fromkeys(number for _, _, number in found if number)))


def _place(reference: Reference, shape: Shape) -> str:
    """SQL of the whole column that a reference names."""
    resolved = _resolve(reference, shape)
    assert resolved is not None
    return _position(resolved[0], shape)


_NULL = "null"
_OPTIONAL = re.compile(r"""\boptional\(\s*("[^"]+"|\w+)\s*\)""")


def _without_missing(wanted: str, columns: tuple[str, ...]) -> str:
    """An expression in which what is optional is the column, or null where the table has none of that name."""
    known = {one.lower() for one in columns}
    return _OPTIONAL.sub(lambda found: found[1] if found[1].strip('"').lower() in known else _NULL, wanted)


def _quoting_hint(wanted: str, shape: Shape) -> str:
    """How to write a column within an expression whose name is not a plain word."""
    odd = [one for one in shape.columns if one.strip() and one in wanted and not re.fullmatch(r"\w+(\.\w+)*", one)]
    return f' Within an expression write "{max(odd, key=len)}", in double quotes.' if odd else ""


def _resolve(reference: Reference, shape: Shape) -> tuple[str, tuple[str, ...]] | None:
    """The column that a dotted name refers to, and the fields within it; upper and lower case do not matter."""
    for taken in range(len(reference.path), 0, -1):
        dotted = ".".join(reference.path[:taken])
        near = [one for one in shape.columns if one == dotted]
        near = near or [one for one in shape.columns if one.lower() == dotted.lower()]
        fields = reference.path[taken:]
        if near and not (fields and shape.types[shape.columns.index(near[0])] == "text"):
            return near[0], fields
    return None


def _position(column: str, shape: Shape) -> str:
    times = shape.columns.count(column)
    if times > 1:
        raise ChurnError(f"{shape.name} has {times} columns {column!r}. Rename all but one.")
    return f"c{shape.columns.index(column)}"


def _reference_sql(reference: Reference, shape: Shape, signs: Signs) -> tuple[str, str | None, NumberInText | None]:
    """SQL of one referenced column; of its text where it cannot be read as what it should be; a number in text."""
    resolved = _resolve(reference, shape)
    assert resolved is not None
    column, fields = resolved
    place, kind = _position(column, shape), shape.types[shape.columns.index(column)]
    if kind.startswith(FOREIGN):
        raise ChurnError(f"{shape.name} has a {kind} in {column!r}. {as_text_in_query(column, kind)}")
    if fields:
        for field in fields:
            place = f"struct_extract({place}, {text(field)})"
        return place, None, None
    if kind != "text":
        return place, None, None
    written = as_text(place, kind)
    if reference.logical:
        return as_yes_no(written), _unsaid(written), None
    if not reference.numeric:
        return written, None, None
    number = as_number(place, kind, signs.of(column), 1)
    named = NumberInText(column, f"n{place[1:]}", written, number)
    return number, f"case when {number} is null then {written} end", named


def _unsaid(written: str) -> str:
    """SQL of a text that says neither yes nor no; null where it does, or is empty."""
    return f"case when {as_yes_no(written)} is null then {written} end"


def _bound_type(sql: str, wanted: str, shape: Shape) -> str:
    """DuckDB's type of an expression over a table without rows."""
    table = ", ".join(f"null::{one} as c{i}" for i, one in enumerate(shape.stored))
    try:
        described = checker().execute(f"describe select {sql} as x from (select {table})").fetchall()  # noqa: S608
    except duckdb.Error as error:
        reason = str(error).splitlines()[0].partition(": ")[2]
        for i in reversed(range(len(shape.stored))):
            reason = re.sub(rf"\bc{i}\b", f"column {i + 1}", reason)
        raise ChurnError(f"{wanted!r} cannot be computed from {shape.name}: {reason}") from None
    return str(described[0][1])


def as_text_in_query(column: str, kind: str) -> str:
    """How to turn a column that only its server understands into one that everybody does."""
    name, target = kind.removeprefix(FOREIGN), "numeric" if kind == f"{FOREIGN}money" else "text"
    if name == "bytea":
        return f"Read it with `query` instead of `table`, in which it is encode({column}, 'hex')."
    return f"Read it with `query` instead of `table`, in which it is {column}::{target}."


def _no_column(wanted: str, name: str, columns: tuple[str, ...], inside: str = "") -> str:
    return f"{name} has no column {wanted!r}{inside}.{nearest_column(wanted, columns)}"
