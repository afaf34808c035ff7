"""Backtest of past lists: the whole recipe trained again at each past day, on what was known then, and its outcome.

At a day only moments whose windows had ended by then train anything, calibration included; the rows of the day itself
are predicted. The settings that the recipe leaves open are given, not chosen again.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from datetime import date
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from models.decision import ranking
from models.evaluation.metrics import calibration_groups, expected_calibration_error
from models.learners.expected_value import value_at_risk
from models.training import split, train
from models.training.panel import Panel
from models.training.recipe import Recipe

Floats = npt.NDArray[np.floating[Any]]

WEEK_DAYS = 7


def list_days(moments: Iterable[str], *, span_days: int, weeks: int) -> list[str]:
    """The newest `weeks` days on which a list can be judged, at least a week apart, oldest first.

    Args:
        moments: labelled moments, ISO dates.
        span_days: gap + horizon.
        weeks: how many at most. Fewer where there is no earlier moment that was known on the day.
    """
    days: list[str] = []
    for day in sorted(set(moments), reverse=True):
        apart = not days or (date.fromisoformat(days[-1]) - date.fromisoformat(day)).days >= WEEK_DAYS
        if apart and len(days) < weeks and split.known_moments(moments, day, span_days):
            days.append(day)
    return days[::-1]


def fix_choice(recipe: Recipe, choice: Mapping[str, Any]) -> Recipe:
    """The recipe with every `auto` set as it was chosen, and nothing to search for.

    `choice`: as in recipe.json; `numbers` in it are settings of the recipe that were chosen otherwise than set.
    """
    names = {field.name for field in fields(Recipe)}
    chosen = {**choice, **choice.get("numbers", {}), "search": {}}
    return replace(recipe, **{name: value for name, value in chosen.items() if name in names})


def replay(
    panel: Panel,
    day: str,
    recipe: Recipe,
    definition: Mapping[str, Any],
    *,
    without: Sequence[str] = (),
    threads: int = 1,
) -> pd.DataFrame:
    """Predict the customers of a past day by a model trained on what was known then: rows of `Trained.predictions`.

    Args:
        panel: labelled observations; those of later moments, or whose windows had not ended, are ignored.
        day: a moment of the panel with at least one known moment before it.
        recipe: with nothing left open.
        definition: the churn definition's setting.
        without: feature columns that must not enter the model.
        threads: change the time, never the result.

    Raises:
        ModelError: too few churners or stayers were known on the day.
    """
    span = int(definition["gap_days"]) + int(definition["horizon_days"])
    moments = panel.moments
    rows = np.isin(moments, [*split.known_moments(moments.tolist(), day, span), day])
    known_then = replace(
        panel,
        features=panel.features[rows].reset_index(drop=True),
        churned=panel.churned[rows],
        value_ahead=panel.value_ahead[rows],
    )
    plan = split.plan(set(known_then.moments.tolist()), span_days=span, origins=2)
    predictions = train.train(known_then, plan, recipe, definition, without=without, threads=threads).predictions
    return predictions[predictions["role"] == "test"].reset_index(drop=True)


@dataclass(frozen=True)
class Week:
    """One past list: what it promised and what happened. Money is NaN where the stream has none.

    Attributes:
        as_of: day of the list.
        customers, left: who could have been listed, and how many of them left.
        listed: length of the list.
        hits: of those listed, how many left; `promised_hits`: how many should have, by their probabilities.
        hits_by_risk: the same where the list is ranked by probability alone.
        rule_hits: the same for the baseline's list; `chance_hits`: for a random one.
        at_risk_value: value at risk of the list; `lost_value`: expected value of those listed who left;
            `rule_lost_value`: that of the baseline's list.
        promised_share, left_share: mean probability of all customers, and the share that left (0..1).
        ece: mean distance between promised and observed share over ten groups.
    """

    as_of: str
    customers: int
    left: int
    listed: int
    hits: int
    promised_hits: float
    hits_by_risk: int
    rule_hits: float
    chance_hits: float
    at_risk_value: float
    lost_value: float
    rule_lost_value: float
    promised_share: float
    left_share: float
    ece: float


def list_outcome(predictions: pd.DataFrame, *, capacity: int, rule: str) -> Week:
    """The outcome of the list of one day.

    Args:
        predictions: of one day, as `replay` gives them.
        capacity: customers on the list at most.
        rule: a column of `predictions`: the baseline that would have been used instead.
    """
    probability, left = (predictions[name].to_numpy(dtype=np.float64) for name in ("model", "churned"))
    value = predictions["expected_value"].to_numpy(dtype=np.float64)
    ids = predictions["customer_id"].astype("str")
    scores = pd.DataFrame({"customer_id": ids, "churn_probability": probability, "expected_value": value})
    listed = _listed_rows(scores.assign(value_at_risk=value_at_risk(probability, value)), capacity)
    by_risk = _listed_rows(scores.assign(value_at_risk=np.nan), capacity)
    by_rule = _probability_in_top(predictions[rule].to_numpy(dtype=np.float64), len(listed))
    return Week(
        as_of=f"{pd.Timestamp(str(predictions['as_of'].iloc[0])):%Y-%m-%d}",
        customers=len(left),
        left=int(left.sum()),
        listed=len(listed),
        hits=int(left[listed].sum()),
        promised_hits=float(probability[listed].sum()),
        hits_by_risk=int(left[by_risk].sum()),
        rule_hits=float(by_rule @ left),
        chance_hits=float(len(listed) * left.mean()),
        at_risk_value=float((probability * value)[listed].sum()),
        lost_value=float((left * value)[listed].sum()),
        rule_lost_value=float(by_rule @ (left * value)),
        promised_share=float(probability.mean()),
        left_share=float(left.mean()),
        ece=expected_calibration_error(probability, left),
    )


def _listed_rows(scores: pd.DataFrame, capacity: int) -> list[int]:
    """Rows of `scores` that the list would hold."""
    row_of = {customer: row for row, customer in enumerate(scores["customer_id"])}
    return [row_of[customer] for customer in ranking.with_ranks(scores)["customer_id"].head(capacity)]


def _probability_in_top(score: Floats, size: int) -> Floats:
    """For each row the probability to be among the `size` highest where ties are broken at random."""
    edge = np.sort(score)[::-1][size - 1]
    above, tied = score > edge, score == edge
    return np.asarray(above + tied * (size - above.sum()) / tied.sum(), dtype=np.float64)


def best_rule(predictions: pd.DataFrame, rules: Sequence[str], *, capacity: int) -> str:
    """The rule with most hits over all days: chosen in hindsight, in the rule's favour."""
    days = [rows for _, rows in predictions.groupby("as_of", sort=True)]
    hits = {rule: sum(list_outcome(rows, capacity=capacity, rule=rule).rule_hits for rows in days) for rule in rules}
    return max(hits, key=lambda rule: hits[rule])


