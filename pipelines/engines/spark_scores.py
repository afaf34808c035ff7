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
    from pipelines.settings.params import Settings

SCORES = pa.schema(
    [
        ("customer_id", pa.string()),
        ("as_of", pa.date32()),
        ("churn_probability", pa.float64()),
        ("expected_value", pa.float64()),
    ]
)


def scores_of(model: ChurnModel, features: Path, customers: list[str], settings: Settings) -> pd.DataFrame:
    """`customer_id, as_of, churn_probability, expected_value` (null without money) of wanted customers with features.

    Args:
        model: the one that scores.
        features: a feature table, seen by every worker under the same path.
        customers: the wanted ones.
        settings: `spark` is used.

    Returns:
        Sorted by customer_id. Row by row what `model.predict` and `model.expected_value` give here.

    Raises:
        ChurnError: pyspark or Java is missing, the features do not fit the model, or Spark failed.
    """
    from pyspark.sql import functions

    from pipelines.engines.spark_session import located, mapped, session

    with session(settings) as spark:
        wanted = spark.createDataFrame(pa.table({"customer_id": pa.array(customers, pa.string())}))
        table = spark.read.parquet(located(features)).select("customer_id", "as_of", *model.columns)
        rows = table.join(functions.broadcast(wanted), "customer_id", "left_semi")
        scores = mapped(rows, scoring(spark.sparkContext.broadcast(model)), SCORES)
        found: pd.DataFrame = scores.toArrow().sort_by("customer_id").to_pandas()
        return found


def scoring(model: Any) -> Callable[[Iterable[pa.RecordBatch]], Iterator[pa.RecordBatch]]:
    """For `mapInArrow`: features -> SCORES. `model` is a broadcast ChurnModel."""

    def work(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            yield _scores(batch, model.value)

    return work


def _scores(batch: pa.RecordBatch, model: ChurnModel) -> pa.RecordBatch:
    features = batch.to_pandas()
    money = model.expected_value(features)
    expected = pa.nulls(len(batch), pa.float64()) if money is None else pa.array(money)
    return pa.RecordBatch.from_arrays(
        [batch["customer_id"], batch["as_of"], pa.array(model.predict(features)), expected], schema=SCORES
    )
