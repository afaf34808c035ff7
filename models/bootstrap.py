"""Paired differences with intervals. A draw takes whole customers, with all their rows at all moments: rows of one
customer are no independent evidence (Efron and Tibshirani 1993, chapter 8). AUC is taken within each moment, then
averaged by rows.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from models.calibrate import row_losses

Floats = npt.NDArray[np.floating[Any]]

LOW, HIGH = 0.025, 0.975


def draw(customers: npt.NDArray[np.int64], draws: int, seed: int) -> Floats:
    """How often each row counts in each draw: draws by rows. All rows of a customer count alike.

    Args:
        customers: customer number of each row, 0 to n - 1.
        draws: how many times n customers are drawn with replacement.
        seed: of the draws.
    """
    count = int(customers.max()) + 1
    rng = np.random.Generator(np.random.PCG64(seed))
    times = np.stack([np.bincount(rng.integers(0, count, count), minlength=count) for _ in range(draws)])
    return np.asarray(times[:, customers], dtype=np.float64)


def aucs(score: Floats, churned: Floats, weights: Floats) -> Floats:
    """Weighted ROC AUC for each row of `weights` (draws by rows), ties counting half; NaN where one kind is missing."""
    order = np.argsort(score, kind="stable")
    y, w = np.asarray(churned, dtype=np.float64)[order], weights[:, order]
    starts = np.concatenate([[0], np.flatnonzero(np.diff(np.asarray(score)[order])) + 1])
    left = np.add.reduceat(w * y, starts, axis=1)
    stayed = np.add.reduceat(w * (1 - y), starts, axis=1)
    below = np.cumsum(stayed, axis=1) - stayed / 2
    pairs = left.sum(axis=1) * stayed.sum(axis=1)
    above = (left * below).sum(axis=1)
    return np.asarray(np.divide(above, pairs, out=np.full(len(pairs), np.nan), where=pairs > 0), dtype=np.float64)


def paired(predictions: pd.DataFrame, baseline: str, *, draws: int, seed: int) -> dict[str, Any]:
    """Model minus baseline, pooled over all moments and for each: `roc_auc` (higher is better), `log_loss` (lower).

    Returns:
        For each figure: difference, low, high (95 percent, customers drawn) and `moments`, the difference at each
            moment.
    """
    customers = np.unique(predictions["customer_id"].to_numpy(dtype=str), return_inverse=True)[1].astype(np.int64)
    weights = np.vstack([np.ones((1, len(predictions))), draw(customers, draws, seed)])
    days = pd.to_datetime(predictions["as_of"]).dt.strftime("%Y-%m-%d").to_numpy(dtype=str)
    y = predictions["churned"].to_numpy(dtype=np.float64)
    ours, theirs = (predictions[name].to_numpy(dtype=np.float64) for name in ("model", baseline))
    extra = row_losses(ours, y) - row_losses(theirs, y)
    auc: dict[str, Floats] = {}
    loss: dict[str, Floats] = {}
    rows: dict[str, Floats] = {}
    for day in sorted(set(days)):
        at = days == day
        w = weights[:, at]
        auc[day] = aucs(ours[at], y[at], w) - aucs(theirs[at], y[at], w)
        loss[day] = _mean(w, extra[at])
        rows[day] = w.sum(axis=1)
    return {"roc_auc": _interval(auc, rows), "log_loss": _interval(loss, rows)}


def _mean(weights: Floats, values: Floats) -> Floats:
    total = weights.sum(axis=1)
    sums = (weights * values).sum(axis=1)
    return np.asarray(np.divide(sums, total, out=np.full(len(total), np.nan), where=total > 0), dtype=np.float64)


def _interval(differences: dict[str, Floats], rows: dict[str, Floats]) -> dict[str, Any]:
    """Row 0 is the data themselves, the others the draws."""
    stacked, counts = np.stack(list(differences.values())), np.stack(list(rows.values()))
    known = np.isfinite(stacked)
    weight = np.where(known, counts, 0.0).sum(axis=0)
    pooled = np.divide(
        np.where(known, stacked * counts, 0.0).sum(axis=0), weight, out=np.zeros_like(weight), where=weight > 0
    )
    low, high = np.quantile(pooled[1:], [LOW, HIGH]) if pooled.size > 1 else (pooled[0], pooled[0])
    at = {day: float(values[0]) for day, values in differences.items() if np.isfinite(values[0])}
    return {"difference": float(pooled[0]), "low": float(low), "high": float(high), "moments": at}
