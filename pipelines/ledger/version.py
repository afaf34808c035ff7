"""The ledger's version, `PRAGMA user_version`; 0, in ledgers of version 0.1, is 1 here. A newer one is refused."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from pipelines.runtime.errors import ChurnError

VERSION = 2


def version_of(con: sqlite3.Connection) -> int:
    """The version of a ledger that has its tables."""
    return max(1, int(con.execute("pragma user_version").fetchone()[0]))


def require_not_newer(con: sqlite3.Connection, ledger: Path) -> None:
    """Raise ChurnError where a newer version of this project wrote the ledger."""
    version = version_of(con)
    if version > VERSION:
        raise ChurnError(
            f"{ledger}: has version {version}, of a newer version of this project; this one knows {VERSION}. "
            "Nothing was changed. Update the project (git pull, then make setup): a newer ledger is never taken back."
        )


def stamp(con: sqlite3.Connection) -> None:
    """Say in the file that it is of today's version."""
    con.execute(f"pragma user_version = {VERSION}")
