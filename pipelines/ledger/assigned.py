"""What the ledger knows of campaigns: who was assigned to which arm of which list, and what the team reported.

Of each day the last revision of its list counts: what it replaced is not read.
"""

# Queries are put together from our own names; whatever comes from outside is bound as a parameter.
# ruff: noqa: S608

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pipelines.ledger.read import FILE, opened
from pipelines.ledger.version import VERSION, version_of
from pipelines.ledger.write import PUBLISHED, Published
from pipelines.runtime.errors import ChurnError
from pipelines.runtime.sql import quoted

if TYPE_CHECKING:
    import pandas as pd

OF_ENTRY = ("rank", "churn_probability", "risk_tier", "segment", "action", "channel", "value_at_risk")
OF_ASSIGNMENT = ("arm", "probability", "design", "known_from")
ASSIGNED = ("campaign", "as_of", "list_id", "customer_id", *OF_ASSIGNMENT, *OF_ENTRY)
_FIGURES = ("probability", "churn_probability", "value_at_risk")

_LATEST = f"""
select {", ".join(PUBLISHED)} from publication
where revision = (select max(revision) from publication as other where other.as_of = publication.as_of)
"""
_ENTRIES = f"""
select campaign, as_of, list_id, entry.customer_id, {", ".join(f"assignment.{name}" for name in OF_ASSIGNMENT)},
    {", ".join(f"entry.{quoted(name)}" for name in OF_ENTRY)}
from ({_LATEST}) as latest
join entry on entry.publication = latest.number
join assignment on assignment.publication = entry.publication and assignment.customer_id = entry.customer_id
order by as_of, entry.rank, entry.customer_id
"""
REPORTED = ("campaign", "list_id", "customer_id", "occurred_at", "what")
_REPORTED = f"""
select distinct {", ".join(REPORTED)} from feedback join publication using (list_id) order by {", ".join(REPORTED)}
"""


@dataclass(frozen=True)
class Campaigns:
    """Lists, assignments and reports.

    Attributes:
        lists: the publications that count, the oldest first.
        entries: ASSIGNED, one row per list and customer; `as_of` is the list's day (ISO), `arm` is `contact` or
            `control`, `probability` the one with which the customer came into it.
        reports: REPORTED, also of lists that were replaced; `occurred_at` in microseconds UTC.
    """

    lists: tuple[Published, ...]
    entries: pd.DataFrame
    reports: pd.DataFrame


def campaigns(path: Path = FILE) -> Campaigns | None:
    """Everything that outcomes are judged by; None where nothing was ever published.

    Raises:
        ChurnError: the ledger is lost, damaged, or of an older version.
    """
    with opened(path) as con:
        if con is None:
            return None
        if version_of(con) < VERSION:
            raise ChurnError(f"{path}: is of an older version, which knows no assignments. Run `churn upgrade` first.")
        lists = tuple(Published(*row) for row in con.execute(f"{_LATEST} order by as_of"))
        entries, reported = con.execute(_ENTRIES).fetchall(), con.execute(_REPORTED).fetchall()
    import pandas as pd

    table = pd.DataFrame(entries, columns=list(ASSIGNED))
    kinds = dict.fromkeys(ASSIGNED, "str") | dict.fromkeys(_FIGURES, "float64") | {"rank": "int64"}
    said = pd.DataFrame(reported, columns=list(REPORTED))
    words = dict.fromkeys(REPORTED, "str") | {"occurred_at": "int64"}
    return Campaigns(lists, table.astype(kinds), said.astype(words))
