"""Logistic regression with a quadratic penalty, by Newton's method: small, exact, and the same at any thread count.

Minimises `mean(log loss) + penalty / 2 * |coefficients|^2`; the intercept is not penalised. One arithmetic thread:
sums in another order would change the last digits and with them the model's digest.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.special import expit
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

Floats = npt.NDArray[np.floating[Any]]

STEPS = 60
TOLERANCE = 1e-9
BLOCK_ROWS = 256  # so few rows at once stay in the processor's cache: four times as quick
FARTHEST = 4.0  # standard deviations: beyond the training rows a straight line is a guess


def fit(x: Floats, y: Floats, *, penalty: float) -> tuple[float, Floats]:
    """Intercept and coefficients (log-odds per unit of each column).

    Args:
        x: rows by columns, finite.
        y: 0 or 1 per row (shares between are allowed), both present.
        penalty: at least 0; 0 needs data that no line separates.
    """
    with threadpool_limits(limits=1):
        return _newton(np.asarray(x, dtype=np.float32), np.asarray(y, dtype=np.float64), penalty)


def _newton(x: Floats, y: Floats, penalty: float) -> tuple[float, Floats]:
    base = float(np.clip(y.mean(), 1e-6, 1 - 1e-6))
    theta = np.zeros(x.shape[1] + 1)
    theta[0] = np.log(base / (1 - base))
    loss, gradient, hessian = _at(theta, x, y, penalty)
    for _ in range(STEPS):
        step = np.linalg.lstsq(hessian, gradient, rcond=1e-9)[0]
        size = 1.0
        while size > 1e-4:
            candidate = _at(theta - size * step, x, y, penalty)
            if candidate[0] <= loss:
                break
            size /= 2
        else:
            break
        decrease, theta = loss - candidate[0], theta - size * step
        loss, gradient, hessian = candidate
        if decrease < TOLERANCE:
            break
    return float(theta[0]), theta[1:]


def _at(theta: Floats, x: Floats, y: Floats, penalty: float) -> tuple[float, Floats, Floats]:
    """Loss, gradient and curvature."""
    rows = len(y)
    odds = theta[0] + (x @ theta[1:].astype(np.float32)).astype(np.float64)
    probability = expit(odds)
    loss = float(np.mean(np.logaddexp(0, odds) - y * odds) + penalty / 2 * theta[1:] @ theta[1:])
    residual = probability - y
    gradient = np.concatenate([[residual.mean()], (residual.astype(np.float32) @ x) / rows + penalty * theta[1:]])
    weight = (probability * (1 - probability)).astype(np.float32)
    weighted = x * weight[:, None]
    hessian = np.empty((len(theta), len(theta)))
    hessian[0, 0] = weight.mean()
    hessian[0, 1:] = hessian[1:, 0] = weighted.sum(axis=0) / rows
    hessian[1:, 1:] = (weighted.T @ x) / rows + penalty * np.eye(x.shape[1])
    return loss, gradient, hessian


def log_scale(x: Floats) -> Floats:
    """`sign(x) * log(1 + |x|)`: counts and money grow by factors, not by steps."""
    values = np.asarray(x, dtype=np.float64)
    return np.asarray(np.sign(values) * np.log1p(np.abs(values)), dtype=np.float64)


@dataclass(frozen=True)
class Linear:
    """A logistic regression on log-scaled, standardised columns, clipped to four standard deviations."""

    centre: Floats
    scale: Floats
    intercept: float
    coefficients: Floats

    @classmethod
    def fit(cls, x: Floats, y: Floats, *, penalty: float) -> Linear:
        """Fit on training rows; a column that never varies gets no weight."""
        scaled = log_scale(x)
        centre, spread = scaled.mean(axis=0), scaled.std(axis=0)
        scale = np.where(spread > 1e-9, spread, np.inf)
        z = np.clip((scaled - centre) / scale, -FARTHEST, FARTHEST)
        intercept, coefficients = fit(z, y, penalty=penalty)
        return cls(centre, np.where(np.isinf(scale), 0.0, scale), intercept, coefficients)

    def contributions(self, x: Floats) -> Floats:
        """Log-odds that each column adds, against a customer at the training mean; rows by columns."""
        z = log_scale(x)
        z -= self.centre
        z /= np.where(self.scale > 0, self.scale, np.inf)
        np.clip(z, -FARTHEST, FARTHEST, out=z)
        z *= self.coefficients
        return z

    def log_odds(self, x: Floats) -> Floats:
        """Log-odds per row. Summed row by row in a fixed order: equal rows, equal scores, however many there are."""
        odds = np.empty(len(x), dtype=np.float64)
        for begin in range(0, len(x), BLOCK_ROWS):
            rows = slice(begin, begin + BLOCK_ROWS)
            odds[rows] = self.intercept + np.add.reduce(self.contributions(x[rows]), axis=1)
        return odds

    def to_json(self) -> dict[str, Any]:
        """The numbers, exactly."""
        return {
            "centre": self.centre.tolist(),
            "scale": self.scale.tolist(),
            "intercept": self.intercept,
            "coefficients": self.coefficients.tolist(),
        }

    @classmethod
    def from_json(cls, content: dict[str, Any]) -> Linear:
        """The inverse of `to_json`."""
        centre, scale, weights = (
            np.asarray(content[name], dtype=np.float64) for name in ("centre", "scale", "coefficients")
        )
        return cls(centre, scale, float(content["intercept"]), weights)
