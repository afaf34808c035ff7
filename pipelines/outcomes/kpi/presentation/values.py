"""A figure's value as people read it: money in the currency, shares in percent, limits behind it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pipelines.outcomes.kpi import rows
from pipelines.rendering.language.language import Language

WHOLE = ("customers", "number", "points")


def written(row: Mapping[str, Any], language: Language, *, limits: bool = False) -> str:
    """The value of a row, "" where there is none; with its limits behind it where asked for and there."""
    value = number(row["value"], row["unit"], language)
    if not limits or row["low"] is None or row["value"] is None:
        return value
    low, high = (number(row[name], row["unit"], language) for name in ("low", "high"))
    return language.say("{value} ({low} to {high})", value=value, low=low, high=high)


def number(value: float | None, unit: str, language: Language) -> str:
    """One number of a unit (see models/kpi/declarations.Unit); "" for none."""
    if value is None:
        return ""
    if unit == "share":
        return language.figure(value, ".1%")
    if unit == "money":
        return language.money(value)
    if unit in WHOLE or (unit == "orders" and value >= 100):
        return language.figure(value, ".0f") if value >= 100 or value == int(value) else language.figure(value, ".2f")
    return language.figure(value, ".2f")


def reason(row: Mapping[str, Any], language: Language) -> str:
    """Why there is no value, or until when it is open; "" where it is closed."""
    said = row["reason"]
    if not said:
        return ""
    for template in (rows.NOT_IN_DATA, rows.STILL_OPEN, rows.NOT_OVER, rows.KNOWN_LATER, rows.DATA_BEGIN):
        begin, _, name = template.partition("{")
        if said.startswith(begin):
            filled = said.removeprefix(begin)
            words = language.day(filled) if name == "day}" else needs(filled, language)
            return language.say(template, **{name.removesuffix("}"): words})
    return language.say(said)


def needs(said: str, language: Language) -> str:
    """Names of activities as they are, what is in words translated."""
    return ", ".join(language.say(one) for one in said.split(", "))
