"""The cluster bootstrap: figures and paired differences with intervals.

A draw takes whole customers, with all their rows at all moments: rows of one customer are no independent evidence
(Efron and Tibshirani 1993, chapter 8). AUC is taken within each moment, then averaged by rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from models.learners.calibration import row_losses

Floats = npt.NDArray[np.floating[Any]]

LOW, HIGH = 0.025, 0.975
GROUP = 100  # draws that are computed at once: memory stays small


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
    return np.asarray(times[:, customers], dtype=np.float32)


def weighted_aucs(score: Floats, churned: Floats, weights: Floats) -> Floats:
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


@dataclass(frozen=True)
class Draws:
    """ROC AUC and mean log loss of several predictions at each moment, for the data themselves (index 0) and each draw.

    Attributes:
        rows: moment -> rows that count, per draw.
        roc_auc, log_loss: name -> moment -> figure per draw.
    """

    rows: dict[str, Floats]
    roc_auc: dict[str, dict[str, Floats]]
    log_loss: dict[str, dict[str, Floats]]

    @classmethod
    def of(cls, predictions: pd.DataFrame, names: Sequence[str], *, draws: int, seed: int) -> Draws:
        """All figures; `predictions` holds `customer_id, as_of, churned` and a column for each of `names`."""
        customers = np.unique(predictions["customer_id"].to_numpy(dtype=str), return_inverse=True)[1].astype(np.int64)
        days = pd.to_datetime(predictions["as_of"]).dt.strftime("%Y-%m-%d").to_numpy(dtype=str)
        y = predictions["churned"].to_numpy(dtype=np.float64)
        weights = np.vstack([np.ones((1, len(y)), dtype=np.float32), draw(customers, draws, seed)])
        rows: dict[str, Floats] = {}
        auc: dict[str, dict[str, Floats]] = {name: {} for name in names}
        loss: dict[str, dict[str, Floats]] = {name: {} for name in names}
        for day in sorted(set(days.tolist())):
            at = np.flatnonzero(days == day)
            groups = [weights[start : start + GROUP, at].astype(np.float64) for start in range(0, len(weights), GROUP)]
            rows[day] = np.concatenate([w.sum(axis=1) for w in groups])
            for name in names:
                p = predictions[name].to_numpy(dtype=np.float64)[at]
                lost = row_losses(p, y[at])
                auc[name][day] = np.concatenate([weighted_aucs(p, y[at], w) for w in groups])
                loss[name][day] = np.concatenate([_mean(w, lost) for w in groups])
        return cls(rows, auc, loss)

    def pooled(self, name: str) -> dict[str, Any]:
        """`roc_auc` and `log_loss` over all moments: value, low, high."""
        intervals = {
            "roc_auc": _interval(self.roc_auc[name], self.rows),
            "log_loss": _interval(self.log_loss[name], self.rows),
        }
        return {
            figure: {"value": interval["difference"], "low": interval["low"], "high": interval["high"]}
            for figure, interval in intervals.items()
        }

    def paired(self, ours: str, theirs: str) -> dict[str, Any]:
        """`ours` minus `theirs`, pooled and at each moment: `roc_auc` (higher is better), `log_loss` (lower is).

        Returns:
            For each figure: difference, low, high (95 percent, customers drawn) and `moments`, the difference at each
                moment.
        """
        return {
            figure: _interval({day: by_name[ours][day] - by_name[theirs][day] for day in self.rows}, self.rows)
            for figure, by_name in (("roc_auc", self.roc_auc), ("log_loss", self.log_loss))
        }


def paired(predictions: pd.DataFrame, baseline: str, *, draws: int, seed: int) -> dict[str, Any]:
    """The column `model` minus the column `baseline`: see `Draws.paired`."""
    return Draws.of(predictions, ("model", baseline), draws=draws, seed=seed).paired("model", baseline)


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
