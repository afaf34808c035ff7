"""The summary of a month file: its counts, its times, hashes of its ids.

Taken once, when the file is written. Files do not change, so the next pull counts, checks and compares by summaries
alone. A hash that occurs once proves that its id does; where two hashes are equal, the ids themselves are compared.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from features.activity import ACTIVITY_NAME, ACTIVITY_SCHEMA, SINCE_VERSION_2, VERSION_1
from pipelines.runtime.sql import text

Hashes = npt.NDArray[np.uint64]

_ACTIVITIES = """
select coalesce(activity, '') as name,
    count(*), min(epoch_us(occurred_at)), max(epoch_us(occurred_at)), count(value), count(quantity), count(detail),
    count(recorded_at), max(epoch_us(recorded_at)), {further}
    count(*) filter (activity_id is null or activity_id = '' or customer_id is null or customer_id = ''
        or occurred_at is null or not isfinite(value) or not isfinite(quantity)) as wrong
from {rows} group by name order by name
"""
_FURTHER = "count(subject), count(user_id), count(removed_at), count(term_days), max(epoch_us(removed_at)),"
_NO_FURTHER = "0, 0, 0, 0, null,"
_ROWS = """
select hash(activity_id) as id, hash(customer_id) as customer{activity} from {rows}
"""

_STRETCHES = np.arange(1, 64, dtype=np.uint64) << np.uint64(58)

_COUNTED = (
    *("count", "first", "last", "values", "quantities", "details", "recorded", "last_recorded"),
    *("subjects", "users", "removed", "terms", "last_removed"),
)
_SINCE_2 = {"subject": "subjects", "user_id": "users", "removed_at": "removed", "term_days": "terms"}
"""Column of version 2 -> the count of the rows that fill it."""


@dataclass(frozen=True)
class ActivitySummary:
    """One activity in a month: rows, first and last time, rows that fill a column, last recording and removal.

    Times are microseconds UTC. What summaries of version 1 do not count is none.
    """

    count: int
    first: int
    last: int
    values: int
    quantities: int
    details: int
    recorded: int
    last_recorded: int | None
    customers: int
    subjects: int = 0
    users: int = 0
    removed: int = 0
    terms: int = 0
    last_removed: int | None = None


@dataclass(frozen=True)
class MonthSummary:
    """A month file: its activities by name, whether every row keeps the contract, and the file of its hashes."""

    activities: dict[str, ActivitySummary]
    sound: bool
    hashes: Path

    @classmethod
    def from_json(cls, content: dict[str, Any], hashes: Path) -> MonthSummary:
        """The summary that `as_json` wrote."""
        return cls(
            {name: ActivitySummary(**one) for name, one in content["activities"].items()}, content["sound"], hashes
        )

    def as_json(self) -> dict[str, Any]:
        """The summary as JSON, without its hashes."""
        return {"activities": {name: _as_json(one) for name, one in self.activities.items()}, "sound": self.sound}

    @property
    def rows(self) -> int:
        """The number of rows."""
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
        """Rows with a `recorded_at`."""
        return sum(one.recorded for one in self.activities.values())

    @property
    def removed(self) -> int:
        """Rows with a `removed_at`."""
        return sum(one.removed for one in self.activities.values())

    def fills(self, column: str) -> bool:
        """Whether a row fills a column of version 2 of the contract."""
        return any(getattr(one, _SINCE_2[column]) for one in self.activities.values())

    def ends_before(self, moment: int) -> bool:
        """Whether everything occurred and was recorded before a moment, and what was removed, by then."""
        own = self.activities.values()
        known = all((one.last_recorded or 0) < moment and (one.last_removed or 0) <= moment for one in own)
        return self.last < moment and known

    def ids(self) -> Hashes:
        """Hashes of the activity ids, sorted."""
        return self._part(0, self.rows)

    def customers(self, activity: str) -> Hashes:
        """Hashes of the customers with that activity, sorted."""
        start = self.rows
        for name, one in self.activities.items():
            if name == activity:
                return self._part(start, one.customers)
            start += one.customers
        return np.empty(0, np.uint64)

    def _part(self, start: int, length: int) -> Hashes:
        hashes = np.fromfile(self.hashes, np.uint64, count=length, offset=8 * start)
        if len(hashes) < length:
            raise OSError(f"{self.hashes}: is too short")
        return hashes


def summarise(con: Any, path: Path, month: str, rows: pa.Table | None = None) -> MonthSummary:
    """Summarise the file of a month (`2017-03`); its hashes are written beside it, with the suffix `.hashes`.

    `rows`: its rows where they are still in memory, so that they need not be read back.
    """
    footer = pq.read_metadata(path)
    counted = _counts_by_footer(footer) or con.execute(_count_query(path, footer)).fetchall()
    activity = "" if len(counted) == 1 else ", hash(coalesce(activity, '')) as activity"
    hashes_of = _hashed(con, path, rows, activity)
    named = con.execute("select unnest($1), hash(unnest($1))", [[name for name, *_ in counted]]).fetchall()
    customers = {
        name: _once(
            hashes_of["customer"] if len(counted) == 1 else hashes_of["customer"][hashes_of["activity"] == hashed]
        )
        for name, hashed in named
    }
    activities = {
        name: ActivitySummary(**dict(zip(_COUNTED, counts, strict=True)), customers=len(customers[name]))
        for name, *counts, _wrong in counted
    }
    hashes = path.with_suffix(".hashes")
    with hashes.open("wb") as stream:
        for part in (np.sort(hashes_of["id"]), *customers.values()):
            np.asarray(part, np.uint64).tofile(stream)
    wrong = any(row[-1] for row in counted) or not _finite(path, rows)
    return MonthSummary(activities, _sound(footer, month, activities) and not wrong, hashes)


def _count_query(path: Path, footer: Any) -> str:
    """SQL of what a file's activities hold, whether it has the columns of version 2 or not."""
    has = SINCE_VERSION_2[0] in footer.schema.to_arrow_schema().names
    return _ACTIVITIES.format(rows=f"read_parquet({text(path)})", further=_FURTHER if has else _NO_FURTHER)


