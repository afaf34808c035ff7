"""Ids that a spreadsheet took for numbers, found again: `0012345678901234` comes back as 12345678901234 or 1.23457E+13.

Spreadsheets read text of digits, and of digits with one `e`, as a number: leading zeros go, fifteen digits are kept,
and fewer are written where the cell is narrow. An id with any other letter stays as it is.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from decimal import Decimal, InvalidOperation

KEPT_DIGITS = 15
_MOST_DIGITS = 1_100  # an id's own digits and an exponent of three
_TAKEN_FOR_NUMBER = re.compile(r"\d+(e\d{1,3})?")


def match_ids(cell: str, ids: Iterable[str]) -> list[str]:
    """Those of `ids` that a cell can mean, sorted: the very id, else all that a spreadsheet would have written so.

    Args:
        cell: its text, trimmed.
        ids: the ids that there are.
    """
    known = set(ids)
    if cell in known:
        return [cell]
    number = _number(cell.replace(",", "."))
    if number is None:
        return []
    return sorted(one for one in known if _TAKEN_FOR_NUMBER.fullmatch(one) and _is_written_as(Decimal(one), number))


def _number(text: str) -> Decimal | None:
    try:
        number = Decimal(text)
    except InvalidOperation:
        return None
    return number if number.is_finite() and abs(number.adjusted()) < _MOST_DIGITS else None


def _is_written_as(number: Decimal, written: Decimal) -> bool:
    """Whether `written` is `number` to the digits that it has, cut or rounded."""
    if not written or not number:
        return number == written
    digits = min(len(written.as_tuple().digits), KEPT_DIGITS)
    unit = Decimal(1).scaleb(written.adjusted() - digits + 1)
    return -unit / 2 <= number - written < unit
