"""Confidence sequences: a boundary that holds at all looks together, however many there will be.

The interval at each look is `shares.difference` with this critical number; that all of them hold the truth has at least
the promised probability, so whoever stops when something is found breaks no promise. With v the information so far over
that of the mixture (Robbins 1970, "Statistical methods related to the law of the iterated logarithm", Annals of
Mathematical Statistics 41:1397-1409; for estimated variances Waudby-Smith, Arbour, Sinha, Kennedy and Ramdas 2024,
"Time-uniform central limit theory and asymptotic confidence sequences", Annals of Statistics 52:2613-2640):

    critical(v) = sqrt((1 + 1/v) (log(1 + v) + 2 log(1/level)))

The mixture is chosen so that the interval is as narrow as it can be at `best_at` customers; it holds at any number. It
is asymptotic: the gate on enough events says from when on it may be read.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.special import lambertw

from models.errors import ModelError

Floats = npt.NDArray[np.float64]


def sequence_critical(customers: Any, *, best_at: float, level: float = 0.05) -> Floats:
    """The critical number of standard errors after so many customers.

    Args:
        customers: whose outcome is known, of both arms, at each look; infinite is returned for 0.
        best_at: the number at which the interval is to be narrowest, above 0; fixed before the first look.
        level: probability that any of the intervals, at whatever time, misses the truth; 0..1.
    """
    if not best_at > 0 or not 0 < level < 1:
        found = f"best_at {best_at:g}, level {level:g}"
        raise ModelError(f"looks: best_at must lie above 0 and level between 0 and 1, found {found}.")
    n = np.asarray(customers, dtype=np.float64)
    best = -float(lambertw(-(level**2) / np.e, -1).real) - 1
    v = np.maximum(n, 1e-300) * best / best_at
    square = (1 + 1 / v) * (np.log1p(v) + 2 * np.log(1 / level))
    return np.where(n > 0, np.sqrt(square), np.inf)
