"""Scores of rows of features: what the champions say of them, put in order, in the contract's columns.

The stage score_customers and `churn score` both score by what is here, row by row: the same customers get the same
numbers, to the last bit, whether all rows come at once or in chunks.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import pyarrow as pa

from pipelines.runtime.errors import ChurnError
from pipelines.settings import params

if TYPE_CHECKING:
    import pandas as pd

    from models.churn_model import ChurnModel

SCORES = pa.schema(
    [
        ("customer_id", pa.string()),
        ("as_of", pa.date32()),
        ("churn_probability", pa.float64()),
        ("expected_value", pa.float64()),
        ("value_at_risk", pa.float64()),
        ("model_version", pa.string()),
    ]
)


def asked(model: ChurnModel, features: pd.DataFrame) -> pd.DataFrame:
    """`customer_id, as_of, churn_probability, expected_value`: what one model says of every row."""
    import numpy as np

    from pipelines.runtime.stage import threads

    probability, money = model.scores(features, threads=threads())
    return features[["customer_id", "as_of"]].assign(
        churn_probability=probability,
        expected_value=np.full(len(features), np.nan) if money is None else money,
    )


def kin_of(definition: str, settings: params.Settings) -> list[str]:
    """Definitions that ask the same over another horizon, `definition` among them, the least probable first."""
    from models import horizons

    return horizons.kin({name: entry.model_dump() for name, entry in settings.churn.items()}, definition)


def in_order(definition: str, settings: params.Settings, numbers: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """`numbers` of the definition, its probabilities moved so that they do not cross those of its kin.

    Args:
        definition: one of `numbers`.
        settings: of params.yaml.
        numbers: by definition what `asked` gives, of the same customers as far as they are customers by it.
    """
    import numpy as np

    from models import horizons

    present = [name for name in kin_of(definition, settings) if name in numbers]
    ordered = horizons.in_order([_by_customer(numbers[name]) for name in present])
    moved = np.asarray(ordered[present.index(definition)], dtype=np.float64)
    return numbers[definition].assign(churn_probability=moved)


def _by_customer(numbers: pd.DataFrame) -> pd.Series[float]:
    return numbers.set_index(numbers["customer_id"].astype("str"))["churn_probability"]


def as_contract(model: ChurnModel, numbers: pd.DataFrame) -> pd.DataFrame:
    """`customer_id, as_of, churn_probability, expected_value` and what follows from them: the columns of SCORES."""
    import pandas as pd

    from models.learners.expected_value import value_at_risk

    probability, expected = numbers["churn_probability"].to_numpy(), numbers["expected_value"].to_numpy()
    return pd.DataFrame(
        {
            "customer_id": numbers["customer_id"].astype("str"),
            "as_of": pd.to_datetime(numbers["as_of"]),
            "churn_probability": probability,
            "expected_value": expected,
            "value_at_risk": value_at_risk(probability, expected),
            "model_version": pd.Series(model.digest, index=numbers.index, dtype="str"),
        }
    ).reset_index(drop=True)


def different(definition: str, settings: params.Settings, model: ChurnModel) -> dict[str, tuple[object, object]]:
    """Where the question of params.yaml is not the one that the model answers: setting -> (asked, learned)."""
    asked_for, learned = settings.churn[definition].model_dump(), dict(model.definition)
    return {
        name: (asked_for.get(name), learned.get(name))
        for name in sorted({*asked_for, *learned})
        if asked_for.get(name) != learned.get(name)
    }


def require_same(definition: str, settings: params.Settings, model: ChurnModel, where: object) -> None:
    """The model, found at `where`, answers the question of params.yaml, or a ChurnError says where they differ."""
    faults = [
        f"params.yaml: churn.{definition}.{name} is {asked_for!r}, but the champion in {where} was trained with "
        f"{learned!r}. Train and promote a model for it, or set it back."
        for name, (asked_for, learned) in different(definition, settings, model).items()
    ]
    if faults:
        raise ChurnError(*faults)
