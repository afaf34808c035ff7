"""The error of this package, and the search for the nearest name ("Did you mean ...?")."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class Problem(ValueError):
    """Something that a person can mend: one line per fault, all faults of one file at once.

    Shown without a traceback; whatever was there before is still there.
    """

    def __init__(self, *faults: str) -> None:
        self.faults = tuple(faults)
        super().__init__("\n".join(faults))


class CheckFailed(Problem):
    """A check of the data failed: nothing is built on it."""


class Empty(Problem):
    """There is nobody to score, or nothing to score them by."""


class TryAgain(Problem):
    """Passes by itself: another run is at work, a server does not answer."""


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
