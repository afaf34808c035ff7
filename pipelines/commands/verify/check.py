"""One thing to compare, and the comparison of a folder's files with a list of digests."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from pipelines.runtime.errors import USER_ERRORS, ChurnError
from pipelines.runtime.files import digest_of

UNREADABLE = (OSError, ValueError, KeyError, TypeError, sqlite3.DatabaseError)


@dataclass(frozen=True)
class Check:
    """One thing to compare: `what` it is, and a function that gives a sentence for each fault."""

    area: str
    what: str
    faults: Callable[[], Iterable[str]]

    def found(self) -> list[str]:
        """The faults; what cannot even be read is one."""
        try:
            return [fault for fault in self.faults() if fault.strip()]
        except ChurnError as error:
            return error.advised()
        except USER_ERRORS as error:
            return [line for line in str(error).splitlines() if line.strip()]
        except UNREADABLE as error:
            return [f"{self.what}: cannot be read: {type(error).__name__}: {error}"]


def differing(
    folder: Path, expected: Mapping[str, str], whose: str, advice: str, beside: Iterable[str] | None = ()
) -> Iterator[str]:
    """Files that are missing, changed, or there without being named, unless `beside` allows them (None: all)."""
    here = {path.name for path in folder.iterdir() if path.is_file()} if folder.is_dir() else set()
    for name, digest in sorted(expected.items()):
        if name not in here:
            yield f"{folder / name}: is missing; {whose} names it. {advice}"
        elif digest_of(folder / name) != digest:
            yield f"{folder / name}: is not what {whose} says (expected the digest {digest[:12]}...). {advice}"
    for name in sorted(here - expected.keys() - set(beside)) if beside is not None else ():
        yield f"{folder / name}: {whose} does not name it. {advice}"
