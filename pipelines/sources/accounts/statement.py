"""The account of a source: of the rows that were read, how many became activities, and what became of the others.

One account for each entry of `yields`; where two of them may give the same activity, one for all together, in which a
row counts once for every entry. `read` is the sum of all the others.
"""

# Queries are put together from our own names; values are bound as parameters.
# ruff: noqa: S608

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pipelines.settings.sources import Mapped
from pipelines.sources.accounts.losses import AFTERWARDS, JOINED, LATER, NOBODYS, REPEATED, REPLACED
from pipelines.sources.expressions.left_out import NO_CUSTOMER, WHERE
from pipelines.sources.landing.tally import BAD, KEPT
from pipelines.sources.relations import ACCOUNTED

_WORDS = {
    WHERE: "not meant (where)",
    "exclude": "left out by exclude",
    NO_CUSTOMER: "without a customer",
    REPLACED: "replaced by a later file or reading",
    NOBODYS: "whose id is no customer's",
    LATER: "on the list's day or later",
    REPEATED: "repeated",
    JOINED: "further lines of the same orders",
    f"{BAD}: missing, customer_id": "bad: no customer",
    f"{BAD}: missing, occurred_at": "bad: no time",
    f"{BAD}: broken, row": "bad: broken",
    f"{BAD}: not a number, condition": "bad: a word where a condition wants a number",
    f"{BAD}: without a rate, currency": "bad: no rate of exchange",
}


@dataclass(frozen=True)
class Account:
    """What became of a source's rows in one entry of `yields`.

    `names`: its activities. `left_out`, `set_aside`: rows by reason; `earlier`: whether an earlier version landed some
    of them, which did not count what `where` leaves out.
    """

    names: tuple[str, ...]
    activities: int
    left_out: dict[str, int]
    set_aside: dict[str, int]
    earlier: bool = False

    @property
    def read(self) -> int:
        """Rows that were read."""
        return self.activities + sum(self.left_out.values()) + sum(self.set_aside.values())

    def content(self) -> dict[str, Any]:
        """The account as JSON."""
        return {
            "activities": list(self.names),
            "read": self.read,
            "became_activities": self.activities,
            "left_out": self.left_out,
            "set_aside": self.set_aside,
        }

    def sentence(self) -> str:
        """`placed_order: of 9 rows 4 became activities; 1 voided, 3 without a customer.`"""
        rows = f"{', '.join(self.names) or 'all activities'}: of {self.read:,} row{'s' * (self.read != 1)} "
        if self.activities == self.read:
            return f"{rows}every one became an activity."
        became = f"{self.activities:,} became {'an activity' if self.activities == 1 else 'activities'}"
        others = [f"{n:,} {in_words(reason)}" for reason, n in (*self.left_out.items(), *self.set_aside.items())]
        unknown = " What `where` left out of rows that an earlier version read is not known." if self.earlier else ""
        return f"{rows}{became}; {', '.join(others)}.{unknown}"


def in_words(reason: str) -> str:
    """What became of rows, as it follows their number: `voided`, `bad: no time`."""
    if reason in _WORDS:
        return _WORDS[reason]
    if reason.startswith("no column"):
        return f"not read, for there is {reason}"
    kind, _, rest = reason.partition(": ")
    if kind == BAD and rest:
        fault, _, field = rest.partition(", ")
        return f"bad: no {field}" if fault == "missing" else f"bad: {field} {fault}"
    return rest or kind


def accounts_of(con: Any, sources: Mapping[str, Any]) -> dict[str, list[Account]]:
    """The accounts of every source that was read, by its name. `sources`: `sources:` of params.yaml."""
    found = con.execute(
        f"select source, entry, activity, reason, sum(rows)::bigint from {ACCOUNTED} group by all order by all"
    ).fetchall()
    counts: dict[str, list[Any]] = {}
    for source, *one in found:
        counts.setdefault(source, []).append(one)
    return {name: list(_accounts(source, counts[name])) for name, source in sources.items() if name in counts}


def content_of(accounts: Mapping[str, Sequence[Account]]) -> dict[str, Any]:
    """All accounts as JSON."""
    return {"sources": {name: [one.content() for one in several] for name, several in accounts.items()}}


def sentences_of(accounts: Mapping[str, Sequence[Account]]) -> list[str]:
    """A line for each account with rows left out, but for what lies at or after the moment; bad rows are told apart."""
    return [
        f"sources.{name}: {one.sentence()}"
        for name, several in accounts.items()
        for one in several
        if one.left_out.keys() - {LATER}
    ]


def _accounts(source: Any, counts: list[Any]) -> Iterator[Account]:
    """Of the counts of a source: entry, activity, reason, rows."""
    named = _names(source)
    earlier = any(entry is None and activity is None and reason == KEPT for entry, activity, reason, _ in counts)
    listed = [name for names in named for name in names]
    if earlier or (len(named) > 1 and (not all(named) or len(set(listed)) < len(listed))):
        often = 1 if earlier else len(named)
        rows = [
            (reason, n * (often if entry is None and activity is None else 1)) for entry, activity, reason, n in counts
        ]
        yield _account(tuple(dict.fromkeys(listed)) if all(named) else (), rows, earlier=earlier)
        return
    for i, names in enumerate(named):
        own = [
            (reason, n)
            for entry, activity, reason, n in counts
            if (entry in (None, i) if activity is None else len(named) == 1 or activity in names)
        ]
        yield _account(names, own, earlier=False)


def _names(source: Any) -> list[tuple[str, ...]]:
    """The activities of each entry of `yields`; none where a column tells them."""
    if not isinstance(source, Mapped):
        return [()]
    return [
        tuple(name for name in (one.activity, one.when_negative) if name) if one.activity else ()
        for one in source.mappings()
    ]


def _account(names: tuple[str, ...], rows: list[tuple[str, int]], *, earlier: bool) -> Account:
    counts = Counter[str]()
    for reason, n in rows:
        counts[reason] += n
    bad = {reason: n for reason, n in counts.items() if reason.partition(":")[0] == BAD and n}
    left_out = {reason: n for reason, n in counts.items() if reason not in (*bad, KEPT) and n}
    taken = sum(n for reason, n in left_out.items() if reason in AFTERWARDS)
    return Account(names, counts[KEPT] - taken, left_out, bad, earlier)
