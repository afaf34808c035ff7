from __future__ import annotations

import numpy as np
import pytest

from models.effect.balance import covariate_distance
from models.effect.counts import Counts
from models.effect.gates import attrition, balance, contamination, events, sample_ratio
from models.errors import ModelError


def test_sample_ratio_sees_the_lost_and_passes_what_chance_does() -> None:
    p = np.full(333, 0.9)
    good, bad = sample_ratio(np.arange(333) < 300, p), sample_ratio(np.arange(333) < 275, p)
    assert good.passed
    assert not bad.passed
    assert bad.template == "sample_ratio_mismatch"
    assert bad.facts == {"contacted": 275.0, "expected": pytest.approx(299.7), "customers": 333.0}


def test_sample_ratio_small_and_large_agree_with_the_binomial() -> None:
    from scipy.stats import binom

    exact = sample_ratio(np.arange(60) < 44, np.full(60, 0.6)).number
    assert exact == pytest.approx(2 * binom.sf(43, 60, 0.6))
    p = np.random.default_rng(1).uniform(0.2, 0.9, 1900)
    arm = np.arange(1900) < int(p.sum()) + 40
    by_strata = sample_ratio(arm, p, np.zeros(1900)).number
    assert sample_ratio(arm, p).number == pytest.approx(by_strata, rel=0.1)


def test_sample_ratio_raises_a_false_alarm_as_often_as_it_says() -> None:
    rng, p = np.random.default_rng(2), np.tile([0.5, 0.9, 0.7], 400)
    strata = np.tile(["a", "b", "c"], 400)
    alarms = [not sample_ratio(rng.random(1200) < p, p, strata, level=0.05).passed for _ in range(1000)]
    assert np.mean(alarms) == pytest.approx(0.05, abs=0.02)
    assert sample_ratio([True, True], [1.0, 1.0]).passed, "who could not be drawn counts for nothing"


def test_contamination_counts_the_control_group_alone() -> None:
    arm = np.arange(100) < 80
    touched = np.zeros(100, bool)
    touched[:82] = True
    found = contamination(arm, touched)
    assert not found.passed
    assert not found.withholds
    assert (found.number, found.facts["breached"]) == (pytest.approx(0.1), 2)
    assert contamination(arm, np.arange(100) < 81).passed


def drawn(rng: np.random.Generator, n: int = 333) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    strata = np.arange(n) % 3
    x = np.column_stack([rng.lognormal(size=n) + strata, rng.random(n) < 0.1 + 0.2 * strata, strata, np.ones(n)])
    arm = np.ones(n, bool)
    for one in range(3):
        rows = np.flatnonzero(strata == one)
        arm[rng.choice(rows, len(rows) // (4 + 3 * one), replace=False)] = False
    return arm, x, strata


def test_balance_is_quiet_about_chance_and_loud_about_choice() -> None:
    rng = np.random.default_rng(3)
    alarms, permuted = 0, 0
    for _ in range(200):
        arm, x, strata = drawn(rng)
        alarms += covariate_distance(arm, x, strata).probability < 0.05
    for _ in range(40):
        arm, x, strata = drawn(rng, 60)
        permuted += covariate_distance(arm, x, strata, draws=99, seed=1).probability <= 0.05
    assert alarms / 200 == pytest.approx(0.05, abs=0.045)
    assert permuted / 40 <= 0.2
    arm, x, strata = drawn(rng)
    chosen = x[:, 0] - strata < np.quantile(x[:, 0] - strata, 0.85)  # the team kept the large ones for itself
    found = balance(chosen, x, strata)
    assert not found.passed
    assert found.facts["column"] == 0
    assert found.number > 0.5
    assert balance(*drawn(rng)).passed


def test_the_distance_by_hand() -> None:
    # One column, one stratum: chi-square is the squared difference over its variance under the draw.
    x, arm = np.array([[1.0], [2], [3], [4], [9]]), np.array([True, False, True, False, True])
    found = covariate_distance(arm, x)
    z2 = (13 - 3 * 3.8) ** 2 / (3 * 2 / 5 * np.var(x, ddof=1))
    from scipy.stats import chi2

    assert found.probability == pytest.approx(chi2.sf(z2, 1))
    assert found.largest == pytest.approx((13 / 3 - 3) / np.std(x, ddof=1))
    with pytest.raises(ModelError, match="all finite"):
        covariate_distance(arm, x * np.nan)


def test_attrition_compares_the_arms() -> None:
    arm = np.arange(1000) < 900
    even, apart = np.ones(1000, bool), np.ones(1000, bool)
    even[[0, 1, 950]] = False
    apart[900:930] = False
    assert attrition(arm, even).passed
    found = attrition(arm, apart, name="other_marketing")
    assert (found.name, found.template, found.passed) == ("other_marketing", "other_marketing_differs", False)
    assert found.facts == {"contacted_missing": 0.0, "control_missing": pytest.approx(0.3)}
    assert attrition(np.ones(3, bool), np.ones(3, bool)).passed


def test_enough_events_looks_at_both_arms_together() -> None:
    few = events(Counts(np.array([300.0]), np.array([30.0]), np.array([33.0]), np.array([3.0])))
    assert (few.passed, few.template) == (False, "too_few_events")
    assert few.number == pytest.approx(33 * 33 / 333)
    assert events(Counts(np.array([300.0]), np.array([90.0]), np.array([33.0]), np.array([12.0]))).passed
    with pytest.raises(ModelError, match="one look at a time"):
        events(Counts(*(np.ones((2, 1)) for _ in range(4))))
