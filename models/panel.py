"""Labelled observations, and the same as arrays, made once for every fit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from models import calibrate
from models.columns import Columns
from models.segments import Roles
from models.split import Plan

Floats = npt.NDArray[np.floating[Any]]
Rows = npt.NDArray[np.bool_]

HELD_OUT_FOLDS = 3  # where customers are held out instead of moments


@dataclass(frozen=True)
class Panel:
    """Labelled observations.

    Attributes:
        features: `customer_id`, `as_of` and the feature columns, one row per observation.
        churned: 0 or 1 per row.
        value_ahead: money in the horizon per row, NaN without money.
        columns_info: the entries of columns.json.
        activities: volumes of each activity (facts.json), kept in the model's profile.
    """

    features: pd.DataFrame
    churned: Floats
    value_ahead: Floats
    columns_info: list[dict[str, Any]]
    activities: Mapping[str, Any]

    @property
    def moments(self) -> npt.NDArray[np.str_]:
        """ISO date of each row."""
        return pd.to_datetime(self.features["as_of"]).dt.strftime("%Y-%m-%d").to_numpy(dtype=str)

    @property
    def customers(self) -> list[str]:
        """Customer of each row."""
        return [str(customer) for customer in self.features["customer_id"]]


@dataclass(frozen=True)
class Data:
    """A panel as arrays: `x` rows by `known.names`."""

    panel: Panel
    x: npt.NDArray[np.float32]
    known: Columns
    roles: Roles
    moments: npt.NDArray[np.str_]
    customers: list[str]

    @classmethod
    def of(cls, panel: Panel, known: Columns, roles: Roles) -> Data:
        """The arrays of a panel."""
        return cls(panel, known.matrix(panel.features), known, roles, panel.moments, panel.customers)

    @property
    def everything(self) -> Rows:
        """All rows."""
        return np.ones(len(self.x), dtype=bool)

    def split(self, plan: Plan, origin: str) -> tuple[Rows, Rows]:
        """Rows that train and rows that are judged at an origin."""
        at = self.moments == origin
        if plan.by_customers:
            held = calibrate.folds(self.customers, HELD_OUT_FOLDS) == 0
            return ~held, at & held
        return np.isin(self.moments, plan.known_at(origin)), at

    def thinned(self, rows: Rows, most: int) -> Rows:
        """At most about `most` of the rows: each customer at every k-th moment, starting where a hash of the id says.

        Windows of neighbouring moments overlap, so little is lost; every moment stays represented.
        """
        every = -(-int(rows.sum()) // most)
        if every <= 1:
            return rows
        moments, place = np.unique(self.moments, return_inverse=True)
        return np.asarray(rows & ((len(moments) - place) % every == calibrate.folds(self.customers, every)))
