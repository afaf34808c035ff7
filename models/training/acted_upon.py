"""Training rows whose outcome our own lists may have changed: those of customers whom the week's list contacted.

A list that works teaches the next model that its customers were safe. So a row is left out where its customer was to be
contacted by a list of the week that ends with the row's day: who is on a list follows from what was known by then, so
the control group's rows, which stay, are like those that go. Rows of customers whom a list of a later week contacts
stay as they are. To leave them out as well would be worse than nothing: whoever is contacted later has fallen silent by
then, and those who are left are the ones who stayed. To let the control group count for them, each ten times, is right
on average and wrong at the top, where few customers then decide. tests/models/test_acted_upon.py compares the four.

Whoever was sure to be contacted has nobody like them who was not: their rows stay as they are, and are counted.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
import numpy.typing as npt

_WEEK = 7


@dataclass(frozen=True)
class Assigned:
    """A customer on a list.

    Attributes:
        customer: the id.
        day: of the list, ISO.
        is_contacted: whether they were to be contacted.
        probability: with which they were to be, 0..1.
    """

    customer: str
    day: str
    is_contacted: bool
    probability: float


@dataclass(frozen=True)
class Untouched:
    """The rows that train.

    Attributes:
        keep: whether each row does.
        contacted: rows that do not: of customers who were contacted by lot.
        control: rows of the control group, which do.
        sure: rows of customers who were sure to be contacted, which do.
    """

    keep: npt.NDArray[np.bool_]
    contacted: int
    control: int
    sure: int

    def to_json(self) -> dict[str, int]:
        """For recipe.json: nothing where no list touched a row."""
        if not (self.contacted or self.control or self.sure):
            return {}
        return {"contacted_rows": self.contacted, "control_rows": self.control, "sure_rows": self.sure}


def untouched(customers: Sequence[str], moments: Sequence[str], assigned: Iterable[Assigned]) -> Untouched:
    """Which rows train.

    Args:
        customers, moments: of each row; moments are ISO days.
        assigned: everybody on lists, any order.
    """
    on: dict[tuple[str, int], Assigned] = {(one.customer, _number(one.day)): one for one in assigned}
    days = {moment: _number(moment) for moment in set(moments)}
    newest = [_newest(on, customer, days[moment]) for customer, moment in zip(customers, moments, strict=True)]
    by_lot = np.array([one is not None and one.is_contacted and one.probability < 1 for one in newest], dtype=bool)
    sure = sum(one is not None and one.is_contacted and one.probability >= 1 for one in newest)
    control = sum(one is not None and not one.is_contacted for one in newest)
    return Untouched(~by_lot, int(by_lot.sum()), control, sure)


def _newest(on: dict[tuple[str, int], Assigned], customer: str, day: int) -> Assigned | None:
    """The customer on the newest list of the week that ends with a day."""
    return next((on[customer, day - ago] for ago in range(_WEEK) if (customer, day - ago) in on), None)


def _number(day: str) -> int:
    return date.fromisoformat(day).toordinal()
