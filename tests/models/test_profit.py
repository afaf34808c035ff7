"""Expected maximum profit against a plain numerical integration of its definition."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.stats import beta as beta_density

from models.evaluation import profit
from models.evaluation.profit import Costs

PAPER = Costs(customer_value=200.0)  # the defaults of Verbraken et al. 2013: 200, 10, 1, Beta(6, 14)


def drawn(rows: int = 400, seed: int = 0, digits: int = 6) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    p = np.round(random.beta(1, 4, rows), digits)
    return p, (random.random(rows) < p).astype(float)


def by_definition(p: np.ndarray, y: np.ndarray, costs: Costs) -> tuple[float, float]:
    """Integral over gamma of the best profit over every cut-off, and of the share that it contacts."""
    cuts = [p >= cut for cut in [2.0, *np.unique(p)]]
    leavers, stayers = (np.array([np.sum(kind[cut]) for cut in cuts]) / len(p) for kind in (y, 1 - y))

    def best(gamma: float) -> tuple[float, float]:
        won = gamma * (costs.customer_value - costs.incentive_cost) - costs.contact_cost
        profits = leavers * won - stayers * (costs.incentive_cost + costs.contact_cost)
        place = int(np.argmax(profits))
        return profits[place], leavers[place] + stayers[place]

    weight = beta_density(costs.alpha, costs.beta).pdf
    grid = np.linspace(0, 1, 20_001)
    middle = (grid[1:] + grid[:-1]) / 2
    both = np.array([best(gamma) for gamma in middle]) * weight(middle)[:, None]
    return tuple((both.sum(axis=0) / len(middle)).tolist())


@pytest.mark.parametrize(
    "costs",
    [
        PAPER,
        replace(PAPER, customer_value=40.0),
        replace(PAPER, contact_cost=0.05, incentive_cost=0.0),
        replace(PAPER, alpha=2.0, beta=2.0, contact_cost=5.0),
        replace(PAPER, customer_value=11.0, contact_cost=5.0),  # nothing ever pays
    ],
)
def test_the_sum_over_the_hull_is_the_integral(costs: Costs) -> None:
    p, y = drawn()
    emp, share = profit.expected_maximum(p, y, costs)
    expected, contacted = by_definition(p, y, costs)
    assert emp == pytest.approx(expected, rel=1e-4, abs=1e-6)
    assert share == pytest.approx(contacted, rel=1e-3, abs=1e-4)


def test_a_perfect_order_by_hand() -> None:
    """Two of ten leave and come first: contacting both is best wherever gamma pays for the contact."""
    y = np.array([1.0, 1.0, *[0.0] * 8])
    p = np.linspace(0.9, 0.1, 10)
    value, _ = quad(lambda g: max(0.0, 0.2 * (g * 190 - 1)) * beta_density(6, 14).pdf(g), 0, 1, limit=200)
    emp, share = profit.expected_maximum(p, y, PAPER)
    assert emp == pytest.approx(value, rel=1e-6)
    assert share == pytest.approx(0.2, abs=1e-6)  # gamma is hardly ever below 1 / 190
    found = profit.figures(p, y, PAPER, capacity=2)
    assert found["best_cutoff"]["contacted_share"] == pytest.approx(0.2)
    assert found["best_cutoff"]["profit"] == pytest.approx(2 * (0.3 * 190 - 1))
    assert found["capacity"]["profit"] == pytest.approx(found["best_cutoff"]["profit"])


def test_at_break_even_a_contact_earns_nothing() -> None:
    p = PAPER.break_even
    assert p * (0.3 * 190 - 1) == pytest.approx((1 - p) * 11)
    assert replace(PAPER, customer_value=12.0).break_even == 1.0


def test_the_best_cut_off_is_never_beaten_by_another() -> None:
    p, y = drawn()
    found = profit.figures(p, y, PAPER, capacity=50)
    best = found["best_cutoff"]["profit"]
    assert best >= found["break_even"]["profit"]
    assert best >= found["capacity"]["profit"]
    assert best == pytest.approx(
        max(float(np.where(y[p >= cut] > 0, 0.3 * 190 - 1, -11).sum()) for cut in np.unique(p))
    )
    json.dumps(found, allow_nan=False)


def test_where_nothing_pays_nobody_is_contacted() -> None:
    p, y = drawn()
    found = profit.figures(p, y, replace(PAPER, customer_value=11.0, contact_cost=5.0), capacity=10_000)
    assert found["best_cutoff"] == {
        "contacted_share": 0.0, "profit_per_customer": 0.0, "profit": 0.0, "probability": 1.0
    }  # fmt: skip
    assert found["break_even"]["contacted_share"] == 0
    assert found["capacity"]["contacted_share"] == 1
    assert found["capacity"]["profit"] < 0


@pytest.mark.parametrize("kind", [0.0, 1.0])
def test_ties_and_one_kind_alone_are_no_trouble(kind: float) -> None:
    found = profit.figures(np.full(30, 0.2), np.full(30, kind), PAPER, capacity=10)
    json.dumps(found, allow_nan=False)
    assert found["best_cutoff"]["contacted_share"] == kind


def test_the_order_of_rows_changes_nothing() -> None:
    p, y = drawn(digits=2)
    mixed = np.random.default_rng(1).permutation(len(p))
    assert profit.expected_maximum(p[mixed], y[mixed], PAPER) == profit.expected_maximum(p, y, PAPER)
