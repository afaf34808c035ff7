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


SHIFT = "level_shift"
"""The parameter that hands in the level of the moment, log-odds as text; "" where it is to be found."""

LEAST_ROWS = 100  # fewer are more likely asked about one by one than everybody eligible


class ChurnScorer:
    """Features of customers in, one row of scores for each out."""

    def __init__(self, model: ChurnModel) -> None:
        self.model = model

    def predict(self, model_input: pd.DataFrame, params: dict[str, Any] | None = None) -> pd.DataFrame:
        """Scores exactly as the pipeline computes them, if it knows the level of the moment as the pipeline does.

        The level is one number for all customers of a moment. Of LEAST_ROWS rows and more it is supposed that they are
        everybody eligible, and it is found from them, as the pipeline finds it; fewer are scored at the level that
        training expected. Who asks for some of them hands in the shift of the moment: `level.shift` in the manifest of
        a list.

        Args:
            model_input: one row per customer with every column of the model, in any order; more columns are ignored.
            params: `level_shift`, log-odds as text.

        Returns:
            `churn_probability` (0..1) and, where the stream has money, `expected_value` and `value_at_risk`
            (= probability x expected value), in the order and with the index of the input.

        Raises:
            ModelError: a column is missing or a value is null, which MLflow itself would let through; or the shift is
                no number.
        """
        import pandas as pd

        features = self._as_stored(model_input)
        model = self._at_moment(features, str((params or {}).get(SHIFT, "")))
        probability = model.predict(features)
        scores = {"churn_probability": probability}
        expected = model.expected_value(features)
        if expected is not None:
            scores |= {"expected_value": expected, "value_at_risk": probability * expected}
        return pd.DataFrame(scores, index=model_input.index)

    def _at_moment(self, features: pd.DataFrame, shift: str) -> ChurnModel:
        if not shift:
            return self.model.anchored(features) if len(features) >= LEAST_ROWS else self.model
        from models.errors import ModelError

        try:
            return self.model.moved_by(float(shift))
        except ValueError:
            raise ModelError(
                f"{SHIFT} is {shift!r}: give log-odds as a number, such as '-0.12', or leave it out."
            ) from None

    def _as_stored(self, features: pd.DataFrame) -> pd.DataFrame:
        """Features are stored as float32; a CSV or a JSON request brings doubles that only look like them."""
        wide = features.select_dtypes(["float64", "integer"]).columns
        return features.astype(dict.fromkeys(wide, "float32"))


def _load_pyfunc(path: str) -> ChurnScorer:
    from models.churn_model import ChurnModel
    from models.sums import require_whole

    require_whole(Path(path), "Download the model again, or register it again.")  # before anything is parsed
    return ChurnScorer(ChurnModel.load(Path(path) / "model"))
