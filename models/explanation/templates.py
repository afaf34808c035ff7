"""Sentence templates: which columns they name, and which of their clauses a customer's numbers support.

A template is a Python format string over column names. Clauses are separated by "; ": the first one must be observed,
a later one is left out where a number in it stands for silence, or where it would not fit the first.
"""

from __future__ import annotations

import math
import string
from collections.abc import Callable, Mapping
from typing import Any


def columns_in(template: str) -> list[str]:
    """The columns that a template names."""
    return [name for _, name, _, _ in string.Formatter().parse(template) if name]


def observed_clauses(
    template: str,
    values: Mapping[Any, Any],
    silence: Mapping[str, float],
    fits: Callable[[str], bool] = lambda clause: True,
) -> str:
    """The template's clauses whose numbers were all observed; "" where the first one was not.

    A number that stands for silence would be invented: a gap of 1,000 days that means "never twice". Zero is different:
    no orders and no money are observations. `fits`: whether a later clause goes with the first.
    """
    first, *later = template.split("; ")
    if not _all_observed(first, values, silence):
        return ""
    return "; ".join([first, *(clause for clause in later if _all_observed(clause, values, silence) and fits(clause))])


def _all_observed(clause: str, values: Mapping[Any, Any], silence: Mapping[str, float]) -> bool:
    for name in columns_in(clause):
        value = values.get(name)
        if value is None or (isinstance(value, float) and not math.isfinite(value)):
            return False
        if silence.get(name) and value == silence[name]:
            return False
    return bool(clause)
