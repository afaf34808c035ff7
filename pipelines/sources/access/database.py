"""Databases through ADBC drivers: shape, counts and rows of a table or query. No error message repeats a secret."""

# Queries are put together from names of params.yaml, which the person who may read the database writes.
# ruff: noqa: S608

from __future__ import annotations

import importlib
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from pipelines.runtime.errors import ChurnError, did_you_mean
from pipelines.settings.tables.database import InDatabase
from pipelines.sources.expressions.types import FOREIGN, kind_of, stored_types

_WITH_INFINITY = ("instant", "time", "day")
_KNOWN = ("bigquery", "postgresql", "snowflake", "sqlite")  # extras of this package
_QUOTES = {"bigquery": "`"}
_BATCH = {"postgresql": {"adbc.postgresql.batch_size_hint_bytes": "1048576"}}  # what a processor's cache holds


@dataclass(frozen=True)
class TableShape:
    """A table or query as mappings see it: its columns, their kinds, DuckDB's types."""

    name: str
    columns: tuple[str, ...]
    types: tuple[str, ...]
    stored: tuple[str, ...]


def resolved(value: str, where: str) -> str:
    """A setting's value; `$NAME` is the environment's.

    Raises:
        ChurnError: the environment has none.
    """
    if not value.startswith("$"):
        return value
    content = os.environ.get(value[1:].strip("{}"))
    if not content:
        raise ChurnError(f"params.yaml: {where}: the environment variable {value[1:].strip('{}')} is not set.")
    return content


def _module(setting: InDatabase, section: str) -> Any:
    try:
        return importlib.import_module(f"adbc_driver_{setting.driver}")
    except ImportError:
        package = f"the package adbc-driver-{setting.driver} is not installed."
        driver = setting.driver
        how = f"Install it with `make setup EXTRAS={driver}`, or `.venv/bin/pip install --editable '.[{driver}]'`."
        if setting.driver not in _KNOWN:
            how = f"Install it if there is one.{did_you_mean(setting.driver, _KNOWN)}"
        raise ChurnError(f"params.yaml: {section}.driver: {package} {how}") from None


class Database:
    """An open connection, in a transaction that is never committed."""

    def __init__(self, setting: InDatabase, section: str, connection: Any, secrets: tuple[str, ...]) -> None:
        self.setting, self.section, self._connection, self._secrets = setting, section, connection, secrets
        self.quote = _QUOTES.get(setting.driver, '"')
        # The line break ends a comment that the query ends in.
        relation = f"({setting.query.strip().rstrip(';')}\n)" if setting.query else str(setting.table)
        self._from = f"{relation} as asked" if setting.query else relation

    @property
    def connection(self) -> Any:
        """The driver's own connection, for the sink that writes."""
        return self._connection

    def name(self, column: str) -> str:
        """A column's name, quoted as this database does."""
        return f"{self.quote}{column.replace(self.quote, self.quote * 2)}{self.quote}"

    def _as_read(self, column: str, kind: str) -> str:
        # SQLite's columns have no type: a number in one row is a text in the next. As text they arrive alike.
        named = self.name(column)
        if self.setting.driver == "sqlite":
            return f"cast({named} as text) as {named}"
        if self.setting.driver == "postgresql" and kind in _WITH_INFINITY:
            return f"{_finite(named)} as {named}"
        return named

    def is_infinite(self, column: str, kind: str) -> str:
        """SQL: a time is `infinity`, which is later than any moment."""
        endless = self.setting.driver == "postgresql" and kind in _WITH_INFINITY
        return f"not isfinite({self.name(column)})" if endless else "false"

    @contextmanager
    def _query(self, sql: str) -> Iterator[Any]:
        try:
            with self._connection.cursor() as cursor:
                cursor.adbc_statement.set_options(**_BATCH.get(self.setting.driver, {}))
                cursor.execute(sql)
                yield cursor
        except self.error() as error:
            raise ChurnError(f"{self.section}: the database said: {self._redacted(error)}") from None

    @staticmethod
    def error() -> Any:
        """The exception class of drivers."""
        from adbc_driver_manager import Error

        return Error

    def _redacted(self, error: Exception) -> str:
        return redacted(error, self._secrets)

    def redact(self, message: str) -> str:
        """A message with every secret masked."""
        return redacted(Exception(message), self._secrets)

    def shape(self) -> TableShape:
        """The columns of the table or query."""
        with self._query(f"select * from {self._from} where 1 = 0") as cursor:
            schema = cursor.fetch_record_batch().schema
        columns = tuple(schema.names)
        stored = stored_types(_plain(schema))
        if self.setting.driver == "sqlite":
            stored = ("VARCHAR",) * len(columns)
        name = self.setting.table or "the query"
        kinds = [_foreign(field) or kind_of(one) for field, one in zip(schema, stored, strict=True)]
        return TableShape(name, columns, tuple(kinds), stored)

    def count(self, where: str, watermark: str | None) -> tuple[int, str]:
        """How many rows, and the last watermark among them."""
        last = f"max({self.name(watermark)})" if watermark else "null"
        with self._query(f"select count(*), {last} from {self._from}{where}") as cursor:
            rows, last_mark = cursor.fetchone()
        return int(rows), str(last_mark)

    def extremes(self, column: str) -> tuple[Any, Any]:
        """The least and the greatest value of a column; None and None where it has none."""
        named = self.name(column)
        with self._query(f"select min({named}), max({named}) from {self._from}") as cursor:
            least, greatest = cursor.fetchone()
        return least, greatest

    def count_repeated(self, column: str, where: str) -> int:
        """How many rows repeat a value of another row in a column."""
        with self._query(f"select count(*) - count(distinct {self.name(column)}) from {self._from}{where}") as cursor:
            return int(cursor.fetchone()[0])

    @contextmanager
    def rows(self, shape: TableShape, columns: list[str], where: str) -> Iterator[Any]:
        """The rows as Arrow batches."""
        import pyarrow as pa

        kinds = dict(zip(shape.columns, shape.types, strict=True))
        picked = ", ".join(self._as_read(one, kinds[one]) for one in columns)
        with self._query(f"select {picked} from {self._from}{where}") as cursor:
            reader = cursor.fetch_record_batch()
            schema = _plain(reader.schema)

            def batches() -> Iterator[Any]:
                for batch in reader:
                    arrays = [_stored(array, field.type) for array, field in zip(batch.columns, schema, strict=True)]
                    yield pa.RecordBatch.from_arrays(arrays, schema=schema)

            yield pa.RecordBatchReader.from_batches(schema, batches())


