from __future__ import annotations

import numpy as np
import pytest

from models.columns import Columns
from models.learners.expected_value import ValueModel, value_at_risk

COLUMNS = Columns(("noise", "spends"), {})


def rows(count: int = 1500) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(0)
    x = random.gamma(2, 20, (count, 2)).astype(np.float32)
    return x, x[:, 1] * random.lognormal(0, 0.3, count)


def test_expected_value_follows_what_those_who_stayed_brought() -> None:
    x, money = rows()
    model = ValueModel.fit(x, money, COLUMNS, seed=1)
    assert model is not None
    expected = model.expected(x)
    assert expected.sum() == pytest.approx(money.sum(), rel=0.05)
    assert np.corrcoef(expected, x[:, 1])[0, 1] > 0.95
    assert (expected >= 0).all()


@pytest.mark.parametrize("money", [np.full(1500, np.nan), np.zeros(1500), np.full(1500, -5.0)])
def test_no_money_no_model(money: np.ndarray) -> None:
    assert ValueModel.fit(rows()[0], money, COLUMNS, seed=1) is None


def test_value_at_risk() -> None:
    assert value_at_risk(np.array([0.25, 0.0]), np.array([80.0, 10.0])).tolist() == [20.0, 0.0]
