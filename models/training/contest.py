"""Who scores: the model, or a rule that does as well. There is always somebody.

Model and rules, each with the level of its moment, are held against each other on moments that they had not seen and
whose outcome was known at the test moment; with fewer than two such moments, on customers that they had not seen, at
the newest moment that trained. The lowest mean log loss scores; the test moment only reports. Who cannot rank (the
interval of ROC AUC ends below LEAST_AUC) is passed over: for the model, the best rule, and the silence against the
customer's own rhythm, in this order. Only where all of them fail, nothing ranks.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from models.evaluation import bootstrap
from models.learners.calibration import row_losses
from models.learners.rule_names import BASE_RATE, MODEL, RULES

BY_TIME, BY_CUSTOMERS, BY_SETTING = "time", "customers", "setting"
LAST_RESORT = ("own_rhythm", "days_since_last")
LEAST_AUC = 0.55  # of the interval's upper end
LEAST_MOMENTS = 2
DRAWS = 500


@dataclass(frozen=True)
class Contest:
    """Who scores and why.

    Attributes:
        scorer: MODEL, one of RULES, or BASE_RATE.
        ranks: False where nothing tells leavers from stayers: the list is then by value (BASE_RATE), or by recency
            where there is no money.
        losses: mean log loss on the held-out rows, by name, MODEL among them.
        moments: that judged, ISO dates, oldest first.
        held_out_by: `time`, or `customers` where there were too few moments, or `setting` where nothing was compared.
        roc_auc_low, roc_auc_high: 95% interval of the scorer's ROC AUC there.
    """

    scorer: str
    ranks: bool
    losses: Mapping[str, float]
    moments: tuple[str, ...]
    held_out_by: str
    roc_auc_low: float
    roc_auc_high: float

    @property
    def best_rule(self) -> str | None:
        """The rule with the lowest log loss."""
        rules = [name for name in self.losses if name in RULES]
        return best_of(self.losses, rules) if rules else None

    def to_json(self) -> dict[str, Any]:
        """As recipe.json has it, with the rule that came first among the rules; None where it was not looked for."""
        return {**asdict(self), "losses": dict(self.losses), "moments": list(self.moments), "best_rule": self.best_rule}


def settled(scorer: str) -> Contest:
    """Who scores because the recipe says so."""
    return Contest(scorer, scorer != BASE_RATE, {}, (), BY_SETTING, 0.0, 1.0)


def best_of(losses: Mapping[str, float], names: Sequence[str]) -> str:
    """The lowest loss of these names, the first of equals."""
    return min(names, key=lambda name: (round(losses[name], 9), names.index(name)))


def held(judged: pd.DataFrame, held_out_by: str, *, has_money: bool = True) -> Contest:
    """The contest on rows that nobody had seen.

    Args:
        judged: `customer_id, as_of, churned`, and the calibrated probability of MODEL and of every rule, in columns of
            their names; at least one row.
        held_out_by: `time` or `customers`.
        has_money: whether a list can be by value where nothing ranks.
    """
    names = [name for name in (MODEL, *RULES) if name in judged.columns]
    y = judged["churned"].to_numpy(dtype=np.float64)
    losses = {name: float(row_losses(judged[name].to_numpy(dtype=np.float64), y).mean()) for name in names}
    rest = [name for name in LAST_RESORT if name in names][:1]
    order = list(dict.fromkeys([best_of(losses, names), MODEL, best_of(losses, names[1:]), *rest]))
    intervals = {name: _interval(judged, name) for name in order}
    able = [name for name in order if not intervals[name][1] < LEAST_AUC]
    scorer = able[0] if able else BASE_RATE if has_money else "days_since_last"
    interval = intervals.get(scorer) or intervals[order[-1]]
    moments = tuple(sorted(set(pd.to_datetime(judged["as_of"]).dt.strftime("%Y-%m-%d"))))
    return Contest(scorer, bool(able), losses, moments, held_out_by, *interval)


def _interval(judged: pd.DataFrame, name: str) -> tuple[float, float]:
    """95% of the ROC AUC within moments, averaged by rows, customers drawn; (0, 1) where each has one kind only."""
    if not judged.groupby("as_of")["churned"].nunique().gt(1).any():
        return 0.0, 1.0
    found = bootstrap.Draws.of(judged, [name], draws=DRAWS, seed=7).pooled(name)["roc_auc"]
    return float(found["low"]), float(found["high"])


def rows_of(judged: Sequence[pd.DataFrame], moments: Sequence[str]) -> pd.DataFrame:
    """The rows of some moments."""
    table = pd.concat(judged, ignore_index=True)
    days: npt.NDArray[np.str_] = pd.to_datetime(table["as_of"]).dt.strftime("%Y-%m-%d").to_numpy(dtype=str)
    return table[np.isin(days, list(moments))].reset_index(drop=True)
