"""Sentence templates filled with a customer's numbers, so that they read as if a person had written them.

A template is a Python format string over column names. Clauses are separated by "; ": the first one must be observed,
a later one is left out where a number in it stands for silence, or where it would not fit the first.
"""

from __future__ import annotations

import math
import re
import string
from collections.abc import Callable, Mapping
from typing import Any

Money = Mapping[str, Callable[[float], str]]
Figure = Callable[[float, str], str]  # a number and one of Python's formats -> as it is written


def named_in(template: str) -> list[str]:
    """The columns that a template names."""
    return [name for _, name, _, _ in string.Formatter().parse(template) if name]


def observed(
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
    return "; ".join([first, *(one for one in later if _all_observed(one, values, silence) and fits(one))])


def _all_observed(clause: str, values: Mapping[Any, Any], silence: Mapping[str, float]) -> bool:
    for name in named_in(clause):
        value = values.get(name)
        if value is None or (isinstance(value, float) and not math.isfinite(value)):
            return False
        if silence.get(name) and value == silence[name]:
            return False
    return bool(clause)


def say(template: str, values: Mapping[Any, Any], money: Money | None = None) -> str:
    """The sentence: thousands separated, no "-0", "1 day", "every day", "No orders", a capital first letter.

    `money`: the columns that are amounts, and how each is written.
    """
    text = _ONE.sub(_singular, filled(template, values, money))
    text = text.replace("every 1 day", "every day").replace("every 0 days", "more than once a day")
    text = re.sub(r"^0 (?=[a-z])", "No ", text)
    return text[:1].upper() + text[1:]


def filled(template: str, values: Mapping[Any, Any], money: Money | None = None, figure: Figure | None = None) -> str:
    """The template with its numbers, and nothing else changed: what `say` polishes in English.

    `figure` writes numbers that are no amounts; by default as in English, with thousands separated and no "-0".
    """
    return _ForPeople(money or {}, figure or _english).vformat(template, (), values)


def _english(value: float, form: str) -> str:
    if form.endswith(("f", "d")) and "," not in form:
        text = format(value, re.sub(r"^(.*?)(\.\d+)?([fd])$", r"\1,\2\3", form))
        return text.lstrip("-") if not text.strip("-0.,") else text
    return format(value, form)


class _Amount(float):
    """A float that knows how people write it."""

    write: Callable[[float], str]


class _ForPeople(string.Formatter):
    def __init__(self, money: Money, figure: Figure) -> None:
        self.money, self.figure = money, figure

    def get_value(self, key: int | str, args: Any, kwargs: Mapping[str, Any]) -> Any:
        value = super().get_value(key, args, kwargs)
        if str(key) not in self.money:
            return value
        amount = _Amount(value)
        amount.write = self.money[str(key)]
        return amount

    def format_field(self, value: Any, format_spec: str) -> str:
        if isinstance(value, _Amount):
            return value.write(float(value))
        if isinstance(value, (int, float)) and format_spec:
            return self.figure(value, format_spec)
        return str(super().format_field(value, format_spec))


_ONE = re.compile(r"(?<![\d.,])1 ((?:[a-z]+ )?)([a-z-]+s)\b")
_NOT_PLURAL = {"is", "was", "has", "this", "as", "less", "always", "minus", "plus", "across", "business", "previous"}


def _singular(match: re.Match[str]) -> str:
    before, word = match[1], match[2]
    if word in _NOT_PLURAL:
        return match[0]
    return f"1 {before}{word[:-3]}y" if word.endswith("ies") else f"1 {before}{word[:-1]}"
