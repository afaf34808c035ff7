"""Sentence templates filled with a customer's numbers, in English that reads as if a person had written it.

A template is a Python format string over column names, see models/explanation/templates.py.
"""

from __future__ import annotations

import re
import string
from collections.abc import Callable, Mapping
from typing import Any

Amounts = Mapping[str, Callable[[float], str]]  # column of an amount -> how it is written
Figure = Callable[[float, str], str]  # a number and one of Python's formats -> as it is written


def sentence(template: str, values: Mapping[Any, Any], amounts: Amounts | None = None) -> str:
    """The sentence: thousands separated, no "-0", "1 day", "every day", "No orders", a capital first letter."""
    text = _ONE.sub(_singular, fill(template, values, amounts))
    text = text.replace("every 1 day", "every day").replace("every 0 days", "more than once a day")
    text = re.sub(r"^0 (?=[a-z])", "No ", text)
    return text[:1].upper() + text[1:]


def fill(template: str, values: Mapping[Any, Any], amounts: Amounts | None = None, figure: Figure | None = None) -> str:
    """The template with its numbers, and nothing else changed: what `sentence` polishes in English.

    `figure` writes numbers that are no amounts; by default as in English, with thousands separated and no "-0".
    """
    return _Formatter(amounts or {}, figure or _english).vformat(template, (), values)


def _english(value: float, form: str) -> str:
    if form.endswith(("f", "d")) and "," not in form:
        text = format(value, re.sub(r"^(.*?)(\.\d+)?([fd])$", r"\1,\2\3", form))
        return text.lstrip("-") if not text.strip("-0.,") else text
    return format(value, form)


class _Amount(float):
    """A float that knows how it is written."""

    write: Callable[[float], str]


class _Formatter(string.Formatter):
    def __init__(self, amounts: Amounts, figure: Figure) -> None:
        self.amounts, self.figure = amounts, figure

    def get_value(self, key: int | str, args: Any, kwargs: Mapping[str, Any]) -> Any:
        value = super().get_value(key, args, kwargs)
        if str(key) not in self.amounts:
            return value
        amount = _Amount(value)
        amount.write = self.amounts[str(key)]
        return amount

    def format_field(self, value: Any, format_spec: str) -> str:
        if isinstance(value, _Amount):
            return value.write(float(value))
        if isinstance(value, (int, float)) and format_spec:
            return self.figure(value, format_spec)
        return str(super().format_field(value, format_spec))


_ONE = re.compile(r"(?<![\d.,])1 ((?:[a-z]+ )?)([a-z-]+s)\b")
_ES = ("sses", "xes", "ches", "shes")
_NOT_PLURAL = {"is", "was", "has", "this", "as", "less", "always", "minus", "plus", "across", "business", "previous"}


def _singular(match: re.Match[str]) -> str:
    before, word = match[1], match[2]
    if word in _NOT_PLURAL:
        return match[0]
    if word.endswith("ies"):
        return f"1 {before}{word[:-3]}y"
    return f"1 {before}{word[:-2] if word.endswith(_ES) else word[:-1]}"
