from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.effect.robust import folds_of, pseudo_outcomes, ridge
from models.effect.uplift.experiment import Column
from models.effect.uplift.fitting import fit_uplift, transformed_outcome
from models.effect.uplift.flags import best_flag, traits, worst_flag
from models.effect.uplift.qini import Grouping, curve, harm, qini, qini_difference, top, top_gain

COLUMNS = [Column("a"), Column("flag"), Column("b"), Column("c")]


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
    flag = best_flag(x[:, :2], COLUMNS[:2], transformed_outcome(arm, p, stayed))
    assert flag is not None
    assert (flag.column, flag.wanted) == (1, True)
    for other in (held_out[:, 3], flag.score(held_out)):
        assert qini_difference(psi, predicted, other).low > 0
        assert top_gain(psi, predicted, other, 0.3).low > 0
    driven_away = harm(psi, predicted < 0)
    assert driven_away.is_proven
    assert driven_away.effect == pytest.approx(effect[predicted < 0].mean(), abs=0.03)


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


def test_the_coefficient_of_a_flag_is_half_its_covariance_with_the_effect() -> None:
    # A flag of every second customer with 3.36 points more effect: .0042 per customer.
    flag = np.repeat([1.0, 0.0], 5000)
    assert qini(0.04 + 0.0336 * flag, flag).coefficient == pytest.approx(0.0042)
    rng = np.random.default_rng(5)
    psi, rare = rng.normal(size=3000), (rng.random(3000) < 0.2).astype(float)
    assert qini(psi, rare).coefficient == pytest.approx(np.cov(psi, rare, bias=True)[0, 1] / 2)


def test_flags_are_questions_of_words_ones_and_numbers() -> None:
    rng, n = np.random.default_rng(6), 4000
    x = np.column_stack([rng.integers(0, 3, n), rng.integers(0, 2, n), rng.normal(size=n)]).astype(float)
    columns = [Column("channel", ("Mail", "Phone", "Web")), Column("newbie"), Column("spent")]
    for effect, kind, at in ((x[:, 0] == 2, "is", 2.0), (x[:, 1], "is", 1.0), (x[:, 2] > 0.8, "above", 0.8)):
        best, worst = best_flag(x, columns, effect), worst_flag(x, columns, -np.asarray(effect, float))
        assert best is not None
        assert worst is not None
        for flag in (best, worst):
            assert (flag.kind, flag.wanted) == (kind, True)
            assert flag.at == pytest.approx(at, abs=0.1)
    found = traits(x, columns, (x[:, 0] == 1) & (x[:, 1] == 0))
    assert [(one.flag.column, one.flag.at, one.flag.wanted, one.inside) for one in found] == [
        (0, 1.0, True, 1.0),
        (1, 1.0, False, 1.0),
    ]
    assert best_flag(np.zeros((50, 1)), [Column("a")], np.arange(50.0)) is None
    assert worst_flag(x, columns, np.ones(n)) is None


def test_blocks_are_ranked_apart_and_rows_of_a_customer_are_one_piece_of_evidence() -> None:
    rng, n = np.random.default_rng(7), 900
    psi, score = rng.normal(size=n), rng.normal(size=n)
    blocks = np.repeat([1, 2, 3], n // 3)
    shifted = score + 100 * blocks
    grouped = qini(psi, shifted, Grouping(blocks))
    parts = [qini(psi[blocks == one], score[blocks == one]).coefficient for one in (1, 2, 3)]
    assert grouped.coefficient == pytest.approx(np.mean(parts))
    assert top(shifted, 0.2, Grouping(blocks))[blocks == 1].sum() == pytest.approx(60)
    alone, twice = qini(psi, score), Grouping(customers=np.tile(np.arange(n), 2))
    double = qini(np.tile(psi, 2), np.tile(score, 2), twice)
    assert double.coefficient == pytest.approx(alone.coefficient)
    assert double.high - double.low == pytest.approx(alone.high - alone.low, rel=1e-3)
    assert harm(np.zeros(50), np.ones(50)).is_proven is False
