from __future__ import annotations

import numpy as np
import pytest

from models.effect.robust import folds_of, ridge, robust_effect
from models.effect.weighted import weighted_means
from models.errors import ModelError


def campaign(rng: np.random.Generator, n: int = 1500) -> tuple[np.ndarray, ...]:
    x = rng.normal(size=(n, 4))
    p = np.where(x[:, 0] > 0, 0.5, 0.8)
    arm = rng.random(n) < p
    stayed = rng.random(n) < np.clip(0.55 + 0.18 * x[:, 0] + 0.1 * x[:, 1] + 0.08 * arm, 0.02, 0.98)
    return arm, p, stayed.astype(float), x


def test_it_agrees_with_the_plain_estimate_covers_and_is_narrower() -> None:
    rng, runs = np.random.default_rng(1), 100
    every = campaign(np.random.default_rng(9), 400_000)
    truth = robust_effect(*every).effect
    held, apart, widths = 0, [], []
    for _ in range(runs):
        one = campaign(rng)
        checked, plain = robust_effect(*one), weighted_means(*one[:3])
        held += checked.low <= truth <= checked.high
        apart.append((checked.effect - plain.difference) / plain.error)
        widths.append(checked.error / plain.error)
    assert held / runs >= 0.91
    assert np.mean(np.abs(apart) < 2) > 0.95
    assert np.mean(widths) < 0.95


def test_regressions_that_are_wrong_mislead_nobody() -> None:
    rng = np.random.default_rng(2)
    nonsense = [robust_effect(*campaign(rng), fit=lambda x, y: lambda rows: 5 * rows[:, 3]).effect for _ in range(40)]
    assert np.mean(nonsense) == pytest.approx(0.075, abs=4 * np.std(nonsense) / 40**0.5 + 0.01)


def test_ridge_predicts_a_line_and_folds_are_even_and_the_same() -> None:
    x = np.random.default_rng(3).normal(size=(200, 2))
    assert ridge(1e-9)(x, 1 + 2 * x[:, 0])(x) == pytest.approx(1 + 2 * x[:, 0])
    arm = np.arange(100) < 30
    parts = folds_of(arm)
    assert np.bincount(parts[arm]).tolist() == [6] * 5
    assert np.array_equal(parts, folds_of(arm))
    with pytest.raises(ModelError, match="3 contacted and 97 not are too few for 5 folds"):
        folds_of(np.arange(100) < 3)
