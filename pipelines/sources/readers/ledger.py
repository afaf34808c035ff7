"""The reader `ledger`: what we did to customers ourselves, as activities.

| activity | one row per | detail |
|---|---|---|
| `was_listed` | customer on a published list, at the midnight its day begins with | campaign |
| `was_held_out` | customer held out of it as control | campaign |
| `was_contacted` | contact that the team reported | channel |

They are no features, and no data check judges them; see OUR_ACTIVITIES. Where pseudonyms are on, the ledger holds them.
"""

from __future__ import annotations

import zoneinfo
from datetime import datetime
from typing import Any

from features.activity import OUR_ACTIVITIES
from pipelines.ledger import read
from pipelines.runtime.sql import text
from pipelines.settings.reading import Reading
from pipelines.settings.sources import Ledger
from pipelines.sources.landing.store import Part
from pipelines.sources.reader import Inspection, Pull, Reader
from pipelines.sources.relations import DELIVERED, STREAM
from pipelines.sources.stream import COLUMNS

ACTIVITIES = OUR_ACTIVITIES


def _inspect(name: str, _setting: Ledger, reading: Reading) -> Inspection:
    others = [other for other, source in reading.sources.items() if isinstance(source, Ledger) and other != name]
    if others and name > min(others):
        fault = f"params.yaml: sources.{name}: there is one ledger, and sources.{min(others)} reads it. Take one out."
        return Inspection([fault])
    return Inspection()


def _day(moment: int, timezone: str) -> str:
    """The day that begins at a moment (microseconds, UTC)."""
    return f"{datetime.fromtimestamp(moment / 1e6, zoneinfo.ZoneInfo(timezone)):%Y-%m-%d}"


def _versions(_name: str, _setting: Ledger, reading: Reading, moment: int) -> list[str]:
    return [read.digest(_day(moment, reading.timezone), reading.timezone)]


def _read(con: Any, name: str, _setting: Ledger, reading: Reading, pull: Pull) -> list[Part]:
    con.register("our_doings", read.activity_table(_day(pull.moment, reading.timezone), reading.timezone))
    con.execute(f"insert into {STREAM} select {text(name)}, {', '.join(COLUMNS)} from our_doings")  # noqa: S608
    con.unregister("our_doings")
    counted = f"select $1, 'ledger', count(*), 0 from {STREAM} where source = $1"  # noqa: S608
    con.execute(f"insert into {DELIVERED} {counted}", [name])
    return []


READER = Reader(inspect=_inspect, versions=_versions, read=_read)
