"""What holds for every customer's reasons, whatever the stream and whatever a model makes of it.

Streams are simulated: customers whose pace changes or who stop, who visit, complain and answer. Scorers are drawn, so
that the model may be any.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from itertools import takewhile
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from features.windows import DAY_US, midnight
from models.explanation import reasons as explain
from models.explanation.statements import Numbers, statement
from models.explanation.templates import columns_in
from models.explanation.topics import AS_BEFORE, SILENCES, Topics, higher_is_worse
from models.explanation.usual import Usual, Usuals
from pipelines.rendering.language.english import sentence
from tests.conftest import examples
from tests.features.oracle import Did
from tests.features.streams_for_tests import MAIN, everything, numbers

pytestmark = pytest.mark.slow

AS_OF = "2017-11-06"
FEATURES = everything()
COLUMNS = {feature.name: feature.column() for feature in FEATURES}
SILENCE = {name: column["silence"] for name, column in COLUMNS.items()}
BY_SENTENCE = {column["sentence"].split("; ")[0]: column for column in COLUMNS.values() if column["sentence"]}


@cache
def shop(seed: int, customers: int = 40) -> pd.DataFrame:
    """Features of a simulated shop, one row per customer."""
    random, end, stream = np.random.default_rng(seed), midnight(AS_OF, "UTC"), list[Did]()
    for customer in range(customers):
        pace, stop = random.gamma(2, 15) + 1, random.choice([0, 0, 20, 60])
        for activity, every in (
            ("placed_order", pace),
            ("visited_site", pace / 2),
            ("complained", 200),
            ("answered_nps", 120),
            ("saved_with_coupon", pace * random.choice([1.0, 8.0])),
        ):
            ago, slower = float(stop + random.exponential(every)), random.choice([0.5, 1.0, 2.5])
            while ago < 380:
                at, value = end - int((ago + 0.01) * DAY_US), round(float(random.gamma(2, 20)), 2)
                stream.append(Did(f"{customer:03d}", activity, at, value, 1.0, "x", None))
                ago += float(random.exponential(every * (slower if ago < 100 else 1.0))) + 0.1
    found = numbers(stream, FEATURES, moments=(AS_OF,))
    return pd.DataFrame(list(found.values()), index=[customer for _, customer in found]).astype("float32")


Told = list[tuple[explain.Driver, str, Mapping[Any, Any]]]


class Model:
    """Any scorer of the shop's columns: a few of them, bent and multiplied, drawn by a seed."""

    def __init__(self, table: pd.DataFrame, seed: int) -> None:
        random = np.random.default_rng(seed)
        self.names = [str(name) for name in table.columns]
        self.middle, self.spread = table.mean().to_numpy(), table.std().to_numpy() + 1e-9
        self.weights = random.normal(0, 0.4, len(self.names)) * (random.random(len(self.names)) < 0.4)
        self.pairs = random.choice(len(self.names), (6, 2))

    def __call__(self, rows: pd.DataFrame) -> Any:
        bent = np.tanh((rows[self.names].to_numpy(dtype=np.float64) - self.middle) / self.spread)
        return bent @ self.weights + 0.3 * (bent[:, self.pairs[:, 0]] * bent[:, self.pairs[:, 1]]).sum(axis=1)


@cache
def drivers(stream: int, model: int) -> list[list[explain.Driver]]:
    table = shop(stream)
    return explain.drivers(Model(table, model), table, list(COLUMNS.values()), say=lambda template, *_: template)


@cache
def usual(stream: int) -> Usual:
    table = shop(stream)
    return Usuals(list(COLUMNS.values()), table, MAIN).of(table)


def told(stream: int, model: int) -> list[Told]:
    """Per customer: the drivers that are reasons, the template of each, and the customer's numbers."""
    return [
        [(one, one.sentence, row) for one in found if one.log_odds > 0 and one.sentence][:3]
        for found, row in zip(drivers(stream, model), shop(stream).to_dict("records"), strict=True)
    ]


