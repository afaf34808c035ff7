"""Every store of a project as text: what is compressed or packed hides nothing from a test."""

from __future__ import annotations

import gzip
import io
import sqlite3
import zipfile
from contextlib import closing
from functools import lru_cache
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq


def decoded(path: Path) -> str:
    """All that a file says, whatever it is."""
    raw = path.read_bytes()
    if raw[:6] == b"SQLite":
        with closing(sqlite3.connect(path)) as con:
            return "\n".join(con.iterdump()) + raw.decode("latin-1")
    return _unpacked(raw)


@lru_cache(maxsize=500)  # a test looks at a project again and again, of which little has changed
def _unpacked(raw: bytes) -> str:
    if raw[:4] == b"PAR1":
        table = pq.ParquetFile(pa.BufferReader(raw))
        cells = (f"{name} {value}" for row in table.read().to_pylist() for name, value in row.items())
        return "\n".join([*cells, str(table.metadata.metadata)])
    if raw[:2] == b"PK":
        with zipfile.ZipFile(io.BytesIO(raw)) as book:
            return "\n".join(book.read(name).decode("utf-8", "replace") for name in book.namelist())
    if raw[:2] == b"\x1f\x8b":
        return gzip.decompress(raw).decode("utf-8", "replace")
    return raw.decode("latin-1")
