from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import multivariate_normal

from models.effect.sequential.boundary import KINDS, OBRIEN_FLEMING, POCOCK, boundary, crossing, spent
from models.errors import ModelError

FIVE = [0.2, 0.4, 0.6, 0.8, 1.0]


def test_boundaries_are_the_published_ones() -> None:
    # Reboussin, DeMets, Kim and Lan 2000, Controlled Clinical Trials 21:190-207: five equal looks, two-sided 5%.
    assert boundary(FIVE) == pytest.approx([4.8769, 3.3569, 2.6803, 2.2898, 2.0310], abs=2e-4)
    assert boundary(FIVE, POCOCK) == pytest.approx([2.4380, 2.4268, 2.4102, 2.3966, 2.3860], abs=2e-4)


@pytest.mark.parametrize("kind", KINDS)
def test_two_looks_agree_with_the_bivariate_normal_distribution(kind: str) -> None:
    t = np.array([0.4, 1.0])
    found = boundary(t, kind)
    joint = multivariate_normal([0, 0], [[1, np.sqrt(0.4)], [np.sqrt(0.4), 1]])
    signs = [(1, 1, 1), (-1, 1, -1), (1, -1, -1), (-1, -1, 1)]
    inside = sum(w * joint.cdf(np.array([a, b]) * found) for a, b, w in signs)
    assert 1 - inside == pytest.approx(0.05, abs=1e-5)


@settings(max_examples=20)
@given(
    weeks=st.lists(st.floats(0.02, 1.0), min_size=1, max_size=12, unique=True),
    kind=st.sampled_from(KINDS),
    level=st.sampled_from([0.01, 0.05, 0.1]),
)
def test_all_looks_together_spend_the_level_and_each_what_it_may(weeks, kind, level) -> None:
    t = np.unique(np.round(np.cumsum(sorted(weeks)) / np.sum(weeks), 3))
    t = t[t > 0]
    found = boundary(t, kind, level)
    used = crossing(t, found).sum(axis=1).cumsum()
    assert used[-1] == pytest.approx(level, abs=1e-9)
    assert used[:-1] == pytest.approx(spent(kind, t[:-1], level), abs=1e-9)


def test_a_campaign_that_stops_short_or_runs_over_keeps_the_level() -> None:
    short, over = boundary([0.3, 0.6]), boundary([0.5, 0.9, 1.2])
    assert crossing([0.3, 0.6], short).sum() == pytest.approx(0.05)
    assert crossing([0.5, 0.9, 1.2], over).sum() == pytest.approx(0.05)
    going_on = boundary([0.3, 0.6], ends=False)
    assert crossing([0.3, 0.6], going_on).sum() == pytest.approx(float(spent(OBRIEN_FLEMING, 0.6)))


def test_so_early_that_nothing_may_be_spent_nothing_is_claimed() -> None:
    assert np.isinf(boundary([0.005, 0.5, 1.0])[0])


def test_power_of_five_looks_is_the_published_one() -> None:
    # Jennison and Turnbull 2000, tables 2.2 and 2.4 (O'Brien and Fleming's own boundary, 2.040 sqrt(5/k)): the
    # information is 1.028 times that of one look for a power of 0.9.
    criticals = 2.040 * np.sqrt(5 / np.arange(1, 6))
    drift = np.sqrt(1.028) * (1.959964 + 1.281552)
    assert crossing(FIVE, criticals, drift).sum() == pytest.approx(0.9, abs=1e-3)
    assert crossing(FIVE, criticals).sum() == pytest.approx(0.05, abs=2e-4)


@pytest.mark.parametrize("fractions", [[], [0.0, 1.0], [0.5, 0.5], [0.6, 0.4], [np.nan]])
def test_fractions_that_do_not_rise_are_refused(fractions: list[float]) -> None:
    with pytest.raises(ModelError, match="fractions must rise from above 0"):
        boundary(fractions)


def test_an_unknown_kind_is_refused() -> None:
    with pytest.raises(ModelError, match="'haybittle' is no way to spend the error"):
        boundary([1.0], "haybittle")
