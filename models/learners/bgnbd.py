"""The BG/NBD model (beta-geometric / negative binomial): customers buy at a rate of their own until they leave.

Fader, Hardie and Lee 2005, "Counting your customers the easy way", Marketing Science 24.

Rates differ between customers as Gamma(r, alpha), the chance of leaving after an order as Beta(a, b). A customer is
their summary: x repeat orders, the last of them t after the first, age T; t and T in any one unit of time, an order is
a day with orders.

The chance of no order in the next H is not `1 - P(alive)` (who ordered once would be alive for certain), but

    1 - A + A * ((alpha + T) / (alpha + T + H)) ** (r + x)        with A = P(alive).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.special import betaln, expit, gammaln

from models.errors import ModelError

Floats = npt.NDArray[np.floating[Any]]

WIDEST = 8.0  # |log| of a parameter at most: beyond it a customer base is all alike, and the likelihood is flat
SURE = 1e-9


@dataclass(frozen=True)
class BgNbd:
    """The four parameters, all above 0; `alpha` in the unit of time of the summaries."""

    r: float
    alpha: float
    a: float
    b: float

    @classmethod
    def fit(cls, repeats: Floats, last: Floats, age: Floats) -> BgNbd:
        """The parameters under which these customers are most likely.

        Args:
            repeats: x, orders after the first, per customer; at least 0.
            last: t, time from the first order to the last; 0 where x is 0.
            age: T, time from the first order to now; at least t.

        Raises:
            ModelError: no customer, or a summary that cannot be.
        """
        from scipy.optimize import minimize

        x, t, whole = _checked(repeats, last, age)
        unit = max(float(whole.mean()), SURE)  # parameters near 1, whatever the unit of time
        kinds, counts = np.unique(np.column_stack([x, t / unit, whole / unit]), axis=0, return_counts=True)

        def loss(logs: Floats) -> float:
            return -float(counts @ cls(*np.exp(logs).tolist()).log_likelihood(*kinds.T)) / len(x)

        found = minimize(loss, np.zeros(4), method="L-BFGS-B", bounds=[(-WIDEST, WIDEST)] * 4)
        r, alpha, a, b = np.exp(found.x).tolist()
        return cls(r, alpha * unit, a, b)

    def log_likelihood(self, repeats: Floats, last: Floats, age: Floats) -> Floats:
        """Log of the likelihood of each customer (equation 6 of the paper)."""
        x, r, alpha, a, b = repeats, self.r, self.alpha, self.a, self.b
        buying = gammaln(r + x) - gammaln(r) + r * np.log(alpha)
        alive = betaln(a, b + x) - betaln(a, b) - (r + x) * np.log(alpha + age)
        left = betaln(a + 1, b + np.maximum(x, 1) - 1) - betaln(a, b) - (r + x) * np.log(alpha + last)
        return np.asarray(buying + np.where(x > 0, np.logaddexp(alive, left), alive), dtype=np.float64)

    def alive(self, repeats: Floats, last: Floats, age: Floats) -> Floats:
        """P(alive), 0..1, per customer; 1 for who ordered once."""
        x = np.asarray(repeats, dtype=np.float64)
        odds = np.log(self.a) - np.log(self.b + np.maximum(x, 1) - 1)
        odds = odds + (self.r + x) * (np.log(self.alpha + age) - np.log(self.alpha + last))
        return np.where(x > 0, expit(-odds), 1.0)

    def silent(self, repeats: Floats, last: Floats, age: Floats, *, days: float, gap_days: float = 0) -> Floats:
        """Chance of no order in the `days` that begin `gap_days` from now (in the summaries' unit), per customer.

        With a gap it is the chance of none in both together, over the chance of none in the gap: close, and never
        above 1.
        """
        x = np.asarray(repeats, dtype=np.float64)
        alive = self.alive(x, last, age)
        start = self.alpha + age + gap_days
        still = (start / (start + days)) ** (self.r + x)
        return np.asarray(1 - alive + alive * still, dtype=np.float64)


def _checked(repeats: Floats, last: Floats, age: Floats) -> tuple[Floats, Floats, Floats]:
    x, t, whole = (np.asarray(column, dtype=np.float64) for column in (repeats, last, age))
    wrong = ~((x >= 0) & (t >= 0) & (t <= whole) & np.isfinite(whole))
    if not len(x) or wrong.any():
        raise ModelError(
            f"BG/NBD: {int(wrong.sum())} of {len(x)} customers have a summary that cannot be (repeat orders at least "
            "0, 0 <= last <= age, at least one customer). Build the features again."
        )
    return x, t, whole
