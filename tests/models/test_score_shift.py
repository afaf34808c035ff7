"""The population stability index against figures worked out by hand, and its spread by chance against simulation."""

from __future__ import annotations

import numpy as np
import pytest

from models.score_shift import population_stability_index, shares_between, shift_by_chance, smoothed


def test_index_by_hand() -> None:
    found, expected = np.array([0.2, 0.3, 0.5]), np.array([0.3, 0.3, 0.4])
    by_hand = -0.1 * np.log(0.2 / 0.3) + 0.1 * np.log(0.5 / 0.4)
    assert population_stability_index(found, expected) == pytest.approx(by_hand)


@pytest.mark.parametrize(
    ("scores", "counts"),
    [
        ([0.05, 0.15, 0.15, 0.9], [1, 2, 1]),
        ([0.1, 0.2], [1, 1, 0]),  # on an edge: the class below it
        ([0.95] * 4, [0, 0, 4]),
    ],
)
def test_shares_between_edges(scores: list[float], counts: list[int]) -> None:
    expected = (np.array(counts) + 0.5) / (len(scores) + 1.5)
    np.testing.assert_allclose(shares_between(np.array(scores), [0.1, 0.2]), expected)


def test_an_empty_class_leaves_the_index_finite_and_equal_spreads_leave_it_at_zero() -> None:
    uniform = smoothed([0.25] * 4, 1000)
    assert np.isfinite(population_stability_index(shares_between(np.full(50, 0.9), [0.1, 0.2, 0.3]), uniform))
    assert population_stability_index(uniform, uniform) == 0


@pytest.mark.parametrize(("found", "expected"), [(60, 2000), (500, 2000), (2000, 2000)])
def test_chance_alone_seldom_exceeds_its_bound(found: int, expected: int) -> None:
    random, edges = np.random.default_rng(5), np.arange(1, 10) / 10
    bound = shift_by_chance(10, found, expected)
    above = [
        population_stability_index(
            shares_between(random.random(found), edges), shares_between(random.random(expected), edges)
        )
        > bound
        for _ in range(2000)
    ]
    assert np.mean(above) < 0.01
