"""The population stability index against figures worked out by hand, and its spread by chance against simulation."""

from __future__ import annotations

import numpy as np
import pytest

from models.drift import population_stability_index, shares_between, shift_by_chance, smoothed


def test_index_by_hand() -> None:
    found, expected = np.array([0.2, 0.3, 0.5]), np.array([0.3, 0.3, 0.4])
    by_hand = -0.1 * np.log(0.2 / 0.3) + 0.1 * np.log(0.5 / 0.4)
    assert population_stability_index(found, expected) == pytest.approx(by_hand)


EDGES = [1 / (1 + np.exp(1)), 0.5]  # log-odds of -1 and 0


@pytest.mark.parametrize(
    ("log_odds", "counts"),
    [
        ([-1.5, -0.5, -0.4, 2.0], [1, 2, 1]),
        ([-1.0, 0.0], [0.5, 1, 0.5]),  # on an edge: half to either side
        ([0.125], [0, 0.25, 0.75]),  # close to one: by how far it lies beyond
        ([3.0] * 4, [0, 0, 4]),
    ],
)
def test_shares_between_edges(log_odds: list[float], counts: list[float]) -> None:
    scores = 1 / (1 + np.exp(-np.array(log_odds)))
    np.testing.assert_allclose(shares_between(scores, EDGES), (np.array(counts) + 0.5) / (len(scores) + 1.5))


def test_a_step_that_many_share_may_move_a_little_across_an_edge() -> None:
    def steps(moved: float) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
        return np.repeat([0.05, 0.12 + moved, 0.3, 0.7], [300, 400, 200, 100])

    edges = np.quantile(steps(0), np.arange(1, 10) / 10).tolist()
    trained = shares_between(steps(0), edges)
    assert population_stability_index(shares_between(steps(0.002), edges), trained) < 0.01
    assert population_stability_index(shares_between(steps(0.3), edges), trained) > 0.25


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
