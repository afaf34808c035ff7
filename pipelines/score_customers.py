"""Stage: every eligible customer gets a probability of leaving and, where there is money, what is at stake.

`data/champion/D`, `data/features/score` and `data/activity/score` in; `data/scores/D.parquet` out, sorted by customer.
Where other definitions ask the same over another horizon, their champions are asked too, and the probabilities of a
customer are put in order (models/horizons.py): every definition's stage sees the same, so their scores never cross.
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
    import numpy as np
    import numpy.typing as npt
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
    from pipelines.standing import counted_apart, customers, standings_of

    model = ChurnModel.load(places.model)
    _require_same(definition, settings, model, places.model)
    found = standings_of(definition, settings, places.activity)
    numbers = _numbers(settings, model, places.features, customers(found))
    scores = _as_contract(model, numbers.assign(churn_probability=_in_order(definition, settings, places, numbers)))
    facts = tables.read_json(places.activity / "facts.json")
    for line in (*counted_apart(found), *_new_columns(places.features, model)):
        print(f"score_customers: {line}")
    report = checks.check_scores(scores, model.profile, facts, settings, definition=definition)
    report.write(places.report)
    report.require()
    tables.write_parquet(places.out, pa.Table.from_pandas(scores, schema=SCORES, preserve_index=False))
    return scores


def _asked(model: ChurnModel, features: pd.DataFrame) -> pd.DataFrame:
    """`customer_id, as_of, churn_probability, expected_value`: what one model says of every row."""
    import numpy as np

    from pipelines.train_model import threads

    money = model.expected_value(features, threads=threads())
    return features[["customer_id", "as_of"]].assign(
        churn_probability=model.predict(features, threads=threads()),
        expected_value=np.full(len(features), np.nan) if money is None else money,
    )


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


def _numbers(settings: params.Settings, model: ChurnModel, features: Path, customers: list[str]) -> pd.DataFrame:
    """What one model says of these customers, sorted by customer, by the engine of params.yaml."""
    as_of = settings.observations.score.as_of
    if settings.engine != "spark":
        return _asked(model, _features(features, as_of, customers))
    from models.columns import require
    from pipelines.engines.spark_scores import scores_of

    path = _table(features, as_of)
    require(pq.read_schema(path).empty_table().to_pandas(), model.columns)
    numbers = scores_of(model, path, customers, settings)
    _require_all(path, customers, numbers)
    return numbers


def _in_order(
    definition: str, settings: params.Settings, places: Places, numbers: pd.DataFrame
) -> npt.NDArray[np.float64]:
    """The probability of each row; where kin have champions too, moved so that their horizons do not cross."""
    import numpy as np

    from models import horizons
    from models.churn_model import ChurnModel
    from pipelines.standing import customers, standings_of

    asked = {definition: _by_customer(numbers)}
    kin = horizons.kin({name: entry.model_dump() for name, entry in settings.churn.items()}, definition)
    for name in kin:
        folder = places.model.with_name(name)
        if name != definition and (folder / "model.json").is_file():
            other = ChurnModel.load(folder)
            _require_same(name, settings, other, folder)
            theirs = set(customers(standings_of(name, settings, places.activity))) & set(asked[definition].index)
            asked[name] = _by_customer(_numbers(settings, other, places.features, sorted(theirs)))
    present = [name for name in kin if name in asked]
    ordered = horizons.in_order([asked[name] for name in present])
    return np.asarray(ordered[present.index(definition)], dtype=np.float64)


def _by_customer(numbers: pd.DataFrame) -> pd.Series[float]:
    return numbers.set_index(numbers["customer_id"].astype("str"))["churn_probability"]


def _features(folder: Path, as_of: str, eligible: list[str]) -> pd.DataFrame:
    """Features of the eligible customers, sorted by customer."""
    path = _table(folder, as_of)
    features = pq.read_table(path).to_pandas()
    found: pd.DataFrame = (
        features[features["customer_id"].isin(eligible)].sort_values("customer_id").reset_index(drop=True)
    )
    _require_all(path, eligible, found)
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
            "Build the features again."
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
