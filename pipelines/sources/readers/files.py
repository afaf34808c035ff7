"""The readers `csv`, `json` and `parquet`: a file, folder or glob and a mapping -> activities.

Ids stay text with their leading zeros. Times with an offset keep it, others are local to the source's timezone. A row
that cannot be read is quarantined with its line and reason.
"""

# Queries are put together from our own column names; whatever comes from outside is quoted by runtime.sql.text.
# ruff: noqa: S608

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain
from pathlib import Path
from typing import Any

import duckdb

from pipelines.runtime.errors import ChurnError
from pipelines.settings.reading import Reading
from pipelines.settings.sources import Files
from pipelines.sources.access.headers import LocatedFile, digest_at, files_of, local_copy, locate
from pipelines.sources.access.line_numbers import lines_in_open_quote
from pipelines.sources.access.s3 import SCHEME
from pipelines.sources.access.scan import (
    _BEHIND_OPEN_QUOTE,
    _OPEN_QUOTE,
    Bad,
    _drop_rejects,
    broken_rows,
    lines_of,
    scan,
)
from pipelines.sources.expressions.activity_query import Context, query
from pipelines.sources.landing.history import answering_step, note, note_change, read_steps, write_steps
from pipelines.sources.landing.store import Landing, Part, Piece
from pipelines.sources.landing.superseded import without_superseded
from pipelines.sources.reader import Inspection, Pull, Reader
from pipelines.sources.readers.mapping_checks import activity_faults
from pipelines.sources.readers.session import local_timezone


def _inspect(name: str, setting: Files, _reading: Reading) -> Inspection:
    located, faults = locate(setting, f"sources.{name}")
    return Inspection(faults + activity_faults(name, setting, located), located)


def _read(con: Any, name: str, setting: Files, reading: Reading, pull: Pull) -> list[Part]:
    landing = Landing.of(pull.landing, setting, Context.of(name, reading))
    steps = read_steps(landing)
    at = answering_step(steps, pull.moment)
    if at is None:
        earlier = [step for step in steps if step["moment"] < pull.moment]
        landed = _land_files(con, setting, _located(name, setting, pull), landing)
        step = {"moment": pull.moment, "pieces": [digest for digest, _ in landed], "names": [one for _, one in landed]}
        steps = [*earlier, step]
        write_steps(landing, steps)
        landing.keep_only(digest for step in steps for digest in step["pieces"])
        _note_changes(con, setting, landing, steps)
        at = len(steps) - 1
    else:
        _note_unread(con, name, setting, steps)
    # A copy of a file under another name counts its rows, which are copies and count once.
    pieces = zip(steps[at]["pieces"], steps[at]["names"], strict=True)
    parts = [Piece(landing.folder / one).report(con, name, file) for one, file in pieces]
    return without_superseded(parts) if setting.later_files_replace else list(chain.from_iterable(parts))


def _located(name: str, setting: Files, pull: Pull) -> Sequence[LocatedFile]:
    """The source's files: as inspected before, else located now."""
    if name in pull.inspected:
        return pull.inspected[name].files
    located, faults = locate(setting, f"sources.{name}")
    if faults:
        raise ChurnError(*faults)
    return located


def _land_files(con: Any, setting: Files, located: Sequence[LocatedFile], landing: Landing) -> list[tuple[str, str]]:
    """Land every file that is not landed yet; digest and name of each."""
    landed = []
    for file in located:
        digest = digest_at(file.path)
        if landing.piece(digest) is None:
            _land_file(con, setting, file, landing, digest)
        landed.append((digest, file.name))
    return landed


def _note_changes(con: Any, setting: Files, landing: Landing, steps: list[dict[str, Any]]) -> None:
    """Note the last earlier moment whose files are gone or changed, or which rows of new files lie before.

    Rows with a `recorded_at` are exempt: they were not known then.
    """
    now = set(steps[-1]["pieces"])
    dated = all("recorded_at" in mapping.columns for mapping in setting.mappings())
    for step in reversed(steps[:-1]):
        then = set(step["pieces"])
        parts = [part for one in now - then for part in Piece(landing.folder / one).parts(landing.context.name)]
        if then - now or (not dated and any(part.summary.first < step["moment"] for part in parts)):
            note_change(con, landing.context.name, step["moment"], landing.context.timezone)
            return


