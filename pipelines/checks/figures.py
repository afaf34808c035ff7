"""Figures of a table, counted by DuckDB in one pass over its files; offending rows are looked up only where one fails.

The figures are what the suites of features/expectations.py judge: two rows for every file (or for the whole table), the
lowest and the highest value of each column, beside counts of rows that break a rule. Memory does not grow with the
table.
"""

# Statements are put together from our own parts; names of columns and files are quoted.
# ruff: noqa: S608

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from pipelines.runtime.errors import ChurnError
from pipelines.runtime.sql import quoted, text

if TYPE_CHECKING:
    import pandas as pd

VIEW = "checked"
"""The view of the table under its schema, to which rules refer."""

OFFENDERS_SHOWN = 20
"""How many offending rows a check names; it counts all of them."""

_TYPES = {
    pa.string(): "VARCHAR",
    pa.float64(): "DOUBLE",
    pa.float32(): "FLOAT",
    pa.date32(): "DATE",
    pa.timestamp("us", tz="UTC"): "TIMESTAMP WITH TIME ZONE",
}
_NUMBERS = ("FLOAT", "DOUBLE")


@dataclass(frozen=True)
class Rule:
    """A rule about rows.

    `violation`: SQL condition that no row may meet. `shown`: SQL of what to show of a row that does. `count`: SQL of
    the number of such rows, where counting the condition is not enough.
    """

    violation: str
    shown: str = "NULL"
    count: str = ""

    @property
    def counted(self) -> str:
        """SQL of the number of rows that break the rule."""
        return self.count or f"count(*) FILTER (WHERE {self.violation})"


def duplicate_keys(column: str, within: str = "") -> Rule:
    """The rule that no key occurs on two rows of the table, or of one part of it.

    Its count is of the surplus rows; it is right for a part where it is counted part by part.
    """
    name = quoted(column)
    key = f"({name}, {within})" if within else name
    return Rule(
        violation=f"{key} IN (SELECT {key} FROM {VIEW} WHERE {name} IS NOT NULL GROUP BY ALL HAVING count(*) > 1)",
        count=f"count({name}) - count(DISTINCT {name})",
    )


