"""One row of a team's report: of whom, when, and which of contacted, reached, kept and wrong it says yes or no to."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from features.windows import midnight
from pipelines.ledger.read import REACHED_OUT, SAID
from pipelines.publishing.report_file import Row
from pipelines.publishing.spreadsheet_ids import match_ids
from pipelines.runtime.text import yes_no
from pipelines.runtime.text.spreadsheet_text import undefused

YES = (*yes_no.YES, "x", "✓")
NO = (*yes_no.NO, "", "-")
Entry = tuple[str, str, int, str, str | None, str | None]  # in the order of ledger/read.py FEEDBACK
_MOST_SHOWN = 3


@dataclass(frozen=True)
class Place:
    """Where a customer stands in the ledger: on the list of a day, or held out of it."""

    as_of: str
    list_id: str
    group: str


@dataclass(frozen=True)
class Known:
    """What the rows of a report are held against.

    `places`: customer -> lists they were on or held out of. `held`: customer -> the rule that kept them off. `shown`:
    id as people know it -> the customer. `internal`: id of a report -> the customer's. `timezone`: of days of lists.
    """

    places: Mapping[str, list[Place]]
    held: Mapping[str, str]
    shown: Mapping[str, str]
    internal: Callable[[str], str]
    timezone: str


@dataclass
class Statement:
    """What a row says. `stated`: word -> yes or no, where it says so; `matched`: whose id was found again."""

    line: int
    customer: str | None = None
    when: int | None = None
    stated: dict[str, bool] = field(default_factory=dict)
    place: Place | None = None
    channel: str | None = None
    note: str | None = None
    matched: str = ""

    def entries(self) -> list[Entry]:
        """One entry per word that is true; none where it says nothing or is bad."""
        if self.customer is None or self.when is None or self.place is None:
            return []
        said = [word for word in SAID if self.stated.get(word)]
        return [(self.customer, self.place.list_id, self.when, word, self.channel, self.note) for word in said]


def read_row(row: Row, moments: Mapping[str, int], now: int, known: Known) -> tuple[Statement, list[str]]:
    """A row, and what is wrong with it.

    Args:
        row: of the report.
        moments: text -> microseconds UTC, see report_times.py.
        now: nothing can have happened after it (microseconds, UTC).
        known: lists and customers.
    """
    faults: list[str] = []
    made = Statement(row.line, channel=row.get("channel") or None, note=row.get("note") or None)
    made.customer, made.matched = _customer(row.get("customer_id"), known, faults)
    made.stated = _stated(row, faults)
    if any(made.stated.values()):
        made.when = _when(row, moments, now, faults)
        if made.customer is not None and made.when is not None:
            made.place = _place(row, made.customer, made.when, known, faults)
    elif made.stated:
        made.when = moments.get(row.when)
    return made, faults


def _customer(cell: str, known: Known, faults: list[str]) -> tuple[str | None, str]:
    """The customer, and their id where the cell has another one that a spreadsheet made of it."""
    text = undefused(cell)
    if not text:
        faults.append("no customer_id")
        return None, ""
    if text in known.places:
        return text, ""
    internal = known.internal(text)
    if internal in known.places or internal in known.held:
        return internal, ""
    meant = match_ids(text, known.shown)
    if len(meant) > 1:
        shown = " or ".join(meant[:_MOST_SHOWN]) + (f" or {len(meant) - _MOST_SHOWN} others" if meant[3:] else "")
        faults.append(f"customer_id is {text!r}, which may be {shown}. Write it in full, as text")
        return None, ""
    return (known.shown[meant[0]], meant[0]) if meant else (internal, "")


def _stated(row: Row, faults: list[str]) -> dict[str, bool]:
    """Of contacted, reached, kept and wrong, what it says yes or no to."""
    stated = {word: said for word in SAID if (said := _flag(row, word, faults)) is not None}
    for word in row.get("what").lower().replace(",", " ").replace(";", " ").split():
        if word not in SAID:
            faults.append(f"what is {word!r}. Allowed: {', '.join(SAID)}")
        stated[word] = True
    implied = [word for word in REACHED_OUT if word != "contacted" and stated.get(word)]
    if implied and stated.get("contacted") is False:
        faults.append(f"{implied[0]} is yes but contacted is no. Correct one of them")
    return {**stated, **({"contacted": True} if implied else {})}


def _flag(row: Row, word: str, faults: list[str]) -> bool | None:
    text = row.get(word).lower()
    if text in YES or text in NO:
        return None if text == "" else text in YES
    faults.append(f"{word} is {text!r}. Allowed: yes, no, or nothing")
    return None


def _when(row: Row, moments: Mapping[str, int], now: int, faults: list[str]) -> int | None:
    """When it happened. Where only the day is known by which it was due, then; and now where that lies ahead."""
    text = row.when
    if row.is_due:
        return min(moments.get(text, now), now)
    if not text:
        faults.append("no when: the day (2017-12-05) or the time (2017-12-05 14:30, 2017-12-05T14:30:00+01:00)")
        return None
    found = moments.get(text)
    if found is None:
        faults.append(f"when is {text!r}. Write 2017-12-05, 2017-12-05 14:30 or 2017-12-05T14:30:00+01:00")
    elif found > now:
        faults.append(f"when is {text!r}, which lies in the future")
        return None
    return found


def _place(row: Row, customer: str, when: int, known: Known, faults: list[str]) -> Place | None:
    """The list that this is about."""
    on, named, shown = known.places.get(customer, []), row.get("list_id"), row.get("customer_id")
    if named:
        meant = match_ids(named, (place.list_id for place in on))
        if len(meant) > 1:
            faults.append(f"list_id is {named!r}, which may be {' or '.join(meant)}. Write it in full, as text")
            return None
        on = [place for place in on if place.list_id in meant]
    if not on:
        rule = known.held.get(customer)
        why = f": was held back ({rule})" if rule else ""
        faults.append(f"customer {shown} is on no published list{f' {named}' if named else ''}{why}")
        return None
    before = [place for place in on if midnight(place.as_of, known.timezone) <= when]
    if not before:
        faults.append(f"customer {shown} was on no list by then; the first was that of {on[0].as_of}")
        return None
    return before[-1]
