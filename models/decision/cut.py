"""The cut of the ranking: where capacity, budget or profit ends the list, and who follows.

Above the cut are customers who are contacted, the control group, and customers suppressed by a rule; only the first use
up capacity and budget.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from models.decision import ranking
from models.decision.control_group import CONTACT

if TYPE_CHECKING:
    import pandas as pd

HELD = "held"  # suppressed by a rule; the other two places are the groups of the campaign
CAPACITY, BUDGET, PROFIT, EVERYONE = "capacity", "budget", "profit", "everyone"
FOLLOWING = 100


@dataclass(frozen=True)
class Cut:
    """The ranking, cut.

    Attributes:
        above: rows above the cut, in order, each with its `rank`: the place on the list that it has or, not being
            contacted, would have.
        bound: what ended the list: `capacity`, `budget`, `profit` or `everyone` (nobody was left).
        following: the first hundred after the end who may be contacted.
    """

    above: pd.DataFrame
    bound: str
    following: pd.DataFrame

    def of(self, place: str) -> pd.DataFrame:
        """Those above the cut whose place is `contact`, `control` or `held` (suppressed)."""
        return self.above[self.above["place"] == place].reset_index(drop=True)


def cut(candidates: pd.DataFrame, *, capacity: int, budget: float | None, stop_when_unprofitable: bool) -> Cut:
    """Cut candidates in order of rank.

    Args:
        candidates: `churn_probability`, `expected_net_value` (null without money), `spending`, `place`.
        capacity: contacts that there is room for, at least 1.
        budget: money that contacts may be expected to cost together; None: any.
        stop_when_unprofitable: end before the first contact that brings nothing, or costs more than it brings.
    """
    contacted = (candidates["place"] == CONTACT).to_numpy()
    most = len(candidates)
    ends = {CAPACITY: _first(np.cumsum(contacted) >= capacity, most) + 1}
    if budget is not None:
        spent = np.cumsum(np.where(contacted, candidates["spending"].to_numpy("float64"), 0.0))
        ends[BUDGET] = _first(contacted & (spent > budget + 1e-9), most)
    if stop_when_unprofitable:
        ends[PROFIT] = _first(candidates["expected_net_value"].to_numpy("float64") <= 0, most)
    bound = min(ends, key=lambda name: ends[name])
    end = ends[bound]
    free = (candidates["place"] != HELD).to_numpy()
    if not free[end:].any():
        bound, end = EVERYONE, ends.get(PROFIT, most)
    return Cut(with_ranks(candidates.iloc[:end]), bound, _next(candidates.iloc[end:]))


def _first(holds: Any, none: int) -> int:
    """The first index where it holds; `none` where it holds nowhere."""
    return int(np.argmax(holds)) if holds.any() else none


def with_ranks(above: pd.DataFrame) -> pd.DataFrame:
    """With `rank`: the place on the list; of whoever is not contacted the one that they would have."""
    contacted = (above["place"] == CONTACT).to_numpy()
    ranks = np.cumsum(contacted) + ~contacted
    return above.drop(columns="rank", errors="ignore").assign(rank=ranks.astype("int32")).reset_index(drop=True)


def _next(after: pd.DataFrame) -> pd.DataFrame:
    """Whoever the rules let be contacted, in whichever group: it must not matter who was assigned by now."""
    return after[after["place"] != HELD].head(FOLLOWING).reset_index(drop=True)


def expected_totals(table: pd.DataFrame) -> dict[str, Any]:
    """Expected totals of contacting these customers: money with two digits, null where the stream has none."""
    money = bool(len(table)) and ranking.has_money(table)

    def total(name: str) -> float:
        return round(float(table[name].sum()), 2)

    return {
        "customers": len(table),
        "expected_leavers": round(float(table["churn_probability"].sum()), 1),
        "value_at_risk": total("value_at_risk") if money else None,
        "expected_net_value": total("expected_net_value") if money else None,
        "spending": total("spending"),
    }
