"""Metrics of predicted probabilities at one moment (discrimination, calibration, lift), and their curves.

Ties are never broken at random: lift, precision and recall count a tied customer by the share of the tie that fits.
Everything is keyed (DVC drops lists) and finite (null where a figure has no meaning, for instance AUC without
churners).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from models.evaluation import bootstrap
from models.learners.calibration import row_losses

Floats = npt.NDArray[np.floating[Any]]

TOP_SHARE = 0.1
BINS = 10


def figures(probability: Floats, churned: Floats) -> dict[str, float | int | None]:
    """Every metric of one moment.

    Args:
        probability: of leaving, 0..1, one per customer.
        churned: 0 or 1 per customer.

    Returns:
        customers, churners, churn_rate, roc_auc, average_precision, log_loss (nats), brier, ece (mean distance between
        promised and observed share over ten equally large groups), and for the tenth of customers with the highest
        probability: lift_at_10 (churn rate there over the churn rate of all), precision_at_10, recall_at_10.
    """
    p, y = np.asarray(probability, dtype=np.float64), np.asarray(churned, dtype=np.float64)
    rate, caught = float(y.mean()), churners_in_top(p, y, TOP_SHARE * len(y))
    precision = caught / (TOP_SHARE * len(y))
    some = rate > 0
    return {
        "customers": len(y),
        "churners": int(y.sum()),
        "churn_rate": rate,
        "roc_auc": roc_auc(p, y),
        "average_precision": average_precision(p, y) if some else None,
        "log_loss": float(row_losses(p, y).mean()),
        "brier": float(np.mean((p - y) ** 2)),
        "ece": expected_calibration_error(p, y),
        "lift_at_10": precision / rate if some else None,
        "precision_at_10": precision,
        "recall_at_10": caught / float(y.sum()) if some else None,
    }


def roc_auc(probability: Floats, churned: Floats) -> float | None:
    """Probability that a churner scores above a stayer, ties counting half; None where there is only one kind."""
    value = float(bootstrap.weighted_aucs(probability, churned, np.ones((1, len(churned))))[0])
    return None if np.isnan(value) else value


def average_precision(probability: Floats, churned: Floats) -> float:
    """Precision summed over the steps of recall; tied customers enter together."""
    caught, taken, _ = _cumulated(probability, churned)
    return float(np.sum(np.diff(caught, prepend=0.0) * caught / taken) / caught[-1])


def expected_calibration_error(probability: Floats, churned: Floats) -> float:
    """Mean over ten equally large groups of |mean probability - share that left|."""
    groups = calibration_groups(probability, churned)
    return float(np.average(np.abs(groups["promised"] - groups["observed"]), weights=groups["customers"]))


def calibration_groups(probability: Floats, churned: Floats) -> pd.DataFrame:
    """Ten (fewer for few customers) equally large groups by probability: `customers, promised, observed`."""
    order = np.argsort(probability, kind="stable")
    parts = [part for part in np.array_split(order, BINS) if len(part)]
    return pd.DataFrame(
        {
            "customers": [len(part) for part in parts],
            "promised": [float(np.mean(probability[part])) for part in parts],
            "observed": [float(np.mean(churned[part])) for part in parts],
        }
    )


def _cumulated(probability: Floats, churned: Floats) -> tuple[Floats, Floats, Floats]:
    """Churners caught, customers taken, lowest probability taken, after each group of tied customers, best first."""
    order = np.argsort(-np.asarray(probability), kind="stable")
    p, y = probability[order], np.asarray(churned, dtype=np.float64)[order]
    ends = np.append(np.flatnonzero(np.diff(p)), len(p) - 1)
    return np.cumsum(y)[ends], (ends + 1).astype(np.float64), p[ends]


def churners_in_top(probability: Floats, churned: Floats, size: float) -> float:
    """Churners among the `size` highest; of a tie at the edge, its mean share."""
    caught, taken, _ = _cumulated(probability, churned)
    return float(np.interp(size, np.concatenate([[0.0], taken]), np.concatenate([[0.0], caught])))


def _dates(rows: pd.DataFrame) -> pd.Series[str]:
    return pd.to_datetime(rows["as_of"]).dt.strftime("%Y-%m-%d")


def moments_of(rows: pd.DataFrame) -> list[str]:
    """ISO date of each row."""
    return [str(day) for day in _dates(rows)]


def curves(probability: Floats, churned: Floats, *, points: int = 101) -> dict[str, pd.DataFrame]:
    """Curves of one moment, at most `points` rows each: roc, precision_recall, calibration, gains."""
    y = np.asarray(churned, dtype=np.float64)
    caught, taken, edge = _cumulated(probability, y)
    left, stayed = max(float(y.sum()), 1.0), max(float(len(y) - y.sum()), 1.0)
    roc = pd.DataFrame({"false_positive_rate": (taken - caught) / stayed, "true_positive_rate": caught / left})
    recall = pd.DataFrame({"recall": caught / left, "precision": caught / taken, "threshold": edge})
    share = np.linspace(0, 1, points)
    reached = np.interp(share * len(y), np.concatenate([[0.0], taken]), np.concatenate([[0.0], caught]))
    gains = pd.DataFrame({"contacted_share": share, "churners_found_share": reached / left})
    zero = pd.DataFrame({"false_positive_rate": [0.0], "true_positive_rate": [0.0]})
    return {
        "roc": _thinned(pd.concat([zero, roc], ignore_index=True), points),
        "precision_recall": _thinned(recall, points),
        "calibration": calibration_groups(probability, y),
        "gains": gains,
    }


def _thinned(curve: pd.DataFrame, points: int) -> pd.DataFrame:
    keep: Sequence[int] = np.unique(np.linspace(0, len(curve) - 1, points).round().astype(int)).tolist()
    return curve.iloc[list(keep)].reset_index(drop=True)
