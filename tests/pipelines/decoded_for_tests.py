"""Every store of a project as text: what is compressed or packed hides nothing from a test."""

from __future__ import annotations

import gzip
import sqlite3
import zipfile
from contextlib import closing
from pathlib import Path

import pyarrow.parquet as pq


def decoded(path: Path) -> str:
    """All that a file says, whatever it is."""
    raw = path.read_bytes()
    if raw[:4] == b"PAR1":
        cells = (f"{name} {value}" for row in pq.read_table(path).to_pylist() for name, value in row.items())
        return "\n".join([*cells, str(pq.read_metadata(path).metadata)])
    if raw[:2] == b"PK":
        with zipfile.ZipFile(path) as book:
            return "\n".join(book.read(name).decode("utf-8", "replace") for name in book.namelist())
    if raw[:2] == b"\x1f\x8b":
        return gzip.decompress(raw).decode("utf-8", "replace")
    if raw[:6] == b"SQLite":
        with closing(sqlite3.connect(path)) as con:
            return "\n".join(con.iterdump()) + raw.decode("latin-1")
    return raw.decode("latin-1")
