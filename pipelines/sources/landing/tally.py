"""Counts of rows by what became of them, into the relation ACCOUNTED.

Rows are counted where it is decided what becomes of them: by the entry of `yields` while a table is read (`entry`, no
`activity`), by their activity afterwards (`activity`, no `entry`). Rows that are read as activities are `KEPT`; every
reason of an activity takes some of these away again.
"""

# Queries are put together from our own names; values are bound as parameters.
# ruff: noqa: S608

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipelines.runtime.sql import text
from pipelines.sources.relations import ACCOUNTED, CURRENCIES

KEPT, BAD = "kept", "bad"

Tally = dict[str, dict[str, Sequence[int]]]
"""Entry of `yields` (`all`: of every one) -> reason -> rows, settled and open."""


def record(con: Any, source: str, counts: Mapping[tuple[int | None, str | None, str], int]) -> None:
    """Insert counts of a source by entry, activity and reason."""
    rows = [[source, entry, activity, reason, n] for (entry, activity, reason), n in sorted(counts.items(), key=str)]
    for row in rows:
        if row[-1]:
            con.execute(f"insert into {ACCOUNTED} values (?, ?, ?, ?, ?)", row)


def record_tally(con: Any, source: str, tally: Tally, *, open_too: bool = True) -> None:
    """Insert what a piece counted while it was read. `open_too`: with rows that were to be read again."""
    counts = Counter[tuple[int | None, str | None, str]]()
    for entry, reasons in tally.items():
        for reason, (settled, still_open) in reasons.items():
            counts[None if entry == "all" else int(entry), None, reason] += settled + (still_open if open_too else 0)
    record(con, source, counts)


def record_by_source(con: Any, rows: str, reason: str) -> None:
    """Insert the number of rows by source and activity. `rows`: SQL, such as `from stream`."""
    con.execute(
        f"insert into {ACCOUNTED} select source, null, activity, {text(reason)}, count(*) from ({rows}) group by all"
    )


def record_currencies(con: Any, source: str, found: Mapping[str, Any], *, open_too: bool) -> None:
    """Insert how many values a piece has by activity and currency. `found`: activity -> currency -> rows."""
    for activity, currencies in found.items():
        for currency, (settled, still_open) in currencies.items():
            rows = settled + (still_open if open_too else 0)
            con.execute(f"insert into {CURRENCIES} values (?, ?, ?, ?)", [source, activity, currency, rows])


class Tallying:
    """Counts the rows of a piece as they arrive."""

    def __init__(self) -> None:
        """Nothing is counted yet."""
        self._counts: dict[tuple[str, str], list[int]] = {}
        self.currencies: dict[str, dict[str, list[int]]] = {}
        """Activity -> currency -> values, settled and open."""

    def add(self, entry: Any, reason: str, rows: int, *, is_open: bool) -> None:
        """Count rows of an entry of `yields`."""
        self._counts.setdefault((str(entry), reason), [0, 0])[is_open] += rows

    def add_left_out(self, lines: pa.Table, *, is_open: bool) -> int:
        """Count what lines of the query stand for, see expressions/left_out.py; how many rows `exclude` leaves out."""
        excluded = 0
        for line in lines.select(["entry", "field", "found"]).to_pylist():
            self.add(line["entry"], line["field"], int(line["found"]), is_open=is_open)
            if line["entry"] == 0 and line["field"].startswith("exclude"):  # the same rows for every entry
                excluded += int(line["found"])
        return excluded

    def add_bad(self, rows: pa.Table, *, is_open: bool) -> None:
        """Count bad rows by what is wrong with them."""
        grouped = rows.group_by(["entry", "fault", "field"]).aggregate([([], "count_all")])
        for one in grouped.to_pylist():
            self.add(one["entry"], bad(one["fault"], one["field"]), one["count_all"], is_open=is_open)

    def add_kept(self, rows: pa.Table, *, is_open: bool) -> None:
        """Count rows that become activities."""
        entries = rows["entry"].to_numpy()
        for entry, n in enumerate(np.bincount(entries).tolist()):
            if n:
                self.add(entry, KEPT, n, is_open=is_open)

    def add_currencies(self, rows: pa.Table, *, is_open: bool) -> None:
        """Count the values of each activity by their currency."""
        if rows["currency"].null_count == len(rows):
            return
        valued = rows.filter(pc.and_(pc.is_valid(rows["currency"]), pc.is_valid(rows["value"])))
        for one in valued.group_by(["activity", "currency"]).aggregate([([], "count_all")]).to_pylist():
            counts = self.currencies.setdefault(one["activity"], {})
            counts.setdefault(one["currency"], [0, 0])[is_open] += one["count_all"]

    def result(self) -> Tally:
        """What was counted."""
        found: Tally = {}
        for (entry, reason), counts in sorted(self._counts.items()):
            found.setdefault(entry, {})[reason] = counts
        return found


def bad(fault: str, field: str) -> str:
    """The reason of bad rows."""
    return f"{BAD}: {fault}, {field}"


def former_tally(content: Mapping[str, Any], kept: Sequence[int]) -> Tally:
    """The tally of a piece that an earlier version landed: which rows `where` left out was not counted.

    Args:
        content: of piece.json.
        kept: how many activities it holds, settled and open.
    """
    broken = content.get("bad_rows") or [len({line for line, *_ in content.get("bad", ())}), 0]
    return {"all": {KEPT: kept, "exclude": content.get("excluded", [0, 0]), BAD: broken}}
