"""The rules that a team has without a model, as scorers in their own right: log-odds, contributions, JSON.

A rule that gives only an order (days since the last order, orders counted, the RFM sum, the silence against the
customer's own rhythm) becomes a probability by a logistic regression on that one number, a rule of several columns by
one on all of them. BG/NBD is a probability already where leaving is silence, elsewhere by a line through it. A rule is
kept in a model's folder in place of boosters and blend (models/churn_model.py); everything else there stays the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from models import columns
from models.learners.bgnbd_score import BgNbdScore
from models.learners.logistic import Linear
from models.learners.rule_names import BASE_RATE
from models.segments import Quintiles, Roles

if TYPE_CHECKING:
    import pandas as pd

Floats = npt.NDArray[np.floating[Any]]

PENALTY = 1e-5  # only keeps the numbers finite where a line separates
OWN_RHYTHM = "silence_per_gap"  # the measure: days since the last over the usual days between


@dataclass(frozen=True)
class Rule:
    """One fitted rule.

    Attributes:
        name: one of RULES, or BASE_RATE.
        columns: that it reads.
        line: of those columns, of the RFM sum or of the habit's log-odds; None: the habit's log-odds as they are.
        quintiles: where the columns are ranked and added up, the RFM score.
        habit: where the rule is BG/NBD.
        average: log-odds of the average training row, where the rule is BG/NBD: what a customer is told against.
    """

    name: str
    columns: tuple[str, ...]
    line: Linear | None
    quintiles: Quintiles | None = None
    habit: BgNbdScore | None = None
    average: float = 0.0

    def log_odds(self, features: pd.DataFrame) -> npt.NDArray[np.float64]:
        """Log-odds of leaving for each row."""
        numbers = self._numbers(features)
        return np.asarray(numbers[:, 0] if self.line is None else self.line.log_odds(numbers), dtype=np.float64)

    def contributions(self, features: pd.DataFrame) -> pd.DataFrame:
        """Log-odds that each of `columns` adds to each row; their sum and one constant give `log_odds`.

        A score that is added up is told by its parts: each by how far it lies from the middle, at the rate at which
        the sum changes the log-odds between there and here. A habit is told under the silence that it weighs.
        """
        import pandas as pd

        table = pd.DataFrame(0.0, columns=list(self.columns), index=features.index)
        if self.habit is not None:
            return table.assign(**{self.told_as: self.log_odds(features) - self.average})
        if self.quintiles is None and self.line is not None:
            return table.assign(
                **dict(zip(self.columns, self.line.contributions(self._numbers(features)).T, strict=True))
            )
        ranks = self._ranks(features)
        middle = np.full(ranks.shape[1], 3.0)
        steps = (ranks - middle).sum(axis=1)
        rise = self._at(ranks.sum(axis=1)) - self._at(np.full(len(ranks), middle.sum()))
        rate = np.divide(rise, steps, out=np.full(len(ranks), self._slope(middle.sum())), where=steps != 0)
        return table.assign(**dict(zip(self.columns, ((ranks - middle) * rate[:, None]).T, strict=True)))

    @property
    def told_as(self) -> str:
        """The column under which a habit is told."""
        told = self.habit.told_as if self.habit else self.columns[0]
        return told if told in self.columns else self.columns[1]

    def _numbers(self, features: pd.DataFrame) -> Floats:
        if not self.columns:
            return np.zeros((len(features), 0))
        read = columns.finite_numbers(features, self.columns)
        if self.habit is not None:
            return np.asarray(self.habit.log_odds(features)[:, None])
        if self.quintiles is not None:
            return np.asarray(self._ranks(features).sum(axis=1)[:, None])
        return read

    def _ranks(self, features: pd.DataFrame) -> Floats:
        """R, F and M, 1 to 5, in the order of `columns`."""
        assert self.quintiles is not None
        scores = self.quintiles.scores(features)[["r_score", "f_score", "m_score"]]
        return np.asarray(scores.to_numpy(dtype=np.float64, na_value=np.nan)[:, : len(self.columns)])

    def _at(self, sums: Floats) -> Floats:
        assert self.line is not None
        return np.asarray(self.line.log_odds(sums[:, None]))

    def _slope(self, at: float) -> float:
        """Of the log-odds by the sum, where there is no distance to divide by."""
        ends = self._at(np.array([at - 0.5, at + 0.5]))
        return float(ends[1] - ends[0])

    def to_json(self) -> dict[str, Any]:
        """The numbers, exactly."""
        return {
            "name": self.name,
            "columns": list(self.columns),
            "average": self.average,
            **{
                part: value.to_json() if value is not None else None
                for part, value in (("line", self.line), ("quintiles", self.quintiles), ("habit", self.habit))
            },
        }

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> Rule:
        """The inverse of `to_json`."""
        return cls(
            content["name"],
            tuple(content["columns"]),
            Linear.from_json(content["line"]) if content["line"] else None,
            Quintiles.from_json(content["quintiles"]) if content["quintiles"] else None,
            BgNbdScore.from_json(content["habit"]) if content["habit"] else None,
            float(content["average"]),
        )


def fitted(
    features: pd.DataFrame,
    churned: Floats,
    *,
    roles: Roles,
    columns_info: list[dict[str, Any]],
    definition: Mapping[str, Any],
    habit: BgNbdScore | None,
) -> dict[str, Rule]:
    """Every rule that the columns allow, by name.

    Args:
        features: training rows.
        churned: 0 or 1 per row.
        roles: of the definition's activity.
        columns_info: the entries of columns.json, for the column of the own rhythm.
        definition: the churn definition's setting.
        habit: BG/NBD of these rows; None where the stream has no summary.
    """
    lines = {"days_since_last": [roles.recency], "order_count": [roles.frequency], "logistic_rfmt": roles.names}
    rhythm = own_rhythm(columns_info, str(definition["activity"]))
    if rhythm in features.columns:
        lines["own_rhythm"] = [rhythm]
    found = {
        name: Rule(name, tuple(names), Linear.fit(columns.numbers(features, names), churned, penalty=PENALTY))
        for name, names in lines.items()
    }
    quintiles = Quintiles.fit(features, roles)
    summed = Linear.fit(quintiles.sums(features)[:, None], churned, penalty=PENALTY)
    ranked = tuple(name for name in (roles.recency, roles.frequency, roles.money) if name)
    found["rfm_score"] = Rule("rfm_score", ranked, summed, quintiles=quintiles)
    if habit is not None:
        said = None if definition.get("kind", "silence") == "silence" else habit.log_odds(features)[:, None]
        line = None if said is None else Linear.fit(said, churned, penalty=PENALTY)
        read = tuple(dict.fromkeys([roles.recency, *habit.columns]))
        scored = Rule("bg_nbd", read, line, habit=habit)
        found["bg_nbd"] = replace(scored, average=float(scored.log_odds(features).mean()))
    return found


def base_rate(churned: Floats) -> Rule:
    """The share that left, with half a customer added to either side, as everybody's probability."""
    left, rows = float(churned.sum()) + 0.5, len(churned) + 1.0
    nothing = np.zeros(0)
    return Rule(BASE_RATE, (), Linear(nothing, nothing, float(np.log(left / (rows - left))), nothing))


def own_rhythm(columns_info: list[dict[str, Any]], activity: str) -> str:
    """The column of days since the last against the usual days between; "" where none is declared."""
    fitting = [info for info in columns_info if info["activity"] == activity and info["measure"] == OWN_RHYTHM]
    return str(fitting[0]["name"]) if fitting else ""
