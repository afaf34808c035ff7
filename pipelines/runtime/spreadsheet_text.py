"""Cells that a spreadsheet would run as a formula: defused when written, and read back."""

from __future__ import annotations


def undefused(text: str) -> str:
    """What stood there before `defused` put a quotation mark before it."""
    return text[1:] if text.startswith("'") and defused(text[1:]) == text else text


RUN_AS_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


def defused(text: str) -> str:
    """The same text, never run by a spreadsheet. Leading spaces do not hide a formula."""
    return f"'{text}" if text.lstrip(" ").startswith(RUN_AS_FORMULA) else text
