"""MLflow's loader module: loads a churn model and predicts with it, wherever it was downloaded to.

This file and the package `models` are copied into every logged model, so it imports nothing else of the project. It
imports no mlflow either: MLflow calls `_load_pyfunc` by its name (the "loader module" of its pyfunc format), and there
is no pickle.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

    from models.churn_model import ChurnModel


class ChurnScorer:
    """Features of customers in, one row of scores for each out."""

    def __init__(self, model: ChurnModel) -> None:
        self.model = model

    def predict(self, model_input: pd.DataFrame, params: dict[str, Any] | None = None) -> pd.DataFrame:
        """Scores exactly as the pipeline computes them.

        Args:
            model_input: one row per customer with every column of the model, in any order; more columns are ignored.
            params: MLflow passes it; there are none.

        Returns:
            `churn_probability` (0..1) and, where the stream has money, `expected_value` and `value_at_risk`
            (= probability x expected value), in the order and with the index of the input.

        Raises:
            ModelError: a column is missing or a value is null, which MLflow itself would let through.
        """
        import pandas as pd

        features = self._as_stored(model_input)
        probability = self.model.predict(features)
        scores = {"churn_probability": probability}
        expected = self.model.expected_value(features)
        if expected is not None:
            scores |= {"expected_value": expected, "value_at_risk": probability * expected}
        return pd.DataFrame(scores, index=model_input.index)

    def _as_stored(self, features: pd.DataFrame) -> pd.DataFrame:
        """Features are stored as float32; a CSV or a JSON request brings doubles that only look like them."""
        wide = features.select_dtypes(["float64", "integer"]).columns
        return features.astype(dict.fromkeys(wide, "float32"))


def _load_pyfunc(path: str) -> ChurnScorer:
    from models.churn_model import ChurnModel
    from models.sums import require_whole

    require_whole(Path(path), "Download the model again, or register it again.")  # before anything is parsed
    return ChurnScorer(ChurnModel.load(Path(path) / "model"))
