"""Differences of shares as people read them: percentage points."""

from __future__ import annotations

from math import ceil

from pipelines.rendering.language.language import Language


def points(effect: float, language: Language, *, up: bool = False) -> str:
    """An effect in percentage points, with at most one digit; `up`: never less than it is."""
    tenths = ceil(effect * 1000 - 1e-9) if up else round(effect * 1000)
    number = language.figure(tenths / 10, ".0f" if tenths % 10 == 0 else ".1f")
    return language.say("1 point") if number == "1" else language.say("{number} points", number=number)
