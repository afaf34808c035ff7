from __future__ import annotations

import json

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from threadpoolctl import threadpool_limits

from models.learners import logistic


def rows(count: int = 800, columns: int = 6, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    x = random.normal(size=(count, columns))
    return x, (random.random(count) < 1 / (1 + np.exp(1 - x[:, 0] + 0.5 * x[:, 1]))).astype(float)


@pytest.mark.parametrize("penalty", [0.001, 0.1])
def test_the_coefficients_are_those_of_sklearn(penalty: float) -> None:
    x, y = rows()
    intercept, coefficients = logistic.fit(x, y, penalty=penalty)
    theirs = LogisticRegression(C=1 / (penalty * len(y)), tol=1e-10, max_iter=1000).fit(x, y)
    assert coefficients == pytest.approx(theirs.coef_[0], abs=1e-4)
    assert intercept == pytest.approx(theirs.intercept_[0], abs=1e-4)


def test_contributions_add_up_and_survive_json() -> None:
    x, y = rows()
    line = logistic.Linear.fit(x, y, penalty=0.01)
    again = logistic.Linear.from_json(json.loads(json.dumps(line.to_json())))
    assert np.array_equal(line.log_odds(x), again.log_odds(x))
    assert line.contributions(x).sum(axis=1) + line.intercept == pytest.approx(line.log_odds(x))


def test_a_row_scores_the_same_alone_and_among_others() -> None:
    x, y = rows()
    line = logistic.Linear.fit(x, y, penalty=0.01)
    assert [line.log_odds(x[[place]])[0] for place in range(50)] == list(line.log_odds(x)[:50])


def test_the_fit_does_not_depend_on_threads() -> None:
    x, y = rows(20_000, 40)
    found = []
    for threads in (1, 2):
        with threadpool_limits(limits=threads):
            found.append(logistic.Linear.fit(x, y, penalty=0.01).to_json())
    assert found[0] == found[1]


def test_a_constant_column_and_a_separating_line_stay_finite() -> None:
    x, y = np.column_stack([np.ones(40), np.arange(40.0)]), (np.arange(40) > 19).astype(float)
    line = logistic.Linear.fit(x, y, penalty=1e-5)
    assert np.isfinite(line.log_odds(x)).all()
    assert line.contributions(x)[:, 0] == pytest.approx(0)
