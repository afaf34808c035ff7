"""How times are written, as params.yaml says it: formats as in strptime, or words of ours."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

UNIX_TIMES = ("unix_seconds", "unix_milliseconds")
SERIAL = "spreadsheet_days"
NUMBERED_TIMES = (*UNIX_TIMES, SERIAL)
YEAR_FIRST = "year_first"

TimeFormat = str | Annotated[tuple[str, ...], Field(min_length=1)] | None


def checked_time_format(value: TimeFormat) -> TimeFormat:
    """A time format, or several.

    Raises:
        ValueError: one is neither written as in strptime nor a word of ours.
    """
    for one in (value,) if isinstance(value, str) else value or ():
        if "%" not in one and one not in (*NUMBERED_TIMES, YEAR_FIRST):
            raise ValueError(
                f'{one!r} is not a time format. Write it as in strptime, for example "%d.%m.%Y %H:%M", or one of '
                + ", ".join((*NUMBERED_TIMES, YEAR_FIRST))
            )
    return value
