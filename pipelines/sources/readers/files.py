"""The readers `csv`, `json` and `parquet`: a file, folder or glob and a mapping -> activities.

Ids stay text with their leading zeros. Times with an offset keep it, others are local to the source's timezone. A row
that cannot be read is put aside with its line and reason.
"""

# Queries are put together from our own column names; whatever comes from outside is quoted by stream.text.
# ruff: noqa: S608

from __future__ import annotations

from itertools import chain
from pathlib import Path
from typing import Any

import duckdb

from pipelines.runtime.errors import ChurnError
from pipelines.settings.reading import Reading
from pipelines.settings.sources import Files
from pipelines.sources.access.headers import Located, at_hand, digest_at, files_of, locate
from pipelines.sources.access.line_numbers import swallowed
from pipelines.sources.access.s3 import SCHEME
from pipelines.sources.access.scan import _BEHIND, _OPEN, Bad, _forget_rejects, broken_rows, lines_of, scan
from pipelines.sources.expressions.activity_query import Context, query
from pipelines.sources.landing.history import answering, changed_since, note, remember, steps_of
from pipelines.sources.landing.store import Landing, Part, Piece
from pipelines.sources.landing.superseded import newest
from pipelines.sources.reader import Place, Reader
from pipelines.sources.readers.mapping_checks import activity_faults
from pipelines.sources.readers.session import local_time


def _faults(name: str, setting: Files, _reading: Reading) -> list[str]:
    located, faults = locate(setting, f"sources.{name}")
    return faults + activity_faults(name, setting, located)


def _read(con: Any, name: str, setting: Files, reading: Reading, place: Place) -> list[Part]:
    landing = Landing.of(place.landing, setting, Context.of(name, reading))
    steps = steps_of(landing)
    at = answering(steps, place.moment)
    if at is None:
        earlier = [step for step in steps if step["moment"] < place.moment]
        found = _files_now(con, name, setting, landing)
        step = {"moment": place.moment, "pieces": [digest for digest, _ in found], "names": [one for _, one in found]}
        steps = [*earlier, step]
        remember(landing, steps)
        landing.keep_only(digest for step in steps for digest in step["pieces"])
        _tell_changes(con, setting, landing, steps)
        at = len(steps) - 1
    else:
        _tell_unread(con, name, setting, steps)
    # A copy of a file under another name counts its rows, which are copies and count once.
    pieces = zip(steps[at]["pieces"], steps[at]["names"], strict=True)
    parts = [Piece(landing.folder / one).enter(con, name, file) for one, file in pieces]
    return newest(parts) if setting.later_files_replace else list(chain.from_iterable(parts))


def _files_now(con: Any, name: str, setting: Files, landing: Landing) -> list[tuple[str, str]]:
    """Digest and name of every file there is, each landed."""
    located, faults = locate(setting, f"sources.{name}")
    if faults:
        raise ChurnError(*faults)
    found = []
    for file in located:
        digest = digest_at(file.path)
        if landing.piece(digest) is None:
            _landed(con, setting, file, landing, digest)
        found.append((digest, file.name))
    return found


def _tell_changes(con: Any, setting: Files, landing: Landing, steps: list[dict[str, Any]]) -> None:
    """Note the last earlier moment whose files are gone or changed, or which rows of new files lie before.

    Rows that tell when they were recorded were not known then.
    """
    now = set(steps[-1]["pieces"])
    dated = all("recorded_at" in mapping.columns for mapping in setting.mappings())
    for step in reversed(steps[:-1]):
        then = set(step["pieces"])
        parts = [part for one in now - then for part in Piece(landing.folder / one).parts(landing.context.name)]
        if then - now or (not dated and any(part.sight.first < step["moment"] for part in parts)):
            changed_since(con, landing.context.name, step["moment"], landing.context.timezone)
            return


