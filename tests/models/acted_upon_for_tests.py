"""A shop whose lists work, for 52 weeks with monthly retraining: is the model still right about the untreated?

Customers order weekly with a habit of their own, until they stop; some come back by themselves. Each week those at the
highest risk are listed, nine of ten are contacted, and a contact brings a share of those who had stopped back. A model
of cells (weeks since the last order, orders in sixteen weeks) is trained on labels that contacts have changed. What it
says is compared with what would have happened had nobody been contacted from that week on.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

import numpy as np
import numpy.typing as npt

from models.training.acted_upon import Assigned, untouched

AHEAD, ACTIVE, WINDOW = 4, 8, 16  # weeks
BURN, YEAR, MEMORY = 40, 52, 28
SHARE = 0.1
FIRST = date(2024, 1, 1)
KEEP, OUR_WAY, LEAVE_OUT, STAND_IN = "keep", "our way", "leave out later ones too", "control group stands in"
Holds = npt.NDArray[np.bool_]


def day(week: int) -> str:
    return (FIRST + timedelta(days=7 * week)).isoformat()


@dataclass
class Shop:
    """Customers by weeks; `effect`: of those who had stopped, the share that a contact brings back."""

    customers: int
    effect: float
    rng: np.random.Generator
    capacity: int = 250
    orders: Holds = field(init=False)
    assigned: list[Assigned] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.habit = self.rng.choice([0.25, 0.5, 0.8], self.customers)
        self.stops = self.rng.choice([0.01, 0.02, 0.05], self.customers)
        self.is_alive = np.ones(self.customers, bool)
        self.orders = np.zeros((self.customers, BURN + YEAR + AHEAD), bool)
        self.is_held_out = self.rng.random(self.customers) < SHARE

    def live(self, week: int, contacted: Holds) -> None:
        stopping, ordering, kept, back = self.rng.random((4, self.customers))
        self.is_alive &= stopping >= self.stops
        self.is_alive |= (contacted & (kept < self.effect)) | (back < 0.01)
        self.orders[:, week] = self.is_alive & (ordering < self.habit)

    def left_untreated(self, week: int) -> Holds:
        """Who would not order in the weeks ahead, were nobody contacted; nothing is changed."""
        before = self.is_alive.copy(), self.orders.copy(), self.rng.bit_generator.state
        for ahead in range(AHEAD):
            self.live(week + ahead, np.zeros(self.customers, bool))
        found = ~self.orders[:, week : week + AHEAD].any(axis=1)
        self.is_alive, self.orders, self.rng.bit_generator.state = before
        return found

    def cells(self, week: int) -> tuple[npt.NDArray[np.int64], Holds]:
        """The cell of each customer, and who is one."""
        past = self.orders[:, week - WINDOW : week][:, ::-1]
        since = np.where(past.any(axis=1), past.argmax(axis=1), ACTIVE)
        return np.minimum(since, ACTIVE) * 100 + past.sum(axis=1), past[:, :ACTIVE].any(axis=1)


def trained(shop: Shop, week: int, how: str) -> Callable[[Any], Any]:
    """Of each cell the share that left, at the moments of the last half year whose windows are over."""
    rows: list[tuple[str, str, int, bool]] = []
    for moment in range(max(WINDOW, week - AHEAD - MEMORY), week - AHEAD + 1, AHEAD):
        cells, eligible = shop.cells(moment)
        left = ~shop.orders[:, moment : moment + AHEAD].any(axis=1)
        rows += [(str(n), day(moment), int(cells[n]), bool(left[n])) for n in np.flatnonzero(eligible)]
    names, moments, cells, left = (list(column) for column in zip(*rows, strict=True))
    used = _rows(names, moments, shop.assigned, how)
    size = np.bincount(np.array(cells)[used], minlength=2000).astype(float)
    gone = np.bincount(np.array(cells)[used], weights=np.array(left)[used], minlength=2000)
    return lambda of: (gone[of] + 1) / (size[of] + 2)


def _rows(names: list[str], moments: list[str], assigned: list[Assigned], how: str) -> Any:
    """Positions of the rows that train, once for each time that they count."""
    if how == KEEP:
        return np.arange(len(names))
    if how == OUR_WAY:
        return np.flatnonzero(untouched(names, moments, assigned).keep)
    ahead: dict[tuple[str, str], bool] = {}
    for one in assigned:
        week = (date.fromisoformat(one.day) - FIRST).days // 7
        ahead |= {(one.customer, day(week - ago)): one.is_contacted for ago in range(AHEAD)}
    touched = [ahead.get(pair) for pair in zip(names, moments, strict=True)]
    stands = round(1 / SHARE) if how == STAND_IN else 1
    return np.repeat(np.arange(len(names)), [1 if one is None else 0 if one else stands for one in touched])


def misses(effect: float, how: str, seed: int, customers: int = 1500) -> list[tuple[float, float]]:
    """Predicted less observed share that leaves untreated, of all and of the fifth at the highest risk; each month of
    the second half of the year."""
    shop, found = Shop(customers, effect, np.random.default_rng(seed), capacity=customers // 12), []
    nobody = np.zeros(customers, bool)
    model: Callable[[Any], Any] | None = None
    for week in range(BURN + YEAR):
        contacted = nobody
        if week >= BURN:
            cells, eligible = shop.cells(week)
            if (week - BURN) % AHEAD == 0:
                model = trained(shop, week, how)
                if week >= BURN + YEAR // 2:
                    found.append(_miss(model(cells), shop.left_untreated(week), eligible))
            assert model is not None
            contacted = _listed(shop, model(cells), eligible, week)
        shop.live(week, contacted)
    return found


def _miss(said: Any, left: Holds, eligible: Holds) -> tuple[float, float]:
    top = eligible & (said >= np.quantile(said[eligible], 0.8))
    return float((said - left)[eligible].mean()), float((said - left)[top].mean())


def _listed(shop: Shop, said: Any, eligible: Holds, week: int) -> Holds:
    on = np.argsort(-np.where(eligible, said, -1), kind="stable")[: shop.capacity]
    contacted = np.zeros(shop.customers, bool)
    contacted[on] = ~shop.is_held_out[on]
    shop.assigned += [Assigned(str(n), day(week), bool(contacted[n]), 1 - SHARE) for n in on]
    return contacted
