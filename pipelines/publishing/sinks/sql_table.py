"""The sink `sql`: published lists in a table of PostgreSQL or SQLite, keyed by list and customer.

One transaction per delivery: the table is made or given the columns it lacks, the rows are put in or brought up to
date, rows of lists that this one replaces for the same day go. Afterwards all of it is there, or nothing has changed.
"""

# Queries are put together from names of params.yaml and of the list's own columns, all of them quoted.
# ruff: noqa: S608

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd
import pyarrow as pa

from pipelines.ledger.write import Published
from pipelines.runtime.errors import ChurnError
from pipelines.runtime.sql import quoted, text
from pipelines.settings.campaign.publish import SqlTable
from pipelines.sources.access.database import connected, resolved

KEY = ("list_id", "customer_id")
PERSONAL = ("name", "email", "phone")


@dataclass(frozen=True)
class ListRows:
    """A list for the table: its customers to contact, and the lists of the same day that it replaces, by id."""

    customers: pd.DataFrame
    published: Published
    replaced: Collection[str]


def upsert(lists: Sequence[ListRows], sink: SqlTable, where: str) -> str:
    """Put lists into the table, all of them or none.

    Args:
        lists: in the order in which they are put in.
        sink: its settings.
        where: what messages call it.

    Returns:
        What was done, for people.

    Raises:
        ChurnError: the database cannot be reached or refuses; nothing has changed there. No secret is repeated.
    """
    driver = sink.driver or _driver(resolved(sink.address, f"{where}.address"))
    rows = [(_arrow(one.customers, sink, one.published, driver), one.replaced) for one in lists]
    with connected(sink.database(driver), where, made=True) as database:
        try:
            with database.connection.cursor() as cursor:
                for table, replaced in rows:
                    _shape(cursor, sink.table, table.schema, driver)
                    _clear(cursor, sink.table, replaced, driver)
                    cursor.executemany(_insert(sink.table, table.schema.names, driver), table)
            database.connection.commit()
        except database.error() as error:
            raise ChurnError(f"the database said: {database.redact(str(error))} Nothing was changed there.") from None
    return f"{sum(len(one.customers) for one in lists):,} customers in the table {sink.table}."


def is_gone(sink: SqlTable, where: str) -> bool:
    """Whether the database has no such table (any more).

    Raises:
        ChurnError: the database cannot be asked.
    """
    driver = sink.driver or _driver(resolved(sink.address, f"{where}.address"))
    with connected(sink.database(driver), where, made=True) as database:
        try:
            with database.connection.cursor() as cursor:
                cursor.execute(_LOOKUP[driver].format(text(_named(sink.table)), text(sink.table.rpartition(".")[2])))
                return not cursor.fetchone()[0]
        except database.error() as error:
            raise ChurnError(f"the database said: {database.redact(str(error))}") from None


_LOOKUP = {
    "postgresql": "select to_regclass({0}) is not null",
    "sqlite": "select count(*) from sqlite_master where type in ('table', 'view') and lower(name) = lower({1})",
}


def _driver(address: str) -> str:
    return "postgresql" if address.startswith(("postgres:", "postgresql:", "host=")) else "sqlite"


def _arrow(table: pd.DataFrame, sink: SqlTable, published: Published, driver: str) -> pa.Table:
    """The list's columns and the publication's revision, in types that both databases take."""
    kept = [name for name in table.columns if sink.contacts or name not in PERSONAL]
    wanted = table[kept].assign(list_id=published.list_id, revision=published.revision)
    found = pa.Table.from_pandas(wanted, preserve_index=False)
    fields = [pa.field(field.name, _kind(field, driver)) for field in found.schema]
    return pa.table([_cast(found[field.name], field.type) for field in fields], schema=pa.schema(fields))


def _kind(field: pa.Field, driver: str) -> pa.DataType:
    if field.name == "as_of" and driver == "postgresql":
        return pa.date32()
    if pa.types.is_integer(field.type) or pa.types.is_boolean(field.type):
        return pa.int64()
    return pa.float64() if pa.types.is_floating(field.type) else pa.string()


def _cast(column: Any, kind: pa.DataType) -> Any:
    if pa.types.is_timestamp(column.type):
        column = column.cast(pa.date32(), safe=False)
    return column.cast(kind)


_TYPES = {"int64": "bigint", "double": "double precision", "date32[day]": "date", "string": "text"}


def _named(table: str) -> str:
    return ".".join(quoted(part) for part in table.split("."))


def _shape(cursor: Any, table: str, schema: pa.Schema, driver: str) -> None:
    """The table exists and has every column of the list."""
    columns = {field.name: _TYPES[str(field.type)] for field in schema}
    required = ", ".join(f"{quoted(name)} {kind}{' not null' * (name in KEY)}" for name, kind in columns.items())
    cursor.execute(f"create table if not exists {_named(table)} ({required}, primary key ({', '.join(KEY)}))")
    cursor.execute(f"select * from {_named(table)} where 1 = 0")
    there = {name.lower() for name in cursor.fetch_arrow_table().schema.names}
    for name, kind in columns.items():
        if name.lower() not in there:
            cursor.execute(f"alter table {_named(table)} add column {quoted(name)} {kind}")


def _marks(count: int, driver: str) -> str:
    return ", ".join(f"${place}" if driver == "postgresql" else "?" for place in range(1, count + 1))


def _clear(cursor: Any, table: str, replaced: Collection[str], driver: str) -> None:
    if replaced:
        gone = pa.table({"list_id": pa.array(sorted(set(replaced)), pa.string())})
        cursor.executemany(f"delete from {_named(table)} where list_id = {_marks(1, driver)}", gone)


def _insert(table: str, names: Sequence[str], driver: str) -> str:
    newer = ", ".join(f"{quoted(name)} = excluded.{quoted(name)}" for name in names if name not in KEY)
    return (
        f"insert into {_named(table)} ({', '.join(map(quoted, names))}) values ({_marks(len(names), driver)}) "
        f"on conflict ({', '.join(KEY)}) do update set {newer}"
    )
