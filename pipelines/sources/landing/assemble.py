"""Landed parts -> finished month files of a stream. What has not changed since an earlier pull is not made again.

A month that one part has whole, all before the moment and with no id that stands elsewhere too, is that part. The
others are put together: months that share ids in one go, because cut.py must choose between their rows, every other
one by itself; where there is nothing to cut, its parts are only merged. What was put together is kept under a key of
all that went into it.
"""

# Queries are put together from our own column names; whatever comes from outside is quoted by stream.text.
# ruff: noqa: S608

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from pipelines.runtime.errors import ChurnError
from pipelines.runtime.files import digest_of, read_json, whole_folder, write_json
from pipelines.runtime.sql import text
from pipelines.sources.landing.as_of import cut
from pipelines.sources.landing.file_summary import Hashes, Sight, any_of, look, repeated
from pipelines.sources.landing.month_writer import in_order, write_month
from pipelines.sources.landing.store import FORM, Part
from pipelines.sources.stream import COLUMNS, months


@dataclass(frozen=True)
class Finished:
    """A month file as it goes into the stream."""

    month: str
    path: Path
    digest: str
    sight: Sight

    def copy_to(self, folder: Path) -> None:
        """A copy of its own: nobody who writes to it reaches the landing store.

        Raises:
            ChurnError: the landing store was changed by somebody else.
        """
        target = folder / f"{self.month}.parquet"
        shutil.copyfile(self.path, target)
        if digest_of(target) != self.digest:
            raise ChurnError(
                f"{self.path}: was changed since it was written. Delete data/landing; that costs time only."
            )


def load_parts(con: Any, parts: Iterable[Part]) -> None:
    """The rows of parts to `stream`."""
    for part in parts:
        con.execute(
            f"insert into stream select {text(part.source)}, {', '.join(COLUMNS)} from read_parquet({text(part.path)}) "
            f"where {part.kept or 'true'}"
        )


def assembled(con: Any, parts: list[Part], moment: int, kept: Path) -> tuple[list[Finished], list[str], bool]:
    """The stream of a moment (microseconds, UTC), month by month, what to tell, and whether every id stands once.

    What to tell is how many rows are copies; False says only that ids must be looked at.
    `kept`: where months are that were put together; those that are no longer needed go.

    Raises:
        ChurnError: as of `cut`.
    """
    parts = [part for part in parts if part.sight.first < moment]
    finished, notes, keys = [], list[str](), set[str]()
    twice = repeated([part.sight for part in parts])
    for group, shares_ids in _groups(parts, twice):
        if not shares_ids and _is_finished(group, moment):
            part = group[0]
            finished.append(Finished(part.month, part.path, part.digest, part.sight))
            continue
        key = _key(group, moment)
        keys.add(key)
        if not (kept / key / "group.json").is_file():
            if not shares_ids and all(not part.kept and part.sight.lies_before(moment) for part in group):
                merge(con, group, kept / key)
            else:
                load_parts(con, group)
                put_together(con, moment, kept / key)
                con.execute("truncate stream")
        made, told = _made(kept / key)
        finished += made
        notes += told
    _keep_only(kept, keys)
    return sorted(finished, key=lambda one: one.month), notes, not len(twice)


def _groups(parts: list[Part], twice: Hashes) -> Iterator[tuple[list[Part], bool]]:
    """Parts that must be put together: months with an id that stands on several rows as one (True), others alone."""
    shared = {part.month for part in parts if len(twice) and any_of(twice, part.sight.ids())}
    if shared:
        yield [part for part in parts if part.month in shared], True
    by_month: dict[str, list[Part]] = {}
    for part in parts:
        if part.month not in shared:
            by_month.setdefault(part.month, []).append(part)
    yield from ((group, False) for group in by_month.values())


def _is_finished(group: list[Part], moment: int) -> bool:
    return len(group) == 1 and not group[0].kept and group[0].sight.lies_before(moment)


def _key(group: list[Part], moment: int) -> str:
    """Everything that decides what a group becomes. The moment does only where a row lies after it."""
    cut_at = None if all(part.sight.lies_before(moment) for part in group) else moment
    said = [FORM, cut_at, [[part.source, part.digest, part.kept, part.kept_by] for part in group]]
    return hashlib.sha256(json.dumps(said).encode()).hexdigest()[:16]


def put_together(con: Any, moment: int, folder: Path) -> None:
    """Cut `stream` at the moment and write its months to `folder`."""
    notes = cut(con, moment)
    _write(con, months(con, "known"), notes, folder)


def merge(con: Any, group: list[Part], folder: Path) -> None:
    """Write a month whose parts have nothing to cut to `folder`."""
    rows = pa.concat_tables([pq.read_table(part.path) for part in group])
    _write(con, [(group[0].month, in_order(rows))], [], folder)


def _write(con: Any, made: Iterable[tuple[str, pa.Table]], notes: list[str], folder: Path) -> None:
    with whole_folder(folder) as partial:
        told, cursor = [], con.cursor()
        for month, rows in made:
            path = partial / f"{month}.parquet"
            write_month(path, rows)
            told.append({"month": month, "digest": digest_of(path), "sight": look(cursor, path, month, rows).told()})
        write_json(partial / "group.json", {"notes": notes, "months": told})


def _made(folder: Path) -> tuple[list[Finished], list[str]]:
    content = read_json(folder / "group.json")
    made = []
    for one in content["months"]:
        path = folder / f"{one['month']}.parquet"
        sight = Sight.of(one["sight"], path.with_suffix(".hashes"))
        made.append(Finished(one["month"], path, one["digest"], sight))
    return made, content["notes"]


def _keep_only(kept: Path, keys: set[str]) -> None:
    for folder in kept.iterdir() if kept.is_dir() else ():
        if folder.name not in keys:
            shutil.rmtree(folder, ignore_errors=True)
