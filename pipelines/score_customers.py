"""Stage: every eligible customer gets a probability of leaving and, where there is money, what is at stake.

`data/champion/D`, `data/features/score` and `data/activity/score` in; `data/scores/D.parquet` out, sorted by customer.
The checks of the scores are written first and have to pass before the new scores take the place of the old.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq

from pipelines import params, tables
from pipelines.problems import Problem
from pipelines.stage import run_stage

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


@dataclass(frozen=True)
class Places:
    """Where the stage reads and writes."""

    activity: Path
    features: Path
    model: Path
    out: Path
    report: Path


def score_customers(definition: str, settings: params.Settings, places: Places) -> pd.DataFrame:
    """Score, check, write.

    Raises:
        Problem: the champion was trained for another definition, features and activity are of another moment, or a
            check of the scores failed (the report is written, the old scores stay).
        ModelProblem: the features lack a column that the model needs.
    """
    from models.churn_model import ChurnModel
    from pipelines import checks

    model = ChurnModel.load(places.model)
    _require_same(definition, settings, model, places.model)
    customers = _eligible(definition, settings, places.activity)
    scores = _scores(settings, model, places.features, customers)
    facts = tables.read_json(places.activity / "facts.json")
    for line in _new_columns(places.features, model):
        print(f"score_customers: {line}")
    report = checks.check_scores(scores, model.profile, facts, settings, definition=definition)
    report.write(places.report)
    report.require()
    tables.write_parquet(places.out, pa.Table.from_pandas(scores, schema=SCORES, preserve_index=False))
    return scores


def scored(model: ChurnModel, features: pd.DataFrame) -> pd.DataFrame:
    """The contract's columns for every row of `features`, in its order; money is null where the stream has none."""
    import numpy as np

    from pipelines.train_model import threads

    money = model.expected_value(features, threads=threads())
    numbers = features[["customer_id", "as_of"]].assign(
        churn_probability=model.predict(features, threads=threads()),
        expected_value=np.full(len(features), np.nan) if money is None else money,
    )
    return _as_contract(model, numbers)


def _as_contract(model: ChurnModel, numbers: pd.DataFrame) -> pd.DataFrame:
    """`customer_id, as_of, churn_probability, expected_value` and what follows from them."""
    import pandas as pd

    from models.value import value_at_risk

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


def _scores(settings: params.Settings, model: ChurnModel, features: Path, customers: list[str]) -> pd.DataFrame:
    """Scores of the eligible customers, sorted by customer, by the engine of params.yaml."""
    as_of = settings.observations.score.as_of
    if settings.engine != "spark":
        return scored(model, _features(features, as_of, customers))
    from pipelines.engines.spark_scores import scores_of

    path = _table(features, as_of)
    model.known.require(pq.read_schema(path).empty_table().to_pandas())
    numbers = scores_of(model, path, customers, settings)
    _require_all(path, customers, numbers)
    return _as_contract(model, numbers)


def _eligible(definition: str, settings: params.Settings, activity: Path) -> list[str]:
    from features import churn
    from pipelines.build_features import definitions_of

    facts = tables.read_json(activity / "facts.json")
    known = definitions_of(settings)[definition]
    columns = ["customer_id", "activity", "occurred_at", *(["recorded_at"] if facts["has_recorded_at"] else [])]
    events = pq.read_table(
        activity / "activity", columns=columns, filters=[("activity", "=", known.activity)]
    ).to_pandas()
    as_of = settings.observations.score.as_of
    found = [str(customer) for customer in churn.eligible(events, known, as_of, settings.timezone)]
    if not found:
        raise Problem(
            f"{activity}: nobody did {known.activity} in the {known.active_within_days} days before {as_of}. "
            f"Check observations.score.as_of and churn.{definition}.active_within_days."
        )
    return found


def _features(folder: Path, as_of: str, customers: list[str]) -> pd.DataFrame:
    """Features of the eligible customers, sorted by customer."""
    path = _table(folder, as_of)
    features = pq.read_table(path).to_pandas()
    found: pd.DataFrame = (
        features[features["customer_id"].isin(customers)].sort_values("customer_id").reset_index(drop=True)
    )
    _require_all(path, customers, found)
    return found


def _table(folder: Path, as_of: str) -> Path:
    path = folder / f"{as_of}.parquet"
    if not path.exists():
        raise Problem(f"{path}: there are no features for {as_of}. Run build_features for the scoring branch.")
    return path


def _require_all(path: Path, customers: list[str], found: pd.DataFrame) -> None:
    absent = sorted(set(customers) - set(found["customer_id"]))
    if absent:
        raise Problem(
            f"{path}: {len(absent)} of {len(customers)} eligible customers have no features ({', '.join(absent[:3])}). "
            "Make observations.seen_within_days at least active_within_days, and build the features again."
        )


def _require_same(definition: str, settings: params.Settings, model: ChurnModel, folder: Path) -> None:
    """The champion answers the question that params.yaml asks."""
    asked, learned = settings.churn[definition].model_dump(), dict(model.definition)
    different = [name for name in sorted({*asked, *learned}) if asked.get(name) != learned.get(name)]
    if different:
        raise Problem(
            *(
                f"params.yaml: churn.{definition}.{name} is {asked.get(name)!r}, but the champion in {folder} was "
                f"trained with {learned.get(name)!r}. Train and promote a model for it, or set it back."
                for name in different
            )
        )


def _new_columns(folder: Path, model: ChurnModel) -> list[str]:
    """A warning where the features have columns that training did not know."""
    trained = {info["name"] for info in model.columns_info}
    new = sorted(info["name"] for info in tables.read_json(folder / "columns.json") if info["name"] not in trained)
    shown = ", ".join(new[:3]) + (", ..." if len(new) > 3 else "")
    return [f"{len(new)} columns are new since training and not used: {shown}. Train again to use them."] if new else []


def main() -> None:
    """`python -m pipelines.score_customers`."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--definition", required=True)
    names = ("activity", "features", "model", "out", "report")
    for name in names:
        parser.add_argument(f"--{name}", required=True, type=Path)
    given = parser.parse_args()
    places = Places(**{name: getattr(given, name) for name in names})
    run_stage(f"score_customers@{given.definition}", lambda: _work(given.definition, places))


def _work(definition: str, places: Places) -> None:
    score_customers(definition, params.load(), places)


if __name__ == "__main__":
    main()