@dataclass
class Table:
    """Files or a frame under the schema of their contract: a missing column is null in every row.

    Attributes:
        schema: column -> its type in the contract.
        keys: the columns by which a row is named.
        nullable: columns of the schema whose lowest and highest pass over nulls.
        files: Parquet files; figures are made for each when `by_file`.
        frame: a table in memory, instead of files.
        row_count: the number of rows, where all are known to break no rule and no column's extremes are needed: then
            rows are not read.
    """

    schema: Mapping[str, pa.DataType]
    keys: Sequence[str]
    nullable: frozenset[str] = frozenset()
    files: Sequence[Path] = ()
    frame: pa.Table | None = None
    by_file: bool = False
    row_count: int | None = None
    actual: dict[str, str] = field(init=False)
    con: Any = field(init=False, repr=False)

    def __post_init__(self) -> None:
        import duckdb

        self.con = duckdb.connect()
        if self.frame is not None:
            self.con.register("frame", self.frame)
            source = "frame"
        elif self.files:
            names = ", ".join(text(str(file)) for file in self.files)
            source = f"read_parquet([{names}], union_by_name = true, filename = 'in_file')"
        else:
            source = "(SELECT NULL::VARCHAR AS in_file WHERE false)"
        try:
            described = self.con.execute(f"DESCRIBE SELECT * FROM {source}").fetchall()
        except duckdb.Error as error:
            where = self.files[0].parent if self.files else "the table"
            raise ChurnError(f"{where}: not every file can be read as Parquet. {str(error).splitlines()[0]}") from None
        self.actual = {name: _plain(kind) for name, kind, *_ in described if name != "in_file"}
        file = "parse_filename(in_file, true) AS in_file, " if self.frame is None else ""
        columns = ", ".join(self._column(name, _TYPES[kind]) for name, kind in self.schema.items())
        self.con.execute(f"CREATE VIEW {VIEW} AS SELECT {file}{columns} FROM {source}")

    def _column(self, name: str, kind: str) -> str:
        if name not in self.actual:
            return f"NULL::{kind} AS {quoted(name)}"
        if self.actual[name] == kind:
            return quoted(name)
        # By way of text, because not every pair of types has a cast of its own.
        return f"TRY_CAST({quoted(name)}::VARCHAR AS {kind}) AS {quoted(name)}"

    @property
    def common_columns(self) -> set[str]:
        """Columns of the schema that the table has, whatever their type."""
        return set(self.schema) & set(self.actual)

    def schema_differences(self) -> list[dict[str, str]]:
        """Columns that are missing, unknown, or of another type, each with its type and the allowed one."""
        names = dict.fromkeys([*self.schema, *self.actual])
        allowed = {name: _TYPES[self.schema[name]] if name in self.schema else "no such column" for name in names}
        types = {name: self.actual.get(name, "missing") for name in names}
        return [
            {"column": name, "found": types[name], "allowed": allowed[name]}
            for name in names
            if types[name] != allowed[name]
        ]

    def figures(self, rules: Mapping[str, Rule]) -> pd.DataFrame:
        """Two rows per file (or for the whole table): lowest and highest of each column, and the counts of `rules`.

        A number that is null, not a number, or infinite somewhere leaves both its extremes blank, as in every file
        without a single row. Missing columns are left out, unknown ones come last.
        """
        columns = [name for name in self.schema if name in self.actual]
        parts = [f"{rule.counted} AS {quoted(name)}" for name, rule in rules.items()]
        for i, name in enumerate(columns):
            column, kind = quoted(name), self.schema[name]
            lowest, highest = _readable(f"min({column})", kind), _readable(f"max({column})", kind)
            parts.append(f"{lowest} AS low{i}, {highest} AS high{i}, count({column}) AS filled{i}")
        if self.row_count is not None:
            row = (self.row_count, *[0] * len(rules), *[None, None, 0] * len(columns))
            return self._frame([row, row], [""], list(rules), columns)
        group = "in_file" if self.by_file else "''"
        selected = ", ".join(["count(*) AS rows", *parts])
        rows = self.con.execute(f"SELECT {group} AS part, {selected} FROM {VIEW} GROUP BY 1 ORDER BY 1").fetchall()
        by_part = {row[0]: row[1:] for row in rows}
        all_parts = sorted(file.stem for file in self.files) if self.by_file else [""]
        no_rows = (0, *[0] * len(rules), *[None, None, 0] * len(columns))
        counted = [by_part.get(part, no_rows) for part in all_parts]
        return self._frame([row for row in counted for _ in range(2)], all_parts, list(rules), columns)

    def _frame(self, rows: list[Any], parts: list[str], rules: list[str], columns: list[str]) -> pd.DataFrame:
        """One column of figures at a time: rows come in pairs, lowest then highest."""
        import pandas as pd

        series: dict[str, Any] = {"rows": [float(row[0]) for row in rows]}
        series |= {name: [float(row[1 + place]) for row in rows] for place, name in enumerate(rules)}
        series["columns_of_another_type"] = [
            float(sum(m["column"] in self.common_columns for m in self.schema_differences()))
        ] * len(rows)
        for place, name in enumerate(columns):
            first = 1 + len(rules) + 3 * place
            whole = [row[first + 2] == row[0] or name in self.nullable for row in rows]
            number = _TYPES[self.schema[name]] in _NUMBERS
            shown = [
                _extreme(row[first : first + 2], i % 2, number) if whole[i] else None for i, row in enumerate(rows)
            ]
            series[name] = pd.Series(shown, dtype="float64" if number else "object")
        series |= {name: [None] * len(rows) for name in self.actual if name not in self.schema}
        index = pd.MultiIndex.from_product([parts, ["lowest", "highest"]], names=["file", "extreme"])
        return pd.concat(
            [pd.Series(list(values), dtype=getattr(values, "dtype", None)) for values in series.values()],
            axis=1,
            keys=list(series),
        ).set_index(index)

    def count(self, rules: Sequence[Rule]) -> list[int]:
        """The number of rows that break each rule, in one pass."""
        if not rules:
            return []
        return list(
            self.con.execute("SELECT " + ", ".join(rule.counted for rule in rules) + f" FROM {VIEW}").fetchone()
        )

    def offenders(self, rule: Rule) -> list[dict[str, str]]:
        """The first rows that break a rule, by key, as text; `found` where that says more than the key."""
        keys = ", ".join(f"{_readable(quoted(key), self.schema[key])} AS {quoted(key)}" for key in self.keys)
        rows = self.con.execute(
            f"SELECT DISTINCT {keys}, ({rule.shown})::VARCHAR AS found FROM {VIEW} WHERE {rule.violation} "
            f"ORDER BY ALL LIMIT {OFFENDERS_SHOWN}"
        ).fetchall()
        names = [*self.keys, "found"]
        return [{name: text for name, text in zip(names, row, strict=True) if text is not None} for row in rows]


def out_of_bounds(column: str, low: float | None, high: float | None) -> Rule:
    """The rule that a number lies between two bounds; nulls do not break it."""
    name = quoted(column)
    sides = [f"{name} < {low!r}::DOUBLE"] if low is not None else []
    sides += [f"{name} > {high!r}::DOUBLE"] if high is not None else []
    return Rule(" OR ".join(sides) or "false", shown=name)


def unusable(column: str, kind: pa.DataType) -> Rule:
    """The rule that a column is filled and, where it is a number, finite."""
    name = quoted(column)
    number = f" OR NOT isfinite({name})" if _TYPES[kind] in _NUMBERS else ""
    return Rule(f"{name} IS NULL{number}", shown=f"coalesce({name}::VARCHAR, 'null')")


def iso(instant: str) -> str:
    """SQL of an instant as text in UTC; casting it would need the engine's timezone tables."""
    return f"strftime(make_timestamp(epoch_us({instant})), '%Y-%m-%d %H:%M:%S.%f')"


def _readable(expression: str, kind: pa.DataType) -> str:
    """Numbers as they are, everything else as text."""
    if _TYPES[kind] in _NUMBERS:
        return expression
    return iso(expression) if pa.types.is_timestamp(kind) else f"({expression})::VARCHAR"


def _plain(kind: str) -> str:
    return "VARCHAR" if kind.startswith("ENUM") else kind


def _extreme(pair: Sequence[Any], place: int, number: bool) -> Any:
    """The lowest (0) or highest (1) of a column; blank where either is infinite or not a number."""
    if number:
        usable = all(value is not None and abs(value) < float("inf") for value in pair)
        return float(pair[place]) if usable else None
    return pair[place]
