"""From rows of features to the scores contract: predict, keep horizons in order, add what follows.

The stage score_customers and `churn score` both score by these functions, row by row: the same customers get the same
numbers, to the last bit, whether all rows come at once or in chunks. Before it scores, a model is anchored to its
moment by everybody eligible (models/learners/level.py), once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa

from pipelines.engines.spark_scores import PREDICTIONS
from pipelines.runtime.errors import ChurnError
from pipelines.settings.churn import Churn

if TYPE_CHECKING:
    import pandas as pd

    from models.churn_model import ChurnModel

SCORES = pa.schema([*PREDICTIONS, pa.field("value_at_risk", pa.float64()), pa.field("model_version", pa.string())])
"""The scores contract: the predictions of a model, and what follows from them."""


def anchored(model: ChurnModel, features: pd.DataFrame) -> ChurnModel:
    """The model for a moment, by the features of everybody eligible there, or of those whom `level.sample` takes."""
    from pipelines.runtime.stage import threads

    return model.anchored(features, threads=threads()) if len(features) else model


def anchored_to_table(model: ChurnModel, table: Path, eligible: Sequence[str]) -> ChurnModel:
    """As `anchored`, with the features read from a table: of the eligible no more than tell the level."""
    if model.level is None:
        return model
    import pyarrow.parquet as pq

    from models.learners import level

    some = [customer for customer, taken in zip(eligible, level.sample(eligible), strict=True) if taken]
    rows = pq.read_table(table, columns=["customer_id", *model.columns], filters=[("customer_id", "in", some)])
    return anchored(model, rows.to_pandas())


def predict(model: ChurnModel, features: pd.DataFrame) -> pd.DataFrame:
    """`customer_id, as_of, churn_probability, expected_value` of every row by one model."""
    import numpy as np

    from pipelines.runtime.stage import threads

    probability, money = model.scores(features, threads=threads())
    return features[["customer_id", "as_of"]].assign(
        churn_probability=probability,
        expected_value=np.full(len(features), np.nan) if money is None else money,
    )


def related_definitions(definition: str, churn: Mapping[str, Churn]) -> list[str]:
    """Definitions of `churn` that differ in their horizon alone, `definition` among them, the least probable first."""
    from models import horizons

    return horizons.related({name: entry.model_dump() for name, entry in churn.items()}, definition)


def order_by_horizon(
    definition: str, churn: Mapping[str, Churn], predictions: Mapping[str, pd.DataFrame]
) -> pd.DataFrame:
    """The predictions of a definition, moved so that they do not cross those for other horizons.

    Args:
        definition: one of `predictions`.
        churn: the definitions of params.yaml.
        predictions: what `predict` gives, by definition, of the same customers as far as they are customers by it.
    """
    import numpy as np

    from models import horizons

    present = [name for name in related_definitions(definition, churn) if name in predictions]
    ordered = horizons.ordered_probabilities([_by_customer(predictions[name]) for name in present])
    probability = np.asarray(ordered[present.index(definition)], dtype=np.float64)
    return predictions[definition].assign(churn_probability=probability)


def _by_customer(predictions: pd.DataFrame) -> pd.Series[float]:
    return predictions.set_index(predictions["customer_id"].astype("str"))["churn_probability"]


def scores_table(model: ChurnModel, predictions: pd.DataFrame) -> pd.DataFrame:
    """The columns of SCORES: the predictions and what follows from them."""
    import pandas as pd

    from models.learners.expected_value import value_at_risk

    probability, expected = predictions["churn_probability"].to_numpy(), predictions["expected_value"].to_numpy()
    return pd.DataFrame(
        {
            "customer_id": predictions["customer_id"].astype("str"),
            "as_of": pd.to_datetime(predictions["as_of"]),
            "churn_probability": probability,
            "expected_value": expected,
            "value_at_risk": value_at_risk(probability, expected),
            "model_version": pd.Series(model.digest, index=predictions.index, dtype="str"),
        }
    ).reset_index(drop=True)


def definition_differences(churn: Churn, model: ChurnModel) -> dict[str, tuple[object, object]]:
    """The settings in which an entry under `churn` is not the one that trained the model: name -> (now, then).

    A model of before a setting was there was trained with its default.
    """
    now = churn.model_dump()
    unset = {name: (now[name], one.default) for name, one in type(churn).model_fields.items()}
    before = {name: value for name, (value, default) in unset.items() if value in (default, None)}
    then = {**before, **model.definition}
    return {name: (now.get(name), then.get(name)) for name in sorted({*now, *then}) if now.get(name) != then.get(name)}


def require_same_definition(name: str, churn: Churn, model: ChurnModel, where: object) -> None:
    """Raise ChurnError where the model, found at `where`, was trained for another definition than `churn.{name}`."""
    faults = [
        f"params.yaml: churn.{name}.{setting} is {now!r}, but the champion in {where} was trained with "
        f"{then!r}. Train and promote a model for it, or set it back."
        for setting, (now, then) in definition_differences(churn, model).items()
    ]
    if faults:
        raise ChurnError(*faults)
