"""Answers on a scale, as SQL: `10`, `10 - Extremely likely`, `0 (not at all)`, `very likely - 5`."""

from __future__ import annotations

_FIRST = r"^(\d{1,3})\s*[^\d\s.,][^\d]*$"
_LAST = r"^[^\d]*[^\d\s.,]\s*(\d{1,3})\s*\)?$"


def on_scale(number: str, text: str, scale: tuple[float, ...]) -> str:
    """SQL of an answer as a number; null where it is none of the scale.

    Args:
        number: SQL of the text as a number, null where it is more than one.
        text: SQL of it.
        scale: the lowest and the highest answer.
    """
    parts = (f"try_cast(regexp_extract({text}, '{pattern}', 1) as double)" for pattern in (_FIRST, _LAST))
    answer = f"coalesce({number}, {', '.join(parts)})"
    return f"(case when {answer} between {scale[0]!r} and {scale[1]!r} then {answer} end)"