def _note_unread(con: Any, name: str, setting: Files, steps: list[dict[str, Any]]) -> None:
    """Note files in the folder that no pull has read."""
    known = set(steps[-1]["names"])
    paths = [] if setting.path.startswith(SCHEME) else files_of(setting)
    new = [path.name for path in paths if not {path.name, path.as_posix()} & known]
    if new:
        note(
            con,
            f"sources.{name}: {len(new):,} files that no pull has seen ({', '.join(new[:3])}) are not read for a "
            "moment before the last. `churn run --full` reads everything again.",
        )


def _remembered(name: str, setting: Files, reading: Reading, pull: Pull) -> list[str] | None:
    steps = read_steps(Landing.at(pull.landing, setting, Context.of(name, reading)))
    at = answering_step(steps, pull.moment)
    return None if at is None else sorted(steps[at]["pieces"])


def _land_file(con: Any, setting: Files, file: LocatedFile, landing: Landing, digest: str) -> Piece:
    try:
        with local_copy(file) as (local, _):
            return _write_piece(con, setting, local, landing, digest)
    except _MixedLineEndsError:
        with local_copy(file, normalise_ends=True) as (local, _):
            return _write_piece(con, setting, local, landing, digest)


class _MixedLineEndsError(ChurnError):
    """Lines of a CSV end in more than one way, and its beginning did not show it."""


def _write_piece(con: Any, setting: Files, file: LocatedFile, landing: Landing, digest: str) -> Piece:
    """Read a local file into a piece. Rows are numbered only where one of them is bad.

    Raises:
        ChurnError: it cannot be read to its end.
    """
    numbered = bool(setting.yields)

    def judge(_path: Path, wrong: int) -> tuple[list[Bad], int]:
        broken = broken_rows(con, file)
        broken += _rows_in_open_quote(con, file, broken)
        return broken + (_bad_rows(con, setting, file, landing, broken) if wrong else []), len(broken)

    with local_timezone(con, setting, landing.context):
        try:
            read = query(setting, file, scan(file, numbered=numbered), landing.context)
            return landing.write(con, digest, read, judge, numbered=numbered)
        except (duckdb.Error, OSError) as error:
            if "invalid state" in str(error):
                raise _MixedLineEndsError(f"{file.name}: its lines end in more than one way. Save it again.") from None
            raise ChurnError(f"{file.name}: cannot be read to its end. {str(error).splitlines()[0]}") from None


def _bad_rows(con: Any, setting: Files, file: LocatedFile, landing: Landing, broken: list[Bad]) -> list[Bad]:
    """The rows that cannot be used, with the lines that they begin on: the file is read once more."""
    read = query(setting, file, scan(file, numbered=True), landing.context)
    bad = con.execute(
        f"select distinct record, fault, field, found from ({read}) where fault <> 'excluded' order by all"
    ).fetchall()
    _drop_rejects(con, file)
    rows = con.execute(f"select count(*) from ({scan(file, numbered=False)})").fetchall()[0][0]
    _drop_rejects(con, file)
    lines = lines_of(file, [record for record, *_ in bad], rows, broken)
    return [(lines[record], fault, field, found) for record, fault, field, found in bad]


def _rows_in_open_quote(con: Any, file: LocatedFile, bad: list[Bad]) -> list[Bad]:
    """Rows within a quote that is never closed: DuckDB reports the first of them only."""
    quotes = [line for line, _, what, _ in bad if what == _OPEN_QUOTE]
    if not quotes:
        return []
    assert isinstance(file.path, Path)
    columns = ", ".join(f"c{i}" for i in range(len(file.columns)))
    breaks = f"len(concat_ws('', {columns})) - len(replace(concat_ws('', {columns}), chr(10), ''))"
    counted = con.execute(f"select count(*), sum({breaks}) from ({scan(file, numbered=False)})").fetchall()[0]
    _drop_rejects(con, file)
    read = counted[0] + int(counted[1] or 0)
    lines = lines_in_open_quote(file.path, quotes, {line for line, *_ in bad}, read)
    return [(line, "broken", _BEHIND_OPEN_QUOTE, None) for line in lines]


def _versions(_name: str, setting: Files, _reading: Reading, _moment: int) -> list[str]:
    return sorted(digest_at(file) for file in files_of(setting))


READER = Reader(inspect=_inspect, versions=_versions, read=_read, remembered=_remembered)
