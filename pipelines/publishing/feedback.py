"""`churn feedback FILE`: the team's report into the ledger. One bad row, and nothing is written.

A row says of one customer and one time which of contacted, reached, kept and wrong is true. `wrong`: the list was wrong
about the customer. Whoever was reached or kept was contacted. The report belongs to the last list that the customer
was on (or held out of) by then, unless the file names one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from features.windows import midnight
from models.decision.control_group import CONTROL
from pipelines.ledger import write
from pipelines.ledger.read import FILE, REACHED_OUT, SAID, opened
from pipelines.publishing.report_file import Row, read_report
from pipelines.publishing.spreadsheet_ids import match_ids
from pipelines.runtime.errors import ChurnError
from pipelines.runtime.files import digest_of
from pipelines.runtime.text import yes_no
from pipelines.runtime.text.spreadsheet_text import undefused
from pipelines.settings.privacy import Privacy
from pipelines.sources.privacy.pseudonyms import internal_id

MOST_SHOWN = 20
YES = (*yes_no.YES, "x", "✓", "ja", "ใช่")
NO = (*yes_no.NO, "", "-", "nein", "ไม่")
Entry = tuple[str, str, int, str, str | None, str | None]  # in the order of ledger/read.py FEEDBACK
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class ReportReading:
    """How a report is read: times without an offset are of `timezone`, ids may be `privacy`'s pseudonyms."""

    timezone: str
    privacy: Privacy


@dataclass(frozen=True)
class Place:
    """Where a customer stands in the ledger: on the list of a day, or held out of it."""

    as_of: str
    list_id: str
    group: str


def feedback(path: Path, reading: ReportReading, say: Callable[[str], None] = print, *, now: datetime) -> None:
    """Append a report to the ledger. The same file again, and rows that are there already, change nothing.

    Args:
        path: CSV or XLSX; see `report_file.py` for its columns.
        reading: how times and ids are read.
        say: gets what was done.
        now: nothing can have happened after it.

    Raises:
        ChurnError: the file cannot be read, or rows are bad: all of them are named, by line, and nothing was written.
    """
    digest = digest_of(path) if path.is_file() else ""
    if digest and digest in _reports():
        say(f"{path.name}: is in the ledger already; nothing was added.")
        return
    rows, faults = read_report(path)
    places, suppressed = _places(), _suppression_rules()
    entries: list[Entry] = []
    contaminated: Counter[str] = Counter()
    for row in rows:
        parsed = _Row(row, reading, now, faults)
        for entry in parsed.entries(places, suppressed):
            entries.append(entry)
            if entry[3] == "contacted" and parsed.group == CONTROL:
                contaminated[entry[0]] += 1
    if faults:
        raise ChurnError(*_fault_lines(path, faults, len(rows)))
    with write.writing() as con:
        new = write.add_report(con, digest, entries, len(rows))
    for line in _summary(path, rows, entries, new, len(contaminated)):
        say(line)


