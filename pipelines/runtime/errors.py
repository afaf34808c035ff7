"""Errors that a person can mend, and the search for the nearest name ("Did you mean ...?").

`features` and `models` know neither each other nor this package, so their errors have roots of their own; USER_ERRORS
are all of them.
"""

from __future__ import annotations

import difflib
import errno
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import ClassVar

from features.errors import FeatureError
from models.errors import ModelError


class ChurnError(ValueError):
    """Something that a person can mend: one line per fault, all faults of one file at once.

    Shown without a traceback; whatever was there before is still there. `advice` for all of the faults is the last
    line. `kind` is its name in JSON logs, which schedulers read: it stays.
    """

    kind: ClassVar[str] = "Problem"

    def __init__(self, *faults: str, advice: str = "") -> None:
        self.advice = advice
        self.faults = (*faults, advice) if advice else faults
        super().__init__("\n".join(self.faults))

    def advised(self) -> list[str]:
        """The faults alone, the last of them with the advice."""
        *first, last = self.faults[: len(self.faults) - bool(self.advice)]
        return [*first, f"{last} {self.advice}".rstrip()]


class CheckFailedError(ChurnError):
    """A check of the data failed: nothing is built on it."""

    kind = "CheckFailed"


class NothingToScoreError(ChurnError):
    """There is nobody to score, or nothing to score them by."""

    kind = "Empty"


class TryAgainError(ChurnError):
    """Passes by itself: another run is at work, a server does not answer."""

    kind = "TryAgain"


USER_ERRORS = (ChurnError, FeatureError, ModelError)
KINDS: dict[type[Exception], str] = {FeatureError: "FeatureProblem", ModelError: "ModelProblem"}


def kind_of(error: Exception) -> str:
    """The name of an error in JSON logs."""
    return error.kind if isinstance(error, ChurnError) else KINDS.get(type(error), type(error).__name__)


DAMAGED = "is damaged"
"""Noted on an error by whoever knows which file it is about."""
_SYSTEM = {
    errno.ENOSPC: "the disk is full. Make room",
    errno.EDQUOT: "your share of the disk is used up. Make room",
    errno.EROFS: "lies on a file system that is read-only. Make it writable, or work in a copy of the project",
    errno.EACCES: "may not be read or written by you. `ls -l` shows whose it is; a project belongs to one user",
    errno.EPERM: "may not be changed by you. `ls -l` shows whose it is; a project belongs to one user",
    errno.EFBIG: "would be larger than you may write. See `ulimit -f`",
    errno.EMFILE: "cannot be opened: too many files are open. See `ulimit -n`",
    errno.EIO: "cannot be read or written: the disk reports an error. Look after the disk",
}
_DATABASE = {
    "disk is full": errno.ENOSPC,
    "No space left on device": errno.ENOSPC,
    "readonly database": errno.EACCES,
    "unable to open database file": errno.EACCES,
    "Permission denied": errno.EACCES,
    "Read-only file system": errno.EROFS,
}
"""What databases say of the same."""


@contextmanager
def system_faults() -> Iterator[None]:
    """Raise what the disk or its rights refuse inside the block, and damaged files, as a ChurnError.

    Other errors of the system, like a file that is missing, are defects of ours and pass.
    """
    try:
        yield
    except USER_ERRORS:
        raise
    except Exception as error:
        text = _system_fault(error)
        if text:
            raise ChurnError(f"{text}, then run the same again; what was there before is still there.") from error
        raise


def _system_fault(error: Exception) -> str:
    """What was refused, and what to do; empty where it is another kind of error."""
    said = (str(error).splitlines() or [""])[0][:200]
    damaged = next((note for note in getattr(error, "__notes__", ()) if note.endswith(DAMAGED)), None)
    if damaged:
        return f"{damaged} ({said}). Delete it (`churn run` makes again what it made) or bring it back from a backup"
    if isinstance(error, OSError):
        what = f"{error.filename}: " if error.filename else "A file of this project: "
        return f"{what}{_SYSTEM[error.errno]}" if error.errno in _SYSTEM else ""
    if not type(error).__module__.startswith(("sqlite3", "duckdb", "_duckdb", "sqlalchemy", "pyarrow")):
        return ""
    number = next((number for words, number in _DATABASE.items() if words in str(error)), None)
    return f"A database of this project ({said}): {_SYSTEM[number]}" if number else ""


def did_you_mean(found: str, allowed: Iterable[str]) -> str:
    """` Did you mean x?` where a name is near, else the names that are allowed."""
    names = sorted(str(name) for name in allowed)
    alike = [name for name in names if _folded(found) and _folded(name) == _folded(found)]
    near = alike or difflib.get_close_matches(found, names, n=1, cutoff=0.6)
    if near:
        return f" Did you mean {near[0]}?"
    return f" Allowed: {', '.join(names)}." if names else ""


def _folded(name: str) -> str:
    """A name without capitals and signs: `Customer ID` and `customer_id` are alike."""
    return "".join(filter(str.isalnum, name)).casefold()
