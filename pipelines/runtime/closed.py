"""Who may read what a process writes: its owner alone, or one group of the machine besides (`privacy.file_group`).

`close_files` sets the process's file mode mask, so everything is closed that it writes from then on, or that SQLite,
DuckDB, DVC, MLflow and the processes that it starts write for it: files 0600, folders 0700. With a group the folder of
the data belongs to that group and hands it on to what is made in it: files 0640, folders 2750.

A project whose stores others could read before stays as it is, with what is added to it: nobody loses what they could
read until the project's owner says so, by closing the folders or naming a group (`open_to_others` lists them).
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from pipelines.runtime.errors import ChurnError

OWNER, GROUP = 0o077, 0o027
"""Masks: what is taken from files that their owner alone reads, or a group besides."""
_USUAL = os.umask(OWNER)
os.umask(_USUAL)


@dataclass
class _Process:
    """What `close_files` was told last: the stores, and with which group files are shared (None: with nobody)."""

    stores: Stores | None = None
    group: int | None = None


@dataclass(frozen=True)
class Stores:
    """Folders with personal data of a project.

    `data`: the folder of most of them. `kept`: stores in it. `beside`: stores elsewhere. `owners`: what no group needs,
    copies of stores and the way back from pseudonyms; the first of them is DVC's cache, whose objects anybody may read
    who gets into it.
    """

    data: Path
    kept: tuple[Path, ...]
    beside: tuple[Path, ...]
    owners: tuple[Path, ...]


_process = _Process()


def close_files(stores: Stores, group: str | None) -> None:
    """Close what this process writes from here on. A group gets what is there already, and others lose it.

    Raises:
        ChurnError: there is no such group, or this user cannot give it these files.
    """
    _process.stores, _process.group = stores, None
    if group is not None:
        number = _number_of(group)
        os.umask(GROUP)
        _share_stores(stores, number, group)
        _process.group = number
    elif _stays_open(stores):
        os.umask(_USUAL)
    else:
        os.umask(OWNER)
        _make_cache(stores)


def open_to_others() -> list[Path]:
    """Which stores of `close_files` somebody can look into but their owner and the group that was named."""
    stores = _process.stores
    if stores is None:
        return []
    return [path for path in (*stores.kept, *stores.beside, *stores.owners) if _is_open(path)]


def folder(path: Path) -> Path:
    """A folder, made if need be, that its owner alone looks into, and the group that was named."""
    path.mkdir(parents=True, exist_ok=True)
    settle(path, 0o700)
    return path


def touch(path: Path) -> Path:
    """A file, empty where there is none, for its owner alone and the group that was named."""
    path.touch(mode=0o600)
    settle(path, 0o600)
    return path


def settle(path: Path, rights: int) -> None:
    """Its owner's rights to a file or folder, like 0o400; the group that was named reads what its owner reads."""
    path.chmod(rights)
    if _process.group is not None:
        _give(path, _process.group)


def mode() -> int:
    """The mode to open a new file with, for whoever does that by hand."""
    return 0o600 if _process.group is None else 0o640


def share(path: Path) -> None:
    """Give what was just written to the group that was named, unless it lies where its owner alone looks in."""
    if _process.group is None or not path.parent.stat().st_mode & stat.S_IRWXG:
        return
    for one in _within(path):
        _give(one, _process.group)


def owner_alone(path: Path) -> None:
    """Take everybody else's rights to a file, or to a folder and all that is in it."""
    for one in _within(path):
        one.chmod(_of_owner(one))


def _give(path: Path, group: int) -> None:
    """To a group: it reads what the owner reads, others do not; a folder hands the group on."""
    if path.stat().st_gid != group:
        os.chown(path, -1, group)
    rights = _of_owner(path)
    path.chmod(rights | (rights & 0o500) >> 3 | (stat.S_ISGID if path.is_dir() else 0))


def _of_owner(path: Path) -> int:
    return path.stat().st_mode & stat.S_IRWXU


def _within(path: Path) -> Iterator[Path]:
    """A file, or all that is in a folder and then the folder: where that was cut short, it is done again."""
    if path.is_dir():
        yield from (one for one in sorted(path.rglob("*"), reverse=True) if not one.is_symlink())
    yield path


def _stays_open(stores: Stores) -> bool:
    """Whether others could read the stores before, every one of them: an earlier version made this project."""
    there = [path for path in stores.kept if _found(path)]
    return bool(there) and all(map(_is_open, there))


def _is_open(path: Path) -> bool:
    """Whether others get to a path from the project's folder on; what lies above that is not looked at."""
    return all(map(_lets_others_in, (path, *path.parents)))


def _found(path: Path) -> os.stat_result | None:
    """None also where this user is not let in to look: then it is somebody else's, and closed."""
    try:
        return path.stat()
    except OSError:
        return None


def _lets_others_in(path: Path) -> bool:
    found = _found(path)
    if found is None:
        return False
    others = stat.S_IRWXO if found.st_gid == _process.group else stat.S_IRWXG | stat.S_IRWXO
    return bool(found.st_mode & others)


def _make_cache(stores: Stores) -> None:
    """Before DVC does, which makes it by the mask of whoever starts it."""
    with suppress(OSError):
        if stores.owners[0].parent.is_dir():
            stores.owners[0].mkdir(mode=0o700, exist_ok=True)


def _number_of(group: str) -> int:
    import grp

    try:
        return grp.getgrnam(group).gr_gid
    except KeyError:
        raise ChurnError(
            f"params.yaml: privacy.file_group: there is no group {group!r} on this machine. `id -Gn` lists those that "
            "you are in; without this setting files are for their owner alone."
        ) from None


def _share_stores(stores: Stores, number: int, group: str) -> None:
    """Once: a folder is given after all that is in it, and one that was given is not looked through again."""
    try:
        _make_cache(stores)
        for path in filter(_is_mine, stores.owners):
            path.chmod(_of_owner(path))
        for path in (*stores.beside, stores.data):
            path.mkdir(exist_ok=True)
            for one in _within(path) if not _is_shared(path, number) else ():
                if one == path or (_is_mine(one) and not any(one.is_relative_to(own) for own in stores.owners)):
                    _give(one, number)
    except PermissionError as error:
        raise ChurnError(
            f"params.yaml: privacy.file_group: {error.filename} cannot be given to the group {group!r}. Only its owner "
            "can do that, as a member of the group; `id -Gn` lists those that you are in."
        ) from None


def _is_mine(path: Path) -> bool:
    found = _found(path)
    return found is not None and os.geteuid() in (0, found.st_uid)


def _is_shared(path: Path, number: int) -> bool:
    found = path.stat()
    return found.st_gid == number and stat.S_IMODE(found.st_mode) == stat.S_ISGID | 0o750
