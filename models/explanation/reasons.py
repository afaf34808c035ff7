"""Reasons: what raises a customer's risk beside what is usual, by topic, each with a sentence that the numbers support.

In: a scorer (features -> log-odds), the customers' features, those of everyone scored, and what columns.json says about
each column. A topic is a group of correlated columns, so that one fact is stated once; its contribution is the score,
less the score if the topic's numbers were usual (contributions.py): by the customer's own habit, else among customers
of their kind (usual.py). Topics come in the order of their contributions, whatever can be said of them.

A sentence is used only where its number is good or bad news in itself, lies beyond what is usual on the side that the
contribution says, and says so as it is written; it names what it is compared with. That an activity has stopped is
stated once. Observations, not causes: nothing here says "because".
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from models.explanation.contributions import Score, against_usual
from models.explanation.statements import Numbers, Statement, statement
from models.explanation.templates import columns_in
from models.explanation.topics import Topics, is_silent, wording_order
from models.explanation.usual import Usuals

if TYPE_CHECKING:
    import pandas as pd

# A topic that moves the odds by less than 5% is no reason, whatever its rank.
NOTICEABLE = 0.05
OF_GAPS = ("days_since_last", "last_gap")
"""Measures whose usual number is the usual gap."""

Column = Mapping[str, Any]
Money = Callable[[float], str]
Say = Callable[[str, Mapping[Any, Any], Mapping[str, Money]], str]  # template, numbers, columns of amounts -> sentence


@dataclass(frozen=True)
class Driver:
    """One topic of one customer: `log_odds` > 0 raises the risk; `sentence` is "" where no number says it plainly.

    `compared`: with what the sentence compares, the customer's own habit or customers of their kind; "" without one.
    """

    topic: str
    log_odds: float
    sentence: str
    compared: Literal["habit", "kind", ""] = ""


def reasons(
    score: Score, features: pd.DataFrame, columns_info: Sequence[Column], count: int = 3, **other: Any
) -> list[list[str]]:
    """Up to `count` sentences per customer, the strongest first; one per topic, only what raises the risk.

    Arguments as of `drivers`.
    """
    return [
        [driver.sentence for driver in of_customer if driver.log_odds > 0 and driver.sentence][:count]
        for of_customer in drivers(score, features, columns_info, **other)
    ]


def drivers(
    score: Score,
    features: pd.DataFrame,
    columns_info: Sequence[Column],
    *,
    say: Say,
    everyone: pd.DataFrame | None = None,
    used: Collection[str] | None = None,
    money: Money | None = None,
) -> list[list[Driver]]:
    """Per customer every noticeable topic, what moves the score most first, up or down. No number is stated twice.

    Args:
        score: log-odds of rows of features.
        features: of the customers; text columns may be there.
        columns_info: entries of columns.json.
        say: makes a sentence of a template.
        everyone: features of all who were scored, among whom a number is usual (default: `features`).
        used: the columns that the score reads (default: all that `columns_info` has).
        money: writes an amount (default: the template does).
    """
    explainer = _Explainer(columns_info, used, features if everyone is None else everyone, money, say)
    return explainer.drivers(score, features)


@dataclass
class _Stated:
    """What one customer's sentences have stated: columns, days since something (the same visit is stated once), and
    which activities have stopped for now."""

    columns: set[str] = field(default_factory=set)
    days_ago: set[int] = field(default_factory=set)
    stopped: set[Any] = field(default_factory=set)


class _Explainer:
    """The columns, and what is usual of them among everyone; turns a scorer's numbers into drivers."""

    def __init__(
        self,
        columns_info: Sequence[Column],
        used: Collection[str] | None,
        everyone: pd.DataFrame,
        money: Money | None,
        say: Say,
    ) -> None:
        self.say = say
        topics = Topics(columns_info, everyone)
        self.usuals = Usuals(columns_info, everyone, topics.main)
        known = [column for column in columns_info if column["name"] in everyone.columns]
        self.silence = {column["name"]: column["silence"] for column in columns_info}
        self.money = {column["name"]: money for column in columns_info if money and column["unit"] == "money"}
        self.with_days_since_last = {column["activity"] for column in known if _states_last(column)}
        self.used: dict[str, list[str]] = {}
        self.spoken: dict[str, list[Column]] = {}
        for column in known:
            topic = topics.of(column)
            if used is None or column["name"] in used:
                self.used.setdefault(topic, []).append(str(column["name"]))
            if topics.spoken(column):
                self.spoken.setdefault(topic, []).append(column)
        for columns in self.spoken.values():
            columns.sort(key=lambda column: (*wording_order(column), column["name"]))
        said = [column for columns in self.spoken.values() for column in columns]
        named = {name for column in said for name in (column["name"], *columns_in(column["sentence"]))}
        self.named = [str(column["name"]) for column in known if column["name"] in named]

    def drivers(self, score: Score, features: pd.DataFrame) -> list[list[Driver]]:
        usual = self.usuals.of(features)
        moved = against_usual(score, features, usual.values, self.used).to_dict("records")
        tables = (features, usual.values, usual.by_habit, usual.observed)
        numbers = zip(*(table[self.named].to_dict("records") for table in tables), usual.new.tolist(), strict=True)
        return [
            self._of_customer({str(topic): value for topic, value in row.items()}, Numbers(*own))
            for row, own in zip(moved, numbers, strict=True)
        ]

    def _of_customer(self, moved: Mapping[str, float], numbers: Numbers) -> list[Driver]:
        noticed = [topic for topic in moved if abs(moved[topic]) >= NOTICEABLE]
        noticed.sort(key=lambda topic: (-abs(moved[topic]), topic))
        stated, found = _Stated(), {}
        for topic in sorted(noticed, key=lambda topic: moved[topic] < 0):  # reasons choose their numbers first
            found[topic] = self._statement(topic, numbers, stated, up=moved[topic] > 0)
        return [self._driver(topic, moved[topic], found[topic]) for topic in noticed]

    def _driver(self, topic: str, log_odds: float, chosen: Statement | None) -> Driver:
        if chosen is None:
            return Driver(topic, log_odds, "")
        money = self.money | {other: self.money[name] for other, name in chosen.aliases.items() if name in self.money}
        return Driver(topic, log_odds, self.say(chosen.template, chosen.values, money), chosen.compared)

    def _statement(self, topic: str, numbers: Numbers, stated: _Stated, *, up: bool) -> Statement | None:
        """What states the topic best, among numbers that show it and that were not stated before."""
        best: tuple[tuple[Any, ...], Column, Statement] | None = None
        for column in self.spoken.get(topic, ()):
            value = numbers.values.get(column["name"])
            if value == 0 and column["days"] and column["activity"] in self.with_days_since_last:
                continue  # "no order in 14 days" says less than "last order 41 days ago"
            order = wording_order(column)
            if best is not None and order > best[0][:2]:
                break
            found = statement(column, numbers, self.silence, up=up)
            if found is not None and self._is_new(column, found, stated):
                place = (*order, -found.departure)
                if best is None or place < best[0]:
                    best = place, column, found
        if best is None:
            return None
        self._note(best[1], best[2], stated)
        return best[2]

    def _facts(self, column: Column, chosen: Statement) -> _Stated:
        value = chosen.values[column["name"]]
        names = set(columns_in(chosen.template)) - set(chosen.aliases)
        if chosen.aliases and chosen.compared == "habit" and column["measure"] in OF_GAPS:
            names.add(f"{column['activity']}_gap_mean")  # "usually 62" is the usual gap
        days_ago = {round(value)} if _states_last(column) else set[int]()
        return _Stated(names, days_ago, {column["activity"]} if is_silent(column, value) else set[Any]())

    def _is_new(self, column: Column, chosen: Statement, stated: _Stated) -> bool:
        facts = self._facts(column, chosen)
        return not (
            facts.columns & stated.columns or facts.days_ago & stated.days_ago or facts.stopped & stated.stopped
        )

    def _note(self, column: Column, chosen: Statement, stated: _Stated) -> None:
        facts = self._facts(column, chosen)
        stated.columns |= facts.columns
        stated.days_ago |= facts.days_ago
        stated.stopped |= facts.stopped


def _states_last(column: Column) -> bool:
    return column["measure"] == "days_since_last" and bool(column["sentence"])
