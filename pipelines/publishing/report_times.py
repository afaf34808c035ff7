"""The days and times of a team's report, read in the one way that fits all of them.

A report tells more than a table does: nothing in it lies in the future, and nothing before the first list. Where days
fit two readings and one of them would, the other is meant.
"""

# Queries are put together from our own names; texts are bound by name.
# ruff: noqa: S608

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from features.windows import midnight
from pipelines.runtime.errors import ChurnError
from pipelines.settings.campaign.feedback import Feedback
from pipelines.sources.conventions.decide import decide
from pipelines.sources.conventions.survey import survey_texts, together
from pipelines.sources.expressions.convert import as_time
from pipelines.sources.expressions.time_text import YEAR_FIRST, TimeReading
from pipelines.sources.stream import connect

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


@dataclass(frozen=True)
class ReportTimes:
    """Microseconds UTC of each text that is a time, by the text; `note`: what was concluded, for people; or empty."""

    moments: dict[str, int]
    note: str = ""


def read_times(texts: Sequence[str], timezone: str, setting: Feedback, *, since: int, until: datetime) -> ReportTimes:
    """When the rows of a report happened.

    Args:
        texts: the cells of its `when`, in the order of the rows, none empty. A day means its midnight, a time without
            an offset is local.
        timezone: of what has no offset.
        setting: `feedback:` of params.yaml.
        since: nothing happened before it (microseconds, UTC).
        until: nothing happened after it.

    Raises:
        ChurnError: days fit two readings, and both are possible.
    """
    written = {text: found for text in texts if (found := _year_first(text, timezone)) is not None}
    if (
        len(written) == len(set(texts))
        and setting.time_format is None
        and max(written.values(), default=0) < _far(until)
    ):
        return ReportTimes(written)
    con = connect()
    con.execute("create temp table report_times as select unnest($texts::varchar[]) as c0", {"texts": list(texts)})

    def read(reading: TimeReading) -> dict[str, int]:
        moment = as_time("c0", "text", timezone, setting.time_format, reading=reading)
        found = con.execute(f"select distinct c0, epoch_us({moment}) from report_times").fetchall()
        return {text: at for text, at in found if at is not None}

    if setting.time_format is not None:
        return ReportTimes(read(YEAR_FIRST))
    reading, note = _decided(con, setting, read, (since, (until - _EPOCH) // _MICROSECOND))
    return ReportTimes({**written, **read(reading)}, note)


def _far(until: datetime) -> int:
    """A year on: what lies behind it is of another era, not of next month."""
    return (until + timedelta(days=366) - _EPOCH) // _MICROSECOND


def _decided(con: Any, setting: Feedback, read: Any, possible: tuple[int, int]) -> tuple[TimeReading, str]:
    found = survey_texts(con, {"times": {"when": "c0"}, "numbers": {}}, "select c0 from report_times")
    try:
        decided = decide(together([found]), "feedback", share=0.0, day_first=setting.day_first, points=True)
    except ChurnError:
        first, last = possible
        fitting = []
        for order in ("day", "month"):
            answer = decide(together([found]), "feedback", share=0.0, day_first=order == "day", points=True)
            reading = dict(answer.times)["when"]
            moments = read(reading).values()
            if all(first <= one <= last for one in moments):
                fitting.append((len(moments), order, reading))
        if len(fitting) != 1:
            raise
        _, order, reading = fitting[0]
        other = "month" if order == "day" else "day"
        return reading, (
            f"when: read with the {order} first; with the {other} first, rows would lie in the future or before the "
            "first list."
        )
    return dict(decided.times).get("when", YEAR_FIRST), ""


def _year_first(text: str, timezone: str) -> int | None:
    """A time as computers write it."""
    try:
        moment = datetime.fromisoformat(text.replace(" UTC", "+00:00"))
    except ValueError:
        return None
    if moment.tzinfo is None and (moment.hour, moment.minute, moment.second, moment.microsecond) == (0, 0, 0, 0):
        return midnight(f"{moment:%Y-%m-%d}", timezone)
    aware = moment if moment.tzinfo else moment.replace(tzinfo=ZoneInfo(timezone))
    return (aware.astimezone(UTC) - _EPOCH) // _MICROSECOND
