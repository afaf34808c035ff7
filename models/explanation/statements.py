"""One number of one customer as a statement: the template of its sentence, and what it is compared with.

A number is stated only where it is good or bad news in itself, where it was observed, and where it lies beyond what is
usual as both are written, and by a tenth at least. Sentences come from columns.json; the clause with what is usual is
one of CLAUSES, unless the sentence compares already.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal

from models.explanation.templates import columns_in, observed_clauses
from models.explanation.topics import AS_BEFORE, higher_is_worse
from models.explanation.usual import GROWING_EVER

Column = Mapping[str, Any]

# How much of what is usual a number must lie beyond it.
LEAST_DEPARTURE = 0.1
OTHER, NEW = "other customers", "other new customers"
CLAUSES = {
    "habit": "usually <usual>",
    "habit of gaps": "usually every <usual> days",
    "kind": f"{OTHER} usually <usual>",
    "new": f"{NEW} usually <usual>",
    "kind of gaps": f"{OTHER} usually every <usual> days",
    "new of gaps": f"{NEW} usually every <usual> days",
    "kind so far": f"{OTHER} in that time usually <usual>",
    "new so far": f"{NEW} in that time usually <usual>",
    "kind none": f"most {OTHER} none",
    "new none": f"most {NEW} none",
}
"""What a number is compared with -> the clause; `<usual>` is written as the number is."""


@dataclass(frozen=True)
class Numbers:
    """One customer's numbers, and what is usual of them; see usual.py."""

    values: Mapping[Any, Any]
    usual: Mapping[Any, Any]
    by_habit: Mapping[Any, bool]
    observed: Mapping[Any, bool]
    new: bool


@dataclass(frozen=True)
class Statement:
    """A template and its numbers.

    Attributes:
        template: of the sentence; may name numbers of `aliases`.
        values: the customer's numbers, and those that are usual under their names in `aliases`.
        aliases: name of a number that is usual -> the column that it is of.
        compared: with what.
        departure: how far the number lies from what is usual, for choosing among statements of a topic.
    """

    template: str
    values: Mapping[Any, Any]
    aliases: Mapping[str, str]
    compared: Literal["habit", "kind"]
    departure: float


def statement(column: Column, numbers: Numbers, silence: Mapping[str, float], *, up: bool) -> Statement | None:
    """The statement of a column that raises (`up`) or lowers the risk; None where its number says no such thing."""
    name, values = str(column["name"]), numbers.values
    bad, value = higher_is_worse(column), values.get(name)
    if bad is None or not isinstance(value, (int, float)) or not numbers.observed.get(name, True):
        return None
    against = _against(column, numbers)
    if against is None or not _beyond(column, float(value), against, upwards=bad == up):
        return None
    by_habit = column["measure"] in AS_BEFORE or bool(numbers.by_habit.get(name))

    def fits(clause: str) -> bool:
        """Whether a later clause may be said: 41 days ago; usually every 9, never 50; and only of a habit."""
        others = [values[other] for other in columns_in(clause) if other != name]
        return by_habit and all(value > other if bad == up else value < other for other in others)

    template = observed_clauses(column["sentence"], values, silence, fits)
    if not template:
        return None
    departure = abs(value - against) / max(abs(against), 1e-9 if by_habit else 1.0) * math.sqrt(column["days"] or 1)
    compared: Literal["habit", "kind"] = "habit" if by_habit else "kind"
    if column["measure"] in AS_BEFORE or "; " in template:
        return Statement(template, values, {}, compared, departure)
    alias = f"{name}__usual"
    clause = CLAUSES[_clause(column, numbers, against, by_habit=by_habit)]
    clause = clause.replace("<usual>", f"{{{alias}{_form(column)}}}")
    return Statement(f"{template}; {clause}", {**values, alias: against}, {alias: name}, compared, departure)


def _against(column: Column, numbers: Numbers) -> float | None:
    """The number that it is compared with; None where there is none.

    What compares customers with themselves needs a habit of theirs, an answer an earlier one.
    """
    name, measure = column["name"], column["measure"]
    if measure in AS_BEFORE:
        is_own = bool(numbers.by_habit.get(name)) or measure in ("count_trend", "value_change")
        return AS_BEFORE[measure] if is_own else None
    against = numbers.usual.get(name)
    return float(against) if isinstance(against, (int, float)) and math.isfinite(against) else None


def _beyond(column: Column, value: float, against: float, *, upwards: bool) -> bool:
    """Whether the number lies beyond the other on that side, as both are written and by LEAST_DEPARTURE."""
    sign, digits = 1 if upwards else -1, _digits(column)
    if column["measure"] in AS_BEFORE:
        return sign * (round(value, 1) - against) > 0
    if digits == 1 and max(abs(value), abs(against)) < 1:
        return False  # 0.1 and 0.2 days a week are no difference to anybody
    far = sign * (value - against) >= LEAST_DEPARTURE * abs(against)
    return far and sign * (round(value, digits) - round(against, digits)) > 0


def _clause(column: Column, numbers: Numbers, against: float, *, by_habit: bool) -> str:
    """The key of CLAUSES."""
    if by_habit:
        return "habit of gaps" if column["measure"] == "days_since_last" else "habit"
    kind = "new" if numbers.new else "kind"
    if column["measure"] in ("count", "active_days") and round(against) == 0:
        return f"{kind} none"
    if column["measure"] == "gap_mean":
        return f"{kind} of gaps"
    return f"{kind} so far" if column["measure"] in GROWING_EVER else kind


def _form(column: Column) -> str:
    """The format in which a sentence writes the column's own number, with its colon."""
    return _form_in(str(column["name"]), str(column["sentence"]))


@cache
def _form_in(name: str, sentence: str) -> str:
    found = re.search(rf"\{{{name}(:[^}}]*)?\}}", sentence)
    return (found[1] or "") if found else ":.0f"


def _digits(column: Column) -> int:
    """Digits after the point of the number as it is written; a percentage has two more."""
    return _digits_of(_form(column))


@cache
def _digits_of(form: str) -> int:
    found = re.search(r"\.(\d+)", form)
    return (int(found[1]) if found else 0) + (2 if form.endswith("%") else 0)
