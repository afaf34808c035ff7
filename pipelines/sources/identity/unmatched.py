"""Rows whose id leads to no customer: counted, named, and kept in a CSV beside the report; too many stop the pull."""

# Queries are put together from our own column names; whatever comes from outside is bound as a parameter.
# ruff: noqa: S608

from __future__ import annotations

import csv
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pipelines.runtime.errors import ChurnError
from pipelines.runtime.files import whole_file
from pipelines.settings.reading import Resolution

_ASIDE = ("source", "system", "id", "activity_id", "occurred_at", "activity", "value", "quantity", "detail")


def tell_of_nobody(con: Any, resolution: Resolution, moment: int, rows: Mapping[str, int], aside: Path) -> list[str]:
    """Count and name the ids of `nobodys` (rows as `stream` has them); list the rows in a CSV that its owner may read.

    Args:
        con: the connection with `nobodys`.
        resolution: how ids become customer ids.
        moment: microseconds UTC; rows at or after it are not counted or listed.
        rows: how many rows each source has.
        aside: the CSV; without such rows there is none.

    Raises:
        ChurnError: a source has more such rows than `identities.max_unmatched_share` allows. The CSV is written first.
    """
    con.execute(
        f"create or replace temp view unmatched as select * from nobodys where occurred_at < make_timestamptz({moment})"
    )
    notes, refused = _tell(con, resolution, rows, aside)
    if refused:
        raise ChurnError(*notes, *refused)
    return notes


def _tell(con: Any, resolution: Resolution, rows: Mapping[str, int], aside: Path) -> tuple[list[str], list[str]]:
    found = con.execute(
        "select source, count(*), count(distinct customer_id), list_sort(list(distinct customer_id))[:3] "
        "from unmatched group by source order by source"
    ).fetchall()
    if not found:
        return [], []
    _write_aside(con, resolution.systems, aside)
    notes, refused = [], []
    allowed = resolution.identities.max_unmatched_share if resolution.identities else 0.0
    for source, lost, ids, examples in found:
        system, every = resolution.systems[source], rows[source]
        named = "" if resolution.privacy.pseudonymise else f" ({', '.join(examples)}{', ...' if ids > 3 else ''})"
        notes.append(
            f"sources.{source}: {lost:,} of {every:,} rows belong to {ids:,} ids of {system} that are no customer's"
            f"{named}. They are left out and kept in {aside}. Add the ids to identities.table."
        )
        if lost > allowed * every:
            refused.append(f"sources.{source}: that is more than identities.max_unmatched_share of {allowed:g} allows.")
    return notes, refused


def _write_aside(con: Any, systems: Mapping[str, str], aside: Path) -> None:
    query = (
        "select source, customer_id, activity_id, strftime(occurred_at, '%Y-%m-%dT%H:%M:%S.%fZ'), activity, value, "
        "quantity, detail from unmatched order by all"
    )
    with whole_file(aside) as partial:
        partial.touch(mode=0o600)
        with partial.open("w", encoding="utf-8", newline="") as stream:
            rows = csv.writer(stream, lineterminator="\n")
            rows.writerow(_ASIDE)
            for source, *rest in con.execute(query).fetchall():
                rows.writerow([source, systems[source], *rest])
