from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.effect.counts import Counts
from models.effect.shares import newcombe
from models.effect.weighted import arm_weights, measurable, weighted_means, weighted_shares
from models.errors import ModelError


def campaign(rng: np.random.Generator, sizes: dict[float, int]) -> tuple[np.ndarray, np.ndarray]:
    """Arms and probabilities: so many customers of each probability of being contacted."""
    p = np.repeat(list(sizes), list(sizes.values()))
    return rng.random(len(p)) < p, p


def test_where_all_have_one_probability_it_is_newcombes_interval() -> None:
    arm = np.arange(333) < 300
    left = np.concatenate([np.arange(300) < 90, np.arange(33) < 12])
    found, plain = weighted_shares(arm, np.full(333, 0.9), left), newcombe(Counts.of(arm, left))
    assert [float(x) for x in (found.effect, found.low, found.high)] == pytest.approx(
        [float(x) for x in (plain.effect, plain.low, plain.high)]
    )


def test_weights_take_out_what_a_changing_share_would_mislead() -> None:
    # The risky are contacted half the time, the others nine times in ten; contacting does nothing.
    rng = np.random.default_rng(1)
    arm, p = campaign(rng, {0.5: 20_000, 0.9: 20_000})
    left = rng.random(len(p)) < np.where(p == 0.5, 0.6, 0.1)
    assert abs(float(weighted_shares(arm, p, left).effect)) < 0.02
    assert left[~arm].mean() - left[arm].mean() > 0.15


@pytest.mark.parametrize(
    ("sizes", "rates"),
    [({0.5: 150, 0.9: 300}, (0.6, 0.3)), ({0.9: 300}, (0.05, 0.02)), ({1 / 3: 90, 0.5: 200}, (0.5, 0.45))],
)
def test_intervals_of_shares_cover(sizes, rates) -> None:
    rng, held, runs = np.random.default_rng(2), 0, 600
    for _ in range(runs):
        arm, p = campaign(rng, sizes)
        found = weighted_shares(arm, p, rng.random(len(p)) < np.where(arm, rates[1], rates[0]))
        held += bool(found.low <= rates[0] - rates[1] <= found.high)
    assert held / runs >= 0.935


@pytest.mark.parametrize(
    ("shape", "sizes", "scale"),
    [("normal", (1000, 110), 1.0), ("normal", (100, 11), 0.8), ("gamma", (300, 33), 0.8), ("money", (1000, 110), 0.8)],
)
def test_intervals_of_skewed_money_cover(shape, sizes, scale) -> None:
    rng, runs = np.random.default_rng(3), 500
    mean = {"normal": 0.0, "gamma": 0.5, "money": 0.4 * np.exp(0.5)}[shape]

    def spent(n: int) -> np.ndarray:
        if shape == "money":  # three in five spend nothing, the others by factors
            return rng.lognormal(0, 1, n) * (rng.random(n) < 0.4)
        return rng.normal(size=n) if shape == "normal" else rng.gamma(0.5, 1, n)

    arm, p, held = np.arange(sum(sizes)) < sizes[0], np.full(sum(sizes), sizes[0] / sum(sizes)), 0
    for _ in range(runs):
        found = weighted_means(arm, p, np.concatenate([spent(sizes[0]) * scale, spent(sizes[1])]))
        held += found.low <= mean * (scale - 1) <= found.high
    assert held / runs >= 0.93


def test_few_customers_have_no_interval_and_equal_ones_no_spread() -> None:
    arm = np.arange(20) < 11
    few = weighted_means(arm, np.full(20, 0.5), np.arange(20.0))
    assert few.reason == "few_customers"
    assert np.isnan(few.low)
    same = weighted_means(np.arange(40) < 20, np.full(40, 0.5), np.full(40, 3.0))
    assert (same.difference, same.low, same.high) == (0.0, 0.0, 0.0)
    one_arm = weighted_shares(np.ones(5, bool), np.full(5, 0.5), np.zeros(5))
    assert (float(one_arm.low), float(one_arm.high)) == (-1.0, 1.0)


@settings(max_examples=25)
@given(shift=st.floats(-50, 50), scale=st.floats(0.1, 20), seed=st.integers(0, 99))
def test_money_in_another_currency_says_the_same(shift: float, scale: float, seed: int) -> None:
    rng = np.random.default_rng(seed)
    arm, p = campaign(rng, {0.5: 60, 0.8: 60})
    money = rng.gamma(1, 1, len(p))
    one, other = weighted_means(arm, p, money), weighted_means(arm, p, shift + scale * money)
    assert (other.low, other.high) == pytest.approx((scale * one.low, scale * one.high), abs=1e-6 * scale + 1e-9)


def test_outcomes_that_are_missing_are_never_taken_for_nothing() -> None:
    arm, p = [True, False, False], [0.5] * 3
    with pytest.raises(ModelError, match="1 of 3 customers have no left"):
        weighted_shares(arm, p, [1.0, np.nan, 0.0])
    with pytest.raises(ModelError, match=r"3 customers were assigned, and outcome has shape \(2,\)"):
        weighted_means(arm, p, [1.0, 2.0])


def test_the_sure_can_not_be_measured() -> None:
    assert measurable([0.0, 0.5, 1.0]).tolist() == [False, True, False]
    with pytest.raises(ModelError, match="1 of 2 probabilities are 0, 1 or beyond"):
        arm_weights([True, False], [1.0, 0.5])
