"""How an older ledger becomes one of today.

| version | what came |
|---|---|
| 1 | the tables of version 0.1 |
| 2 | `assignment`: of each entry its arm, and the probability with which it was assigned; `chain`: a link per row |

New versions add tables, and change none. An older ledger is read as it is; the first transaction on it brings it up to
date before anything else is written: a copy is kept as `ledger.db.version_1`, then everything is done in one
transaction, or nothing.
"""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

from pipelines.ledger import chain, record
from pipelines.ledger.assignment import assign, share_of
from pipelines.ledger.tables import TABLES, guard_triggers
from pipelines.ledger.version import VERSION, stamp, version_of
from pipelines.runtime import closed
from pipelines.runtime.files import atomic_file
from pipelines.settings import artifacts

NEW_IN = {2: ("assignment", "chain")}
"""Tables by the version that they came with."""


def keep_former(con: sqlite3.Connection, ledger: Path) -> Path:
    """A copy of a ledger before it is brought up to date."""
    kept = ledger.with_name(f"{ledger.name}.version_{version_of(con)}")
    with atomic_file(kept) as partial:
        closed.touch(partial)
        with closing(sqlite3.connect(partial)) as other:
            con.backup(other)
    return kept


def migrate(con: sqlite3.Connection, ledger: Path) -> None:
    """Bring an older ledger up to date inside a transaction: new tables, their guards, what they hold of old lists."""
    came = [name for version in range(version_of(con) + 1, VERSION + 1) for name in NEW_IN[version]]
    for name in came:
        con.execute(f"create table {name} ({TABLES[name]})")
    con.execute(chain.INDEX)
    for name, statement in guard_triggers():
        if name.removesuffix("_no_update").removesuffix("_no_delete") in came:
            con.execute(statement)
    published = con.execute("select number, as_of, revision from publication order by number").fetchall()
    for number, as_of, revision in published:
        assign(con, number, archived_share(ledger, as_of, revision))
    chain.extend(con, dict.fromkeys(chain.KEYS, 0))
    stamp(con)


def archived_share(ledger: Path, as_of: str, revision: int) -> float | None:
    """The share held out, as the archived manifest says; params.yaml may have changed since. None: it does not say."""
    folder = as_of if revision == 1 else f"{as_of}_r{revision}"
    try:
        manifest: Any = json.loads((ledger.with_name(record.COPIES) / folder / artifacts.MANIFEST).read_bytes())
    except (OSError, ValueError):
        return None
    return share_of(manifest)
