"""Reasons: what raised a customer's risk, by topic, each with a sentence template that the customer's numbers support.

In: contributions (log-odds, one row per listed customer, one column per model column), the same customers' features,
and what columns.json says about each column. Correlated columns share a topic and their contributions are added up, so
that one fact is stated once. A sentence is used only where the number itself points the way that the sum does: it lies
beyond the middle third of everyone scored, on the side that is bad news (for what lowers the risk: good news), and
beyond the customer's own "as before" where it compares with that. That an activity has stopped is stated once.
Observations, not causes: nothing here says "because".
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

from models.explanation.templates import columns_in, observed_clauses
from models.explanation.topics import Topics, higher_is_worse, is_changed, is_silent, wording_order

if TYPE_CHECKING:
    import pandas as pd

# A topic that moves the odds by less than 5% is no reason, whatever its rank.
NOTICEABLE = 0.05
_MIDDLE = [1 / 3, 2 / 3]

Column = Mapping[str, Any]
Money = Callable[[float], str]
Say = Callable[[str, Mapping[Any, Any], Mapping[str, Money]], str]  # template, numbers, columns of amounts -> sentence


@dataclass(frozen=True)
class Driver:
    """One topic of one customer: `log_odds` > 0 raises the risk; `sentence` is "" where no number says it plainly."""

    topic: str
    log_odds: float
    sentence: str


def reasons(
    contributions: pd.DataFrame,
    features: pd.DataFrame,
    columns_info: Sequence[Column],
    count: int = 3,
    *,
    say: Say,
    everyone: pd.DataFrame | None = None,
    money: Money | None = None,
) -> list[list[str]]:
    """Up to `count` sentences per customer, the strongest first; one per topic, only what raises the risk.

    `features`: the same customers in the same order; text columns may be there. `say` makes a sentence of a template.
    `everyone`: features of all who were scored, with whom a number is compared (default: `features`). `money` writes an
    amount (default: the template does).
    """
    return [
        [driver.sentence for driver in of_customer if driver.log_odds > 0 and driver.sentence][:count]
        for of_customer in drivers(contributions, features, columns_info, say=say, everyone=everyone, money=money)
    ]


def drivers(
    contributions: pd.DataFrame,
    features: pd.DataFrame,
    columns_info: Sequence[Column],
    *,
    say: Say,
    everyone: pd.DataFrame | None = None,
    money: Money | None = None,
) -> list[list[Driver]]:
    """Per customer every noticeable topic, what moves the score most first, up or down. No number is stated twice."""
    if len(contributions) != len(features):
        raise ValueError(f"{len(contributions)} rows of contributions for {len(features)} rows of features")
    explainer = _Explainer(columns_info, contributions.columns, features if everyone is None else everyone, money, say)
    return [
        explainer.drivers(row, values)
        for row, values in zip(contributions.to_dict("records"), features.to_dict("records"), strict=True)
    ]


@dataclass
class _Stated:
    """What one customer's sentences have stated: columns, days since something (the same visit is stated once), and
    which activities have stopped for now."""

    columns: set[str] = field(default_factory=set)
    days_ago: set[int] = field(default_factory=set)
    stopped: set[Any] = field(default_factory=set)


class _Explainer:
    """The columns and how they are spread over everyone; turns one customer's numbers into drivers."""

    def __init__(
        self,
        columns_info: Sequence[Column],
        used: Collection[Any],
        everyone: pd.DataFrame,
        money: Money | None,
        say: Say,
    ) -> None:
        self.say = say
        topics = Topics(columns_info, everyone)
        known = [column for column in columns_info if column["name"] in used]
        numbers = everyone.select_dtypes("number")
        self.middle = {name: (low, high) for name, low, high in numbers.quantile(_MIDDLE).T.itertuples()}
        self.silence = {column["name"]: column["silence"] for column in columns_info}
        self.money = {column["name"]: money for column in columns_info if money and column["unit"] == "money"}
        self.with_days_since_last = {column["activity"] for column in known if _states_last(column)}
        self.topics: dict[str, list[Column]] = {}
        for column in known:
            self.topics.setdefault(topics.of(column), []).append(column)
        self.spoken = {column["name"] for column in known if topics.spoken(column)}

    def drivers(self, row: Mapping[Any, float], values: Mapping[Any, Any]) -> list[Driver]:
        sums = {topic: math.fsum(row[column["name"]] for column in columns) for topic, columns in self.topics.items()}
        noticed = [topic for topic in sums if abs(sums[topic]) >= NOTICEABLE]
        noticed.sort(key=lambda topic: (-abs(sums[topic]), topic))
        stated, templates = _Stated(), {}
        for topic in sorted(noticed, key=lambda topic: sums[topic] < 0):  # reasons choose their numbers first
            templates[topic] = self._template(row, values, self.topics[topic], stated, up=sums[topic] > 0)
        return [Driver(topic, sums[topic], self._sentence(templates[topic], values)) for topic in noticed]

    def _sentence(self, template: str, values: Mapping[Any, Any]) -> str:
        return self.say(template, values, self.money) if template else ""

    def _template(
        self,
        row: Mapping[Any, float],
        values: Mapping[Any, Any],
        columns: Sequence[Column],
        stated: _Stated,
        *,
        up: bool,
    ) -> str:
        """The template that states the topic best, among numbers that show it; first those that moved the score so."""
        sign = 1 if up else -1
        pulling = [column for column in columns if column["name"] in self.spoken and sign * row[column["name"]] > 0]
        pulling.sort(key=lambda column: (*wording_order(column), -sign * row[column["name"]], column["name"]))
        for column in pulling:
            fits = partial(self._fits, column, values, up=up)
            template = observed_clauses(column["sentence"], values, self.silence, fits)
            if template and self._shows(column, values, up=up) and self._new(column, template, values, stated):
                return template
        return ""

    def _shows(self, column: Column, values: Mapping[Any, Any], *, up: bool) -> bool:
        """Whether the number lies beyond the middle third of everyone, on the side that the sum of its topic says."""
        bad, value = higher_is_worse(column), values.get(column["name"])
        if column["name"] not in self.middle or not isinstance(value, (int, float)):
            return True
        low, high = self.middle[column["name"]]
        if value == 0 and column["days"] and column["activity"] in self.with_days_since_last:
            return False  # "no order in 14 days" says less than "last order 41 days ago"
        if bad is None:
            return bool(value < low or value > high)
        upwards = bad == up
        return is_changed(column, value, upwards=upwards) and bool(value > high if upwards else value < low)

    def _fits(self, column: Column, values: Mapping[Any, Any], clause: str, *, up: bool) -> bool:
        """Whether what a later clause compares with lies on the other side: 41 days ago; usually every 9, never 50."""
        bad, value = higher_is_worse(column), values[column["name"]]
        others = [values[name] for name in columns_in(clause) if name != column["name"]]
        return bad is None or all(value > other if bad == up else value < other for other in others)

    def _new(self, column: Column, template: str, values: Mapping[Any, Any], stated: _Stated) -> bool:
        """Whether none of it was stated before; if so, it is noted as stated."""
        names, days_ago, stopped = set(columns_in(template)), set[int](), set[Any]()
        if _states_last(column):
            days_ago = {round(values[column["name"]])}
        if is_silent(column, values[column["name"]]):
            stopped = {column["activity"]}
        if names & stated.columns or days_ago & stated.days_ago or stopped & stated.stopped:
            return False
        stated.columns |= names
        stated.days_ago |= days_ago
        stated.stopped |= stopped
        return True


def _states_last(column: Column) -> bool:
    return column["measure"] == "days_since_last" and bool(column["sentence"])