def _tell_unread(con: Any, name: str, setting: Files, steps: list[dict[str, Any]]) -> None:
    """Note files that are there and that no pull has seen, as far as a look into the folder tells."""
    known = set(steps[-1]["names"])
    paths = [] if setting.path.startswith(SCHEME) else files_of(setting)
    new = [path.name for path in paths if not {path.name, path.as_posix()} & known]
    if new:
        note(
            con,
            f"sources.{name}: {len(new):,} files that no pull has seen ({', '.join(new[:3])}) are not read for a "
            "moment before the last. `churn run --full` reads everything again.",
        )


def _remembered(name: str, setting: Files, reading: Reading, place: Place) -> list[str] | None:
    steps = steps_of(Landing.at(place.landing, setting, Context.of(name, reading)))
    at = answering(steps, place.moment)
    return None if at is None else sorted(steps[at]["pieces"])


def _landed(con: Any, setting: Files, file: Located, landing: Landing, digest: str) -> Piece:
    try:
        with at_hand(file) as (near, _):
            return _land(con, setting, near, landing, digest)
    except _UnevenError:
        with at_hand(file, even=True) as (near, _):
            return _land(con, setting, near, landing, digest)


class _UnevenError(ChurnError):
    """Lines of a CSV end in more than one way, and its beginning did not show it."""


def _land(con: Any, setting: Files, file: Located, landing: Landing, digest: str) -> Piece:
    """Read a file on this machine. Which record a row is counts only where one is bad.

    Raises:
        ChurnError: it cannot be read to its end.
    """
    numbered = bool(setting.yields)

    def judge(_path: Path, wrong: int) -> tuple[list[Bad], int]:
        broken = broken_rows(con, file)
        broken += _swallowed(con, file, broken)
        return broken + (_bad(con, setting, file, landing, broken) if wrong else []), len(broken)

    with local_time(con, setting, landing.context):
        try:
            read = query(setting, file, scan(file, numbered=numbered), landing.context)
            return landing.write(con, digest, read, judge, numbered=numbered)
        except (duckdb.Error, OSError) as error:
            if "invalid state" in str(error):
                raise _UnevenError(f"{file.name}: its lines end in more than one way. Save it again.") from None
            raise ChurnError(f"{file.name}: cannot be read to its end. {str(error).splitlines()[0]}") from None


def _bad(con: Any, setting: Files, file: Located, landing: Landing, broken: list[Bad]) -> list[Bad]:
    """The rows that cannot be used, with the lines that they begin on: the file is read once more."""
    read = query(setting, file, scan(file, numbered=True), landing.context)
    bad = con.execute(
        f"select distinct record, fault, field, found from ({read}) where fault <> 'excluded' order by all"
    ).fetchall()
    _forget_rejects(con, file)
    rows = con.execute(f"select count(*) from ({scan(file, numbered=False)})").fetchall()[0][0]
    _forget_rejects(con, file)
    lines = lines_of(file, [record for record, *_ in bad], rows, broken)
    return [(lines[record], fault, field, found) for record, fault, field, found in bad]


def _swallowed(con: Any, file: Located, bad: list[Bad]) -> list[Bad]:
    """Rows that a quote took with it which is not closed: DuckDB tells of the first only."""
    quotes = [line for line, _, what, _ in bad if what == _OPEN]
    if not quotes:
        return []
    assert isinstance(file.path, Path)
    places = ", ".join(f"c{i}" for i in range(len(file.columns)))
    breaks = f"len(concat_ws('', {places})) - len(replace(concat_ws('', {places}), chr(10), ''))"
    counted = con.execute(f"select count(*), sum({breaks}) from ({scan(file, numbered=False)})").fetchall()[0]
    _forget_rejects(con, file)
    read = counted[0] + int(counted[1] or 0)
    lines = swallowed(file.path, quotes, {line for line, *_ in bad}, read)
    return [(line, "broken", _BEHIND, None) for line in lines]


def _versions(_name: str, setting: Files, _reading: Reading, _moment: int) -> list[str]:
    return sorted(digest_at(file) for file in files_of(setting))


READER = Reader(faults=_faults, versions=_versions, read=_read, remembered=_remembered)
