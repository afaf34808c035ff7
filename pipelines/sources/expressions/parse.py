"""SQL expressions of params.yaml: their column references, and whether they are allowed.

An expression is one scalar DuckDB expression over a row's columns. It cannot read anything else (no subquery, no table
function), change anything, look at other rows (no aggregate, no window), give another answer tomorrow (no `now()`, no
`age(x)`) or with another DuckDB (no `version()`).
"""

from __future__ import annotations

import functools
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import duckdb

_HEAD = "select ("
_FORBIDDEN = {
    "SUBQUERY": "a subquery",
    "STAR": "*",
    "WINDOW": "a window over other rows",
    "PARAMETER": "a parameter",
    "DEFAULT": "default",
}
_CALCULATE = {"+", "-", "*", "/", "//", "%", "**", "^"}
_NUMERIC = {"abs", "round", "floor", "ceil", "ceiling", "sign", "sqrt", "ln", "log", "log10", "exp", "pow", "power"}
_CHANGING_MACROS = {"ago", "assert_true", "get_block_size", "session_user", "user", "regexp_split_to_table"}
_CHANGING = {"version", "parse_duckdb_log_message"}
"""Another answer with another DuckDB, though DuckDB calls them consistent."""
_CONVERTING = {"strptime", "make_date", "make_time", "make_timestamp"}
_TEXTS = ("varchar", "text", "string", "char", "bpchar")
_CLOCK_ALONE = {"age"}
"""With one argument they count from today, though DuckDB calls them consistent; with two they do not."""


class Wanted(NamedTuple):
    """What a part of an expression is read as: a number, yes or no, or as it is."""

    numeric: bool = False
    logical: bool = False


AS_IT_IS, YES_OR_NO = Wanted(), Wanted(logical=True)


@dataclass(frozen=True)
class Reference:
    """A column that an expression names: where in its text (bytes), and what it is read as.

    `numeric`: it is calculated with; `logical`: it is asked for yes or no.
    """

    path: tuple[str, ...]
    start: int
    length: int
    numeric: bool
    logical: bool = False


@dataclass(frozen=True)
class Expression:
    """A parsed expression, or why it is none (`fault`; `syntax` where it is no SQL at all).

    `may_fail`: it converts what need not be convertible (`x::double`, `strptime(...)`).
    """

    text: str
    references: tuple[Reference, ...] = ()
    fault: str = ""
    syntax: bool = False
    may_fail: bool = False

    def sql_over(self, columns: list[str]) -> str:
        """The expression's SQL with every reference replaced, in their order."""
        sql = self.text.encode()
        for reference, column in reversed(list(zip(self.references, columns, strict=True))):
            sql = sql[: reference.start] + column.encode() + sql[reference.start + reference.length :]
        return f"({sql.decode()}\n)"


@functools.cache
def checker() -> Any:
    """A DuckDB without data, file access or changeable settings, which parses and binds expressions."""
    con = duckdb.connect(config={"enable_external_access": "false"})
    con.execute("set timezone = 'UTC'; set lock_configuration = true")
    return con


@functools.cache
def _allowed_functions() -> frozenset[str]:
    """Names of functions that give the same for the same row."""
    rows = (
        checker()
        .execute(
            """
            select function_name from duckdb_functions()
            where (function_type = 'scalar' or (function_type = 'macro' and schema_name = 'main'))
            group by function_name
            having bool_and(function_type = 'macro' or stability = 'CONSISTENT')
            """
        )
        .fetchall()
    )
    names = {str(name) for (name,) in rows if not name.startswith(("current_", "pg_", "has_", "inet_"))}
    internal = {name for name in names if name.startswith("__internal")}
    return frozenset(names - _CHANGING_MACROS - _CHANGING - internal)


@functools.cache
def parse(text: str, *, numeric: bool = False, logical: bool = False) -> Expression:
    """An expression with its references. `numeric`: it gives a number, so text that it passes on is read as one.

    `logical`: it is a condition, and text that it passes on is read as yes or no.

    Faults are kept in the result, not raised.
    """
    serialized = checker().execute(
        "select json_serialize_sql($1, skip_default := true, skip_null := true, skip_empty := true)",
        [f"{_HEAD}{text}\n)"],
    )
    tree = json.loads(serialized.fetchall()[0][0])
    if tree["error"]:
        return Expression(text, fault=tree["error_message"], syntax=True)
    nodes = tree["statements"][0]["node"].get("select_list", [])
    if len(tree["statements"]) != 1 or len(nodes) != 1:
        return Expression(text, fault="it is more than one expression", syntax=True)
    forbidden = sorted(set(_forbidden(nodes[0])))
    if forbidden:
        return Expression(text, fault=f"it may not use {', '.join(forbidden)}")
    references = sorted(set(_references(nodes[0], Wanted(numeric, logical), frozenset())), key=lambda one: one.start)
    return Expression(text, tuple(references), may_fail=_may_fail(nodes[0]))


def _children(node: Any) -> Iterator[dict[str, Any]]:
    """The expressions directly under a node, whatever the parser calls their place."""
    for value in node.values():
        for one in value if isinstance(value, list) else [value]:
            if isinstance(one, dict):
                if "class" in one:
                    yield one
                else:
                    yield from _children(one)


