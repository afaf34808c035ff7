"""Erasing customers from the ledger: the only code that takes rows out of it."""

# Queries are put together from our own names; whatever comes from outside is bound as a parameter.
# ruff: noqa: S608

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterable, Mapping
from pathlib import Path

from pipelines.ledger import chain
from pipelines.ledger.read import FILE
from pipelines.ledger.tables import guard_triggers, install_guards
from pipelines.ledger.write import content_of

SOMEBODY = "(forgotten)"
SHORTEST_WORD = 4


def erase(
    con: sqlite3.Connection,
    customers: frozenset[str],
    copies: Mapping[int, Mapping[str, str]],
    texts: frozenset[str] = frozenset(),
) -> int:
    """Take customers out. The guards are lifted inside the transaction, and stand again when it ends.

    Args:
        con: the transaction.
        customers: their ids.
        copies: publication -> the files of its copy without them, by digest.
        texts: ids that are replaced in free texts of others, where they can be nothing but an id (see `distinctive`).

    Returns:
        How many rows went or were rewritten.
    """
    for name, _ in guard_triggers():
        con.execute(f"drop trigger {name}")
    loose, strangers = chain.loose(con), chain.strangers(con)  # faults of before stay faults
    placeholders, ids = ", ".join("?" * len(customers)), sorted(customers)
    affected, erased = set(), 0
    for table in ("assignment", "entry", "held_back", "feedback"):
        where = f"from {table} where customer_id in ({placeholders})"
        if table != "feedback":
            affected |= {number for (number,) in con.execute(f"select publication {where}", ids)}
        erased += con.execute(f"delete {where}", ids).rowcount
    erased += _clear_texts(con, distinctive(customers | texts))
    for number in sorted(affected):
        con.execute("update publication set content = ? where number = ?", [content_of(con, number), number])
    for number, files in copies.items():
        if dict(con.execute("select name, digest from kept where publication = ?", [number])) == files:
            continue
        con.execute("delete from kept where publication = ?", [number])
        con.executemany("insert into kept values (?, ?, ?)", [(number, *one) for one in sorted(files.items())])
    chain.let_go(con, loose, strangers)
    install_guards(con)
    return erased


def distinctive(names: Iterable[str]) -> frozenset[str]:
    """Those that are ids wherever they stand: letters and digits, or an e-mail address; `cust-1`, not `7` or `low`."""
    return frozenset(
        name
        for name in names
        if len(name) >= SHORTEST_WORD and re.search("[^\\W\\d_]", name) and ("@" in name or re.search(r"\d", name))
    )


def _clear_texts(con: sqlite3.Connection, names: frozenset[str]) -> int:
    """In free texts of others they become `(forgotten)`, standing alone: `cust-1` is not in `cust-1.5` or `cust-12`."""
    if not names:
        return 0
    word = re.compile(rf"(?<![\w.])(?:{'|'.join(map(re.escape, sorted(names, key=len, reverse=True)))})(?!\w|\.\d)")
    cleared = 0
    for table, column in (("feedback", "note"), ("delivery", "said")):
        texts = con.execute(f"select number, {column} from {table} where {column} is not null").fetchall()
        changed = [(word.sub(SOMEBODY, text), number) for number, text in texts if word.search(text)]
        con.executemany(f"update {table} set {column} = ? where number = ?", changed)
        cleared += len(changed)
    return cleared


def vacuum(path: Path = FILE) -> None:
    """Give freed pages back: nothing of what was deleted is left in the file."""
    con = sqlite3.connect(path, isolation_level=None, timeout=60)
    try:
        con.execute("pragma secure_delete = on")
        con.execute("vacuum")
    finally:
        con.close()
