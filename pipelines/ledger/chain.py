"""The chain: a link per row of the ledger, by which a row that was changed, deleted or slipped in is noticed.

    leaf = HMAC-SHA256(salt, table and row as JSON)        head = SHA-256(head of the link before, leaf)

Every transaction links what it added. Whoever opens the ledger compares one head with the one that the record beside it
remembers, and recomputes what is new since; `churn verify` recomputes everything. When somebody is forgotten, the
links of their rows lose key and salt and keep the leaf, which says nothing without the salt; a link of its own says
that this was erasure. The chain finds accidents, not forgers: whoever can write the file can write a new chain.

HMAC: RFC 2104. Chained digests: Haber and Stornetta 1991, "How to time-stamp a digital document".
"""

# Queries are put together from our own names; whatever comes from outside is bound as a parameter.
# ruff: noqa: S608

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from pipelines.runtime.sql import quoted

KEYS: dict[str, tuple[str, ...]] = {
    "publication": ("number",),
    "entry": ("publication", "customer_id"),
    "held_back": ("publication", "customer_id"),
    "kept": ("publication", "name"),
    "due": ("publication", "sink"),
    "delivery": ("number",),
    "report": ("digest",),
    "feedback": ("number",),
    "assignment": ("publication", "customer_id"),
}
"""The chained tables, and the columns that tell their rows apart."""
ERASURE = "erasure"
COLUMNS = (
    "number integer primary key, part text not null, row_key text, salt text, leaf text not null, head text not null"
)
INDEX = "create unique index linked_once on chain (part, row_key)"
_START = "0" * 64

Row = tuple[str, str, str]
"""Table, key as JSON, content as JSON."""


def ends(con: sqlite3.Connection) -> dict[str, int]:
    """The last row of each chained table, to know later what was added."""
    return {table: _one(con, f"select coalesce(max(rowid), 0) from {table}") for table in KEYS}


def extend(con: sqlite3.Connection, after: Mapping[str, int]) -> None:
    """Link the rows that were added after these."""
    _link(con, (row for table in KEYS for row in _rows(con, table, "rowid > ?", [after[table]])))


def head_of(con: sqlite3.Connection, number: int | None = None) -> tuple[int, str]:
    """The number and head of a link, by default the last; (0, zeros) before the first; "" for one that is gone."""
    if number is None:
        number = _one(con, "select coalesce(max(number), 0) from chain")
    if not number:
        return 0, _START
    found = con.execute("select head from chain where number = ?", [number]).fetchone()
    return number, found[0] if found else ""


def faults(con: sqlite3.Connection, after: int = 0) -> list[str]:
    """What does not fit in the links after a number: heads, and rows with their leaves. After 0: everything."""
    wrong, before = [], head_of(con, after)[1]
    links = con.execute("select * from chain where number > ? order by number", [after])
    for number, part, key, salt, leaf, head in links.fetchall():
        if head != _head(before, leaf):
            wrong.append(f"link {number:,} does not follow the one before it")
        before = head
        if salt is not None and (row := _row(con, part, key)) is None:
            wrong.append(f"a row of {part} is gone (link {number:,})")
        elif salt is not None and row is not None and _leaf(salt, row) != leaf:
            wrong.append(f"a row of {part} was changed (link {number:,})")
    return wrong if after else [*wrong, *_unlinked(con)]


def loose(con: sqlite3.Connection) -> set[int]:
    """The links with a salt whose row is gone or another one."""
    found = con.execute("select number, part, row_key, salt, leaf from chain where salt is not null")
    links = [(*link, _row(con, link[1], link[2])) for link in found.fetchall()]
    return {number for number, _part, _key, salt, leaf, row in links if row is None or _leaf(salt, row) != leaf}


def let_go(con: sqlite3.Connection, known: set[int], unlinked: set[tuple[str, str]]) -> None:
    """After erasure: links of erased and rewritten rows lose key and salt, rewritten rows get new ones, and it is said.

    Args:
        con: the transaction, guards lifted.
        known: `loose` before the erasure: they stay faults.
        unlinked: `strangers` before it: they stay so as well.
    """
    gone = sorted(loose(con) - known)
    con.executemany("update chain set row_key = null, salt = null where number = ?", [(number,) for number in gone])
    fresh = strangers(con) - unlinked
    _link(con, [row for part, key in sorted(fresh) if (row := _row(con, part, key)) is not None])
    if gone:
        _append(con, ERASURE, None, None, hashlib.sha256(json.dumps(gone).encode()).hexdigest())


def strangers(con: sqlite3.Connection) -> set[tuple[str, str]]:
    """Rows, by table and key, that no link speaks of."""
    linked = set(con.execute("select part, row_key from chain where salt is not null"))
    return {row[:2] for table in KEYS for row in _rows(con, table, "true", [])} - linked


def _unlinked(con: sqlite3.Connection) -> Iterator[str]:
    counted: dict[str, int] = {}
    for part, _key in strangers(con):
        counted[part] = counted.get(part, 0) + 1
    for part, number in sorted(counted.items()):
        yield f"{number:,} rows of {part} were slipped in: no link speaks of them"


def _link(con: sqlite3.Connection, rows: Iterable[Row]) -> None:
    for row in list(rows):
        if con.execute("select 1 from chain where part = ? and row_key = ?", row[:2]).fetchone():
            continue
        salt = secrets.token_hex(16)
        _append(con, row[0], row[1], salt, _leaf(salt, row))


def _append(con: sqlite3.Connection, part: str, key: str | None, salt: str | None, leaf: str) -> None:
    number, before = head_of(con)
    con.execute("insert into chain values (?, ?, ?, ?, ?, ?)", [number + 1, part, key, salt, leaf, _head(before, leaf)])


def _leaf(salt: str, row: Row) -> str:
    return hmac.new(bytes.fromhex(salt), "\0".join(row).encode(), hashlib.sha256).hexdigest()


def _head(before: str, leaf: str) -> str:
    return hashlib.sha256(f"{before}{leaf}".encode()).hexdigest()


def _row(con: sqlite3.Connection, part: str, key: str) -> Row | None:
    where = " and ".join(f"{quoted(name)} is ?" for name in KEYS[part])
    return next(_rows(con, part, where, json.loads(key)), None)


def _rows(con: sqlite3.Connection, table: str, where: str, values: list[Any]) -> Iterator[Row]:
    found = con.execute(f"select * from {table} where {where} order by rowid", values)
    names = [column[0] for column in found.description]
    places = [names.index(name) for name in KEYS[table]]
    for row in found:
        key = json.dumps([row[place] for place in places], ensure_ascii=False)
        yield table, key, json.dumps(dict(zip(names, row, strict=True)), ensure_ascii=False)


def _one(con: sqlite3.Connection, query: str) -> int:
    return int(con.execute(query).fetchone()[0])
