"""Probability calibration of log-odds: none, Platt, isotonic or beta; monotone, as JSON, without class weights.

Platt (1999): `a + b * log-odds`. Beta (Kull, Silva Filho, Flach 2017): `c + a * ln p - b * ln(1 - p)`, a and b at
least 0. Isotonic: pool adjacent violators (scikit-learn's), straight lines between the blocks, never 0 or 1.
Where params.yaml sets no kind, the level of the moment that is scored takes their place (level.py).
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.special import expit

from models.learners import logistic

Floats = npt.NDArray[np.floating[Any]]

KINDS = ("none", "platt", "isotonic", "beta")
NOISE = 1.64  # standard errors of the paired difference: one chance in twenty to be fooled
SURE = 1e-6
EQUAL = 1e-12  # shares of two blocks that differ by less differ by rounding: unequal ones of n rows by 4 / n^2


@dataclass(frozen=True)
class Calibration:
    """A monotone map from log-odds to probability."""

    kind: str
    numbers: dict[str, list[float]]

    def __call__(self, log_odds: Floats) -> Floats:
        """Probabilities within (0, 1), in the order of `log_odds` or tied."""
        odds = np.asarray(log_odds, dtype=np.float64)
        return np.asarray(np.clip(_MAPS[self.kind](odds, self.numbers), SURE, 1 - SURE), dtype=np.float64)

    def to_json(self) -> dict[str, Any]:
        """The kind and its numbers, exactly."""
        return {"kind": self.kind, "numbers": self.numbers}

    @classmethod
    def from_json(cls, content: dict[str, Any]) -> Calibration:
        """The inverse of `to_json`."""
        return cls(content["kind"], {name: list(values) for name, values in content["numbers"].items()})


NONE = Calibration("none", {})


def fit(kind: str, log_odds: Floats, y: Floats) -> Calibration:
    """A calibration of one kind.

    Args:
        kind: one of KINDS.
        log_odds: of rows that trained nothing.
        y: 0 or 1 per row. With fewer than ten of either, nothing can be learned: the result is "none".
    """
    y = np.asarray(y, dtype=np.float64)
    if kind == "none" or min(y.sum(), len(y) - y.sum()) < 10:
        return NONE
    return Calibration(kind, _FITS[kind](np.asarray(log_odds, dtype=np.float64), y))


def row_losses(probability: Floats, y: Floats) -> Floats:
    """Log loss of each row, in nats."""
    p = np.clip(probability, SURE, 1 - SURE)
    return np.asarray(-np.where(np.asarray(y) > 0.5, np.log(p), np.log1p(-p)), dtype=np.float64)


def folds(customers: Sequence[str], count: int) -> npt.NDArray[np.int64]:
    """A fold for every customer by a hash of the id: all rows of a customer together, the same on every machine."""
    known: dict[str, int] = {}
    for customer in customers:
        if customer not in known:
            known[customer] = int.from_bytes(hashlib.blake2b(str(customer).encode(), digest_size=8).digest()) % count
    return np.array([known[customer] for customer in customers], dtype=np.int64)


def _fit_platt(odds: Floats, y: Floats) -> dict[str, list[float]]:
    intercept, (slope,) = logistic.fit(odds[:, None], y, penalty=1e-6)
    return {"intercept": [intercept], "slope": [max(float(slope), 0.0)]}


def _logs(odds: Floats) -> Floats:
    """`ln p` and `-ln(1 - p)` of log-odds, without overflow."""
    return np.column_stack([-np.logaddexp(0, -odds), np.logaddexp(0, odds)])


def _fit_beta(odds: Floats, y: Floats) -> dict[str, list[float]]:
    logs = _logs(odds)
    intercept, slopes = logistic.fit(logs, y, penalty=1e-6)
    if (slopes < 0).any():  # the paper's way: drop the offending term and fit the other alone
        kept = int(np.argmax(slopes))
        intercept, (slope,) = logistic.fit(logs[:, [kept]], y, penalty=1e-6)
        slopes = np.where(np.arange(2) == kept, max(float(slope), 0.0), 0.0)
    return {"intercept": [intercept], "slopes": [float(slope) for slope in slopes]}


def _fit_isotonic(odds: Floats, y: Floats) -> dict[str, list[float]]:
    from sklearn.isotonic import isotonic_regression  # a second, and only where something is fitted

    places, row, rows = np.unique(odds, return_inverse=True, return_counts=True)  # tied rows stand or fall together
    churned = np.bincount(row, weights=y)
    shares = isotonic_regression(churned / rows, sample_weight=rows.astype(np.float64))
    begins = np.concatenate([[0], np.flatnonzero(np.diff(shares) > EQUAL) + 1])
    ends = np.append(begins[1:], len(places)) - 1
    # Half a row on either side: a block without churners is not a promise.
    share = (np.add.reduceat(churned, begins) + 0.5) / (np.add.reduceat(rows, begins) + 1)
    edges = np.column_stack([places[begins], places[ends]]).ravel()
    kept = np.column_stack([np.full(len(begins), True), begins < ends]).ravel()  # a block of one place has one edge
    return {"at": edges[kept].tolist(), "to": np.maximum.accumulate(np.repeat(share, 2)[kept]).tolist()}


_FITS = {"platt": _fit_platt, "isotonic": _fit_isotonic, "beta": _fit_beta}
_MAPS: dict[str, Callable[[Floats, dict[str, list[float]]], Floats]] = {
    "none": lambda odds, _: expit(odds),
    "platt": lambda odds, n: expit(n["intercept"][0] + n["slope"][0] * odds),
    "isotonic": lambda odds, n: np.interp(odds, n["at"], n["to"]),
    "beta": lambda odds, n: expit(n["intercept"][0] + _logs(odds) @ np.array(n["slopes"])),
}
