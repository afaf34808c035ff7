"""The tables of the ledger as SQL, and the triggers that refuse every change. What they mean stands in `read.py`."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence

from models.decision.control_group import GROUPS
from pipelines.ledger import chain
from pipelines.ledger.read import ENTRY, SAID

HELD_BACK = ("customer_id", "rank", "churn_probability", "value_at_risk", "rule", "said")
WRITTEN, FAILED, REPLACED = "written", "failed", "replaced"

_REAL = {"churn_probability", "value_at_risk", "expected_net_value"}


def _kinds(names: Sequence[str]) -> str:
    """Columns with their types; `group`, `rule` and ids must be there."""
    required = {"customer_id", "group", "rule"}
    kinds = {"rank": "integer", **dict.fromkeys(_REAL, "real")}
    return ", ".join(f'"{one}" {kinds.get(one, "text")}{" not null" * (one in required)}' for one in names)


def _among(words: Sequence[str]) -> str:
    return ", ".join(f"'{word}'" for word in words)


TABLES = {
    "publication": "number integer primary key, as_of text not null, revision integer not null, list_id text not null, "
    "replaces text, campaign text not null, definition text, model_version text, content text not null, "
    "published_at text, unique (as_of, revision)",
    "entry": f"publication integer not null references publication, {_kinds(ENTRY)}, "
    f'primary key (publication, customer_id), check ("group" in ({_among(GROUPS)})), check (rank is not null)',
    "held_back": f"publication integer not null references publication, {_kinds(HELD_BACK)}, "
    "primary key (publication, customer_id)",
    "kept": "publication integer not null references publication, name text not null, digest text not null, "
    "primary key (publication, name)",
    "due": "publication integer not null references publication, sink text not null, primary key (publication, sink)",
    "delivery": "number integer primary key, publication integer not null references publication, sink text not null, "
    f"outcome text not null check (outcome in ({_among((WRITTEN, FAILED, REPLACED))})), said text",
    "report": "digest text primary key, rows integer not null",
    "feedback": "number integer primary key, report text not null references report, customer_id text not null, "
    "list_id text not null, occurred_at integer not null, "
    f"what text not null check (what in ({_among(SAID)})), channel text, note text",
    "assignment": "publication integer not null references publication, customer_id text not null, subject text, "
    "arm text not null, probability real not null check (probability between 0 and 1), design text not null, "
    "rule text not null, score real, known_from text not null check (known_from in ('manifest', 'estimated')), "
    "primary key (publication, customer_id)",
    "chain": chain.COLUMNS,
}
_ONCE = "create unique index said_once on feedback (customer_id, list_id, occurred_at, what, coalesce(channel, ''))"


def guards() -> Iterator[tuple[str, str]]:
    """Triggers by name."""
    for table in TABLES:
        for doing in ("update", "delete"):
            refused = f"the ledger is append-only: {doing} of {table} refused"
            name = f"{table}_no_{doing}"
            yield name, f"create trigger {name} before {doing} on {table} begin select raise(abort, '{refused}'); end"


def make(con: sqlite3.Connection) -> None:
    """The tables of an empty ledger."""
    for name, columns in TABLES.items():
        con.execute(f"create table {name} ({columns})")
    con.execute(_ONCE)
    con.execute(chain.INDEX)
    guard(con)


def guard(con: sqlite3.Connection) -> None:
    """Put the triggers up that refuse every change."""
    for _, statement in guards():
        con.execute(statement)
