"""Metrics of expected value: on customers who stayed, by decile, and against the customer's own average."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from models.evaluation.bootstrap import HIGH, LOW, draw

Floats = npt.NDArray[np.floating[Any]]

TENTHS = 10
NAMES = ("expected_value", "own_average_value")


def report(predictions: pd.DataFrame, *, draws: int, seed: int) -> dict[str, Any]:
    """Figures of `expected_value` over all moments, keyed; empty where there is no money.

    Args:
        predictions: `customer_id, churned, value_ahead, expected_value, own_average_value`.
        draws: of whole customers.
        seed: of the draws.

    Returns:
        `stayed` (observations of customers who stayed: nobody else shows what staying is worth), `mean_value` (what
        they brought); for the model and for the own average `mean_expected`, `mean_absolute_error`,
        `root_mean_squared_error` and `rank_correlation` (Spearman); `paired` (absolute and squared error, model minus
        own average: difference, low, high; squares in units of the squared mean value); and `deciles` of expected
        value, 01 lowest, each with `customers, expected, brought, own_average, mean_absolute_error`.
    """
    if not set(NAMES) <= set(predictions.columns):
        return {}
    rows = predictions[~predictions["churned"].astype(bool) & predictions[["value_ahead", *NAMES]].notna().all(axis=1)]
    if len(rows) < TENTHS:
        return {}
    actual, expected, own = (rows[name].to_numpy(dtype=np.float64) for name in ("value_ahead", *NAMES))
    mean = float(actual.mean())
    return {
        "stayed": len(rows),
        "mean_value": mean,
        "model": _figures(expected, actual),
        "own_average": _figures(own, actual),
        "paired": {
            "absolute_error": _paired(rows, np.abs(expected - actual) - np.abs(own - actual), draws, seed),
            "squared_error": _paired(
                rows, ((expected - actual) ** 2 - (own - actual) ** 2) / max(mean**2, 1e-12), draws, seed
            ),
        },
        "deciles": _deciles(expected, own, actual),
    }


def _figures(expected: Floats, actual: Floats) -> dict[str, float | None]:
    ranks = [np.asarray(pd.Series(values).rank(), dtype=np.float64) for values in (expected, actual)]
    varies = all(rank.std() > 0 for rank in ranks)
    return {
        "mean_expected": float(expected.mean()),
        "mean_absolute_error": float(np.abs(expected - actual).mean()),
        "root_mean_squared_error": float(np.sqrt(np.mean((expected - actual) ** 2))),
        "rank_correlation": float(np.corrcoef(ranks[0], ranks[1])[0, 1]) if varies else None,
    }


def _paired(rows: pd.DataFrame, difference: Floats, draws: int, seed: int) -> dict[str, float]:
    customers = np.unique(rows["customer_id"].to_numpy(dtype=str), return_inverse=True)[1].astype(np.int64)
    weights = draw(customers, draws, seed)
    means = weights @ difference / weights.sum(axis=1)
    return {
        "difference": float(difference.mean()),
        "low": float(np.quantile(means, LOW)),
        "high": float(np.quantile(means, HIGH)),
    }


def _deciles(expected: Floats, own: Floats, actual: Floats) -> dict[str, dict[str, float]]:
    parts = np.array_split(np.argsort(expected, kind="stable"), TENTHS)
    return {
        f"{decile:02d}": {
            "customers": len(part),
            "expected": float(expected[part].mean()),
            "brought": float(actual[part].mean()),
            "own_average": float(own[part].mean()),
            "mean_absolute_error": float(np.abs(expected[part] - actual[part]).mean()),
        }
        for decile, part in enumerate(parts, start=1)
    }
