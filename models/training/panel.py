"""The training panel: labelled observations, and the same as arrays, computed once for every fit."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from models.columns import Columns
from models.learners import calibration
from models.learners.bgnbd_score import COLUMN, BgNbdScore
from models.segments import Roles, roles
from models.training.split import Plan

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
    """A panel as arrays: `x` rows by `known.names`. The habit's column, where there is one, is 0 in `x`.

    `habits`: those that were fitted, by their rows. Trials, fits and rules of one origin ask for the same one.
    """

    panel: Panel
    x: npt.NDArray[np.float32]
    known: Columns
    roles: Roles
    definition: Mapping[str, Any]
    moments: npt.NDArray[np.str_]
    customers: list[str]
    habits: dict[bytes, BgNbdScore | None] = field(default_factory=dict, repr=False, compare=False)

    @classmethod
    def of(cls, panel: Panel, definition: Mapping[str, Any], *, without: Iterable[str] = ()) -> Data:
        """The arrays of a panel, without some of its columns."""
        kept, left_out = roles(panel.columns_info, definition["activity"]), set(without)
        features = panel.features
        if kept.summary and left_out.isdisjoint(kept.summary):
            features = features.assign(**{COLUMN: np.float32(0)})
        known = Columns.fit(features, without=left_out)
        return cls(panel, known.matrix(features), known, kept, definition, panel.moments, panel.customers)

    def habit(self, rows: Rows) -> BgNbdScore | None:
        """BG/NBD fitted on `rows`; None where its column is not among the known ones."""
        return self.fitted_habit(rows) if COLUMN in self.known.names else None

    def fitted_habit(self, rows: Rows) -> BgNbdScore | None:
        """BG/NBD fitted on `rows`, whether the model may know it or not; None where the stream has no summary."""
        if self.roles.summary is None:
            return None
        key = np.packbits(rows).tobytes()
        if key not in self.habits:  # two threads at once fit the same, and either may stay
            read = self.panel.features.loc[rows, self.read_by_habit]
            self.habits[key] = BgNbdScore.fit(read, self.moments[rows], self.definition, self.roles)
        return self.habits[key]

    def numbers(self, rows: Rows, habit: BgNbdScore | None) -> npt.NDArray[np.float32]:
        """`x` of some rows, with the column of a habit that was fitted elsewhere."""
        x = self.x[rows]
        if habit is not None:
            x[:, self.known.names.index(COLUMN)] = habit.log_odds(self.panel.features.loc[rows, self.read_by_habit])
        return x

    @property
    def read_by_habit(self) -> list[str]:
        """The columns that a habit is fitted on and asked about."""
        return ["customer_id", *(self.roles.summary or ())]

    @property
    def everything(self) -> Rows:
        """All rows."""
        return np.ones(len(self.x), dtype=bool)

    def split(self, plan: Plan, origin: str) -> tuple[Rows, Rows]:
        """Rows that train and rows that are judged at an origin."""
        at = self.moments == origin
        if plan.by_customers:
            held = calibration.folds(self.customers, HELD_OUT_FOLDS) == 0
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
        return np.asarray(rows & ((len(moments) - place) % every == calibration.folds(self.customers, every)))
