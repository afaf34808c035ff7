"""Limits of one share: Wilson's score limits and the exact ones of Clopper and Pearson."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.special import betaincinv, ndtr

Floats = npt.NDArray[np.float64]

_LEAST = 1e-12


def wilson(share: Any, size: Any, squares: Any) -> tuple[Floats, Floats]:
    """Score limits (Wilson 1927, Journal of the American Statistical Association 22:209-212).

    Args:
        share: found, 0..1.
        size: customers, or what they are worth as evidence (Kish's effective number), at least 0.
        squares: the critical number of standard errors, squared.

    Returns:
        Low and high, 0..1; (0, 1) where `size` is 0.
    """
    p, n = np.asarray(share, dtype=np.float64), np.asarray(size, dtype=np.float64)
    middle, whole = n * p + squares / 2, n + squares
    half = np.sqrt(squares * (n * p * (1 - p) + squares / 4))
    return np.clip((middle - half) / whole, 0.0, 1.0), np.clip((middle + half) / whole, 0.0, 1.0)


def clopper_pearson(share: Any, size: Any, critical: Any) -> tuple[Floats, Floats]:
    """Exact limits: beyond them what was found has less than `Phi(-critical)` (Clopper and Pearson 1934).

    Weighted shares take their effective number for the size (Korn and Graubard 1998, Survey Methodology 24:193-201).
    Arguments and values are those of `wilson`, but for `critical`, which is not squared.
    """
    p, n, tail = np.broadcast_arrays(share, size, ndtr(-np.asarray(critical, dtype=np.float64)))
    left, stayed = n * p, n * (1 - p)
    low = np.where(left > _LEAST, betaincinv(np.maximum(left, _LEAST), stayed + 1, tail), 0.0)
    high = np.where(stayed > _LEAST, 1 - betaincinv(np.maximum(stayed, _LEAST), left + 1, tail), 1.0)
    return low, high