def numbers_of(stream: int, customer: int) -> Numbers:
    known, row = usual(stream), shop(stream).iloc[customer].to_dict()
    of = (table.iloc[customer].to_dict() for table in (known.values, known.by_habit, known.observed))
    return Numbers(row, *of, bool(known.new[customer]))


def column_of(template: str) -> dict[str, Any]:
    return BY_SENTENCE[template.split("; ", maxsplit=1)[0]]


STREAMS = st.integers(0, 3)
MODELS = st.integers(0, 3)
ANY = examples(15)


@ANY
@given(stream=STREAMS, model=MODELS)
def test_the_worst_comes_first_and_every_one_raises_the_risk(stream: int, model: int) -> None:
    for reasons in told(stream, model):
        strengths = [driver.log_odds for driver, _, _ in reasons]
        assert strengths == sorted(strengths, reverse=True)
        assert all(strength >= explain.NOTICEABLE for strength in strengths)


@ANY
@given(stream=STREAMS, model=MODELS)
def test_no_fact_is_told_twice(stream: int, model: int) -> None:
    for reasons in told(stream, model):
        named = [name for _, template, row in reasons for name in set(columns_in(template)) if name in row]
        assert len(named) == len(set(named))
        topics = [driver.topic for driver, _, _ in reasons]
        assert len(topics) == len(set(topics))
        silent = []
        for _, template, row in reasons:
            column = column_of(template)
            none = column["measure"] == "count_trend" and row[column["name"]] == -1
            if none or column["measure"] in SILENCES or (column["days"] and row[column["name"]] == 0):
                silent.append(column["activity"])
        assert len(silent) == len(set(silent)), "an activity has stopped: that is one fact, however it is said"


@ANY
@given(stream=STREAMS, model=MODELS)
def test_nothing_that_got_better_is_told_as_a_reason_so_no_two_contradict_each_other(stream: int, model: int) -> None:
    for reasons in told(stream, model):
        for _, template, row in reasons:
            column = column_of(template)
            name, activity, days = column["name"], column["activity"], column["days"]
            burden, value = activity == "complained", row[name]
            if column["measure"] == "count_trend":
                now, before = row[f"{activity}_count_{days}d"], row[f"{activity}_count_before_{days}d"]
                assert now > before if burden else now < before
            elif column["measure"] == "gap_change":
                assert f"{value:.1f}" not in ("0.9", "1.0")
                assert value > 1
            elif column["measure"] in ("silence_per_gap", "silence_per_longest_gap", "usual_days_missed"):
                assert value > 1
            elif column["measure"] == "gap_share_shorter":
                assert value > 0.5
            elif column["measure"] == "value_change":
                assert value < 0


@ANY
@given(stream=STREAMS, model=MODELS)
def test_a_contribution_is_the_score_less_the_score_if_the_topic_were_usual(stream: int, model: int) -> None:
    table, score = shop(stream), Model(shop(stream), model)
    topics = Topics(list(COLUMNS.values()), table)
    topic = topics.of(COLUMNS["placed_order_count_28d"])
    members = [name for name, column in COLUMNS.items() if topics.of(column) == topic]
    changed = table.assign(**{name: usual(stream).values[name].astype("float32") for name in members})
    away = score(table) - score(changed)
    for found, by in zip(drivers(stream, model), away, strict=True):
        mine = [one.log_odds for one in found if one.topic == topic]
        assert mine == pytest.approx([by] if abs(by) >= explain.NOTICEABLE else [], abs=1e-6)