def _may_fail(node: dict[str, Any]) -> bool:
    """Whether something is converted in it that need not be convertible, and is not tried only (`try_cast`)."""
    to_text = str(node.get("type_expr", {}).get("type_name", "")).lower() in _TEXTS
    fixed = to_text or node.get("try_cast") or node.get("child", {}).get("class") == "CONSTANT"
    converts = node["class"] == "CAST" and not fixed
    if converts or node.get("function_name", "").lower() in _CONVERTING:
        return True
    return any(map(_may_fail, _children(node)))


def _forbidden(node: dict[str, Any]) -> Iterator[str]:
    if node["class"] in _FORBIDDEN:
        yield _FORBIDDEN[node["class"]]
        return
    name = node.get("function_name", "").lower()
    if node["class"] == "FUNCTION" and not node.get("is_operator") and name not in _allowed_functions():
        yield f"{name}()"
    if name in _CLOCK_ALONE and len(list(_children(node))) < 2:
        yield f"{name}() of one time, which counts from today (write {name}(later, earlier))"
    for child in _children(node):
        yield from _forbidden(child)


def _references(node: dict[str, Any], wanted: Wanted, bound: frozenset[str]) -> Iterator[Reference]:
    """Column references; `bound` are the names that a lambda gives to elements of a list."""
    if node["class"] == "COLUMN_REF":
        path = tuple(node["column_names"])
        if path[0].lower() not in bound:
            start = node["query_location"] - len(_HEAD)
            yield Reference(path, start, node["query_location_length"], *wanted)
        return
    if node["class"] == "LAMBDA":
        names = frozenset(one.path[0].lower() for one in _references({**node["lhs"], **_PLACE}, AS_IT_IS, frozenset()))
        yield from _references(node["expr"], AS_IT_IS, bound | names)
        return
    for child, one in _with_context(node, wanted):
        yield from _references(child, one, bound)


_PLACE = {"query_location": len(_HEAD), "query_location_length": 0}


def _with_context(node: dict[str, Any], wanted: Wanted) -> Iterator[tuple[dict[str, Any], Wanted]]:
    """A node's children, and what each of them is read as."""
    if node["class"] == "CASE":
        for check in node["case_checks"]:
            yield check["when_expr"], YES_OR_NO
            yield check["then_expr"], wanted
        if "else_expr" in node:
            yield node["else_expr"], wanted
        return
    children = list(_children(node))
    one = Wanted(_is_calculated(node, children, wanted.numeric), _is_asked(node, children, wanted.logical))
    for child in children:
        yield child, one


def _is_calculated(node: dict[str, Any], children: list[dict[str, Any]], numeric: bool) -> bool:
    """Whether a node's children are numbers. `numeric`: whether it is one itself."""
    kind, name = node["class"], node.get("function_name", "").lower()
    numbers = any(_is_number(child) for child in children)
    if kind == "FUNCTION" and name in _CALCULATE:
        return not any(_is_time(child) for child in children)
    if (kind == "FUNCTION" and name in _NUMERIC) or kind in ("COMPARISON", "BETWEEN"):
        return name in _NUMERIC or numbers
    if name in ("nullif", "greatest", "least") or node.get("type") in (
        "OPERATOR_COALESCE",
        "COMPARE_IN",
        "COMPARE_NOT_IN",
    ):
        return numbers or (numeric and node.get("type") not in ("COMPARE_IN", "COMPARE_NOT_IN"))
    return False


def _is_asked(node: dict[str, Any], children: list[dict[str, Any]], logical: bool) -> bool:
    """Whether a node's children say yes or no. `logical`: whether it does itself."""
    kind, type_ = node["class"], node.get("type")
    if kind == "CONJUNCTION" or type_ == "OPERATOR_NOT":
        return True
    if kind == "CAST":
        return not node.get("try_cast") and node["type_expr"].get("type_name") == "BOOLEAN"
    truths = any(child.get("literal", {}).get("kind") == "BOOLEAN" for child in children)
    if kind == "COMPARISON" or type_ in ("COMPARE_IN", "COMPARE_NOT_IN"):
        return truths
    return type_ == "OPERATOR_COALESCE" and (truths or logical)


def _is_number(node: dict[str, Any]) -> bool:
    """A number as it is written, or what can be nothing else."""
    literal = node.get("literal", {})
    if node["class"] == "CONSTANT":
        return literal.get("kind") in ("INTEGER", "DECIMAL", "FLOAT", "DOUBLE", "NUMERIC")
    name = node.get("function_name", "").lower()
    return (
        node["class"] == "FUNCTION"
        and name in (_CALCULATE | _NUMERIC)
        and not any(_is_time(one) for one in _children(node))
    )


def _is_time(node: dict[str, Any]) -> bool:
    """A time or a stretch of time: `interval 1 day`, `x::date`."""
    cast = str(node.get("type_expr", {}).get("type_name", "")).upper()
    return cast.startswith(("INTERVAL", "TIME", "DATE")) or str(node.get("function_name", "")).startswith("to_")
