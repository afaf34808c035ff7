"""Counts of customers and leavers per arm and stratum: what effects on shares are worked out from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from models.errors import ModelError

Floats = npt.NDArray[np.float64]

FEWEST_EVENTS = 10.0  # leavers and stayers that each arm must expect at a look, if contacting does nothing


@dataclass(frozen=True)
class Counts:
    """Customers and leavers per arm; the last axis holds the strata. Fractions are allowed (effective numbers).

    Attributes:
        contacted, control: customers assigned, at least 0.
        contacted_left, control_left: of them, who left: 0 to that many.
    """

    contacted: Floats
    contacted_left: Floats
    control: Floats
    control_left: Floats

    def __post_init__(self) -> None:
        faults = []
        for arm in ("contacted", "control"):
            size = np.asarray(getattr(self, arm), dtype=np.float64)
            left = np.asarray(getattr(self, f"{arm}_left"), dtype=np.float64)
            if size.shape[-1:] != left.shape[-1:] or size.ndim == 0:
                faults.append(f"effect: {arm} has shape {size.shape}, {arm}_left {left.shape}; the strata must agree.")
            elif not (np.all(size >= 0) and np.all(left >= 0) and np.all(left <= size + 1e-9)):
                faults.append(f"effect: {arm}_left must lie between 0 and {arm} in every stratum.")
            object.__setattr__(self, arm, size)
            object.__setattr__(self, f"{arm}_left", left)
        if faults:
            raise ModelError("\n".join(faults))

    @classmethod
    def of(cls, contacted: Any, left: Any, stratum: Any = None) -> Counts:
        """Counts of customers.

        Args:
            contacted: true where assigned to be contacted, one per customer.
            left: true where the customer left.
            stratum: any label; None: all in one stratum.
        """
        arm, gone = np.asarray(contacted, dtype=bool), np.asarray(left, dtype=np.float64)
        place = np.zeros(len(arm), np.int64) if stratum is None else np.unique(stratum, return_inverse=True)[1]
        strata = int(place.max()) + 1 if len(place) else 1

        def total(rows: npt.NDArray[np.bool_], of: Floats) -> Floats:
            return np.asarray(np.bincount(place[rows], weights=of[rows], minlength=strata), dtype=np.float64)

        one = np.ones(len(arm))
        return cls(total(arm, one), total(arm, gone), total(~arm, one), total(~arm, gone))

    @property
    def weights(self) -> Floats:
        """Of Cochran, Mantel and Haenszel, 0..1; all 0 where no stratum has both arms."""
        both = self.contacted + self.control
        raw = np.divide(self.contacted * self.control, both, out=np.zeros_like(both), where=both > 0)
        total = raw.sum(axis=-1, keepdims=True)
        return np.asarray(np.divide(raw, total, out=np.zeros_like(raw), where=total > 0), dtype=np.float64)

    @property
    def effect(self) -> Floats:
        """Weighted difference of shares, -1..1; NaN where no stratum has both arms."""
        found = (self.weights * (self.control_share - self.contacted_share)).sum(axis=-1)
        return np.where(self.weights.sum(axis=-1) > 0, found, np.nan)

    @property
    def contacted_share(self) -> Floats:
        """Of the contacted of each stratum, who left; 0 where there are none."""
        return _share(self.contacted_left, self.contacted)

    @property
    def control_share(self) -> Floats:
        """Of the control group of each stratum, who left; 0 where there is none."""
        return _share(self.control_left, self.control)

    @property
    def fewest(self) -> Floats:
        """The smallest of leavers and stayers of either arm, over the strata that have both arms."""
        both = (self.contacted > 0) & (self.control > 0)
        cells = (
            self.contacted_left,
            self.contacted - self.contacted_left,
            self.control_left,
            self.control - self.control_left,
        )
        return np.asarray(np.minimum.reduce([np.where(both, cell, 0.0).sum(axis=-1) for cell in cells]))

    def __getitem__(self, rows: Any) -> Counts:
        """Some of the axes before the strata."""
        whole = np.broadcast_arrays(self.contacted, self.contacted_left, self.control, self.control_left)
        return Counts(*(one[rows] for one in whole))


def _share(left: Floats, size: Floats) -> Floats:
    return np.divide(left, size, out=np.zeros(np.broadcast_shapes(left.shape, size.shape)), where=size > 0)
