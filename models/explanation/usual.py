"""What is usual of every number: by the customer's own habit where there is one, else among customers of their kind.

In: the entries of columns.json, and features of everyone who was scored. Out, for some of them: the number that would
be usual, column by column, and whether it is by their habit.

A habit needs three activities before the window that is looked at, and at least as many days as it has; who began a
week ago has none. It is a rate: "usually 4" in 28 days is what came before these 28 days, at its pace (the first
activity opens the count and is no part of it: n activities make n - 1 gaps). A number that describes the habit itself
(the usual gap, repeat orders so far) cannot be compared with it, and is compared with customers of the kind. Kinds are
those who came first in the last 60 days, and all others: what a kind is must not depend on how long somebody has been
silent. Counts that grow with time are compared at the pace of the kind.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from models.explanation import habits
from models.explanation.habits import Habit
from models.segments import NEW_WITHIN_DAYS

if TYPE_CHECKING:
    import pandas as pd

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]
Column = Mapping[str, Any]

_MOST_ROWS = 20_000  # of everyone, for what is usual among them
_FEWEST = 20  # customers of a kind; fewer are compared with everyone
GROWING = ("count", "active_days", "total_value", "quantity", "count_before", "btyd_frequency", "count_ever")
GROWING_EVER = ("count_ever", "total_value_ever", "btyd_frequency")
AMONG_ALL = ("days_since_first",)  # a kind is made of them


@dataclass(frozen=True)
class Usual:
    """What is usual for some customers, in their order.

    Attributes:
        values: the usual number, one column per known column of features.
        by_habit: where it is by the customer's own habit; same shape.
        observed: where the number can be stated: there was a habit before its window; or, beside others, the customer
            has been there for as long as it.
        new: who came first in the last 60 days.
    """

    values: pd.DataFrame
    by_habit: pd.DataFrame
    observed: pd.DataFrame
    new: Flags


class Usuals:
    """The columns, and everyone's numbers.

    Args:
        columns_info: entries of columns.json.
        everyone: features of all who were scored.
        main: what customers ordinarily do; None where no column says.
    """

    def __init__(self, columns_info: Sequence[Column], everyone: pd.DataFrame, main: str | None) -> None:
        sample = everyone.iloc[:: max(1, len(everyone) // _MOST_ROWS)]
        numeric = set(sample.select_dtypes("number").columns)
        self.columns = [column for column in columns_info if column["name"] in numeric]
        self.texts = {
            column["name"]: sample[column["name"]].mode(dropna=True)
            for column in columns_info
            if column["name"] in sample.columns and column["name"] not in numeric
        }
        self.by_measure = {(c.get("activity"), c["measure"], c["days"]): str(c["name"]) for c in self.columns}
        self.main = main
        self.kinds = self._kinds(sample)

    def of(self, features: pd.DataFrame) -> Usual:
        """What is usual for these customers. They need not be among everyone."""
        import pandas as pd

        tenure, new = self._tenure(features), self._is_new(features)
        known = {activity: self._habit(features, activity) for activity in {c.get("activity") for c in self.columns}}
        values, by_habit, observed = {}, {}, {}
        for column in self.columns:
            name, own = str(column["name"]), _numbers(features, str(column["name"]))
            usual = self._of_kind(column, tenure, new)
            found = habits.usual(column, own, known[column.get("activity")])
            values[name] = np.where(np.isfinite(found), found, usual)
            by_habit[name] = np.isfinite(found)
            before = known[column.get("activity")].is_before(column["days"])
            observed[name] = np.where(by_habit[name], before, tenure >= (column["days"] or 0))
        self._follow_the_silence(features, values)
        for name, mode in self.texts.items():
            values[name] = np.full(len(features), mode.iloc[0] if len(mode) else None, dtype=object)
        index = features.index
        return Usual(
            pd.DataFrame(values, index=index),
            pd.DataFrame(by_habit, index=index),
            pd.DataFrame(observed, index=index),
            new,
        )

    def _name(self, measure: str, activity: str | None = None, days: int | None = None) -> str | None:
        return self.by_measure.get((activity or self.main, measure, days))

    def _tenure(self, features: pd.DataFrame) -> Floats:
        """Days since the first order seen; without such a column everybody has been there for long."""
        name = self._name("days_since_first")
        return np.full(len(features), np.inf) if name is None else np.maximum(_numbers(features, name), 1.0)

    def _is_new(self, features: pd.DataFrame) -> Flags:
        return self._tenure(features) <= NEW_WITHIN_DAYS

    def _kinds(self, sample: pd.DataFrame) -> dict[bool, dict[str, float]]:
        """For new customers (True) and others: the usual number, or pace a day, of each column."""
        new, everyone = self._is_new(sample), np.ones(len(sample), dtype=bool)
        chosen = {kind: rows if rows.sum() >= _FEWEST else everyone for kind, rows in ((True, new), (False, ~new))}
        tenure = self._tenure(sample)
        found: dict[bool, dict[str, float]] = {True: {}, False: {}}
        for column in self.columns:
            own = _observed(sample, column) / _days_of(column, tenure)
            for kind, rows in chosen.items():
                among = own[everyone if column["measure"] in AMONG_ALL else rows]
                among = among[np.isfinite(among)]
                found[kind][str(column["name"])] = float(np.median(among)) if len(among) else float(column["silence"])
        return found

    def _of_kind(self, column: Column, tenure: Floats, new: Flags) -> Floats:
        name = str(column["name"])
        return np.where(new, self.kinds[True][name], self.kinds[False][name]) * _days_of(column, tenure)

    def _habit(self, features: pd.DataFrame, activity: str | None) -> Habit:
        columns = {
            (column["measure"], column["days"]): _observed(features, column)
            for column in self.columns
            if column.get("activity") == activity and column["measure"] in habits.READ
        }
        return Habit.of(columns, len(features))

    def _follow_the_silence(self, features: pd.DataFrame, values: dict[str, Floats]) -> None:
        """Days from the first to the last order, where age and silence are given: one of the three is no news."""
        last, age, since = (self._name(name) for name in ("btyd_recency", "btyd_age", "days_since_last"))
        if last and age and since:
            own = _numbers(features, age)
            values[age] = own
            values[last] = np.clip(own - values[since], 0.0, None)


def _days_of(column: Column, tenure: Floats) -> Floats:
    """Days over which a growing number grew; 1 for others."""
    if column["measure"] not in (*GROWING, *GROWING_EVER) or not np.isfinite(tenure).all():
        return np.ones(len(tenure))
    return np.minimum(tenure, column["days"]) if column["days"] else tenure


def _observed(features: pd.DataFrame, column: Column) -> Floats:
    """The numbers; NaN where one stands for silence. Zero is different: no orders are an observation."""
    own, silence = _numbers(features, str(column["name"])), column["silence"]
    return np.where(own == silence, np.nan, own) if silence else own


def _numbers(features: pd.DataFrame, name: str) -> Floats:
    return features[name].to_numpy(dtype=np.float64)