def _finite(column: str) -> str:
    """SQL of a time of PostgreSQL where `infinity` is a time that every driver can tell and every order keeps."""
    endless = f"when {column} > 'epoch' then '9999-12-31' else '0001-01-01'"
    return f"case when {column} is null or isfinite({column}) then {column} {endless} end"


def _foreign(field: Any) -> str:
    """The kind of a column whose values the driver gives in a form of the server's own; else ""."""
    import pyarrow as pa

    named = (field.metadata or {}).get(b"POSTGRESQL:type", b"").decode()
    stored = getattr(field.type, "storage_type", field.type)
    if named == "money" or (named and named != "xml" and pa.types.is_binary(stored)):
        return f"{FOREIGN}{named}"
    return ""


def redacted(error: Exception, secrets: tuple[str, ...]) -> str:
    """A driver's message: its first lines without the query, with every secret masked."""
    message = re.split(r"\n|Query was|LINE \d", str(error))[0].strip()
    for secret in secrets:
        message = message.replace(secret, "***")
    message = re.sub(r"(//[^/\s:@]*):[^@\s]*@", r"\1:***@", message)
    return message[:300]


def _plain(schema: Any) -> Any:
    """Extension types (numeric, json, uuid) as what they are stored as; text where DuckDB knows no better."""
    import pyarrow as pa

    fields = []
    for field in schema:
        kind = field.type if _is_uuid(field.type) else getattr(field.type, "storage_type", field.type)
        fields.append(pa.field(field.name, pa.string() if pa.types.is_binary(kind) else kind))
    return pa.schema(fields)


def _is_uuid(kind: Any) -> bool:
    return getattr(kind, "extension_name", "") == "arrow.uuid"


def _stored(array: Any, kind: Any) -> Any:
    return array if array.type == kind else getattr(array, "storage", array).cast(kind)


@contextmanager
def connected(setting: InDatabase, section: str, *, made: bool = False) -> Iterator[Database]:
    """A connection for as long as the block runs. `made`: a missing database file is created.

    Raises:
        ChurnError: the driver is missing, or the database refuses the connection.
    """
    module = _module(setting, section)
    from adbc_driver_manager import Error, dbapi

    address = resolved(setting.address, f"{section}.address")
    options = {name: resolved(value, f"{section}.options.{name}") for name, value in setting.options.items()}
    secrets = tuple(_secrets(setting, address, options))
    fault = _address_fault(setting, address, made=made)
    if fault:
        raise ChurnError(f"{section}.address: cannot connect. {fault}")
    try:
        connection = dbapi.connect(driver=module._driver_path(), db_kwargs={"uri": address, **options})  # noqa: SLF001
    except Error as error:
        raise ChurnError(f"{section}.address: cannot connect. {redacted(error, secrets)}") from None
    with connection:
        yield Database(setting, section, connection, secrets)


def _address_fault(setting: InDatabase, address: str, *, made: bool) -> str:
    """What is wrong with an address where the driver would make a file of it, or repeat a part of the password."""
    if setting.driver == "sqlite" and (url := re.match(r"sqlite:/*", address)):
        path = address[url.end() :]
        return f"A SQLite file is named by its path alone. Write {path!r} or {'/' + path!r}, not {address!r}."
    if setting.driver == "sqlite" and not (made or address.startswith((":", "file:")) or Path(address).is_file()):
        siblings = [file.name for file in Path(address).parent.glob("*")]
        near = did_you_mean(Path(address).name, siblings) if siblings else ""
        return f"There is no file {address}.{near if 'Did you mean' in near else ''}"
    server = re.match(r"postgres(?:ql)?://([^/?#]*)", address)
    if not server:
        return ""
    hosts = server[1].rpartition("@")[2].split(",")
    is_plain = server[1].count("@") < 2 and all(re.fullmatch(r"(\[[^\]]*\]|[^:]*)(:\d*)?", host) for host in hosts)
    if is_plain and not ("@" in address[server.end() :].partition("?")[0] and "@" not in server[1]):
        return ""
    return "The address cannot be taken apart: in a password write @ as %40, / as %2F, : as %3A, # as %23, ? as %3F."


def _secrets(setting: InDatabase, address: str, options: dict[str, str]) -> Iterator[str]:
    """Texts that no message may hold, the longest first."""
    secrets = [value for name, value in options.items() if setting.options[name].startswith("$")]
    secrets += re.findall(r"(?:^|//)[^/\s:@]*:(\S*)@", address)
    secrets += re.findall(r"(?i)(?:password|token)\s*=\s*('[^']*'|[^&\s]+)", address)
    secrets += [unquote(secret).strip("'") for secret in secrets]
    secrets += [os.environ.get("PGPASSWORD", ""), address if setting.address.startswith("$") else ""]
    yield from sorted((secret for secret in secrets if secret), key=len, reverse=True)
