"""The cut of a ranking whose last places are drawn by lot: see lottery.py for the draw, cut.py for the cut.

Only customers who are worth a contact take part. A budget is kept whoever is drawn: places are as many as could be paid
if the lots fell on the dearest, so that the number of places, and with it every probability, depends on no lot.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from models.decision.control_group import CONTACT, STRATA
from models.decision.cut import BUDGET, CAPACITY, EVERYONE, FOLLOWING, HELD, PROFIT, Cut, with_ranks
from models.decision.lottery import DRAWN, Assignment, Candidate, Design, Earlier, draw

if TYPE_CHECKING:
    import pandas as pd

DesignOf = Callable[[int], Design]
_LEFT_OUT = "left out"


def cut_by_lot(
    candidates: pd.DataFrame,
    earlier: Mapping[str, Earlier],
    design_of: DesignOf,
    *,
    capacity: int,
    budget: float | None,
    stop_when_unprofitable: bool,
) -> tuple[Cut, list[Assignment]]:
    """Cut candidates in order of rank, with the last places drawn.

    Args:
        candidates: columns of cut.cut, and `customer_id`, `risk_tier`, `segment`; `place` is `held`, or anything else.
        earlier: of all who were assigned in the campaign before; see lottery.draw.
        design_of: the lottery of so many places.
        capacity: contacts that there is room for, at least 1.
        budget: money that contacts may be expected to cost together; None: any.
        stop_when_unprofitable: whoever comes after the first contact that brings nothing takes no part.

    Returns:
        The cut, and the assignments of its rows that are not held, in order.
    """
    free = (candidates["place"] != HELD).to_numpy(dtype=bool)
    end = len(candidates)
    if stop_when_unprofitable:
        losing = candidates["expected_net_value"].to_numpy("float64") <= 0
        end = int(np.argmax(losing)) if losing.any() else end
    open_to = candidates.iloc[:end][free[:end]]
    people = _people(open_to)
    spending = dict(zip(open_to["customer_id"].astype("str"), open_to["spending"].astype("float64"), strict=True))
    places = capacity if budget is None else _funded(people, spending, earlier, design_of, (capacity, budget))
    drawn = draw(people, earlier, design_of(places)) if places else []
    return _cut(candidates, drawn, free, end, bound=BUDGET if places < capacity else CAPACITY, places=places), drawn


def _people(table: pd.DataFrame) -> list[Candidate]:
    columns = (table[name].astype("str") for name in ("customer_id", *STRATA))
    return [Candidate(one, " ".join(strata)) for one, *strata in zip(*columns, strict=True)]


def _funded(
    people: Sequence[Candidate],
    spending: Mapping[str, float],
    earlier: Mapping[str, Earlier],
    design_of: DesignOf,
    limits: tuple[int, float],
) -> int:
    """The most places, up to a capacity, that a budget pays for whomever the lots fall on; 0: not even one."""
    low, high = 0, limits[0]
    while low < high:
        middle = (low + high + 1) // 2
        dearest = _dearest(draw(people, earlier, design_of(middle)), spending)
        low, high = (middle, high) if dearest <= limits[1] + 1e-9 else (low, middle - 1)
    return low


def _dearest(drawn: Sequence[Assignment], spending: Mapping[str, float]) -> float:
    """What the contacts cost if the lots fall on those who cost most."""
    settled = sum(spending[one.customer] for one in drawn if one.by != DRAWN and one.group == CONTACT)
    lots = [one for one in drawn if one.by == DRAWN]
    seats = sum(one.group == CONTACT for one in lots)
    return settled + sum(sorted((spending[one.customer] for one in lots), reverse=True)[:seats])


def _cut(
    candidates: pd.DataFrame,
    drawn: Sequence[Assignment],
    free: npt.NDArray[np.bool_],
    end: int,
    *,
    bound: str,
    places: int,
) -> Cut:
    groups = {one.customer: one.group for one in drawn}
    ids = candidates["customer_id"].astype("str")
    own = [groups.get(one, _LEFT_OUT) if is_free else HELD for one, is_free in zip(ids, free, strict=True)]
    rows = candidates.assign(place=own)
    assigned = (rows["place"] != HELD) & (rows["place"] != _LEFT_OUT)
    waiting = rows[rows["place"] == _LEFT_OUT]
    last = int(np.flatnonzero(assigned.to_numpy())[-1]) + 1 if assigned.any() else 0
    if waiting.empty:
        bound, last = EVERYONE, end
    elif sum(group == CONTACT for group in groups.values()) < places:
        bound = PROFIT
    above = rows.iloc[:last]
    return Cut(with_ranks(above[above["place"] != _LEFT_OUT]), bound, waiting.head(FOLLOWING).reset_index(drop=True))
