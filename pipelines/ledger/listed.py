"""Who was on lists before a day, and by which chance: for training, which leaves out whom a list contacted.

Of each day the last revision of its list counts.
"""

# Queries are put together from our own names; whatever comes from outside is bound as a parameter.
# ruff: noqa: S608

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pyarrow as pa

from models.decision.control_group import CONTACT
from pipelines.ledger.read import FILE, opened
from pipelines.ledger.version import VERSION, version_of

_LISTED_BEFORE = f"""
select entry.customer_id, as_of, arm = '{CONTACT}' as is_contacted,
    case arm when '{CONTACT}' then probability else 1 - probability end as probability
from publication join entry on entry.publication = publication.number
join assignment on assignment.publication = entry.publication and assignment.customer_id = entry.customer_id
where as_of < :before
    and revision = (select max(revision) from publication as other where other.as_of = publication.as_of)
order by as_of, entry.customer_id
"""
LISTED = pa.schema(
    {
        "customer_id": pa.string(),
        "as_of": pa.string(),
        "is_contacted": pa.bool_(),
        "probability": pa.float64(),
    }
)


def listed_before(before: str, path: Path = FILE) -> pa.Table | None:
    """Everybody on the lists of days before a day, with the probability of having been contacted; None: nobody.

    A ledger that an older version left knows no probabilities until it is brought up to date: None.
    """
    with opened(path) as con:
        if con is None or version_of(con) < VERSION:
            return None
        rows = con.execute(_LISTED_BEFORE, {"before": before}).fetchall()
    if not rows:
        return None
    columns = [list(column) for column in zip(*rows, strict=True)]
    columns[2] = [bool(one) for one in columns[2]]
    return pa.Table.from_arrays([pa.array(one) for one in columns], schema=LISTED)


def listed_digest(before: str, path: Path = FILE) -> str | None:
    """SHA-256 that changes exactly when `listed_before` does; None where it gives nothing."""
    table = listed_before(before, path)
    return None if table is None else hashlib.sha256(json.dumps(table.to_pylist()).encode()).hexdigest()
