"""What is known of a finished month file without opening it again: its counts, its times, hashes of its ids.

Taken once from the file as it lies on disk. Files do not change, so the next pull counts, checks and compares by sight
alone. A hash that stands nowhere else proves that its id does not either; what two equal hashes mean, the ids decide.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow.parquet as pq

from features.activity import ACTIVITY_NAME, ACTIVITY_SCHEMA
from pipelines.sources.stream import text

Hashes = npt.NDArray[np.uint64]

_ACTIVITIES = """
select coalesce(activity, '') as name, hash(name),
    count(*), min(epoch_us(occurred_at)), max(epoch_us(occurred_at)), count(value), count(quantity), count(detail),
    count(recorded_at), max(epoch_us(recorded_at)),
    count(*) filter (activity_id is null or activity_id = '' or customer_id is null or customer_id = ''
        or occurred_at is null or not isfinite(value) or not isfinite(quantity)) as wrong
from read_parquet({path}) group by name order by name
"""
_HASHES = """
select hash(activity_id) as id, hash(customer_id) as who, hash(coalesce(activity, '')) as activity
from read_parquet({path})
"""

_COUNTED = ("count", "first", "last", "values", "quantities", "details", "recorded", "last_recorded")


@dataclass(frozen=True)
class Seen:
    """One activity in a month: rows, first and last time, rows that fill a column, last recording. Microseconds UTC."""

    count: int
    first: int
    last: int
    values: int
    quantities: int
    details: int
    recorded: int
    last_recorded: int | None
    customers: int


@dataclass(frozen=True)
class Sight:
    """A month file: its activities by name, whether every row is as the contract says, and where its hashes lie."""

    activities: dict[str, Seen]
    sound: bool
    hashes: Path

    @classmethod
    def of(cls, told: dict[str, Any], hashes: Path) -> Sight:
        """A sight out of what `told` wrote."""
        return cls({name: Seen(**one) for name, one in told["activities"].items()}, told["sound"], hashes)

    def told(self) -> dict[str, Any]:
        """The sight as JSON, without its hashes."""
        return {"activities": {name: asdict(one) for name, one in self.activities.items()}, "sound": self.sound}

    @property
    def rows(self) -> int:
        """How many there are."""
        return sum(one.count for one in self.activities.values())

    @property
    def first(self) -> int:
        """The first time."""
        return min(one.first for one in self.activities.values())

    @property
    def last(self) -> int:
        """The last time."""
        return max(one.last for one in self.activities.values())

    @property
    def recorded(self) -> int:
        """Rows that say when they were recorded."""
        return sum(one.recorded for one in self.activities.values())

    def lies_before(self, moment: int) -> bool:
        """Whether everything occurred and was recorded before a moment."""
        return self.last < moment and all((one.last_recorded or 0) < moment for one in self.activities.values())

    def ids(self) -> Hashes:
        """Hashes of the activity ids, sorted."""
        return self._part(0, self.rows)

    def customers(self, activity: str) -> Hashes:
        """Hashes of the customers who did it."""
        start = self.rows
        for name, one in self.activities.items():
            if name == activity:
                return self._part(start, one.customers)
            start += one.customers
        return np.empty(0, np.uint64)

    def _part(self, start: int, length: int) -> Hashes:
        return np.fromfile(self.hashes, np.uint64, count=length, offset=8 * start)


def look(con: Any, path: Path, month: str) -> Sight:
    """See a finished file of a month (`2017-03`); its hashes are written beside it, under the ending `.hashes`."""
    found = con.execute(_ACTIVITIES.format(path=text(path))).fetchall()
    rows = con.execute(_HASHES.format(path=text(path))).fetchnumpy()
    customers = {
        name: np.unique(rows["who"] if len(found) == 1 else rows["who"][rows["activity"] == hashed])
        for name, hashed, *_ in found
    }
    activities = {
        name: Seen(**dict(zip(_COUNTED, counts, strict=True)), customers=len(customers[name]))
        for name, _, *counts, _ in found
    }
    hashes = path.with_suffix(".hashes")
    with hashes.open("wb") as stream:
        for part in (np.sort(rows["id"]), *customers.values()):
            np.asarray(part, np.uint64).tofile(stream)
    sound = _sound(path, month, activities) and not any(row[-1] for row in found)
    return Sight(activities, sound, hashes)


def _sound(path: Path, month: str, activities: dict[str, Seen]) -> bool:
    """The right columns, names and month. The rules are told one by one in checks.py, which a test compares."""
    named = all(ACTIVITY_NAME.fullmatch(name) for name in activities)
    told = {_month(time) for one in activities.values() for time in (one.first, one.last)}
    return named and told == {month} and bool(pq.read_schema(path).equals(ACTIVITY_SCHEMA))


def _month(time: int) -> str:
    return str(np.datetime64(time, "us").astype("datetime64[M]"))


def repeated(sights: Sequence[Sight]) -> Hashes:
    """Hashes that stand on more than one row, sorted."""
    every = np.sort(np.concatenate([np.empty(0, np.uint64), *(sight.ids() for sight in sights)]))
    twice: Hashes = np.unique(every[1:][every[1:] == every[:-1]])
    return twice


def all_sound(sights: Sequence[Sight], moment: int) -> bool:
    """Whether no row of a stream breaks a rule: every file is sound, ends before the moment, and no id stands twice."""
    sound = all(sight.sound and sight.lies_before(moment) for sight in sights)
    return sound and not len(repeated(sights))


def any_of(sought: Hashes, ids: Hashes) -> bool:
    """Whether one of `sought` is among the sorted `ids`."""
    if not len(sought) or not len(ids):
        return False
    places = np.minimum(np.searchsorted(ids, sought), len(ids) - 1)
    return bool((ids[places] == sought).any())


def distinct(parts: Iterable[Hashes]) -> int:
    """How many different hashes there are."""
    return len(np.unique(np.concatenate([np.empty(0, np.uint64), *parts])))
