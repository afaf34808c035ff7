"""Rows whose id resolves to no customer: counted, listed in a CSV beside the report; too many stop the pull."""

# Queries are put together from our own column names; whatever comes from outside is bound as a parameter.
# ruff: noqa: S608

from __future__ import annotations

import csv
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pipelines.runtime import closed
from pipelines.runtime.errors import ChurnError
from pipelines.runtime.files import atomic_file
from pipelines.settings.reading import Resolution
from pipelines.sources.relations import UNMATCHED

_COLUMNS = ("source", "system", "id", "activity_id", "occurred_at", "activity", "value", "quantity", "detail")


def report_unmatched(con: Any, resolution: Resolution, moment: int, rows: Mapping[str, int], path: Path) -> list[str]:
    """Count and name the ids of UNMATCHED; list its rows in a CSV that only its owner may read.

    Args:
        con: the connection with UNMATCHED.
        resolution: how ids become customer ids.
        moment: microseconds UTC; rows at or after it are not counted or listed.
        rows: how many rows each source has.
        path: the CSV; without such rows there is none.

    Raises:
        ChurnError: a source has more such rows than `identities.max_unmatched_share` allows. The CSV is written first.
    """
    con.execute(
        f"create or replace temp view unmatched_before as select * from {UNMATCHED} "
        f"where occurred_at < make_timestamptz({moment})"
    )
    notes, refused = _sentences(con, resolution, rows, path)
    if refused:
        raise ChurnError(*notes, *refused)
    return notes


def _sentences(con: Any, resolution: Resolution, rows: Mapping[str, int], path: Path) -> tuple[list[str], list[str]]:
    unmatched = con.execute(
        "select source, count(*), count(distinct customer_id), list_sort(list(distinct customer_id))[:3] "
        "from unmatched_before group by source order by source"
    ).fetchall()
    if not unmatched:
        return [], []
    _write_csv(con, resolution.systems, path)
    notes, refused = [], []
    allowed = resolution.identities.max_unmatched_share if resolution.identities else 0.0
    for source, count, ids, examples in unmatched:
        system, total = resolution.systems[source], rows[source]
        shown = "" if resolution.privacy.pseudonymise else f" ({', '.join(examples)}{', ...' if ids > 3 else ''})"
        notes.append(
            f"sources.{source}: {count:,} of {total:,} rows belong to {ids:,} ids of {system} that are no customer's"
            f"{shown}. They are left out and kept in {path}. Add the ids to identities.table."
        )
        if count > allowed * total:
            refused.append(f"sources.{source}: that is more than identities.max_unmatched_share of {allowed:g} allows.")
    return notes, refused


def _write_csv(con: Any, systems: Mapping[str, str], path: Path) -> None:
    query = (
        "select source, customer_id, activity_id, strftime(occurred_at, '%Y-%m-%dT%H:%M:%S.%fZ'), activity, value, "
        "quantity, detail from unmatched_before order by all"
    )
    with atomic_file(path) as partial:
        closed.touch(partial)
        with partial.open("w", encoding="utf-8", newline="") as stream:
            rows = csv.writer(stream, lineterminator="\n")
            rows.writerow(_COLUMNS)
            for source, *rest in con.execute(query).fetchall():
                rows.writerow([source, systems[source], *rest])
