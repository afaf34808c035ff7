"""The laws: a feature is a function from what a customer did before a moment to one number, and of nothing else."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import date, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from features.catalogue.catalogue import Feature
from features.windows import DAY_US, boundary, day_number, day_text, midnight
from tests.conftest import examples
from tests.features.oracle import Did
from tests.features.streams_for_tests import MAIN, MOMENTS, dids, everything, numbers, streams

FEATURES = everything()
BERLIN = "Europe/Berlin"
Numbers = dict[tuple[str, str], dict[str, float]]


def must_be_the_same(one: Numbers, other: Numbers, features: tuple[Feature, ...] = FEATURES) -> None:
    """Equal rows; equal numbers within the tolerance that each measure declares."""
    assert set(one) == set(other)
    for key, row in one.items():
        for feature in features:
            a, b = row[feature.name], other[key][feature.name]
            largest = 1e5 if feature.measure == "value_spread" else 1.0
            assert abs(a - b) <= feature.how.tolerance * max(largest, abs(a)), (feature.name, key, a, b)


@examples(30)
@given(stream=streams(BERLIN, late=True), future=st.lists(dids(BERLIN, late=True), max_size=15))
def test_the_future_changes_nothing(stream: list[Did], future: list[Did]) -> None:
    moment = MOMENTS[1]
    limit = midnight(moment, BERLIN)
    past = [did for did in stream if did.occurred_at < limit]
    later = [did for did in future if did.occurred_at >= limit]
    learned_later = [replace(did, recorded_at=limit) for did in future if did.occurred_at < limit]
    alone = numbers(past, FEATURES, (moment,), BERLIN) if past else {}
    assert (
        numbers([*past, *later, *learned_later, replace(stream[0], occurred_at=limit)], FEATURES, (moment,), BERLIN)
        == alone
    )


@examples(25)
@given(stream=streams(BERLIN, late=True), seed=st.integers(0, 99))
def test_the_order_of_the_rows_changes_nothing(stream: list[Did], seed: int) -> None:
    shuffled = random.Random(seed).sample(stream, len(stream))
    must_be_the_same(numbers(stream, FEATURES, timezone=BERLIN), numbers(shuffled, FEATURES, timezone=BERLIN))


@examples(25)
@given(stream=streams(late=True), weeks=st.integers(-300, 300))
def test_a_shift_by_whole_weeks_changes_nothing(stream: list[Did], weeks: int) -> None:
    us = weeks * 7 * DAY_US

    def later(did: Did) -> Did:
        recorded, removed = (None if at is None else at + us for at in (did.recorded_at, did.removed_at))
        return replace(did, occurred_at=did.occurred_at + us, recorded_at=recorded, removed_at=removed)

    moments = tuple(day_text(day_number(moment) + 7 * weeks) for moment in MOMENTS)
    shifted = numbers([later(did) for did in stream], FEATURES, moments)
    back = {(MOMENTS[moments.index(moment)], customer): row for (moment, customer), row in shifted.items()}
    same = tuple(feature for feature in FEATURES if not feature.measure.startswith("month_"))
    must_be_the_same(numbers(stream, FEATURES), back, same)


@examples(25)
@given(stream=streams(BERLIN, late=True))
def test_training_and_scoring_see_the_same(stream: list[Did]) -> None:
    together = numbers(stream, FEATURES, timezone=BERLIN)
    for moment in MOMENTS:
        alone = numbers(stream, FEATURES, (moment,), BERLIN)
        must_be_the_same({key: row for key, row in together.items() if key[0] == moment}, alone)


@examples(20)
@given(stream=streams(BERLIN))
def test_other_customers_change_nothing(stream: list[Did]) -> None:
    together = numbers(stream, FEATURES, timezone=BERLIN)
    for customer in {did.customer for did in stream}:
        alone = numbers([did for did in stream if did.customer == customer], FEATURES, timezone=BERLIN)
        must_be_the_same({key: row for key, row in together.items() if key[1] == customer}, alone)


def at(text: str) -> int:
    """Microseconds UTC of a local Berlin day and a shift in microseconds: `2017-11-06 -1`."""
    day, shift = text.split()
    return midnight(day, BERLIN) + int(shift)


# as_of 2017-11-06 in Berlin, one week behind the change of clocks on 2017-10-29 at three.
BOUNDARIES = [
    # occurred_at            in 7 days, in 14 days, days since last
    ("2017-11-06 0", None, None, None),  # exactly as_of: future
    ("2017-11-06 1", None, None, None),
    ("2017-11-06 -1", 1, 1, 1),  # one microsecond before
    ("2017-11-05 0", 1, 1, 1),
    ("2017-11-05 -1", 1, 1, 2),
    ("2017-10-30 0", 1, 1, 7),  # the window's first microsecond
    ("2017-10-30 -1", 0, 1, 8),  # one before it
    ("2017-10-29 0", 0, 1, 8),  # the day with 25 hours
    ("2017-10-29 -1", 0, 1, 9),
    ("2017-10-23 0", 0, 1, 14),
    ("2017-10-23 -1", 0, 0, 15),
]


@pytest.mark.parametrize(("occurred_at", "week", "fortnight", "since"), BOUNDARIES)
def test_boundaries_to_the_microsecond(
    occurred_at: str, week: int | None, fortnight: int | None, since: int | None
) -> None:
    features = (Feature(MAIN, "count", 7), Feature(MAIN, "count", 14), Feature(MAIN, "days_since_last"))
    found = numbers([Did("a", MAIN, at(occurred_at))], features, ("2017-11-06",), BERLIN)
    rows = [list(row.values()) for row in found.values()]
    assert rows == ([] if week is None else [[week, fortnight, since]])


@pytest.mark.parametrize(
    ("recorded_at", "seen"),
    [("2017-11-06 -1", True), ("2017-11-06 0", False), ("2017-11-06 1", False), ("2017-11-02 0", True), (None, True)],
)
def test_what_is_recorded_at_the_moment_did_not_exist_before_it(recorded_at: str | None, seen: bool) -> None:
    late = Did("a", MAIN, at("2017-11-01 0"), recorded_at=None if recorded_at is None else at(recorded_at))
    features = (Feature(MAIN, "count", 7), Feature(MAIN, "count", 14))
    found = numbers([late], features, ("2017-11-13", "2017-11-06"), BERLIN)
    assert found.pop(("2017-11-13", "a")) == {"placed_order_count_7d": 0.0, "placed_order_count_14d": 1.0}
    assert bool(found) == seen


def test_a_late_fact_is_seen_at_later_moments_only() -> None:
    orders = [Did("a", MAIN, at(f"{day} 0")) for day in ("2017-10-02", "2017-10-12")]
    late = Did("a", MAIN, at("2017-10-22 0"), recorded_at=at("2017-11-08 0"))
    found = numbers(
        [*orders, late],
        (Feature(MAIN, "count", 91), Feature(MAIN, "longest_gap")),
        ("2017-11-13", "2017-11-06"),
        BERLIN,
    )
    assert list(found["2017-11-06", "a"].values()) == [2, 10]
    assert list(found["2017-11-13", "a"].values()) == [3, 10]


def test_one_order_customers_have_finite_numbers() -> None:
    row = numbers([Did("a", MAIN, at("2017-11-01 0"), 12.5)], FEATURES, ("2017-11-06",), BERLIN)["2017-11-06", "a"]
    assert all(np.isfinite(number) for number in row.values())
    assert row["placed_order_days_since_last"] == 5
    assert row["placed_order_gap_mean"] == row["placed_order_longest_gap"] == 1000
    assert row["placed_order_btyd_frequency"] == row["placed_order_btyd_recency"] == 0
    assert row["placed_order_btyd_age"] == 5
    assert row["visited_site_days_since_last"] == 1000


def test_two_orders_of_one_day_are_two_orders_and_one_step_of_the_rhythm() -> None:
    orders = [
        Did("a", MAIN, at("2017-10-30 0"), 5.0),
        Did("a", MAIN, at("2017-11-02 7"), 2.0),
        Did("a", MAIN, at("2017-11-02 7"), 2.0),
    ]
    row = numbers(orders, FEATURES, ("2017-11-06",), BERLIN)["2017-11-06", "a"]
    assert row["placed_order_count_7d"] == 3
    assert row["placed_order_active_days_7d"] == 2
    assert row["placed_order_gap_mean"] == row["placed_order_last_gap"] == 3
    assert row["placed_order_btyd_monetary"] == 4.0
    assert row["placed_order_total_value_7d"] == 9.0


@examples(20)
@given(stream=streams(BERLIN, late=True))
def test_everything_twice_doubles_the_counts_and_keeps_the_days(stream: list[Did]) -> None:
    features = tuple(
        Feature(MAIN, measure, days)
        for measure, days in [("count", 28), ("total_value", 28), ("active_days", 28), ("gap_mean", None)]
    )
    orders = [replace(did, activity=MAIN) for did in stream]
    once, twice = numbers(orders, features, timezone=BERLIN), numbers([*orders, *orders], features, timezone=BERLIN)
    for key, row in once.items():
        count, total, days, gap = row.values()
        assert list(twice[key].values()) == [2 * count, 2 * total, days, gap]


def test_two_hundred_thousand_orders_of_one_customer_to_the_cent() -> None:
    cents = np.random.default_rng(1).integers(0, 9_999_999, 200_000)
    cents[:100_000] = 9_999_999
    start = boundary("2017-11-06", 360, BERLIN)
    orders = [Did("a", MAIN, start + i * 150_000_000, cent / 100) for i, cent in enumerate(cents.tolist())]
    small = [Did("b", MAIN, at("2017-11-05 5"), 0.01), Did("b", MAIN, at("2017-11-04 5"), 0.02)]
    found = numbers([*orders, *small], FEATURES, ("2017-11-06",), BERLIN)
    assert found["2017-11-06", "a"]["placed_order_total_value_364d"] == int(cents.sum()) / 100
    assert found["2017-11-06", "a"]["placed_order_count_364d"] == 200_000
    assert found["2017-11-06", "b"]["placed_order_total_value_364d"] == 0.03
    assert found["2017-11-06", "b"]["placed_order_value_spread"] == pytest.approx(0.005)
    spread = float(np.std(cents / 100))
    assert found["2017-11-06", "a"]["placed_order_value_spread"] == pytest.approx(spread, rel=1e-9)


def test_seen_within_days_decides_who_has_a_row() -> None:
    stream = [
        Did("a", MAIN, at("2017-10-30 0")),
        Did("b", MAIN, at("2017-10-30 -1")),
        Did("c", "complained", at("2017-11-01 0")),
    ]
    stream.append(Did("d", "was_listed", at("2017-11-01 0")))
    found = numbers(stream, FEATURES, ("2017-11-06",), BERLIN, seen_within_days=7)
    assert sorted(customer for _, customer in found) == ["a", "c"]


def test_moments_are_days_of_the_stream_s_own_timezone() -> None:
    order = Did("a", MAIN, midnight("2017-11-06", "UTC") - 1)  # in Berlin it is already Monday
    assert numbers([order], FEATURES, ("2017-11-06",), "UTC")
    assert not numbers([order], FEATURES, ("2017-11-06",), BERLIN)
    assert date(2017, 11, 6) - timedelta(days=7) == date(2017, 10, 30)
