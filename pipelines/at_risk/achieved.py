"""What earlier lists achieved, as far as it was known before a list's day: the summaries that `churn outcomes` leaves.

`data/outcomes/known/DAY.json` holds what was known when DAY began: `known_until`, `newest` (the newest list that had
matured, null without one) and `campaigns`, as in effects.json. They stay, so that a list of an earlier day, made again,
knows what it knew then. No ids in any.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pipelines.runtime.files import digest_of, read_json
from pipelines.settings import artifacts

FOLDER = artifacts.OUTCOMES / artifacts.KNOWN


def achieved(as_of: str, folder: Path = FOLDER) -> dict[str, Any] | None:
    """The newest summary from before the day; None where there is none.

    That of the day itself does not count: `churn weekly` makes it behind the list of the day.
    """
    path = _newest(as_of, folder)
    return None if path is None else dict(read_json(path))


def achieved_digest(as_of: str, folder: Path = FOLDER) -> str | None:
    """The digest of what `achieved` gives; None where it gives nothing."""
    path = _newest(as_of, folder)
    return None if path is None else digest_of(path)


def _newest(as_of: str, folder: Path) -> Path | None:
    earlier = [path for path in folder.glob("????-??-??.json") if path.stem < as_of]
    return max(earlier, default=None, key=lambda path: path.stem)
