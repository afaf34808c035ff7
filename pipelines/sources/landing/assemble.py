"""Landed parts -> the month files of a stream. What has not changed since an earlier pull is not written again.

A month that one part holds completely, all before the moment and without an id that occurs elsewhere, is that part. The
others are assembled: months that share ids together, because as_of.py must choose between their rows, every other one
by itself; where there is nothing to cut, its parts are only merged. What was assembled is kept under a digest of all
its inputs.
"""

# Queries are put together from our own column names; whatever comes from outside is quoted by runtime.sql.text.
# ruff: noqa: S608

from __future__ import annotations

import hashlib
import json
import shutil
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from pipelines.runtime.errors import ChurnError
from pipelines.runtime.files import atomic_folder, digest_of, read_json, write_json
from pipelines.runtime.sql import text
from pipelines.settings.row_display import RowDisplay
from pipelines.sources.landing.as_of import Copies, cut_as_of
from pipelines.sources.landing.file_summary import Hashes, MonthSummary, contains_any, repeated_hashes, summarise
from pipelines.sources.landing.key import FORM
from pipelines.sources.landing.month_writer import sorted_rows, write_month
from pipelines.sources.landing.store import Part
from pipelines.sources.relations import KNOWN, STREAM
from pipelines.sources.stream import COLUMNS, month_rows, months, whole

_FORM = (2, *FORM)


@dataclass(frozen=True)
class MonthFile:
    """A month file as it goes into the stream."""

    month: str
    path: Path
    digest: str
    summary: MonthSummary

    def copy_to(self, folder: Path) -> None:
        """Copy the file, so that a change of the copy cannot reach the landing store.

        Raises:
            ChurnError: the file in the landing store was changed after it was written.
        """
        target = folder / f"{self.month}.parquet"
        shutil.copyfile(self.path, target)
        if digest_of(target) != self.digest:
            raise ChurnError(
                f"{self.path}: was changed since it was written. Delete data/landing; that costs time only."
            )


def load_parts(con: Any, parts: Iterable[Part]) -> None:
    """Insert the rows of parts into STREAM."""
    for part in parts:
        con.execute(
            f"insert into {STREAM} select {text(part.source)}, {', '.join(COLUMNS)} "
            f"from {month_rows(part.path)} where {part.kept or 'true'}"
        )


def assemble(
    con: Any, parts: list[Part], moment: int, folder: Path, display: RowDisplay, *, with_removed: bool = True
) -> tuple[list[MonthFile], Copies, bool]:
    """The stream as of a moment (microseconds, UTC) by month; copies; whether every id is known to be unique.

    `folder`: of assembled months; those that are no longer needed are deleted.
    `display`, `with_removed`: as of `cut_as_of`.

    Raises:
        ChurnError: as of `cut_as_of`.
    """
    parts = [part for part in parts if part.summary.first < moment]
    finished, copies, keys = [], Counter[tuple[str, str]](), set[str]()
    repeated = repeated_hashes([part.summary for part in parts])
    for group, shares_ids in _groups(parts, repeated):
        if not shares_ids and len(group) == 1 and _has_nothing_to_cut(group, moment, with_removed):
            part = group[0]
            finished.append(MonthFile(part.month, part.path, part.digest, part.summary))
            continue
        key = _key(group, moment, with_removed)
        keys.add(key)
        if not (folder / key / "group.json").is_file():
            if not shares_ids and _has_nothing_to_cut(group, moment, with_removed):
                merge_group(con, group, folder / key)
            else:
                load_parts(con, group)
                cut_group(con, moment, folder / key, display, with_removed=with_removed)
                con.execute(f"truncate {STREAM}")
        month_files, group_copies = _read_group(folder / key)
        finished += month_files
        copies.update(group_copies)
    _delete_others(folder, keys)
    return sorted(finished, key=lambda month_file: month_file.month), copies, not len(repeated)


def _groups(parts: list[Part], repeated: Hashes) -> Iterator[tuple[list[Part], bool]]:
    """Parts by group: all months with an id that occurs on several rows in one (True), each other by itself."""
    shared = {part.month for part in parts if len(repeated) and contains_any(repeated, part.summary.ids())}
    if shared:
        yield [part for part in parts if part.month in shared], True
    by_month: dict[str, list[Part]] = {}
    for part in parts:
        if part.month not in shared:
            by_month.setdefault(part.month, []).append(part)
    yield from ((group, False) for group in by_month.values())


def _has_nothing_to_cut(group: list[Part], moment: int, with_removed: bool) -> bool:
    return all(
        not part.kept and part.summary.ends_before(moment) and (with_removed or not part.summary.removed)
        for part in group
    )


def _key(group: list[Part], moment: int, with_removed: bool) -> str:
    """A digest of everything that decides a group's result. The moment counts only where a row lies after it."""
    cut_at: Any = None if all(part.summary.ends_before(moment) for part in group) else moment
    if not with_removed and any(part.summary.removed for part in group):
        cut_at = [moment, "standing"]
    inputs = [_FORM, cut_at, [[part.source, part.digest, part.kept, part.kept_by] for part in group]]
    return hashlib.sha256(json.dumps(inputs).encode()).hexdigest()[:16]


def cut_group(con: Any, moment: int, folder: Path, display: RowDisplay, *, with_removed: bool = True) -> None:
    """Cut STREAM as of the moment and write its months to `folder`."""
    copies = cut_as_of(con, moment, display, with_removed=with_removed)
    _write_group(con, months(con, KNOWN), copies, folder)


def merge_group(con: Any, group: list[Part], folder: Path) -> None:
    """Write a month whose parts have nothing to cut to `folder`."""
    rows = pa.concat_tables([whole(pq.read_table(part.path)) for part in group])
    _write_group(con, [(group[0].month, sorted_rows(rows))], {}, folder)


def _write_group(con: Any, rows_by_month: Iterable[tuple[str, pa.Table]], copies: Copies, folder: Path) -> None:
    with atomic_folder(folder) as partial:
        entries, cursor = [], con.cursor()
        for month, rows in rows_by_month:
            path = partial / f"{month}.parquet"
            write_month(path, rows)
            summary = summarise(cursor, path, month, rows).as_json()
            entries.append({"month": month, "digest": digest_of(path), "sight": summary})
        write_json(partial / "group.json", {"copies": [[*of, n] for of, n in copies.items()], "months": entries})


def _read_group(folder: Path) -> tuple[list[MonthFile], Copies]:
    content = read_json(folder / "group.json")
    month_files = []
    for entry in content["months"]:
        path = folder / f"{entry['month']}.parquet"
        summary = MonthSummary.from_json(entry["sight"], path.with_suffix(".hashes"))
        month_files.append(MonthFile(entry["month"], path, entry["digest"], summary))
    return month_files, {(source, activity): n for source, activity, n in content["copies"]}


def _delete_others(folder: Path, keys: set[str]) -> None:
    for other in folder.iterdir() if folder.is_dir() else ():
        if other.name not in keys:
            shutil.rmtree(other, ignore_errors=True)
