"""A table's figures, counted by the engine in one pass over its files; only where one is wrong, the rows behind it.

The figures are what the suites of features/expectations.py judge: two rows for every file (or for the whole table), the
lowest and the highest value of each column, beside counts of rows that break a rule. Memory is the engine's, not the
table's.
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

NAMED = 20
"""So many offending rows are named; all of them are counted."""

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
    """What no row may be (`broken_by`, SQL), what to show of a row that is, and `count` where counting needs more."""

    broken_by: str
    shown: str = "NULL"
    count: str = ""

    @property
    def counted(self) -> str:
        """SQL of the number of rows that break the rule."""
        return self.count or f"count(*) FILTER (WHERE {self.broken_by})"


def repeated(column: str, within: str = "") -> Rule:
    """The rule that no key stands in two rows of the table, or of one part of it.

    Its count is of the rows that are too many; it is right for a part where it is counted part by part.
    """
    name = quoted(column)
    key = f"({name}, {within})" if within else name
    return Rule(
        broken_by=f"{key} IN (SELECT {key} FROM seen WHERE {name} IS NOT NULL GROUP BY ALL HAVING count(*) > 1)",
        count=f"count({name}) - count(DISTINCT {name})",
    )


@dataclass
class Table:
    """Files or a frame, seen through the columns that they ought to have: a missing column is null in every row.

    Attributes:
        wanted: column -> its type in the contract.
        keys: the columns by which a row is named.
        nullable: wanted columns whose lowest and highest pass over nulls.
        files: Parquet files; figures are made for each when `by_file`.
        frame: a table in memory, instead of files.
        known_rows: how many there are, where all are known to break no rule and no column's extremes are asked for:
            then rows are not read.
    """

    wanted: Mapping[str, pa.DataType]
    keys: Sequence[str]
    nullable: frozenset[str] = frozenset()
    files: Sequence[Path] = ()
    frame: pa.Table | None = None
    by_file: bool = False
    known_rows: int | None = None
    found: dict[str, str] = field(init=False)
    con: Any = field(init=False, repr=False)

    def __post_init__(self) -> None:
        import duckdb

        self.con = duckdb.connect()
        if self.frame is not None:
            self.con.register("given", self.frame)
            source = "given"
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
        self.found = {name: _plain(kind) for name, kind, *_ in described if name != "in_file"}
        file = "parse_filename(in_file, true) AS in_file, " if self.frame is None else ""
        columns = ", ".join(self._column(name, _TYPES[kind]) for name, kind in self.wanted.items())
        self.con.execute(f"CREATE VIEW seen AS SELECT {file}{columns} FROM {source}")

    def _column(self, name: str, kind: str) -> str:
        if name not in self.found:
            return f"NULL::{kind} AS {quoted(name)}"
        if self.found[name] == kind:
            return quoted(name)
        # By way of text, because not every pair of types has a cast of its own.
        return f"TRY_CAST({quoted(name)}::VARCHAR AS {kind}) AS {quoted(name)}"

    @property
    def wanted_and_found(self) -> set[str]:
        """Columns that are there as they ought to be, whatever their type."""
        return set(self.wanted) & set(self.found)

    def misfits(self) -> list[dict[str, str]]:
        """Columns that are missing, unknown, or of another type, each with what was found and what is allowed."""
        names = dict.fromkeys([*self.wanted, *self.found])
        allowed = {name: _TYPES[self.wanted[name]] if name in self.wanted else "no such column" for name in names}
        found = {name: self.found.get(name, "missing") for name in names}
        return [
            {"column": name, "found": found[name], "allowed": allowed[name]}
            for name in names
            if found[name] != allowed[name]
        ]

    def figures(self, rules: Mapping[str, Rule]) -> pd.DataFrame:
        """Two rows per file (or for the whole table): lowest and highest of each column, and the counts of `rules`.

        A number that is null, not a number, or infinite somewhere leaves both its extremes blank, as in every file
        without a single row. Columns that ought to be there and are not are left out, unknown ones come last.
        """
        columns = [name for name in self.wanted if name in self.found]
        parts = [f"{rule.counted} AS {quoted(name)}" for name, rule in rules.items()]
        for i, name in enumerate(columns):
            column, kind = quoted(name), self.wanted[name]
            lowest, highest = _readable(f"min({column})", kind), _readable(f"max({column})", kind)
            parts.append(f"{lowest} AS low{i}, {highest} AS high{i}, count({column}) AS filled{i}")
        if self.known_rows is not None:
            row = (self.known_rows, *[0] * len(rules), *[None, None, 0] * len(columns))
            return self._frame([row, row], [""], list(rules), columns)
        group = "in_file" if self.by_file else "''"
        selected = ", ".join(["count(*) AS rows", *parts])
        rows = self.con.execute(f"SELECT {group} AS part, {selected} FROM seen GROUP BY 1 ORDER BY 1").fetchall()
        made = {row[0]: row[1:] for row in rows}
        parts_wanted = sorted(file.stem for file in self.files) if self.by_file else [""]
        nothing = (0, *[0] * len(rules), *[None, None, 0] * len(columns))
        found = [made.get(part, nothing) for part in parts_wanted]
        return self._frame([row for row in found for _ in range(2)], parts_wanted, list(rules), columns)

    def _frame(self, rows: list[Any], parts: list[str], rules: list[str], columns: list[str]) -> pd.DataFrame:
        """One column of figures at a time: rows come in pairs, lowest then highest."""
        import pandas as pd

        series: dict[str, Any] = {"rows": [float(row[0]) for row in rows]}
        series |= {name: [float(row[1 + place]) for row in rows] for place, name in enumerate(rules)}
        series["columns_of_another_type"] = [
            float(sum(m["column"] in self.wanted_and_found for m in self.misfits()))
        ] * len(rows)
        for place, name in enumerate(columns):
            first = 1 + len(rules) + 3 * place
            whole = [row[first + 2] == row[0] or name in self.nullable for row in rows]
            number = _TYPES[self.wanted[name]] in _NUMBERS
            shown = [
                _extreme(row[first : first + 2], i % 2, number) if whole[i] else None for i, row in enumerate(rows)
            ]
            series[name] = pd.Series(shown, dtype="float64" if number else "object")
        series |= {name: [None] * len(rows) for name in self.found if name not in self.wanted}
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
        return list(self.con.execute("SELECT " + ", ".join(rule.counted for rule in rules) + " FROM seen").fetchone())

    def offenders(self, rule: Rule) -> list[dict[str, str]]:
        """The first rows that break a rule, by key, as text; `found` where that says more than the key."""
        keys = ", ".join(f"{_readable(quoted(key), self.wanted[key])} AS {quoted(key)}" for key in self.keys)
        rows = self.con.execute(
            f"SELECT DISTINCT {keys}, ({rule.shown})::VARCHAR AS found FROM seen WHERE {rule.broken_by} "
            f"ORDER BY ALL LIMIT {NAMED}"
        ).fetchall()
        names = [*self.keys, "found"]
        return [{name: text for name, text in zip(names, row, strict=True) if text is not None} for row in rows]


def outside(column: str, low: float | None, high: float | None) -> Rule:
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
