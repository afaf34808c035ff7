"""`churn feedback FILE`: the team's report into the ledger. One bad row, and nothing is written.

A row says of one customer and one time which of contacted, reached, kept and wrong is true. `wrong`: the list was wrong
about the customer. Whoever was reached or kept was contacted. The report belongs to the last list that the customer
was on (or held out of) by then, unless the file names one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from features.windows import midnight
from models.decision.control_group import CONTROL
from pipelines.ledger import write
from pipelines.ledger.read import FILE, SAID, opened
from pipelines.publishing.report_file import read_report
from pipelines.publishing.report_row import NO, YES, Entry, Known, Place, Statement, read_row
from pipelines.publishing.report_times import read_times
from pipelines.runtime.errors import ChurnError
from pipelines.runtime.files import digest_of
from pipelines.settings.campaign.feedback import Feedback
from pipelines.settings.privacy import Privacy
from pipelines.sources.privacy import vault
from pipelines.sources.privacy.pseudonyms import internal_id

__all__ = ["NO", "YES", "ReportReading", "feedback"]

MOST_SHOWN = 20
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class ReportReading:
    """How a report is read: times without an offset are of `timezone`, ids may be `privacy`'s pseudonyms.

    `feedback`: the headings and the days of the team's tables.
    """

    timezone: str
    privacy: Privacy
    feedback: Feedback = field(default_factory=Feedback)


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
    headings = {str(ours): heading for ours, heading in reading.feedback.columns.items()}
    rows, faults = read_report(path, headings)
    known = _known(reading)
    cells = [when for row in rows if (when := row.when)]
    since = min(midnight(one.as_of, reading.timezone) for on in known.places.values() for one in on)
    times = read_times(cells, reading.timezone, reading.feedback, since=since, until=now)
    until = (now - _EPOCH) // timedelta(microseconds=1)
    statements = []
    for row in rows:
        statement, found = read_row(row, times.moments, until, known)
        statements.append(statement)
        if found:
            faults.setdefault(row.line, []).extend(found)
    _add_contradictions(statements, faults)
    if faults:
        raise ChurnError(*_fault_lines(path, faults, len(rows)))
    entries = [entry for one in statements for entry in one.entries()]
    denied = _denied_before(statements)
    with write.writing() as con:
        new = write.add_report(con, digest, entries, len(rows))
    for line in [
        _counted(path, len(rows), entries),
        *_repeated(entries, new),
        *_contaminated(statements),
        *denied,
        *([times.note] if times.note else []),
        *_matched(statements, hidden=reading.privacy.pseudonymise),
    ]:
        say(line)


def _reports() -> set[str]:
    with opened() as con:
        return {digest for (digest,) in con.execute("select digest from report")} if con else set()


def _known(reading: ReportReading) -> Known:
    places, held = _places(), _suppression_rules()
    customers = [*places, *held]
    shown = {one: one for one in customers}
    if reading.privacy.pseudonymise:
        shown = {original: hashed for hashed, original in vault.originals(customers).items()}
    return Known(places, held, shown, lambda text: internal_id(text, reading.privacy), reading.timezone)


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


def _add_contradictions(statements: Sequence[Statement], faults: dict[int, list[str]]) -> None:
    """Rows that say no where an earlier one says yes, or the other way round, of one customer and one time."""
    said: dict[tuple[str, int, str], tuple[bool, int]] = {}
    for one in statements:
        for word, is_so in one.stated.items() if one.customer is not None and one.when is not None else ():
            known, line = said.setdefault((one.customer or "", one.when or 0, word), (is_so, one.line))
            if known != is_so:
                here, there = ("yes", "no") if is_so else ("no", "yes")
                faults.setdefault(one.line, []).append(
                    f"{word} is {here}, and {there} in line {line}, of the same customer and time. Correct one of them"
                )


def _denied_before(statements: Iterable[Statement]) -> list[str]:
    """Rows that say no where an earlier report said yes, of the same customer and time: what was reported stays."""
    with opened() as con:
        rows = con.execute("select customer_id, occurred_at, what from feedback") if con else ()
        earlier = {(customer, when, word) for customer, when, word in rows}
    lines = [
        f"line {one.line}: {word} is no, but an earlier report said yes of this customer and time, and that stays."
        for one in statements
        for word, is_so in one.stated.items()
        if not is_so and (one.customer, one.when, word) in earlier
    ]
    return _shortened(lines)


def _counted(path: Path, rows: int, entries: Sequence[Entry]) -> str:
    counts = Counter(entry[3] for entry in entries)
    words = ", ".join(f"{counts[word]:,} {word}" for word in SAID)
    return f"{path.name}: {rows:,} row{'s' if rows != 1 else ''}: {words}."


def _repeated(entries: Sequence[Entry], new: int) -> list[str]:
    """What was said before, in this file and in earlier ones."""
    different = len({(*entry[:4], entry[4] or "") for entry in entries})
    lines = []
    if different < len(entries):
        lines.append(f"{len(entries) - different:,} of these stand in the file more than once and count once.")
    if new < different:
        lines.append(f"{different - new:,} of these were in the ledger already and count once.")
    return lines


def _contaminated(statements: Iterable[Statement]) -> list[str]:
    """Customers of the control group who were contacted."""
    found = {
        one.customer for one in statements if one.place and one.place.group == CONTROL and one.stated.get("contacted")
    }
    if not found:
        return []
    verb = "is" if len(found) == 1 else "are"
    said = (
        f"{len(found):,} of the contacted customers {verb} in the control group, and nobody leaves it, whatever was "
        "done: taking anybody out would make the comparison wrong. The effect that can be proven becomes smaller."
    )
    return [said]


def _matched(statements: Iterable[Statement], *, hidden: bool) -> list[str]:
    """Ids that a spreadsheet took for numbers, and what they were read as. `hidden`: ids are not repeated."""
    found = [one for one in statements if one.matched]
    if hidden and found:
        lines = ", ".join(str(one.line) for one in found[:MOST_SHOWN]) + (", ..." if len(found) > MOST_SHOWN else "")
        what = "1 id that a spreadsheet had made a number of was"
        if len(found) > 1:
            what = f"{len(found):,} ids that a spreadsheet had made numbers of were"
        return [f"{what} matched back (line{'s' if len(found) > 1 else ''} {lines})."]
    return _shortened(
        [f"line {one.line}: the id is {one.matched}; a spreadsheet had made a number of it." for one in found]
    )


def _shortened(lines: list[str]) -> list[str]:
    further = len(lines) - MOST_SHOWN
    return [*lines[:MOST_SHOWN], *([f"... and {further:,} more such rows."] if further > 0 else [])]
