"""Coherent probabilities over several horizons: an event that implies another is never the more probable one.

A customer who does nothing for 56 days does nothing for 28 either, so P(silent 56) <= P(silent 28) <= P(silent 14).
Models that were trained separately do not know that of each other. Here each customer's probabilities are moved as
little as possible (least squares) until they are in order: isotonic regression by pool adjacent violators (Barlow et
al. 1972). Those that are in order already stay the same to the bit.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

Floats = npt.NDArray[np.floating[Any]]

# What may differ between horizons of one kind: each definition says itself who is scored.
_MAY_DIFFER = frozenset({"horizon_days", "active_within_days"})
RISES = {"silence": False, "rhythm": False, "cancellation": True}


def related(definitions: Mapping[str, Mapping[str, Any]], name: str) -> list[str]:
    """Definitions that differ in their horizon alone, `name` among them, from the least probable to the most.

    Same kind, activity, gap and so on; only `horizon_days` (and who counts as active) differs. A longer silence is the
    less probable, a cancellation within a longer time the more probable.

    Args:
        definitions: the settings of each definition by name; `kind` and `horizon_days` among them.
        name: one of them.
    """
    shared = _shared_settings(definitions[name])
    same = [other for other, setting in definitions.items() if _shared_settings(setting) == shared]
    sign = 1 if RISES[definitions[name]["kind"]] else -1
    return sorted(same, key=lambda other: (sign * definitions[other]["horizon_days"], other))


def _shared_settings(setting: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in setting.items() if key not in _MAY_DIFFER}


def ordered_probabilities(probabilities: Sequence[pd.Series[float]]) -> list[pd.Series[float]]:
    """Probabilities by customer, least probable definition first, moved so that none exceeds one after it.

    Args:
        probabilities: one series (0..1) per definition, indexed by customer; a customer may be missing from any.

    Returns:
        The same customers in the same order. Two definitions of equal horizon are not made equal, only ordered.
    """
    table = pd.concat([column.rename(index) for index, column in enumerate(probabilities)], axis=1, sort=True)
    moved = table.copy()
    known = table.notna().to_numpy()
    for pattern in np.unique(known, axis=0):
        present = [int(index) for index in np.flatnonzero(pattern)]
        rows = (known == pattern).all(axis=1)
        if len(present) > 1 and rows.any():
            moved.loc[rows, present] = isotonic(table.loc[rows, present].to_numpy(dtype=np.float64))
    return [moved[index].reindex(column.index) for index, column in enumerate(probabilities)]


def isotonic(values: Floats) -> Floats:
    """The nearest rows (least squares) that never fall from left to right.

    The value at position i is the largest, over beginnings at or before i, of the smallest mean from there to an end
    at or after i (Barlow et al. 1972, 1.4). Rows that rise already come back unchanged.
    """
    crossing = (np.diff(values, axis=1) < 0).any(axis=1)
    result = np.array(values, dtype=np.float64)
    rows = result[crossing]
    width = values.shape[1]
    sums = np.concatenate([np.zeros((len(rows), 1)), np.cumsum(rows, axis=1)], axis=1)
    moved = np.empty_like(rows)
    for index in range(width):
        lowest = [
            np.min([(sums[:, end] - sums[:, begin]) / (end - begin) for end in range(index + 1, width + 1)], axis=0)
            for begin in range(index + 1)
        ]
        moved[:, index] = np.max(lowest, axis=0)
    inside = np.clip(moved, rows.min(axis=1, keepdims=True), rows.max(axis=1, keepdims=True))
    result[crossing] = np.maximum.accumulate(inside, axis=1)  # against the last bit of a mean
    return result
