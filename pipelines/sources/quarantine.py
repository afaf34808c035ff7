"""Quarantine of bad rows: described in sentences, listed in a CSV; too many of them stop the pull."""

# Queries are put together from our own names; values are bound as parameters.
# ruff: noqa: S608

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipelines.runtime import closed
from pipelines.runtime.errors import ChurnError
from pipelines.runtime.files import atomic_file
from pipelines.sources.relations import DELIVERED, REJECTED

_LINES = ("csv", "tsv", "txt", "gz", "json", "jsonl", "ndjson")
_REASONS = f"""
select bad.file, any_value(delivered.rows), fault, field, count(*) as bad_rows, list(line order by line)[:3],
    arg_min(found, line)
from {REJECTED} as bad join {DELIVERED} as delivered on bad.source = delivered.source and bad.file = delivered.file
where bad.source = ? group by bad.file, fault, field order by bad_rows desc, bad.file, fault, field limit 5
"""
_SHARES = f"""
select source,
    (select count(distinct (file, line)) from {REJECTED} as rejected where rejected.source = delivered.source) as bad,
    sum(rows)::bigint
from {DELIVERED} as delivered group by source having bad > 0 order by source
"""


@dataclass(frozen=True)
class Reason:
    """Why rows of one file are bad. `lines`: the first three; of a Parquet file the rows, counted from 1."""

    file: str
    rows: int
    fault: str
    field: str
    bad: int
    lines: list[int]
    example: str | None

    def sentence(self, setting: str) -> str:
        """What is wrong, and what to do in `setting` (`sources.orders`).

        `orders.csv: 37 of 12,004 rows have no customer_id (lines 18, 204, 911, ...). Drop or map them in ...`
        """
        unit = "line" if self.file.lower().endswith(_LINES) else "row"
        where = f"{unit}{'s' if self.bad > 1 else ''} {', '.join(map(str, self.lines))}"
        where += ", ..." if self.bad > len(self.lines) else ""
        where += "" if self.example is None else f"; for example {self.example!r}"
        verb = "has" if self.bad == 1 else "have"
        what = {
            "missing": f"{verb} no {self.field}",
            "broken": f"{'is' if self.bad == 1 else 'are'} broken ({self.field})",
            "in the far future": f"{verb} {'an' if self.field[0] in 'aeiou' else 'a'} {self.field} in the far future",
        }.get(self.fault, f"{verb} {'an' if self.field[0] in 'aeiou' else 'a'} {self.field} that is {self.fault}")
        return f"{self.file}: {self.bad:,} of {self.rows:,} rows {what} ({where}). {self._remedy(setting)}"

    def _remedy(self, setting: str) -> str:
        return {
            "missing": f"Drop or map them in {setting}.",
            "broken": "Save it as UTF-8." if self.field == "not UTF-8" else "Mend the file.",
            "in the far future": f"Mend them, or leave them out with {setting}.where.",
            "not a time": f"Set {setting}.time_format if times are written like this.",
            "not a number": f'Set {setting}.decimal: "," if numbers have a decimal comma; else mend the file.',
            "not an activity": f"Say what they are in {setting}.activities.",
        }[self.fault]


def quarantine_rows(con: Any, allowed: dict[str, float], path: Path) -> list[str]:
    """List the rows of REJECTED in a CSV at `path`: source, file, line, reason; no file where nothing is bad.

    Args:
        con: the connection with REJECTED and DELIVERED.
        allowed: the share of bad rows that each source may have (0..1).
        path: the CSV; an older one is replaced or removed.

    Returns:
        Sentences with the five commonest reasons of each source.

    Raises:
        ChurnError: a source has a larger share of bad rows than allowed. The CSV is written first.
    """
    path.unlink(missing_ok=True)
    sentences = reasons(con)
    if not sentences:
        return []
    _write_csv(con, path)
    refused = []
    for source, bad, rows in con.execute(_SHARES).fetchall():
        if bad > allowed[source] * rows:
            refused += [*sentences[source], _too_many(source, bad, rows, allowed[source], path)]
    if refused:
        raise ChurnError(*refused)
    notes = [line for lines in sentences.values() for line in lines]
    return [*notes, f"Bad rows are left out and listed in {path}."]


def set_aside(con: Any) -> dict[str, dict[str, dict[str, int]]]:
    """`set_aside`: of each source with bad rows, how many are `bad` and how many `rows` it has; empty without any."""
    found = {source: {"bad": bad, "rows": rows} for source, bad, rows in con.execute(_SHARES).fetchall()}
    return {"set_aside": found} if found else {}


def reasons(con: Any) -> dict[str, list[str]]:
    """The five commonest reasons of each source that has bad rows, as sentences."""
    sources = [source for source, *_ in con.execute(_SHARES).fetchall()]
    return {
        source: [Reason(*row).sentence(f"sources.{source}") for row in con.execute(_REASONS, [source]).fetchall()]
        for source in sources
    }


def _too_many(source: str, bad: int, rows: int, allowed: float, path: Path) -> str:
    return (
        f"sources.{source}: {bad:,} of {rows:,} rows are bad, more than its max_bad_share of {allowed:g} allows. "
        f"All are listed in {path}. Mend them, or raise sources.{source}.max_bad_share."
    )


def _write_csv(con: Any, path: Path) -> None:
    """The same bad rows give the same bytes."""
    query = f"select source, file, line, fault, field, found from {REJECTED} order by all"
    with atomic_file(path) as partial, closed.touch(partial).open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(["source", "file", "line", "reason"])
        for source, file, line, fault, field, found in con.execute(query).fetchall():
            reason = f"{field} is {fault}" if found is None else f"{field} is {fault}: {found!r}"
            writer.writerow([source, file, line, reason if fault != "broken" else f"broken: {field}"])
