"""Cells that a spreadsheet would run as a formula: defused when written, and read back."""

from __future__ import annotations


def undefused(text: str) -> str:
    """The text as it was before `defused`: no two texts have the same cell."""
    return text[1:] if text.startswith("'") and defused(text[1:]) == text else text


RUN_AS_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


def defused(text: str) -> str:
    """The text with a `'` before it where a spreadsheet would run it as a formula; leading spaces hide none.

    So has one that begins like a defused cell: else `'-1` and `-1` would be one cell.
    """
    return f"'{text}" if text.lstrip(" '").startswith(RUN_AS_FORMULA) else text
