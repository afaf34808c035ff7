"""Types of stored columns, and which kind of value each is."""

from __future__ import annotations

from typing import Any, Protocol

from pipelines.sources.expressions.parse import checker

FOREIGN = "postgresql "
"""What kinds begin with that only their server understands: money in cents, inet and bytea as bytes."""
WHOLE_NUMBER_TYPES = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "UTINY", "USMALL", "UINT", "UBIG", "UHUGE")
_KINDS = (
    ("text", ("VARCHAR", "JSON", "UUID", "ENUM")),
    ("instant", ("TIMESTAMP WITH TIME ZONE", "TIMESTAMP_NS WITH")),
    ("time", ("TIMESTAMP",)),
    ("day", ("DATE",)),
    ("bool", ("BOOLEAN",)),
    ("empty", ('"NULL"', "NULL")),
    ("number", WHOLE_NUMBER_TYPES),
    ("number", ("FLOAT", "DOUBLE", "DECIMAL", "BIGNUM")),
)


class Shape(Protocol):
    """A table as far as a mapping must know it: what it is called, its columns, their kinds and DuckDB's types."""

    def __hash__(self) -> int:
        """Immutable, so that what is derived from it can be cached."""

    @property
    def name(self) -> str:
        """As messages call it."""

    @property
    def columns(self) -> tuple[str, ...]:
        """Names, in order; column number i is `c{i}` in SQL."""

    @property
    def types(self) -> tuple[str, ...]:
        """The kind of each, in the words of `kind_of`."""

    @property
    def stored(self) -> tuple[str, ...]:
        """DuckDB's type of each."""


def kind_of(stored: str) -> str:
    """The kind of a DuckDB type: text, number, instant, time, day, bool, empty; else the type itself in lower case."""
    if stored.endswith("]") or stored.startswith(("STRUCT", "MAP")):
        return stored.lower()
    return next((kind for kind, starts in _KINDS if stored.startswith(starts)), stored.lower())


def stored_types(schema: Any) -> tuple[str, ...]:
    """DuckDB's types of an Arrow schema's columns."""
    import pyarrow as pa

    fields = [pa.field(f"c{i}", _plain(field.type)) for i, field in enumerate(schema)]
    empty = pa.schema(fields).empty_table()
    found = checker().from_arrow(empty).types
    return tuple(str(one) for one in found)


def _plain(kind: Any) -> Any:
    """Dictionaries as their values: DuckDB would make enums of them."""
    from pyarrow import types as of

    return kind.value_type if of.is_dictionary(kind) else kind