def _as_json(one: ActivitySummary) -> dict[str, Any]:
    """Without what version 2 counts, where there is none of it: as version 1 wrote it."""
    since = (*_SINCE_2.values(), "last_removed")
    return {name: value for name, value in asdict(one).items() if value or name not in since}


def _hashed(con: Any, path: Path, rows: pa.Table | None, activity: str) -> dict[str, Any]:
    """What `_ROWS` gives, in the order of the rows."""
    if rows is not None:
        con.register("written", rows)
    source = f"read_parquet({text(path)})" if rows is None else "written"
    found: dict[str, Any] = con.execute(_ROWS.format(rows=source, activity=activity)).fetchnumpy()
    con.unregister("written")
    return found


def _finite(path: Path, rows: pa.Table | None) -> bool:
    numbers = pq.read_table(path, columns=["value", "quantity"]) if rows is None else rows
    return all(pc.all(pc.is_finite(numbers[name])).as_py() is not False for name in ("value", "quantity"))


def _counts_by_footer(footer: Any) -> list[tuple[Any, ...]]:
    """What `_ACTIVITIES` counts, where the file holds one activity: its footer says it then. Empty otherwise."""
    groups = [footer.row_group(i) for i in range(footer.num_row_groups)]
    columns = [
        {one.path_in_schema: one.statistics for one in map(group.column, range(group.num_columns))} for group in groups
    ]
    if footer.schema.to_arrow_schema().names != VERSION_1.names:
        return []
    if any(not one.has_min_max for group in columns for one in (group["activity"], group["occurred_at"], *_ids(group))):
        return []
    names = {name for group in columns for name in (group["activity"].min, group["activity"].max)}
    if len(names) != 1:
        return []

    def filled(name: str) -> int:
        return sum(int(group[name].num_values) for group in columns)

    recorded = [_microseconds(group["recorded_at"].max) for group in columns if group["recorded_at"].has_min_max]
    if filled("recorded_at") and not recorded:
        return []
    first = min(_microseconds(group["occurred_at"].min) for group in columns)
    last = max(_microseconds(group["occurred_at"].max) for group in columns)
    wrong = sum(not one.min for group in columns for one in _ids(group))
    counts = (footer.num_rows, first, last, *map(filled, ("value", "quantity", "detail", "recorded_at")))
    return [(names.pop(), *counts, max(recorded, default=None), 0, 0, 0, 0, None, wrong)]


def _ids(group: dict[str, Any]) -> tuple[Any, Any]:
    return group["activity_id"], group["customer_id"]


def _microseconds(time: datetime) -> int:
    return (time - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)


def _sound(footer: Any, month: str, activities: dict[str, ActivitySummary]) -> bool:
    """Whether columns, names and month are right. checks/rules.py has each rule by itself; a test compares."""
    named = all(ACTIVITY_NAME.fullmatch(name) for name in activities)
    months = {_month(time) for one in activities.values() for time in (one.first, one.last)}
    schema = footer.schema.to_arrow_schema()
    return named and months == {month} and any(schema.equals(one) for one in (VERSION_1, ACTIVITY_SCHEMA))


def _month(time: int) -> str:
    return str(np.datetime64(time, "us").astype("datetime64[M]"))


def repeated_hashes(summaries: Sequence[MonthSummary]) -> Hashes:
    """Hashes that occur on more than one row, sorted."""
    stretches = _in_stretches([summary.ids() for summary in summaries])
    repeated = [np.unique(ordered[1:][ordered[1:] == ordered[:-1]]) for ordered in stretches]
    return np.concatenate([np.empty(0, np.uint64), *repeated])


def _in_stretches(parts: Sequence[Hashes]) -> Iterator[Hashes]:
    """What is in sorted arrays, sorted, stretch by stretch: each small enough for a processor's cache."""
    cuts = [[0, *np.searchsorted(part, _STRETCHES), len(part)] for part in parts]
    for i in range(len(_STRETCHES) + 1 if parts else 0):
        yield np.sort(np.concatenate([part[at[i] : at[i + 1]] for part, at in zip(parts, cuts, strict=True)]))


def all_sound(summaries: Sequence[MonthSummary], moment: int, *, unique: bool = False) -> bool:
    """Whether no row of a stream breaks a rule: every file is sound and ends before the moment, and every id is unique.

    `unique`: the last is known already.
    """
    sound = all(summary.sound and summary.ends_before(moment) for summary in summaries)
    return sound and (unique or not len(repeated_hashes(summaries)))


def contains_any(sought: Hashes, ids: Hashes) -> bool:
    """Whether one of `sought` is among the sorted `ids`."""
    if not len(sought) or not len(ids):
        return False
    places = np.minimum(np.searchsorted(ids, sought), len(ids) - 1)
    return bool((ids[places] == sought).any())


def count_distinct(parts: Iterable[Hashes]) -> int:
    """How many different hashes there are in sorted parts."""
    return sum(len(_once(ordered)) for ordered in _in_stretches(list(parts)))


def _once(hashes: Hashes) -> Hashes:
    """Sorted, each once; ten times as quick as np.unique."""
    ordered = np.sort(hashes)
    return ordered[np.flatnonzero(np.append(True, ordered[1:] != ordered[:-1]))] if len(ordered) else ordered
