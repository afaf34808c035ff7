"""The ledger: what was published, who was held out, what the team reported back. This module reads it.

One SQLite file, `data/ledger/ledger.db`, append-only: triggers refuse UPDATE and DELETE. `write.py` writes it, whole
transactions at a time; `record.py` keeps beside it what a lost one is rebuilt from. Reading depends on nothing but what
was recorded: no clock, and no entry of a later list.

| table | one row per |
|---|---|
| `publication` | published list; `revision` counts from 1 per date, `replaces` is the list before it |
| `entry` | customer and publication: `contact` (on the list) or `control` (held out) |
| `assignment` | entry: its arm, the probability with which it was assigned, what chose it (`assignment.py`) |
| `chain` | row of the others: a link by which a change is noticed (`chain.py`) |
| `held_back` | customer that a rule kept off, and which rule |
| `kept` | file of the immutable copy, with its digest |
| `due`, `delivery` | sink that is to get a publication; every attempt and how it ended |
| `report`, `feedback` | file that the team sent; what it says about a customer |
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from features.activity import ACTIVITY_SCHEMA, WAS_CONTACTED, WAS_HELD_OUT, WAS_LISTED
from features.windows import midnight
from models.decision.control_group import CONTACT, CONTROL
from models.decision.ranking import REASONS
from pipelines.ledger import record
from pipelines.ledger.version import require_not_newer
from pipelines.runtime.errors import ChurnError
from pipelines.runtime.sql import quoted

if TYPE_CHECKING:
    import pandas as pd

FILE = Path("data/ledger/ledger.db")
SAID = ("contacted", "reached", "kept", "wrong")
REACHED_OUT = ("contacted", "reached", "kept")  # a customer of whom one of these is said was contacted
FIGURES = ("churn_probability", "value_at_risk", "expected_net_value")
WORDS = ("risk_tier", "segment", *REASONS, "action", "channel", "owner")
ENTRY = ("customer_id", "group", "rank", "churn_probability", *WORDS, "value_at_risk", "expected_net_value")
ENTRIES = ("campaign", "list_id", "as_of", "revision", *ENTRY)
FEEDBACK = ("customer_id", "list_id", "occurred_at", "what", "channel", "note")
ACTIVITY_OF_GROUP = {CONTACT: WAS_LISTED, CONTROL: WAS_HELD_OUT}

_LATEST = """
select max(number) as publication, campaign, list_id, as_of, revision from publication where as_of < :before
group by as_of
"""
_ENTRIES = f"""
select {", ".join(map(quoted, ENTRIES))} from ({_LATEST}) join entry using (publication)
order by as_of, "group", rank, customer_id
"""  # noqa: S608 - its own names
_FEEDBACK = f"""
select {", ".join(FEEDBACK)} from feedback where occurred_at < :moment order by {", ".join(FEEDBACK)}
"""  # noqa: S608 - its own names


@dataclass(frozen=True)
class LedgerHistory:
    """What the ledger held before a moment; frames without rows, but with their columns, where there was nothing.

    `entries`: ENTRIES; `as_of` is the list's day (naive), `group` is `contact` or `control`; what a list did not have
    is null. `feedback`: FEEDBACK; `occurred_at` is UTC, `what` one of SAID.
    """

    entries: pd.DataFrame
    feedback: pd.DataFrame


@contextmanager
def opened(path: Path = FILE) -> Iterator[sqlite3.Connection | None]:
    """The ledger to read from; None where nothing was ever published.

    Raises:
        ChurnError: it is gone, empty, damaged, or older than what was published.
    """
    record.require_present(path)
    if not path.is_file():
        yield None
        return
    # Not read-only: a transaction that was killed half way is rolled back by whoever opens the file next.
    con = sqlite3.connect(f"{path.absolute().as_uri()}?mode=rw", uri=True, timeout=60)
    with in_use(con, path):
        if has_tables(con, path):
            require_not_newer(con, path)
            record.require_current(con, path)
            yield con
        else:
            yield None


def has_tables(con: sqlite3.Connection, path: Path) -> bool:
    """Whether the ledger was begun. Raises ChurnError where it was not, but lists were published."""
    if con.execute("select 1 from sqlite_master where name = 'feedback'").fetchone():
        return True
    if record.copies_of(path):
        raise record.lost(path, "holds no tables of a ledger")
    return False


@contextmanager
def in_use(con: sqlite3.Connection, path: Path) -> Iterator[None]:
    """Close the connection behind the block; what SQLite cannot do becomes something that a person can mend.

    A refused row (IntegrityError) is left to whoever wrote it.
    """
    try:
        yield
    except sqlite3.IntegrityError:
        raise
    except sqlite3.DatabaseError as error:
        raise ChurnError(
            f"{path}: the ledger cannot be used: {error}. Nothing was changed. Is the disk full, another program "
            f"writing there, the file damaged? A damaged one: {record.WAY_OUT}"
        ) from error
    finally:
        con.close()


def history_before(before: str, timezone: str, path: Path = FILE) -> LedgerHistory:
    """Lists for a day before `before` (of each day the last revision) and what was reported to happen before it began.

    Args:
        before: a day, for instance `2017-12-04`; it begins at midnight of `timezone`.
        timezone: of the project.
        path: the ledger.
    """
    entries, feedback = _rows(before, timezone, path)
    return LedgerHistory(_entries(entries), _feedback(feedback))


def digest(before: str, timezone: str, path: Path = FILE) -> str:
    """SHA-256 that changes exactly when `history_before` does."""
    sha = hashlib.sha256()
    for rows in _rows(before, timezone, path):
        for row in rows:
            sha.update(json.dumps(row, ensure_ascii=False).encode() + b"\n")
        sha.update(b"\n")
    return sha.hexdigest()


def activity_table(before: str, timezone: str, path: Path = FILE) -> pa.Table:
    """What we did to customers, as activities: `was_listed`, `was_held_out`, `was_contacted`.

    A list's activities occur at the midnight its day begins with and have the campaign as `detail`; a contact occurs
    when the team says, its `detail` is the channel, and it counts once however many things were said about it.

    Returns:
        Rows of the activity contract, sorted as it says.
    """
    entries, feedback = _rows(before, timezone, path)
    rows = sorted([*_listed(entries, timezone), *_contacted(feedback)])
    names = ("occurred_at", "customer_id", "activity", "activity_id", "detail")
    columns: dict[str, list[Any]] = {name: [row[place] for row in rows] for place, name in enumerate(names)}
    columns["detail"] = [one or None for one in columns["detail"]]
    nothing = [None] * len(rows)
    return pa.table({name: columns.get(name, nothing) for name in ACTIVITY_SCHEMA.names}, schema=ACTIVITY_SCHEMA)


def activity_frame(before: str, timezone: str, path: Path = FILE) -> pd.DataFrame:
    """The same as `activity_table`, as a frame; times in UTC, microseconds."""
    found: pd.DataFrame = activity_table(before, timezone, path).to_pandas()
    return found


def _rows(before: str, timezone: str, path: Path) -> tuple[list[Any], list[Any]]:
    with opened(path) as con:
        if con is None:
            return [], []
        entries = con.execute(_ENTRIES, {"before": before}).fetchall()
        moment = midnight(before, timezone)
        return entries, con.execute(_FEEDBACK, {"moment": moment}).fetchall()


def _entries(rows: Sequence[Any]) -> pd.DataFrame:
    import pandas as pd

    table = pd.DataFrame(rows, columns=list(ENTRIES))
    kinds: dict[str, str] = dict.fromkeys(ENTRIES, "str") | dict.fromkeys(FIGURES, "float64")
    kinds |= {"as_of": "datetime64[us]", "revision": "int64", "rank": "int64"}
    return table.astype(kinds)


def _feedback(rows: Sequence[Any]) -> pd.DataFrame:
    import pandas as pd

    table = pd.DataFrame(rows, columns=list(FEEDBACK))
    when = _instants(table["occurred_at"])
    return table.astype(dict.fromkeys(FEEDBACK, "str")).assign(occurred_at=when)


def _instants(microseconds: pd.Series[Any]) -> pd.Series[Any]:
    import pandas as pd

    return pd.to_datetime(microseconds.astype("int64"), unit="us", utc=True).astype("datetime64[us, UTC]")


def _listed(entries: Sequence[Any], timezone: str) -> Iterator[tuple[int, str, str, str, str]]:
    for row in entries:
        entry = dict(zip(ENTRIES, row, strict=True))
        day, customer, activity = entry["as_of"], entry["customer_id"], ACTIVITY_OF_GROUP[entry["group"]]
        yield midnight(day, timezone), customer, activity, f"ledger-{activity}-{day}-{customer}", entry["campaign"]


def _contacted(feedback: Sequence[Any]) -> set[tuple[int, str, str, str, str]]:
    contacts = set()
    for customer, _list, when, what, channel, _note in feedback:
        if what in REACHED_OUT:
            activity_id = f"ledger-{WAS_CONTACTED}-{when}-{customer}-{channel or ''}"
            contacts.add((when, customer, WAS_CONTACTED, activity_id, channel or ""))
    return contacts
