"""The project's files outside the ledger without a customer: texts of sources go, tables are rewritten.

| what | how |
|---|---|
| texts of sources, before any rule: landing store, rows put aside, notes of stages | deleted; read again |
| the quick look of `churn run --quick` | deleted; made again when it is asked for |
| reports of checks | rewritten, with their pages |
| lists, with their manifests | rewritten, all files of all lists at once |
| any other table below `data/`, in MLflow's artifacts, of experiments, written elsewhere | rewritten, one by one |

A champion knows no customer, nor does MLflow's database: nothing is looked for there.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from pipelines.erasure.copies import stage_list
from pipelines.erasure.formats import Names, UnreadableError, holds, kind_of, without
from pipelines.erasure.reports import forget_in_reports
from pipelines.erasure.staged import Staged
from pipelines.ledger import record
from pipelines.ledger.read import FILE as LEDGER
from pipelines.publishing import archive
from pipelines.publishing.written import written
from pipelines.runtime import journal
from pipelines.runtime.files import atomic_file
from pipelines.settings import artifacts
from pipelines.sources.privacy import vault
from pipelines.sources.privacy.erased import FILE, KEY_FILE

EXPERIMENTS = Path(".dvc/tmp/exps")
KEPT = (FILE, KEY_FILE, LEDGER, record.file_of(LEDGER), artifacts.WRITTEN)
LOOKED_INTO = (artifacts.LISTS, archive.FOLDER, artifacts.DATA / "exports")  # where people may save files of theirs


@dataclass
class FromFiles:
    """What was deleted and rewritten, what cannot be read, what nobody can look into, and what is not where it was."""

    deleted: list[str] = field(default_factory=list)
    rewritten: list[str] = field(default_factory=list)
    unreadable: list[str] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)
    moved: list[str] = field(default_factory=list)


def forget_in_files(names: Names) -> FromFiles:
    """Take customers out of every file but the ledger, its copies and DVC's stores. Safe to repeat."""
    done = FromFiles()
    for place in _made_again():
        shutil.rmtree(place) if place.is_dir() else place.unlink()
        done.deleted.append(place.as_posix())
    for folder in sorted({path.parent for root in _roots() for path in root.glob("**/*.json")}):
        done.rewritten += forget_in_reports(folder, names)
    _forget_in_lists(names, done)
    for path in tables():
        _rewrite(path, names, done)
    done.moved = [str(place) for place in written() if not place.exists()]
    done.unknown = [path.as_posix() for place in LOOKED_INTO for path in within(place) if not _is_known(path)]
    return done


def finish() -> None:
    """Put lists into place that an erasure left ready when it was killed."""
    Staged(artifacts.LISTS).put_in_place()


def speaking(names: Names) -> list[str]:
    """Files of the project that still speak of them."""
    return [path.as_posix() for path in [*tables(), *_lists()] if _speaks(path, names)]


def tables() -> Iterator[Path]:
    """Files that may hold customers, each on its own: not lists, not the ledger with its copies, not champions."""
    apart = (artifacts.LISTS, archive.FOLDER, artifacts.CHAMPIONS)
    for root in _roots():
        for path in within(root):
            if path not in KEPT and path.suffix != ".lock" and not any(path.is_relative_to(one) for one in apart):
                yield path
    elsewhere = [one for place in written() for one in _with_companions(place)]
    for place in (Path("mlartifacts"), *elsewhere):
        yield from within(place)


def within(place: Path) -> list[Path]:
    """The files of a folder, or the file itself."""
    return [path for path in (sorted(place.rglob("*")) if place.is_dir() else [place]) if path.is_file()]


def _roots() -> list[Path]:
    return [artifacts.DATA, *sorted(path for path in EXPERIMENTS.glob("**/data") if path.is_dir())]


def _lists() -> Iterator[Path]:
    yield from (path for place in (artifacts.LISTS, archive.FOLDER) for path in within(place))


def _with_companions(place: Path) -> tuple[Path, Path]:
    """What was written, and the folder of an unfinished `churn score` beside it."""
    return place, place.with_name(f"{place.name}.parts")


def _made_again() -> Iterator[Path]:
    """Texts of sources, before any rule, and a quick look: what the next run makes again."""
    for root in _roots():
        landing = root / artifacts.LANDING.relative_to(artifacts.DATA)
        yield from (path for path in sorted(landing.glob("*")) if path.is_dir())
        yield from (path for path in [root / artifacts.QUICK.name] if path.is_dir())
        for name in ("quarantine_*.csv", "unmatched_*.csv"):
            yield from sorted(root.glob(f"**/{name}"))
    yield from (path for path in (vault.FOLDER / vault.FAULTS, journal.FILE) if path.is_file())
    for place in written():
        for name in ("quarantine_*.csv", "unmatched_*.csv"):
            yield from sorted(_with_companions(place)[1].glob(f"**/{name}"))


def _forget_in_lists(names: Names, done: FromFiles) -> None:
    stage = Staged(artifacts.LISTS)
    folders = sorted(path for path in artifacts.LISTS.glob("[!.]*") if path.is_dir())
    with stage.made() as partial:
        for folder in folders:
            stage_list(folder, names, partial / folder.name, done.unreadable)
    done.rewritten += [(artifacts.LISTS / name).as_posix() for name in stage.files()]
    stage.put_in_place()


def _rewrite(path: Path, names: Names, done: FromFiles) -> None:
    try:
        if holds(path, names):
            mode = path.stat().st_mode & 0o777
            with atomic_file(path) as partial:
                without(path, names, partial)
                partial.chmod(mode)
            done.rewritten.append(path.as_posix())
    except UnreadableError as error:
        done.unreadable.append(str(error))
    except OSError as error:
        done.unreadable.append(f"{path}: cannot be written ({error.strerror})")


def _speaks(path: Path, names: Names) -> bool:
    try:
        return holds(path, names)
    except UnreadableError:
        return False  # said where it was to be rewritten


def _is_known(path: Path) -> bool:
    return bool(kind_of(path)) or path.suffix == ".csv" or path.name == artifacts.MANIFEST
