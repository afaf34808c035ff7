from __future__ import annotations

import ast
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from models.errors import ModelError
from pipelines.modelling.tracking import churn_pyfunc
from pipelines.modelling.tracking.churn_pyfunc import ChurnScorer


class Half:
    """A model that needs one column and returns half of it."""

    def __init__(self, money: bool) -> None:
        self.money = money

    def predict(self, features: pd.DataFrame) -> Any:
        assert features["a"].dtype == np.float32
        return features["a"].to_numpy(dtype=float) / 2

    def expected_value(self, features: pd.DataFrame) -> Any:
        return np.full(len(features), 10.0) if self.money else None


def scorer(*, money: bool) -> ChurnScorer:
    model: Any = Half(money)
    return ChurnScorer(model)


@pytest.mark.parametrize("values", [np.array([1.0, 0.5]), np.array([1.0, 0.5], dtype=np.float32), np.array([1, 0])])
def test_scores_keep_the_rows_and_the_input(values: Any) -> None:
    features = pd.DataFrame({"a": values, "customer_income": ["low", "high"]}, index=[7, 3])
    before = features.copy()
    scores = scorer(money=True).predict(features)
    assert scores.index.tolist() == [7, 3]
    assert scores["value_at_risk"].tolist() == (scores["churn_probability"] * 10).tolist()
    pd.testing.assert_frame_equal(features, before)


def test_without_money_there_is_only_the_probability() -> None:
    assert list(scorer(money=False).predict(pd.DataFrame({"a": [0.5]})).columns) == ["churn_probability"]


class Levelled(Half):
    """A model whose probabilities are moved to the mean of whoever it is anchored to."""

    def __init__(self, shift: float = 0.0) -> None:
        super().__init__(money=False)
        self.shift = shift

    def predict(self, features: pd.DataFrame) -> Any:
        return super().predict(features) + self.shift

    def anchored(self, features: pd.DataFrame) -> Levelled:
        return Levelled(float(features["a"].mean()))

    def moved_by(self, shift: float) -> Levelled:
        return Levelled(shift)


@pytest.mark.parametrize(
    ("rows", "params", "shift"),
    [(99, None, 0.0), (99, {"level_shift": ""}, 0.0), (100, None, 0.5), (1, {"level_shift": "-0.25"}, -0.25)],
)
def test_the_level_is_that_of_many_rows_or_handed_in(rows: int, params: dict[str, str] | None, shift: float) -> None:
    model: Any = Levelled()
    features = pd.DataFrame({"a": np.linspace(0.25, 0.75, rows)})
    said = ChurnScorer(model).predict(features, params)["churn_probability"].to_numpy()
    assert said - features["a"].to_numpy(np.float32) / 2 == pytest.approx(shift, abs=1e-6)


def test_a_shift_that_is_no_number_is_named() -> None:
    model: Any = Levelled()
    with pytest.raises(ModelError, match="level_shift is 'low'"):
        ChurnScorer(model).predict(pd.DataFrame({"a": [0.5]}), {"level_shift": "low"})


def test_it_needs_nothing_but_models() -> None:
    tree = ast.parse(Path(churn_pyfunc.__file__).read_text())
    names = [node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    names += [alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names]
    assert {str(name).split(".")[0] for name in names} == {"__future__", "models", "pandas", "pathlib", "typing"}