class _Row:
    """One row of the report. What is wrong with it goes to `faults`, by line."""

    def __init__(self, row: Row, reading: ReportReading, now: datetime, faults: dict[int, list[str]]) -> None:
        self.row, self.reading, self.now, self.faults, self.group = row, reading, now, faults, ""

    def _fault(self, text: str) -> None:
        self.faults.setdefault(self.row.line, []).append(text)

    def entries(self, places: dict[str, list[Place]], held: dict[str, str]) -> list[Entry]:
        """What it says, one entry per word; none where it says nothing or is bad."""
        customer = self._customer(places)
        words = self._words()
        if not words:
            return []
        when = self._when()
        if customer is None or when is None:
            return []
        place = self._place(customer, when, places, held)
        if place is None:
            return []
        self.group = place.group
        channel, note = self.row.get("channel") or None, self.row.get("note") or None
        return [(customer, place.list_id, when, word, channel, note) for word in words]

    def _customer(self, places: dict[str, list[Place]]) -> str | None:
        text = undefused(self.row.get("customer_id"))
        if not text:
            self._fault("no customer_id")
            return None
        return text if text in places else internal_id(text, self.reading.privacy)

    def _words(self) -> list[str]:
        """Of contacted, reached, kept and wrong, those that are true."""
        stated: dict[str, bool | None] = {word: self._flag(word) for word in SAID}
        named = self.row.get("what").lower().replace(",", " ").replace(";", " ").split()
        for word in named:
            if word not in SAID:
                self._fault(f"what is {word!r}. Allowed: {', '.join(SAID)}")
            stated[word] = True
        implied = [word for word in REACHED_OUT if word != "contacted" and stated.get(word)]
        if implied and stated["contacted"] is False:
            self._fault(f"{implied[0]} is yes but contacted is no. Correct one of them")
        stated["contacted"] = bool(stated["contacted"] or implied)
        return [word for word in SAID if stated[word]]

    def _flag(self, word: str) -> bool | None:
        text = self.row.get(word).lower()
        if text in YES or text in NO:
            return None if text == "" else text in YES
        self._fault(f"{word} is {text!r}. Allowed: yes, no, or nothing")
        return None

    def _when(self) -> int | None:
        """Microseconds UTC. A day means its midnight, a time without an offset is local."""
        text = self.row.get("when")
        if not text:
            self._fault("no when: the day (2017-12-05) or the time (2017-12-05 14:30, 2017-12-05T14:30:00+01:00)")
            return None
        found = _instant(text, self.reading.timezone)
        if found is None:
            self._fault(f"when is {text!r}. Write 2017-12-05, 2017-12-05 14:30 or 2017-12-05T14:30:00+01:00")
        elif found > (self.now - _EPOCH) // timedelta(microseconds=1):
            self._fault(f"when is {text!r}, which lies in the future")
            return None
        return found

    def _place(self, customer: str, when: int, places: dict[str, list[Place]], held: dict[str, str]) -> Place | None:
        """The list that this is about."""
        on, named, shown = places.get(customer, []), self.row.get("list_id"), self.row.get("customer_id")
        if named:
            meant = match_ids(named, (place.list_id for place in on))
            if len(meant) > 1:
                self._fault(f"list_id is {named!r}, which may be {' or '.join(meant)}. Write it in full, as text")
                return None
            on = [place for place in on if place.list_id in meant]
        if not on:
            rule = held.get(customer)
            why = f": was held back ({rule})" if rule else ""
            self._fault(f"customer {shown} is on no published list{f' {named}' if named else ''}{why}")
            return None
        before = [place for place in on if midnight(place.as_of, self.reading.timezone) <= when]
        if not before:
            self._fault(f"customer {shown} was on no list by then; the first was that of {on[0].as_of}")
            return None
        return before[-1]


def _instant(text: str, timezone: str) -> int | None:
    import zoneinfo

    try:
        moment = datetime.fromisoformat(text.replace(" UTC", "+00:00"))
    except ValueError:
        return None
    if moment.tzinfo is None and (moment.hour, moment.minute, moment.second, moment.microsecond) == (0, 0, 0, 0):
        return midnight(f"{moment:%Y-%m-%d}", timezone)
    aware = moment if moment.tzinfo else moment.replace(tzinfo=zoneinfo.ZoneInfo(timezone))
    return (aware.astimezone(UTC) - _EPOCH) // timedelta(microseconds=1)


def _reports() -> set[str]:
    with opened() as con:
        return {digest for (digest,) in con.execute("select digest from report")} if con else set()


def _places() -> dict[str, list[Place]]:
    """Customer -> lists they were on or held out of, also replaced ones: oldest day first, last revision last."""
    places: dict[str, list[Place]] = {}
    with opened() as con:
        if con is None:
            raise ChurnError(
                f"{FILE}: nothing was ever published, so there is no list to report on. See `churn publish`."
            )
        rows = con.execute(
            'select customer_id, as_of, list_id, "group" from entry join publication on number = publication '
            "order by as_of, revision"
        )
        for customer, *place in rows:
            places.setdefault(customer, []).append(Place(*place))
    return places


def _suppression_rules() -> dict[str, str]:
    with opened() as con:
        return dict(con.execute("select customer_id, rule from held_back order by publication")) if con else {}


def _fault_lines(path: Path, faults: dict[int, list[str]], rows: int) -> list[str]:
    lines = [f"{path.name}: line {line}: {'; '.join(row_faults)}." for line, row_faults in sorted(faults.items())]
    verdict = f"{len(faults):,} of {rows:,} rows are bad, so nothing was written"
    return [*lines, f"{path.name}: {verdict}. Correct them and send the file again."]


def _summary(path: Path, rows: list[Row], entries: list[Entry], new: int, contaminated: int) -> list[str]:
    counts = Counter(entry[3] for entry in entries)
    words = ", ".join(f"{counts[word]:,} {word}" for word in SAID)
    lines = [f"{path.name}: {len(rows):,} row{'s' if len(rows) != 1 else ''}: {words}."]
    if new < len(entries):
        lines.append(f"{len(entries) - new:,} of these were in the ledger already and count once.")
    if contaminated:
        verb = "is" if contaminated == 1 else "are"
        lines.append(
            f"{contaminated:,} of the contacted customers {verb} in the control group, and nobody leaves it, whatever "
            "was done: taking anybody out would make the comparison wrong. The effect that can be proven becomes "
            "smaller."
        )
    return lines
