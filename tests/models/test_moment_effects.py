"""Effects of moments: what they are, and what they let one expect of another."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import expit

from models.learners import moment_effects
from models.learners.moment_effects import Effects, effect, expected, leaving, shift_to

WEEKS = np.arange(30) * 7.0
ODDS = st.lists(st.floats(-12, 12), min_size=1, max_size=60)


def effects(shifts: np.ndarray, days: np.ndarray = WEEKS, variance: float = 0.002) -> Effects:
    return Effects(days, shifts, np.full(len(days), variance))


def test_an_effect_makes_what_was_said_true_on_average() -> None:
    random = np.random.default_rng(1)
    odds = random.normal(-1, 1, 4000)
    churned = (random.random(4000) < expit(odds + 0.4)).astype(float)
    shift, variance = effect(odds, churned)
    assert shift == pytest.approx(0.4, abs=4 * variance**0.5)
    assert expit(odds + shift).sum() == pytest.approx(churned.sum(), abs=shift + 1e-6)
    turned = random.permutation(4000)
    assert effect(odds[turned], churned[turned]) == (shift, variance)


@given(ODDS, st.booleans())
def test_an_effect_stays_finite_where_all_leave_or_none(odds: list[float], left: bool) -> None:
    shift, variance = effect(np.array(odds), np.full(len(odds), float(left)))
    assert np.isfinite(shift)
    assert (shift >= 0) == left or shift == pytest.approx(0, abs=1e-6)
    assert 0 < variance <= 1


def test_where_base_rates_stand_still_nothing_is_expected_of_the_next() -> None:
    random = np.random.default_rng(2)
    still = expected(effects(random.normal(0, 0.045, 30)), 203 + 28, 28)
    assert abs(still.shift) < 0.045
    assert still.spread < 0.15


def test_where_base_rates_move_slowly_the_newest_is_believed_and_where_they_stay_off_too() -> None:
    walk = expected(effects(np.cumsum(np.full(30, 0.05))), 203 + 7, 91)
    assert walk.shift > 0.9
    lasting = expected(effects(np.full(30, 0.5)), 203 + 28, 28)
    assert 0.1 < lasting.shift < 0.5
    assert lasting.spread > expected(effects(np.full(30, 0.05)), 203 + 28, 28).spread


def test_the_season_of_a_year_ago_is_remembered() -> None:
    days = np.arange(0, 364 + 26 * 7, 7.0)
    shifts = np.where((days % 364 > 260) & (days % 364 < 330), 0.9, -0.1)
    before_christmas = expected(effects(shifts, days), 364 + 295, 91)
    assert before_christmas.shift > 0.2
    since = days > 340
    assert expected(effects(shifts[since], days[since]), 364 + 295, 91).shift < before_christmas.shift - 0.2


def test_without_a_known_moment_only_the_prior_speaks() -> None:
    none = expected(None, 100, 28)
    assert none.shift == 0
    assert none.spread > 0.25


def test_moments_in_any_order_say_the_same_and_small_ones_say_little() -> None:
    shifts = np.random.default_rng(3).normal(0.2, 0.3, 30)
    order = np.random.default_rng(4).permutation(30)
    assert expected(effects(shifts[order], WEEKS[order]), 231, 28).shift == pytest.approx(
        expected(effects(shifts), 231, 28).shift, abs=1e-8
    )
    assert abs(expected(effects(shifts, variance=5.0), 231, 28).shift) < 0.1


@given(ODDS, st.floats(0.001, 0.999))
@settings(max_examples=60)
def test_the_shift_gives_the_level_whoever_comes_first(odds: list[float], level: float) -> None:
    by = shift_to(np.array(odds), level)
    assert expit(np.array(odds) + by).mean() == pytest.approx(level, abs=1e-6)
    assert shift_to(np.array(odds[::-1]), level) == by


@given(st.lists(st.floats(1e-6, 1 - 1e-6), min_size=1, max_size=60), st.floats(0, 2))
def test_the_interval_holds_the_expected_number_and_widens_with_the_spread(chance: list[float], spread: float) -> None:
    p = np.array(chance)
    low, high = leaving(p, spread)
    assert 0 <= low <= p.sum() + 1e-9
    assert p.sum() - 1e-9 <= high <= len(p)
    wider = leaving(p, spread + 0.5)
    assert wider[0] <= low + 1e-9
    assert high <= wider[1] + 1e-9


def test_the_interval_covers_as_often_as_it_says() -> None:
    random = np.random.default_rng(7)
    odds, spread, inside = random.normal(-1.5, 1, 400), 0.3, 0
    low, high = leaving(expit(odds), spread)
    for _ in range(2000):
        left = int((random.random(400) < expit(odds + random.normal(0, spread))).sum())
        inside += low <= left <= high
    assert 0.87 <= inside / 2000 <= 0.93


def test_without_any_uncertainty_about_the_level_the_interval_is_binomial() -> None:
    low, high = leaving(np.full(1000, 0.2), 0.0)
    assert (low, high) == pytest.approx((200 - 1.645 * 160**0.5, 200 + 1.645 * 160**0.5))


def test_effects_are_told_moment_by_moment() -> None:
    odds, days = np.zeros(200), np.repeat([10, 20], 100)
    churned = np.r_[np.ones(70), np.zeros(30), np.ones(30), np.zeros(70)]
    found = Effects.of(odds, churned, days)
    assert found.days.tolist() == [10.0, 20.0]
    assert found.shifts[0] == pytest.approx(-found.shifts[1], abs=1e-9)
    assert found.shifts[0] == pytest.approx(np.log(0.7 / 0.3), abs=0.05)
    assert found.shifts.max() < moment_effects.FARTHEST
