"""What the page and the workbook say of a week besides the list. All of it is optional; what is absent is left out."""

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
        doing: the noun for what they do, singular and plural (`order`, `orders`), in the list's language.
        cohorts: who came when and who still comes; None where there is too little.
        first_month: the month (2017-01-01) in which the data begins: who first came then may be older.
        calibration: groups of the champion's own test, lowest first: `customers`, `promised`, `observed` (shares).
        topics: of each listed customer's first reason, in the list's order; "" where there is none. See
            `models/explanation/topics.py`.
        data_end: the last day (2017-12-03) of which the data knows something; "" where that is unknown.
        last: the list published before this one, see `highlights.last_list`.
        suppressed: rule -> customers whom it suppressed.
        control: customers of the control group.
        win_back: customers who have left already, in a file of their own.
        ordered_since: customers dropped at the last moment because they came after the data's end.
        power: what the campaign will be able to prove, in a sentence.
        learnt: what outcomes of earlier lists taught about the playbook's actions, in sentences.
        quick: it is a quick look, by a model that nobody judged.
        drift: checks that warn of data unlike that which the model learned from.
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
    suppressed: Mapping[str, int] = field(default_factory=dict)
    control: int = 0
    win_back: int = 0
    ordered_since: int = 0
    power: str = ""
    learnt: str = ""
    next_100: str = ""
    drift: int = 0
    quick: bool = False
