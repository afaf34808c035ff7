from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.effect.policy.qini import NOBODY, curve, harm, qini, qini_difference, top_gain, uplift_verdict
from models.effect.policy.uplift import best_flag, fit_uplift, transformed_outcome
from models.effect.robust import folds_of, pseudo_outcomes, ridge
from models.errors import ModelError


def experiment(rng: np.random.Generator, n: int, strength: float = 1.0) -> tuple[np.ndarray, ...]:
    """Who has flag 1 is kept, who has a high column 2 is driven away; column 3 is who leaves anyway."""
    x = np.column_stack([rng.normal(size=n), rng.random(n) < 0.4, rng.normal(size=n), rng.normal(size=n)]).astype(float)
    effect = strength * (0.12 * x[:, 1] - 0.08 * x[:, 2])
    p = np.full(n, 0.5)
    arm = rng.random(n) < p
    stayed = rng.random(n) < np.clip(0.55 - 0.15 * x[:, 3] + arm * effect, 0, 1)
    return arm, p, stayed.astype(float), x, effect


def judged(rng: np.random.Generator, n: int, strength: float = 1.0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    arm, p, stayed, x, effect = experiment(rng, n, strength)
    return pseudo_outcomes(arm, p, stayed, x, fit=ridge(), folds=folds_of(arm)), x, effect


@pytest.mark.parametrize("outcomes", [None, ridge()])
def test_what_is_fitted_ranks_by_who_can_be_persuaded_and_passes_the_gate(outcomes) -> None:
    rng = np.random.default_rng(1)
    arm, p, stayed, x, _ = experiment(rng, 12_000)
    fitted = fit_uplift(arm, p, stayed, x, effect=ridge(), outcomes=outcomes)
    psi, held_out, effect = judged(rng, 12_000)
    predicted = fitted(held_out)
    assert np.corrcoef(predicted, effect)[0, 1] > 0.9
    flag = best_flag(x, transformed_outcome(arm, p, stayed))
    assert (flag.column, flag.wanted) == (1, True)
    opponents = {"risk": held_out[:, 3], "flag": flag.score(held_out)}
    verdict = uplift_verdict(psi, predicted, opponents, 0.3)
    assert (verdict.passed, verdict.template) == (True, "uplift_is_better")
    assert set(verdict.gains) == {"risk", "flag", NOBODY}
    assert qini_difference(psi, predicted, opponents["flag"]).low > 0
    driven_away = harm(psi, predicted)
    assert driven_away.is_proven
    assert driven_away.effect == pytest.approx(effect[predicted < 0].mean(), abs=0.03)


def test_where_there_is_nothing_to_find_it_is_refused() -> None:
    rng, passed, proven, runs = np.random.default_rng(2), 0, 0, 40
    for _ in range(runs):
        arm, p, stayed, x, _ = experiment(rng, 1500, 0.0)
        psi, held_out, _ = judged(rng, 1500, 0.0)
        predicted = fit_uplift(arm, p, stayed, x, effect=ridge(), outcomes=ridge())(held_out)
        verdict = uplift_verdict(psi, predicted, {"risk": held_out[:, 3]}, 0.3)
        passed += verdict.passed
        proven += harm(psi, predicted).is_proven
    assert passed <= 2
    assert proven <= 4
    assert uplift_verdict(psi[:100], predicted[:100], {}, 0.3).template == "uplift_too_few"


def test_qini_by_hand() -> None:
    psi = np.array([4.0, 0.0, 2.0, -2.0])
    # The curve 0, 1, 1, 1.5, 1 at quarters; its area by trapezoids, less that of the straight line to 1.
    assert curve(psi, [4, 3, 2, 1], [0, 0.25, 0.5, 0.75, 1]) == pytest.approx([0, 1, 1, 1.5, 1])
    assert qini(psi, [4, 3, 2, 1]).coefficient == pytest.approx((0.5 + 1 + 1.25 + 1.25) / 4 - 0.5)
    assert qini(psi, [1, 1, 1, 1]).coefficient == pytest.approx(0)
    assert top_gain(psi, [4, 3, 2, 1], None, 0.5, cost=0.25).value == pytest.approx((3.75 - 0.25) / 4)
    assert top_gain(psi, [1, 1, 1, 1], None, 0.5).value == pytest.approx(0.5)


@settings(max_examples=40)
@given(seed=st.integers(0, 10_000), ties=st.integers(1, 8))
def test_the_coefficient_is_the_area_and_turns_with_the_ranking(seed: int, ties: int) -> None:
    rng = np.random.default_rng(seed)
    psi, score = rng.normal(size=60), rng.integers(0, 60 // ties, 60).astype(float)
    shares = np.linspace(0, 1, 61)
    gains = curve(psi, score, shares)
    area = np.trapezoid(gains, shares) - gains[-1] / 2
    assert qini(psi, score).coefficient == pytest.approx(area, abs=1e-9)
    assert qini(psi, -score).coefficient == pytest.approx(-qini(psi, score).coefficient, abs=1e-9)
    assert qini(psi, np.exp(score / 10)).coefficient == pytest.approx(qini(psi, score).coefficient)


def test_intervals_of_qini_and_of_the_top_cover() -> None:
    rng, runs, held, top = np.random.default_rng(3), 400, 0, 0
    score = rng.normal(size=400_000)
    truth = qini(0.1 * score, score).coefficient
    best = top_gain(0.1 * score, score, None, 0.3).value
    for _ in range(runs):
        s = rng.normal(size=500)
        psi = 0.1 * s + rng.normal(size=500)
        found, gain = qini(psi, s), top_gain(psi, s, None, 0.3)
        held += found.low <= truth <= found.high
        top += gain.low <= best <= gain.high
    assert held / runs >= 0.93
    assert top / runs >= 0.93


def test_a_flag_must_be_one() -> None:
    with pytest.raises(ModelError, match="no column is a yes or no"):
        best_flag(np.random.default_rng(1).normal(size=(50, 2)), np.zeros(50))
    assert best_flag([[0.0], [1.0]] * 50, [0.0, 5.0] * 50).wanted
    assert harm(np.zeros(50), -np.ones(50)).is_proven is False
