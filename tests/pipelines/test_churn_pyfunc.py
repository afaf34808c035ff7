from __future__ import annotations

import ast
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

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


def test_it_needs_nothing_but_models() -> None:
    tree = ast.parse(Path(churn_pyfunc.__file__).read_text())
    names = [node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    names += [alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names]
    assert {str(name).split(".")[0] for name in names} == {"__future__", "models", "pandas", "pathlib", "typing"}
