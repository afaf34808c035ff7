"""Profit of a retention campaign by cut-off, the best cut-off, and the expected maximum profit (EMPC).

Verbraken, Verbeke and Baesens 2013, "A novel profit maximizing metric for measuring classification performance of
customer churn prediction models", IEEE TKDE 25(5). Everybody contacted costs `contact_cost`. Who was leaving takes the
offer and stays with probability gamma: worth `customer_value` less the incentive. Who was not leaving takes the
incentive as well. With `leavers(t)` and `stayers(t)` the shares of all customers above a cut-off t:

    profit(t, gamma) = leavers(t) * (gamma * (customer_value - incentive_cost) - contact_cost)
                       - stayers(t) * (incentive_cost + contact_cost)                                per customer

gamma is not known: Beta(alpha, beta). The expected maximum profit takes the best cut-off for each gamma, weighted
by its density. Best cut-offs lie on the convex hull of the ROC curve, so the integral is a sum over the hull's corners.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.special import betainc

Floats = npt.NDArray[np.floating[Any]]


@dataclass(frozen=True)
class Costs:
    """Money of one contact, in the stream's currency.

    Attributes:
        customer_value: what a leaver who stays after all is worth, above `incentive_cost`.
        contact_cost: of reaching one customer, at least 0.
        incentive_cost: of the offer, for whoever takes it, at least 0.
        alpha: of the Beta density of the share of contacted leavers who stay, above 0.
        beta: likewise; the mean share is alpha / (alpha + beta).
    """

    customer_value: float
    contact_cost: float = 1.0
    incentive_cost: float = 10.0
    alpha: float = 6.0
    beta: float = 14.0

    @property
    def success_share(self) -> float:
        """Mean share of contacted leavers who stay."""
        return self.alpha / (self.alpha + self.beta)

    @property
    def break_even(self) -> float:
        """The probability of leaving above which a contact pays on average, if probabilities are right; 0..1.

        1 where no contact ever pays.
        """
        wasted = self.incentive_cost + self.contact_cost
        won = self.success_share * (self.customer_value - self.incentive_cost) - self.contact_cost
        return wasted / (wasted + won) if won > 0 else 1.0

    def profit(self, leavers: Floats, stayers: Floats, gamma: Floats | float) -> Floats:
        """Per customer, from the shares of all customers that are contacted leavers and contacted stayers."""
        won = gamma * (self.customer_value - self.incentive_cost) - self.contact_cost
        return np.asarray(leavers * won - stayers * (self.incentive_cost + self.contact_cost), dtype=np.float64)


def figures(probability: Floats, churned: Floats, costs: Costs, *, capacity: int) -> dict[str, Any]:
    """Profit of one moment, keyed.

    Args:
        probability: of leaving, 0..1, one per customer.
        churned: 0 or 1 per customer.
        costs: of one contact.
        capacity: customers that can be contacted, at least 1; more than there are means all.

    Returns:
        `best_cutoff` (with hindsight: the cut-off that earned most), `break_even` (the cut-off that costs alone give,
        known beforehand), `capacity` (the `capacity` highest), each with `contacted_share`, `profit_per_customer` (of
        all customers, contacted or not) and `profit` (their sum), at the mean success share; and `expected_maximum`
        with `profit_per_customer` and `contacted_share`.
    """
    taken, leavers, stayers, edges = _steps(probability, churned)
    at_mean = costs.profit(leavers, stayers, costs.success_share)
    best = int(np.argmax(at_mean))
    even = int(np.sum(edges >= costs.break_even))
    size = min(capacity / len(churned), 1.0)
    emp, share = expected_maximum(probability, churned, costs)

    def at_share(contacted: float, profit: float) -> dict[str, float]:
        return {"contacted_share": contacted, "profit_per_customer": profit, "profit": profit * len(churned)}

    return {
        "best_cutoff": {
            **at_share(float(taken[best]), float(at_mean[best])),
            "probability": float([1.0, *edges][best]),
        },
        "break_even": {**at_share(float(taken[even]), float(at_mean[even])), "probability": costs.break_even},
        "capacity": at_share(size, float(np.interp(size, taken, at_mean))),
        "expected_maximum": {"profit_per_customer": emp, "contacted_share": share},
    }


def expected_maximum(probability: Floats, churned: Floats, costs: Costs) -> tuple[float, float]:
    """Expected maximum profit per customer, and the share of customers that the best cut-offs contact on average."""
    taken, leavers, stayers, _ = _steps(probability, churned)
    corners = _hull(stayers, leavers)
    leavers, stayers, taken = leavers[corners], stayers[corners], taken[corners]
    gain = np.diff(leavers) * (costs.customer_value - costs.incentive_cost)
    cost = np.diff(stayers) * (costs.incentive_cost + costs.contact_cost) + np.diff(leavers) * costs.contact_cost
    thresholds = np.divide(
        cost, gain, out=np.full(len(gain), np.inf), where=gain > 0
    )  # gamma at which the next corner wins
    bounds = np.clip(np.concatenate([[0.0], np.maximum.accumulate(thresholds), [1.0]]), 0.0, 1.0)
    whole = np.diff(betainc(costs.alpha, costs.beta, bounds))
    weighted = costs.success_share * np.diff(betainc(costs.alpha + 1, costs.beta, bounds))
    won = weighted * (costs.customer_value - costs.incentive_cost) - whole * costs.contact_cost
    lost = whole * (costs.incentive_cost + costs.contact_cost)
    return float(np.sum(leavers * won - stayers * lost)), float(np.sum(taken * whole))


def to_json(costs: Costs) -> dict[str, float]:
    """The costs as metrics.json has them."""
    return {**asdict(costs), "success_share": costs.success_share}


def _steps(probability: Floats, churned: Floats) -> tuple[Floats, Floats, Floats, Floats]:
    """Shares of all customers taken, leavers and stayers among them, from nobody to all; and each step's lowest
    probability (one fewer). Tied customers enter together."""
    p, y = np.asarray(probability, dtype=np.float64), np.asarray(churned, dtype=np.float64)
    order = np.argsort(-p, kind="stable")
    p, y = p[order], y[order]
    ends = np.append(np.flatnonzero(np.diff(p)), len(p) - 1)
    taken = np.concatenate([[0.0], (ends + 1) / len(p)])
    leavers = np.concatenate([[0.0], np.cumsum(y)[ends] / len(p)])
    return taken, leavers, taken - leavers, p[ends]


def _hull(across: Floats, up: Floats) -> list[int]:
    """Indices of the corners of the upper convex hull, first point to last; `across` and `up` never fall."""
    corners: list[int] = []
    for index in range(len(across)):
        while len(corners) > 1 and _turns_up(across, up, corners[-2], corners[-1], index):
            corners.pop()
        corners.append(index)
    return corners


def _turns_up(across: Floats, up: Floats, first: int, middle: int, last: int) -> bool:
    before = (up[middle] - up[first]) * (across[last] - across[middle])
    after = (up[last] - up[middle]) * (across[middle] - across[first])
    return bool(before <= after)