@dataclass(frozen=True)
class Backfill:
    """Past lists and their outcomes, oldest first.

    Attributes:
        definition: name of the churn definition.
        weeks: one per list.
        rule: the baseline with most hits over all of them.
        groups: promised and observed share in ten groups of all customers of all days: `customers, promised, observed`.
        currency: of the money.
    """

    definition: str
    weeks: tuple[Week, ...]
    rule: str
    groups: pd.DataFrame
    currency: str

    @classmethod
    def of(
        cls, definition: str, predictions: pd.DataFrame, rules: Sequence[str], *, capacity: int, currency: str
    ) -> Backfill:
        """The outcome of every day of `predictions`."""
        rule = best_rule(predictions, rules, capacity=capacity)
        days = [rows for _, rows in predictions.groupby("as_of", sort=True)]
        groups = calibration_groups(
            predictions["model"].to_numpy(dtype=np.float64), predictions["churned"].to_numpy(dtype=np.float64)
        )
        weeks = tuple(list_outcome(rows, capacity=capacity, rule=rule) for rows in days)
        return cls(definition, weeks, rule, groups, currency)

    @property
    def has_money(self) -> bool:
        """Whether the lists are ranked by value at risk."""
        return any(np.isfinite(week.at_risk_value) for week in self.weeks)

    def total(self, figure: str) -> float:
        """A figure of `Week` added up over all lists."""
        return float(sum(getattr(week, figure) for week in self.weeks))
