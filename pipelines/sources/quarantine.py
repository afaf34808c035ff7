"""Quarantine of bad rows: described in sentences, listed in a CSV; too many of them stop the pull."""

# Queries are put together from our own names; values are bound as parameters.
# ruff: noqa: S608

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

from pipelines.runtime import closed
from pipelines.runtime.errors import ChurnError
from pipelines.runtime.files import atomic_file
from pipelines.settings.sources import Mapped
from pipelines.sources.conventions.advice import advise
from pipelines.sources.expressions.activity_query import CONDITION
from pipelines.sources.landing.aside import MOST_LISTED
from pipelines.sources.relations import DELIVERED, REJECTED

_LINES = ("csv", "tsv", "txt", "gz", "json", "jsonl", "ndjson")
_REASONS = f"""
select bad.file, any_value(delivered.rows), fault, field, sum(bad.rows)::bigint as bad_rows,
    list(line order by line)[:3],
    if(fault = 'without a rate', string_agg(distinct found, ', ' order by found),
        coalesce(arg_min(found, line), min(found)))
from {REJECTED} as bad join {DELIVERED} as delivered on bad.source = delivered.source and bad.file = delivered.file
where bad.source = ? group by bad.file, fault, field order by bad_rows desc, bad.file, fault, field limit 5
"""
_SHARES = f"""
select source, sum(bad)::bigint as bad, sum(rows)::bigint from {DELIVERED} group by source having sum(bad) > 0
order by source
"""
_LISTED = f"""
select source, file, line, fault, field, found from {REJECTED} where line is not null
qualify row_number() over (partition by source order by file, line, fault, field, found) <= {MOST_LISTED}
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

    def sentence(self, setting: str, advice: str = "") -> str:
        """What is wrong, and what to do in `setting` (`sources.orders`). `advice`: what was found to help.

        `orders.csv: 37 of 12,004 rows have no customer_id (lines 18, 204, 911, ...). Drop or map them in ...`
        """
        unit = "line" if self.file.lower().endswith(_LINES) else "row"
        where = f"{unit}{'s' if self.bad > 1 else ''} {', '.join(map(str, self.lines))}"
        where += ", ..." if self.bad > len(self.lines) else ""
        where += "" if self.example is None else f"; for example {self.example!r}"
        verb = "has" if self.bad == 1 else "have"
        what = {
            "unread": f"{verb} text that a condition cannot read",
            "missing": f"{verb} no {self.field}",
            "broken": f"{'is' if self.bad == 1 else 'are'} broken ({self.field})",
            "without a rate": f"{verb} a currency without a rate on the day or before",
            "in the far future": f"{verb} {'an' if self.field[0] in 'aeiou' else 'a'} {self.field} in the far future",
        }.get(
            "unread" if self.field == CONDITION else self.fault,
            f"{verb} {'an' if self.field[0] in 'aeiou' else 'a'} {self.field} that is {self.fault}",
        )
        return f"{self.file}: {self.bad:,} of {self.rows:,} rows {what} ({where}). {advice or self._remedy(setting)}"

    def _remedy(self, setting: str) -> str:
        return {
            "missing": f"Drop or map them in {setting}.",
            "broken": "Save it as UTF-8." if self.field == "not UTF-8" else "Mend the file.",
            "in the far future": f"Mend them, or leave them out with {setting}.where.",
            "not a time": f"Mend them, or leave them out with {setting}.where."
            if setting != "customers"
            else "Mend them, or set customers.time_format.",
            "not a number": f"Mend them, or leave them out with {setting}.where.",
            "without a rate": "Add the days and currencies that are missing to exchange_rates.",
            "not an activity": f"Say what they are in {setting}.activities.",
        }[self.fault]


def quarantine_rows(con: Any, settings: Mapping[str, Any], path: Path) -> list[str]:
    """List the rows of REJECTED in a CSV at `path`: source, file, line, reason; no file where nothing is bad.

    Args:
        con: the connection with REJECTED and DELIVERED.
        settings: `sources:`; each has the share of bad rows that it may have (0..1).
        path: the CSV; an older one is replaced or removed.

    Returns:
        Sentences with the five commonest reasons of each source.

    Raises:
        ChurnError: a source has a larger share of bad rows than allowed. The CSV is written first.
    """
    path.unlink(missing_ok=True)
    sentences = reasons(con, settings)
    if not sentences:
        return []
    _write_csv(con, path)
    refused = []
    for source, bad, rows in con.execute(_SHARES).fetchall():
        allowed = getattr(settings[source], "max_bad_share", 0.0)
        if bad > allowed * rows:
            refused += [*sentences[source], _too_many(source, bad, rows, allowed, path)]
    if refused:
        raise ChurnError(*refused)
    notes = [line for lines in sentences.values() for line in lines]
    return [*notes, f"Bad rows are left out and listed in {path}{_up_to(con)}."]


def set_aside(con: Any) -> dict[str, dict[str, dict[str, int]]]:
    """`set_aside`: of each source with bad rows, how many are `bad` and how many `rows` it has; empty without any."""
    found = {source: {"bad": bad, "rows": rows} for source, bad, rows in con.execute(_SHARES).fetchall()}
    return {"set_aside": found} if found else {}


def reasons(con: Any, settings: Mapping[str, Any] = MappingProxyType({})) -> dict[str, list[str]]:
    """The five commonest reasons of each source that has bad rows, as sentences. `settings`: `sources:`, for advice."""
    sources = [source for source, *_ in con.execute(_SHARES).fetchall()]
    return {
        source: [_with_advice(con, source, settings.get(source), Reason(*row)) for row in _reasons_of(con, source)]
        for source in sources
    }


def _reasons_of(con: Any, source: str) -> list[Any]:
    found: list[Any] = con.execute(_REASONS, [source]).fetchall()
    return found


def _with_advice(con: Any, source: str, setting: Any, reason: Reason) -> str:
    where = f"sources.{source}"
    if not isinstance(setting, Mapped):
        return reason.sentence(where)
    of = (source, reason.file, reason.fault, reason.field)
    return reason.sentence(where, advise(con, setting, where, of, all_rows=reason.bad == reason.rows))


def _too_many(source: str, bad: int, rows: int, allowed: float, path: Path) -> str:
    return (
        f"sources.{source}: {bad:,} of {rows:,} rows are bad, more than its max_bad_share of {allowed:g} allows. "
        f"They are listed in {path}. Mend them, or raise sources.{source}.max_bad_share."
    )


def _up_to(con: Any) -> str:
    counted = f"select sum(rows)::bigint - (select count(*) from ({_LISTED})) from {REJECTED}"
    further = int(con.execute(counted).fetchall()[0][0])
    return f" (the first {MOST_LISTED:,} of each source; {further:,} more are only counted)" if further else ""


def _write_csv(con: Any, path: Path) -> None:
    """The same bad rows give the same bytes."""
    with atomic_file(path) as partial, closed.touch(partial).open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(["source", "file", "line", "reason"])
        for source, file, line, fault, field, found in con.execute(f"{_LISTED} order by all").fetchall():
            reason = f"{field} is {fault}" if found is None else f"{field} is {fault}: {found!r}"
            writer.writerow([source, file, line, reason if fault != "broken" else f"broken: {field}"])
