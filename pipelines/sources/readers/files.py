"""The readers `csv`, `json` and `parquet`: a file, folder or glob and a mapping -> activities.

Ids stay text with their leading zeros. Times with an offset keep it, others are local to the source's timezone. A row
that cannot be read is quarantined with its line and reason.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain
from typing import Any

from pipelines.runtime.errors import ChurnError
from pipelines.settings.reading import Reading
from pipelines.settings.sources import Files
from pipelines.sources.access.headers import LocatedFile, digest_at, files_of, locate
from pipelines.sources.access.s3 import SCHEME
from pipelines.sources.expressions.context import Context
from pipelines.sources.landing.history import answering_step, note, note_change, read_steps, write_steps
from pipelines.sources.landing.store import Landing, Part, Piece
from pipelines.sources.landing.superseded import without_superseded
from pipelines.sources.reader import Inspection, Pull, Reader
from pipelines.sources.readers.land_files import LandingFiles, digest_of_piece
from pipelines.sources.readers.mapping_checks import activity_faults


def _inspect(name: str, setting: Files, _reading: Reading) -> Inspection:
    located, faults = locate(setting, f"sources.{name}")
    return Inspection(faults + activity_faults(name, setting, located), located)


def _read(con: Any, name: str, setting: Files, reading: Reading, pull: Pull) -> list[Part]:
    landing = Landing.of(pull.landing, setting, Context.of(name, reading))
    steps = read_steps(landing)
    at = answering_step(steps, pull.moment)
    if at is None:
        earlier = [step for step in steps if step["moment"] < pull.moment]
        known = earlier[-1].get("readings") if earlier else None
        landed = LandingFiles(con, setting, landing).land(_located(name, setting, pull), known)
        steps = [*earlier, {"moment": pull.moment, **landed}]
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
    return None if at is None else sorted(map(digest_of_piece, steps[at]["pieces"]))


def _versions(_name: str, setting: Files, _reading: Reading, _moment: int) -> list[str]:
    return sorted(digest_at(file) for file in files_of(setting))


READER = Reader(inspect=_inspect, versions=_versions, read=_read, remembered=_remembered)
