"""The tables of the ledger as SQL, and the triggers that refuse every change. What they mean stands in `read.py`."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence

from models.decision.control_group import GROUPS
from models.decision.ranking import SUPPRESSED_COLUMNS
from pipelines.ledger import chain
from pipelines.ledger.read import ENTRY, SAID
from pipelines.runtime.sql import quoted, text

HELD_BACK = tuple(name for name in SUPPRESSED_COLUMNS if name not in ("as_of", "list_id"))  # those: `publication`
WRITTEN, FAILED, REPLACED = "written", "failed", "replaced"

_REAL = {"churn_probability", "value_at_risk", "expected_net_value"}


def _column_types(names: Sequence[str]) -> str:
    """Columns with their types; `group`, `rule` and ids must be there."""
    required = {"customer_id", "group", "rule"}
    kinds = {"rank": "integer", **dict.fromkeys(_REAL, "real")}
    return ", ".join(f"{quoted(one)} {kinds.get(one, 'text')}{' not null' * (one in required)}" for one in names)


def _literals(words: Sequence[str]) -> str:
    return ", ".join(map(text, words))


TABLES = {
    "publication": "number integer primary key, as_of text not null, revision integer not null, list_id text not null, "
    "replaces text, campaign text not null, definition text, model_version text, content text not null, "
    "published_at text, unique (as_of, revision)",
    "entry": f"publication integer not null references publication, {_column_types(ENTRY)}, "
    f'primary key (publication, customer_id), check ("group" in ({_literals(GROUPS)})), check (rank is not null)',
    "held_back": f"publication integer not null references publication, {_column_types(HELD_BACK)}, "
    "primary key (publication, customer_id)",
    "kept": "publication integer not null references publication, name text not null, digest text not null, "
    "primary key (publication, name)",
    "due": "publication integer not null references publication, sink text not null, primary key (publication, sink)",
    "delivery": "number integer primary key, publication integer not null references publication, sink text not null, "
    f"outcome text not null check (outcome in ({_literals((WRITTEN, FAILED, REPLACED))})), said text",
    "report": "digest text primary key, rows integer not null",
    "feedback": "number integer primary key, report text not null references report, customer_id text not null, "
    "list_id text not null, occurred_at integer not null, "
    f"what text not null check (what in ({_literals(SAID)})), channel text, note text",
    "assignment": "publication integer not null references publication, customer_id text not null, subject text, "
    "arm text not null, probability real not null check (probability between 0 and 1), design text not null, "
    "rule text not null, score real, known_from text not null check (known_from in ('manifest', 'estimated')), "
    "primary key (publication, customer_id)",
    "chain": chain.COLUMNS,
}
_ONCE = "create unique index said_once on feedback (customer_id, list_id, occurred_at, what, coalesce(channel, ''))"


def guard_triggers() -> Iterator[tuple[str, str]]:
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
    install_guards(con)


def install_guards(con: sqlite3.Connection) -> None:
    """Put the triggers up that refuse every change."""
    for _, statement in guard_triggers():
        con.execute(statement)
