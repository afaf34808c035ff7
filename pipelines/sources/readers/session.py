"""The session in which a source is read: the timezone of its texts."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from pipelines.runtime.sql import text
from pipelines.settings.sources import Mapped
from pipelines.settings.types import zone_of
from pipelines.sources.expressions.context import Context


@contextmanager
def local_timezone(con: Any, setting: Mapped, context: Context) -> Iterator[None]:
    """Set the connection's timezone, in which texts without an offset are read, to the source's while it is read.

    Where its columns have a timezone each, it is the project's.
    """
    con.execute(f"set timezone = {text(zone_of(setting.timezone, '', context.timezone))}")
    try:
        yield
    finally:
        con.execute("set timezone = 'UTC'")
