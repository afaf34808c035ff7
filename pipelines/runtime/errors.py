"""Errors that a person can mend, and the search for the nearest name ("Did you mean ...?").

`features` and `models` know neither each other nor this package, so their errors have roots of their own; USER_ERRORS
are all of them.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
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
