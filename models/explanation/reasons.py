"""Reasons in words: what raised this customer's risk, said with this customer's own numbers.

In: contributions (log-odds, one row per listed customer, one column per model column), the same customers' features,
and what columns.json says about each column. Correlated columns share a topic and their contributions are added up, so
that one fact is said once. A sentence is used only where the number itself points the way that the sum does: it lies
beyond the middle third of everyone scored, on the side that is bad news (for what lowers the risk: good news), and
beyond the customer's own "as before" where it compares with that. That an activity has stopped is said once.
Observations, not causes: nothing here says "because".
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

from models.explanation import templates as telling
from models.explanation.templates import named_in, observed
from models.explanation.topics import Topics, changed, preference, silent, worse

if TYPE_CHECKING:
    import pandas as pd

# A topic that moves the odds by less than 5% is no reason, whatever its rank.
NOTICEABLE = 0.05
_MIDDLE = [1 / 3, 2 / 3]

Column = Mapping[str, Any]
Money = Callable[[float], str]
Say = Callable[[str, Mapping[Any, Any], telling.Money], str]  # template, numbers, columns that are amounts -> sentence


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
    everyone: pd.DataFrame | None = None,
    money: Money | None = None,
    say: Say = telling.say,
) -> list[list[str]]:
    """Up to `count` sentences per customer, the strongest first; one per topic, only what raises the risk.

    `features`: the same customers in the same order; text columns may be there. `everyone`: features of all who were
    scored, whom a number is held against (default: `features`). `money` writes an amount (default: the template does);
    `say` makes a sentence of a template (default: in English).
    """
    return [
        [driver.sentence for driver in found if driver.log_odds > 0 and driver.sentence][:count]
        for found in drivers(contributions, features, columns_info, everyone=everyone, money=money, say=say)
    ]


def drivers(
    contributions: pd.DataFrame,
    features: pd.DataFrame,
    columns_info: Sequence[Column],
    *,
    everyone: pd.DataFrame | None = None,
    money: Money | None = None,
    say: Say = telling.say,
) -> list[list[Driver]]:
    """Per customer every noticeable topic, what moves the score most first, up or down. No number is told twice."""
    if len(contributions) != len(features):
        raise ValueError(f"{len(contributions)} rows of contributions for {len(features)} rows of features")
    teller = _Teller(columns_info, contributions.columns, features if everyone is None else everyone, money, say)
    return [
        teller.drivers(row, values)
        for row, values in zip(contributions.to_dict("records"), features.to_dict("records"), strict=True)
    ]


@dataclass
class _Told:
    """What one customer's sentences have said: columns, days since something (the same visit is told once), and which
    activities have stopped for now."""

    columns: set[str] = field(default_factory=set)
    days_ago: set[int] = field(default_factory=set)
    stopped: set[Any] = field(default_factory=set)


class _Teller:
    """Knows the columns; turns one customer's numbers into drivers."""

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
        self.last_told_by_days = {column["activity"] for column in known if _tells_last(column)}
        self.topics: dict[str, list[Column]] = {}
        for column in known:
            self.topics.setdefault(topics.of(column), []).append(column)
        self.spoken = {column["name"] for column in known if topics.spoken(column)}

    def drivers(self, row: Mapping[Any, float], values: Mapping[Any, Any]) -> list[Driver]:
        sums = {topic: math.fsum(row[column["name"]] for column in columns) for topic, columns in self.topics.items()}
        noticed = sorted((one for one in sums if abs(sums[one]) >= NOTICEABLE), key=lambda one: (-abs(sums[one]), one))
        told, templates = _Told(), {}
        for topic in sorted(noticed, key=lambda one: sums[one] < 0):  # reasons choose their numbers first
            templates[topic] = self._template(row, values, self.topics[topic], told, up=sums[topic] > 0)
        return [Driver(topic, sums[topic], self._said(templates[topic], values)) for topic in noticed]

    def _said(self, template: str, values: Mapping[Any, Any]) -> str:
        return self.say(template, values, self.money) if template else ""

    def _template(
        self, row: Mapping[Any, float], values: Mapping[Any, Any], columns: Sequence[Column], told: _Told, *, up: bool
    ) -> str:
        """The sentence that tells the topic best, among numbers that show it; first those that moved the score so."""
        sign = 1 if up else -1
        pulling = [one for one in columns if one["name"] in self.spoken and sign * row[one["name"]] > 0]
        for column in sorted(pulling, key=lambda one: (*preference(one), -sign * row[one["name"]], one["name"])):
            fits = partial(self._fits, column, values, up=up)
            template = observed(column["sentence"], values, self.silence, fits)
            if template and self._shows(column, values, up=up) and self._new(column, template, values, told):
                return template
        return ""

    def _shows(self, column: Column, values: Mapping[Any, Any], *, up: bool) -> bool:
        """Whether the number lies beyond the middle third of everyone, on the side that the sum of its topic says."""
        bad, value = worse(column), values.get(column["name"])
        if column["name"] not in self.middle or not isinstance(value, (int, float)):
            return True
        low, high = self.middle[column["name"]]
        if value == 0 and column["days"] and column["activity"] in self.last_told_by_days:
            return False  # "no order in 14 days" says less than "last order 41 days ago"
        if bad is None:
            return bool(value < low or value > high)
        upwards = bad == up
        return changed(column, value, upwards=upwards) and bool(value > high if upwards else value < low)

    def _fits(self, column: Column, values: Mapping[Any, Any], clause: str, *, up: bool) -> bool:
        """Whether what a later clause compares with lies on the other side: 41 days ago; usually every 9, never 50."""
        bad, value = worse(column), values[column["name"]]
        others = [values[name] for name in named_in(clause) if name != column["name"]]
        return bad is None or all(value > other if bad == up else value < other for other in others)

    def _new(self, column: Column, template: str, values: Mapping[Any, Any], told: _Told) -> bool:
        """Whether none of it was said before; if so, it is noted as said."""
        names, days_ago, stopped = set(named_in(template)), set[int](), set[Any]()
        if _tells_last(column):
            days_ago = {round(values[column["name"]])}
        if silent(column, values[column["name"]]):
            stopped = {column["activity"]}
        if names & told.columns or days_ago & told.days_ago or stopped & told.stopped:
            return False
        told.columns |= names
        told.days_ago |= days_ago
        told.stopped |= stopped
        return True


def _tells_last(column: Column) -> bool:
    return column["measure"] == "days_since_last" and bool(column["sentence"])
