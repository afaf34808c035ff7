"""What the page says of a week beside the list itself. Everything may be absent; what is absent is not spoken of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from features.cohorts import Cohorts


@dataclass(frozen=True)
class Week:
    """The week around a list.

    Attributes:
        timelines: customer -> how often per week they did what customers do, the oldest week first.
        doing: what they do, one and many (`order`, `orders`), in English.
        cohorts: who came when and who still comes; None where there is too little.
        first_month: the month (2017-01-01) in which the data begins: who "came" then may be older.
        calibration: groups of the champion's own test, lowest first: `customers`, `promised`, `observed` (shares).
        topics: of each listed customer's first reason, in the list's order; "" where there is none. See
            `models/explanation/topics.py`.
        data_end: the last day (2017-12-03) of which the data knows something; "" where nobody says.
        last: the list published before this one, see `glance.last_list`.
        held_back: rule -> customers whom it kept off.
        control: customers left alone on purpose, so that the effect can be measured.
        win_back: customers who have left already, in a file of their own.
        ordered_since: customers dropped at the last moment because they came after the data's end.
        power: what the campaign will be able to prove, in a sentence.
        next_100: what the next hundred customers would have brought, in a sentence.
    """

    timelines: Mapping[str, Sequence[int]] = field(default_factory=dict)
    doing: tuple[str, str] = ("activity", "activities")
    cohorts: Cohorts | None = None
    first_month: str = ""
    calibration: Sequence[Mapping[str, float]] = ()
    topics: Sequence[str] = ()
    data_end: str = ""
    last: Mapping[str, Any] | None = None
    held_back: Mapping[str, int] = field(default_factory=dict)
    control: int = 0
    win_back: int = 0
    ordered_since: int = 0
    power: str = ""
    next_100: str = ""
