"""Scores on Spark: the model travels to the workers, which read the feature table themselves.

Workers import this module, so what only this side needs is imported where it is used.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa

if TYPE_CHECKING:
    import pandas as pd

    from models.churn_model import ChurnModel
    from pipelines.settings.spark import Spark

PREDICTIONS = pa.schema(
    [
        ("customer_id", pa.string()),
        ("as_of", pa.date32()),
        ("churn_probability", pa.float64()),
        ("expected_value", pa.float64()),
    ]
)
"""A model's predictions, by whichever engine: `expected_value` is null without money."""


def predict(model: ChurnModel, features: Path, customers: list[str], settings: Spark) -> pd.DataFrame:
    """`customer_id, as_of, churn_probability, expected_value` (null without money) of those customers with features.

    Args:
        model: the one that scores.
        features: a feature table, seen by every worker under the same path.
        customers: ids; those without features are left out.
        settings: where Spark runs, and what it may use.

    Returns:
        Sorted by customer_id. Row by row what `model.predict` and `model.expected_value` give here.

    Raises:
        ChurnError: pyspark or Java is missing, the features do not fit the model, or Spark failed.
    """
    from pyspark.sql import functions

    from pipelines.engines.spark_session import map_in_arrow, session, spark_path

    with session(settings) as spark:
        chosen = spark.createDataFrame(pa.table({"customer_id": pa.array(customers, pa.string())}))
        table = spark.read.parquet(spark_path(features)).select("customer_id", "as_of", *model.columns)
        rows = table.join(functions.broadcast(chosen), "customer_id", "left_semi")
        rows = map_in_arrow(rows, prediction_work(spark.sparkContext.broadcast(model)), PREDICTIONS)
        predictions: pd.DataFrame = rows.toArrow().sort_by("customer_id").to_pandas()
        return predictions


def prediction_work(model: Any) -> Callable[[Iterable[pa.RecordBatch]], Iterator[pa.RecordBatch]]:
    """For `mapInArrow`: features -> PREDICTIONS. `model` is a broadcast ChurnModel."""

    def work(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            yield _predict(batch, model.value)

    return work


def _predict(batch: pa.RecordBatch, model: ChurnModel) -> pa.RecordBatch:
    features = batch.to_pandas()
    money = model.expected_value(features)
    expected = pa.nulls(len(batch), pa.float64()) if money is None else pa.array(money)
    return pa.RecordBatch.from_arrays(
        [batch["customer_id"], batch["as_of"], pa.array(model.predict(features)), expected], schema=PREDICTIONS
    )
