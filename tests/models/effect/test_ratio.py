from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.effect.ratio import EVERYTHING, INTERVAL, OUTSIDE, complier_effect, cost_per_kept, fieller


def test_fieller_by_hand() -> None:
    # Without covariance and with a certain denominator it is the numerator's interval, divided.
    assert fieller(10.0, 2.0, [[1.0, 0], [0, 0]], 2.0) == (INTERVAL, pytest.approx(4.0), pytest.approx(6.0))
    assert fieller(1.0, 0.1, np.eye(2), 2.0)[0] == EVERYTHING
    kind, low, high = fieller(10.0, 0.5, np.eye(2), 2.0)
    assert kind == OUTSIDE
    assert low < high < 10.0 / 0.5


@given(
    top=st.floats(-10, 10),
    bottom=st.floats(-10, 10),
    spread=st.tuples(st.floats(0.1, 2), st.floats(0.1, 2), st.floats(-0.9, 0.9)),
    ratio=st.floats(-20, 20),
)
def test_the_set_holds_the_ratios_that_are_not_contradicted(top, bottom, spread, ratio) -> None:
    v1, v2, r = spread
    covariance = np.array([[v1**2, r * v1 * v2], [r * v1 * v2, v2**2]])
    far = (top - ratio * bottom) ** 2 / (np.array([1, -ratio]) @ covariance @ np.array([1, -ratio]))
    if abs(far - 4) < 1e-6:
        return
    kind, low, high = fieller(top, bottom, covariance, 2.0)
    held = kind == EVERYTHING or (low <= ratio <= high) == (kind == INTERVAL)
    assert held == (far <= 4)


def campaign(rng: np.random.Generator, n: int, effect: float) -> tuple[np.ndarray, ...]:
    """Of the contacted 60% are reached, 40% leave without; whoever is reached stays by `effect` / 0.6 more often."""
    arm = rng.random(n) < 0.8
    reached = arm & (rng.random(n) < 0.6)
    left = rng.random(n) < 0.4 - reached * effect / 0.6
    return arm, np.full(n, 0.8), left, reached


def test_cost_and_complier_effect_cover_what_was_planted() -> None:
    rng, runs = np.random.default_rng(4), 500
    cost_held = effect_held = said = 0
    for _ in range(runs):
        arm, p, left, reached = campaign(rng, 3000, 0.12)
        cost = cost_per_kept(arm, p, left, 2.0 * arm + 10.0 * (reached & ~left))
        stays = 0.6 * (0.6 + 0.2)  # of the contacted, those who are reached and stay take the offer
        truth = (2 + 10 * stays) / 0.12
        cost_held += not cost.can_be_said or cost.low <= truth <= cost.high
        said += cost.can_be_said
        compliers = complier_effect(arm, p, left, reached)
        effect_held += compliers.low <= 0.2 <= compliers.high
    assert said / runs > 0.9
    assert cost_held / runs >= 0.93
    assert effect_held / runs >= 0.93


def test_without_an_effect_a_cost_can_not_be_said() -> None:
    arm, p, left, reached = campaign(np.random.default_rng(5), 500, 0.0)
    found = cost_per_kept(arm, p, left, 2.0 * arm)
    assert not found.can_be_said
    assert (found.value, found.low, found.high) == (None, None, None)
    assert complier_effect(arm[:1], p[:1], left[:1], reached[:1]).kind == EVERYTHING


def test_a_certain_cost_is_the_cost_over_the_effects_limits() -> None:
    arm, p, left, _ = campaign(np.random.default_rng(6), 4000, 0.15)
    found = cost_per_kept(arm, p, left, 3.0 * arm)
    effect = left[~arm].mean() - left[arm].mean()
    assert found.value == pytest.approx(3.0 / effect)
    error = np.sqrt(sum(np.var(left[r], ddof=1) / r.sum() for r in (arm, ~arm)))
    assert (found.low, found.high) == pytest.approx(
        (3 / (effect + 1.95996 * error), 3 / (effect - 1.95996 * error)), rel=1e-4
    )
