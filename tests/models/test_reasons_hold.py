"""What holds for every customer's reasons, whatever the stream and whatever a model makes of it.

Streams are simulated: customers whose pace changes or who stop, who visit, complain and answer. Contributions are
drawn, so that the model may be any.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from features.windows import DAY_US, midnight
from models.explanation import reasons as explain
from models.explanation.templates import columns_in
from models.explanation.topics import SILENCES
from pipelines.rendering.language.english import sentence
from tests.conftest import examples
from tests.features.oracle import Did
from tests.features.streams_for_tests import everything, numbers

pytestmark = pytest.mark.slow

AS_OF = "2017-11-06"
FEATURES = everything()
COLUMNS = {feature.name: feature.column() for feature in FEATURES}
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


def told(table: pd.DataFrame, seed: int) -> list[Told]:
    """Per customer: the drivers that are reasons, the template of each, and the customer's numbers."""
    random = np.random.default_rng(seed)
    moved = random.normal(0, 1, table.shape) * (random.random(table.shape) < 0.4)
    contributions = pd.DataFrame(moved, columns=table.columns)
    drivers = explain.drivers(contributions, table, list(COLUMNS.values()), say=lambda template, *_: template)
    rows = table.to_dict("records")
    return [
        [(one, one.sentence, row) for one in found if one.log_odds > 0 and one.sentence][:3]
        for found, row in zip(drivers, rows, strict=True)
    ]


def column_of(template: str) -> dict[str, Any]:
    return BY_SENTENCE[template.split("; ", maxsplit=1)[0]]


STREAMS = st.integers(0, 7)
MODELS = st.integers(0, 10**6)
ANY = examples(15)


@ANY
@given(stream=STREAMS, model=MODELS)
def test_the_worst_comes_first_and_every_one_raises_the_risk(stream: int, model: int) -> None:
    for reasons in told(shop(stream), model):
        strengths = [driver.log_odds for driver, _, _ in reasons]
        assert strengths == sorted(strengths, reverse=True)
        assert all(strength >= explain.NOTICEABLE for strength in strengths)


@ANY
@given(stream=STREAMS, model=MODELS)
def test_no_fact_is_told_twice(stream: int, model: int) -> None:
    for reasons in told(shop(stream), model):
        named = [name for _, template, _ in reasons for name in set(columns_in(template))]
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
    for reasons in told(shop(stream), model):
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
def test_a_number_is_bad_news_beside_everyone_elses(stream: int, model: int) -> None:
    table = shop(stream)
    thirds = table.quantile([1 / 3, 2 / 3])
    for reasons in told(table, model):
        for _, template, row in reasons:
            column = column_of(template)
            low, high = thirds[column["name"]]
            value = row[column["name"]]
            sides = {True: value > high, False: value < low, None: not low <= value <= high}
            assert sides[column["higher_is_worse"]], (template, value, low, high)


@ANY
@given(stream=STREAMS, model=MODELS)
def test_the_usual_gap_is_named_only_beside_a_longer_silence(stream: int, model: int) -> None:
    for reasons in told(shop(stream), model):
        for _, template, row in reasons:
            if "; usually every" in template:
                since, gap = (row[name] for name in columns_in(template))
                assert since > gap


@ANY
@given(stream=STREAMS, model=MODELS)
def test_sentences_are_observations_with_the_customers_own_numbers(stream: int, model: int) -> None:
    for reasons in told(shop(stream), model):
        for _, template, row in reasons:
            text = sentence(template, row)
            assert re.match("[A-Z0-9]", text)
            assert not re.search(r"[{}<>]|nan|inf|-0\b", text)
            assert not re.search(r"\b(because|due to|caused?|will|likely|risk|should)\b", text, re.IGNORECASE)
            assert re.search(r"\d|^No |every day|more than once a day", text)


def test_simulated_shops_have_reasons_of_many_kinds() -> None:
    # Otherwise the laws above would hold of nothing.
    found = [template for stream in range(8) for reasons in told(shop(stream), stream) for _, template, _ in reasons]
    measures = {column_of(template)["measure"] for template in found}
    assert len(found) > 200
    assert {"days_since_last", "count", "count_trend", "gap_change", "total_value", "value_change"} <= measures
