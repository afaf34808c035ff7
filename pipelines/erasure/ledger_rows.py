"""Erasing customers from the ledger: the only code that takes rows out of it."""

# Queries are put together from our own names; whatever comes from outside is bound as a parameter.
# ruff: noqa: S608

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from pathlib import Path

from pipelines.erasure.search import distinctive, whole_word
from pipelines.ledger import chain
from pipelines.ledger.read import FILE
from pipelines.ledger.tables import guard_triggers, install_guards
from pipelines.ledger.write import content_of


def erase(con: sqlite3.Connection, customers: frozenset[str], copies: Mapping[int, Mapping[str, str]]) -> int:
    """Take customers out. The guards are lifted inside the transaction, and stand again when it ends.

    Args:
        con: the transaction.
        customers: their ids.
        copies: publication -> the files of its copy without them, by digest.

    Returns:
        How many rows went.
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
    erased += _clear_texts(con, distinctive(customers))
    for number in sorted(affected):
        con.execute("update publication set content = ? where number = ?", [content_of(con, number), number])
    for number, files in copies.items():
        con.execute("delete from kept where publication = ?", [number])
        con.executemany("insert into kept values (?, ?, ?)", [(number, *one) for one in sorted(files.items())])
    chain.let_go(con, loose, strangers)
    install_guards(con)
    return erased


def _clear_texts(con: sqlite3.Connection, names: frozenset[str]) -> int:
    """Free texts of others that speak of them go; a plain number or word in a text is no name."""
    cleared = 0
    for table, column in (("feedback", "note"), ("delivery", "said")) if names else ():
        texts = con.execute(f"select number, {column} from {table} where {column} is not null").fetchall()
        mentioning = [(number,) for number, text in texts if whole_word(names).search(text)]
        con.executemany(f"update {table} set {column} = null where number = ?", mentioning)
        cleared += len(mentioning)
    return cleared


def vacuum(path: Path = FILE) -> None:
    """Give freed pages back: nothing of what was deleted is left in the file."""
    con = sqlite3.connect(path, isolation_level=None, timeout=60)
    try:
        con.execute("pragma secure_delete = on")
        con.execute("vacuum")
    finally:
        con.close()
