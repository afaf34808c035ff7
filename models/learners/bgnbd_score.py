"""BG/NBD as a score: the probability of silence by a customer's own buying habit, fitted on training rows.

It enters the model as one more column (log-odds of no order in the horizon) and is a baseline of its own. It reads the
summary columns of the definition's activity: repeat orders, time from the first to the last, age, in days.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import date
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from models import columns
from models.learners import calibration
from models.learners.bgnbd import BgNbd
from models.segments import Roles

Floats = npt.NDArray[np.floating[Any]]

COLUMN = "fitted_bgnbd_silence"
MOST_CUSTOMERS = 50_000  # enough for four parameters
SURE = 1e-6


@dataclass(frozen=True)
class BgNbdScore:
    """BG/NBD and how to read a customer.

    Attributes:
        law: the fitted parameters, in days.
        columns: names of repeat orders, days from the first to the last, age in days.
        told_as: the column under which its contribution is told: days since the last order, the silence that it weighs.
        gap_days, horizon_days: of the churn definition.
    """

    law: BgNbd
    columns: tuple[str, str, str]
    told_as: str
    gap_days: int
    horizon_days: int

    @classmethod
    def fit(
        cls, features: pd.DataFrame, moments: npt.NDArray[np.str_], definition: Mapping[str, Any], roles: Roles
    ) -> BgNbdScore | None:
        """Fit on training rows: every customer once, as they stood at the newest of these moments.

        Who is missing at the newest moment was not eligible there, which for `silence` says that there was no order
        since: the last row tells the summary, and only the age goes on. (Fitted on the eligible alone, those who left
        would be missing.) Other definitions, and moments further apart than eligibility reaches, take the last row.

        Args:
            features: training rows, `customer_id` and feature columns.
            moments: ISO date of each row.
            definition: the churn definition's setting.
            roles: of the definition's activity.

        Returns:
            None where the stream has no such summary of the activity.
        """
        if roles.summary is None:
            return None
        last, days = _last_rows(features["customer_id"].to_numpy(dtype=str), moments)
        repeats, recency, age = columns.numbers(features.iloc[last], roles.summary).T
        reach = int(definition.get("active_within_days") or 0)
        if definition.get("kind", "silence") == "silence" and int(np.diff(np.unique(days)).max(initial=0)) <= reach:
            age = age + (days.max() - days[last])
        law = BgNbd.fit(repeats, recency, np.maximum(age, recency))
        return cls(law, roles.summary, roles.recency, int(definition.get("gap_days", 0)), _horizon(definition))

    def silence(self, features: pd.DataFrame) -> npt.NDArray[np.float64]:
        """Probability of no order in the horizon for each row."""
        repeats, recency, age = columns.numbers(features, self.columns).T
        found = self.law.silent(repeats, recency, age, days=self.horizon_days, gap_days=self.gap_days)
        return np.clip(found, SURE, 1 - SURE).astype(np.float64)

    def log_odds(self, features: pd.DataFrame) -> npt.NDArray[np.float64]:
        """The column: log-odds of `silence`."""
        chance = self.silence(features)
        return np.asarray(np.log(chance) - np.log1p(-chance), dtype=np.float64)

    def with_column(self, features: pd.DataFrame) -> pd.DataFrame:
        """`features` with the column."""
        # Beside, not into: a wide frame that grows by a column warns of being fragmented.
        return pd.concat([features, pd.Series(self.log_odds(features), index=features.index, name=COLUMN)], axis=1)

    def to_json(self) -> dict[str, Any]:
        """The numbers, exactly."""
        return {**asdict(self), "columns": list(self.columns)}

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> BgNbdScore:
        """The inverse of `to_json`."""
        first, second, third = content["columns"]
        return cls(**{**content, "law": BgNbd(**content["law"]), "columns": (first, second, third)})


def _horizon(definition: Mapping[str, Any]) -> int:
    """Days ahead; a definition without a horizon of its own looks four weeks ahead."""
    return int(definition.get("horizon_days") or 28)


def _last_rows(
    customers: npt.NDArray[np.str_], moments: npt.NDArray[np.str_]
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Place of each customer's newest row, at most MOST_CUSTOMERS of them; and the day number of every row."""
    names, place = np.unique(moments, return_inverse=True)
    days = np.array([date.fromisoformat(str(name)).toordinal() for name in names], dtype=np.int64)[place]
    known, owner = np.unique(customers, return_inverse=True)
    last = np.zeros(len(known), dtype=np.int64)
    order = np.argsort(days, kind="stable")
    last[owner[order]] = order  # the newest is written last
    if len(known) > MOST_CUSTOMERS:
        last = last[calibration.folds([str(name) for name in known], -(-len(known) // MOST_CUSTOMERS)) == 0]
    return last, days
