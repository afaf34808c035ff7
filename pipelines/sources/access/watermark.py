"""The watermark of a table in a database: SQL that tells old rows from new by it, and what keeps it from telling."""

# Queries are put together from names of params.yaml, which the person who may read the database writes.

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from pipelines.runtime.sql import text
from pipelines.runtime.text.column_names import nearest_column
from pipelines.settings.sources import Sql
from pipelines.settings.tables.time_format import UNIX_TIMES
from pipelines.sources.access.database import Database, TableShape

_DAY = 86_400_000_000


def before(database: Database, shape: TableShape, moment: int, zone: str, *, slack: int = _DAY) -> str:
    """SQL: the watermark lies before a moment (microseconds, UTC). May let later rows through, never misses one.

    `slack`: of texts, which tell their day only; 0 where the same rows must be meant whatever came later.
    """
    setting = sql_setting(database)
    return f"{database.name(str(setting.watermark))} < {_literal(setting, shape, moment, zone, slack)}"


def since(database: Database, shape: TableShape, moment: int, zone: str) -> str:
    """SQL: the watermark lies at or after a moment. May let earlier rows through, never misses one."""
    setting = sql_setting(database)
    return f"{database.name(str(setting.watermark))} >= {_literal(setting, shape, moment, zone, -_DAY)}"


def sql_setting(database: Database) -> Sql:
    """The setting of a source in a database."""
    assert isinstance(database.setting, Sql)
    return database.setting


def _literal(setting: Sql, shape: TableShape, moment: int, zone: str, slack: int) -> str:
    kind = shape.types[shape.columns.index(str(setting.watermark))]
    if kind == "number" or setting.time_format in UNIX_TIMES:
        return str(moment // (1_000_000 if setting.time_format == "unix_seconds" else 1_000))
    if kind == "instant":
        return text(f"{_timestamp(moment, UTC)}+00:00")
    if kind == "text":
        return text(_timestamp(moment + slack, ZoneInfo(zone))[:10])
    return text(_timestamp(moment, ZoneInfo(zone)))


def _timestamp(moment: int, zone: Any) -> str:
    return datetime.fromtimestamp(moment / 1e6, zone).strftime("%Y-%m-%d %H:%M:%S.%f")


def watermark_faults(setting: Sql, shape: TableShape, section: str) -> list[str]:
    """What keeps a column from telling old rows from new ones."""
    if setting.watermark is None:
        return []
    where = f"params.yaml: {section}.watermark"
    if setting.watermark not in shape.columns:
        near = nearest_column(setting.watermark, shape.columns)
        return [f"{where}: {shape.name} has no column {setting.watermark!r}.{near}"]
    kind = shape.types[shape.columns.index(setting.watermark)]
    unix = setting.time_format in UNIX_TIMES
    if kind in ("instant", "time", "day") or (kind == "number" and unix):
        return []
    if kind == "text" and (unix or setting.time_format is None):
        return []
    return [f"{where}: {setting.watermark} is a {kind}. A watermark must be a time (as text, written like 2017-12-04)."]
