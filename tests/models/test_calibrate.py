from __future__ import annotations

import json

import numpy as np
import pytest
from scipy.special import expit
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LogisticRegression

from models.learners import calibration


def drawn(rows: int, slope: float, shift: float, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Log-odds as a model gives them, and what happens by `shift + slope * log-odds`."""
    random = np.random.default_rng(seed)
    odds = random.normal(-1.5, 1.5, rows)
    return odds, (random.random(rows) < expit(shift + slope * odds)).astype(float)


@pytest.mark.parametrize("kind", calibration.KINDS)
def test_json_round_trip_and_monotone_probabilities(kind: str) -> None:
    odds, y = drawn(2000, 0.7, 0.3)
    fitted = calibration.fit(kind, odds, y)
    again = calibration.Calibration.from_json(json.loads(json.dumps(fitted.to_json())))
    grid = np.linspace(-30, 30, 400)
    assert np.array_equal(fitted(grid), again(grid))
    assert (np.diff(fitted(grid)) >= 0).all()
    assert ((fitted(grid) > 0) & (fitted(grid) < 1)).all()


def test_platt_is_the_logistic_regression_of_sklearn() -> None:
    odds, y = drawn(3000, 0.6, 0.4)
    theirs = LogisticRegression(C=1e9, tol=1e-10).fit(odds[:, None], y).predict_proba(odds[:, None])[:, 1]
    assert calibration.fit("platt", odds, y)(odds) == pytest.approx(theirs, abs=2e-4)


def test_isotonic_is_close_to_that_of_sklearn() -> None:
    odds, y = drawn(3000, 1.0, 0.0)
    theirs = IsotonicRegression().fit(odds, y).predict(odds)
    assert np.abs(calibration.fit("isotonic", odds, y)(odds) - theirs).mean() < 0.01


def test_ties_get_one_probability() -> None:
    odds, y = np.repeat([-2.0, 0.0, 1.0], 40), np.tile([0.0, 1.0, 0.0, 0.0], 30)
    fitted = calibration.fit("isotonic", odds, y)
    assert len(set(fitted(odds))) <= 3


def test_tied_rows_count_the_same_in_any_order() -> None:
    odds, y = drawn(2400, 1.0, 0.0)
    tied, other = odds.round(1), np.random.default_rng(3).permutation(len(y))
    assert calibration.fit("isotonic", tied, y) == calibration.fit("isotonic", tied[other], y[other])


def test_too_few_of_either_learn_nothing() -> None:
    assert calibration.fit("platt", np.zeros(50), np.r_[np.ones(9), np.zeros(41)]) == calibration.NONE


def test_all_rows_of_a_customer_fall_into_one_fold() -> None:
    fold = calibration.folds(["a", "b", "a", "c", "b"], 5)
    assert fold[0] == fold[2]
    assert fold[1] == fold[4]
    many = calibration.folds([str(number) for number in range(5000)], 5)
    assert np.bincount(many, minlength=5) == pytest.approx(1000, abs=120)