@ANY
@given(stream=STREAMS, model=MODELS)
def test_the_first_reason_is_the_largest_contribution_that_is_good_or_bad_news(stream: int, model: int) -> None:
    table = shop(stream)
    topics = Topics(list(COLUMNS.values()), table)
    for customer, found in enumerate(drivers(stream, model)):
        strengths = [abs(one.log_odds) for one in found]
        assert strengths == sorted(strengths, reverse=True), "in the order of what they contribute, and no other"
        before = list(takewhile(lambda one: not one.sentence, (one for one in found if one.log_odds > 0)))
        numbers = numbers_of(stream, customer)
        for one in before:
            for name, column in COLUMNS.items():
                if topics.of(column) == one.topic and topics.spoken(column) and numbers.values[name] != 0:
                    assert statement(column, numbers, SILENCE, up=True) is None, (one, name)


@ANY
@given(stream=STREAMS, model=MODELS)
def test_a_number_is_worse_than_what_it_is_compared_with(stream: int, model: int) -> None:
    for customer, reasons in enumerate(told(stream, model)):
        for driver, template, row in reasons:
            column, known = column_of(template), usual(stream)
            name, worse = column["name"], higher_is_worse(column)
            assert worse is not None, "what has no direction is no reason"
            assert driver.compared == ("habit" if column["measure"] in AS_BEFORE else driver.compared)
            if column["measure"] in AS_BEFORE:
                continue
            against = known.values[name].iloc[customer]
            assert driver.compared == ("habit" if known.by_habit[name].iloc[customer] else "kind")
            assert row[name] > against if worse else row[name] < against
            assert "; " in template, "it says with what"
            if column["measure"] == "count" and not worse:
                assert round(row[name]) < round(against)


@ANY
@given(stream=STREAMS, model=MODELS)
def test_the_usual_gap_is_named_only_beside_a_longer_silence_of_a_customer_with_a_habit(
    stream: int, model: int
) -> None:
    for reasons in told(stream, model):
        for driver, template, row in reasons:
            if "; usually every" in template and "__usual" not in template:
                since, gap = (row[name] for name in columns_in(template))
                assert since > gap
                assert driver.compared == "habit"
                assert row["placed_order_count_ever"] >= 3


def test_a_habit_is_the_pace_before_the_window() -> None:
    for stream in range(4):
        table, known = shop(stream), usual(stream)
        name = "placed_order_count_28d"
        habit = (known.by_habit[name] & known.observed[name]).to_numpy()
        earlier = (table["placed_order_count_364d"] - table["placed_order_count_28d"]).to_numpy(dtype=float)
        days = table["placed_order_days_since_first"].clip(upper=364).to_numpy(dtype=float) - 28
        gaps = earlier - (table["placed_order_days_since_first"] <= 364)
        assert (habit == ((earlier >= 3) & (days >= 28))).all()
        assert known.values["placed_order_count_28d"][habit].to_numpy() == pytest.approx(
            (gaps / days * 28).to_numpy()[habit], rel=1e-5
        )
        assert habit.any()


@ANY
@given(stream=STREAMS, model=MODELS)
def test_sentences_are_observations_with_the_customers_own_numbers(stream: int, model: int) -> None:
    for reasons in told(stream, model):
        for _, template, row in reasons:
            text = sentence(template, {**row, **{name: 1.0 for name in columns_in(template) if name not in row}})
            assert re.match("[A-Z0-9]", text)
            assert not re.search(r"[{}<>]|nan|inf|-0\b(?!\.)", text)
            assert not re.search(r"\b(because|due to|caused?|will|likely|risk|should)\b", text, re.IGNORECASE)
            assert re.search(r"\d|^No |every day|more than once a day", text)


def test_simulated_shops_have_reasons_of_many_kinds() -> None:
    # Otherwise the laws above would hold of nothing.
    found = [one for stream in range(4) for model in range(4) for reasons in told(stream, model) for one in reasons]
    measures = {column_of(template)["measure"] for _, template, _ in found}
    assert len(found) > 200
    assert {"days_since_last", "count", "count_trend", "gap_mean", "total_value", "value_change"} <= measures
    assert {driver.compared for driver, _, _ in found} == {"habit", "kind"}
