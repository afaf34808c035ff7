"""The declaration of a measure: how an activity before a moment becomes one number, its bounds, unit and sentence."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from features.windows import Array

WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
MONTH_PARTS = ("begin", "middle", "end")  # days 1 to 10, 11 to 20, and the rest

FAMILIES: dict[str, str] = {
    "recency": "How long ago the customer last did it.",
    "frequency": "How often the customer did it, in windows from a week to a year.",
    "money": "How much money the customer spent.",
    "rhythm": "The customer's own rhythm, and how long the present silence is beside it.",
    "btyd": "The summary that buy-till-you-die models use: repeat orders, recency, age, mean value (Fader and Hardie).",
    "decay": "Activity and money in which the old counts for less and less.",
    "trend": "The latest window beside the one before it, and the slope over several.",
    "shape": "What a usual order looks like: its value, its size, how much they vary, what was saved or returned.",
    "variety": "How many different things (stores, pages, topics) the customer used.",
    "engagement": "Everything else that the customer does.",
    "survey": "What the customer answered when asked.",
    "support": "Complaints, returns and calls for help.",
    "calendar": "Weekday, month and season habits.",
    "tenure": "How long the customer has been with us.",
}

Needs = Literal["value", "quantity", "detail"]
Reader = Callable[[Any, Any], Array]


@dataclass(frozen=True)
class Measure:
    """How one number is computed and what it means.

    Attributes:
        family: key of FAMILIES.
        unit: days, activities, money, share, ratio, points, ...
        silence: the number where the customer gives none.
        read: (view, days) -> array of one number per row.
        low, high: bounds that hold always; None where there is none.
        tolerance: largest error against exact arithmetic, before rounding to float32: relative to the number, or to 1
            where that is larger (for spreads: to the largest value).
        windowed: whether it wants days.
        edges: the days before a moment at which a window of so many days needs a boundary.
        needs: the column of the activity that must have values.
        monotone: direction in which the chance of leaving may move as the number rises (-1, 0, 1), for the main
        activity.
        higher_is_worse: whether a higher number is bad news; None where neither.
        sentence: template, "" where the number is no reason to give.
    """

    family: str
    unit: str
    silence: float
    read: Reader
    low: float | None = 0.0
    high: float | None = None
    tolerance: float = 0.0
    windowed: bool = False
    edges: Callable[[int], tuple[int, ...]] = lambda days: (days,)
    needs: Needs | None = None
    monotone: Literal[-1, 0, 1] = 0
    higher_is_worse: bool | None = None
    sentence: str = ""

    def __post_init__(self) -> None:
        faults = []
        if self.family not in FAMILIES:
            faults.append(f"family {self.family!r} is none of {', '.join(FAMILIES)}")
        if not math.isfinite(self.silence):
            faults.append(f"silence must be a finite number, found {self.silence}")
        if self.low is not None and self.high is not None and self.low > self.high:
            faults.append(f"low {self.low} lies above high {self.high}")
        if (self.low is not None and self.silence < self.low) or (self.high is not None and self.silence > self.high):
            faults.append(f"silence {self.silence} lies outside {self.low} .. {self.high}")
        if faults:
            raise ValueError("a measure is declared wrongly: " + "; ".join(faults))
