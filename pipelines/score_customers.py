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
    features = _features(places.features, settings.observations.score.as_of, customers(found))
    scores = scored(model, features, probability=_in_order(definition, settings, places, model, features))
    facts = tables.read_json(places.activity / "facts.json")
    for line in (*counted_apart(found), *_new_columns(places.features, model)):
        print(f"score_customers: {line}")
    report = checks.check_scores(scores, model.profile, facts, settings, definition=definition)
    report.write(places.report)
    report.require()
    tables.write_parquet(places.out, pa.Table.from_pandas(scores, schema=SCORES, preserve_index=False))
    return scores


def scored(
    model: ChurnModel, features: pd.DataFrame, *, probability: npt.NDArray[np.float64] | None = None
) -> pd.DataFrame:
    """The contract's columns for every row of `features`, in its order; money is null where the stream has none.

    `probability`: of each row, where it is not simply what the model says.
    """
    import numpy as np
    import pandas as pd

    from models.value import value_at_risk
    from pipelines.train_model import threads

    if probability is None:
        probability = model.predict(features, threads=threads())
    money = model.expected_value(features, threads=threads())
    expected = np.full(len(features), np.nan) if money is None else money
    return pd.DataFrame(
        {
            "customer_id": features["customer_id"].astype("str"),
            "as_of": pd.to_datetime(features["as_of"]),
            "churn_probability": probability,
            "expected_value": expected,
            "value_at_risk": value_at_risk(probability, expected),
            "model_version": pd.Series(model.digest, index=features.index, dtype="str"),
        }
    ).reset_index(drop=True)


def _in_order(
    definition: str, settings: params.Settings, places: Places, model: ChurnModel, features: pd.DataFrame
) -> npt.NDArray[np.float64]:
    """The model's probability for each row; where kin have champions too, moved so that their horizons do not cross."""
    import numpy as np

    from models import horizons
    from models.churn_model import ChurnModel
    from pipelines.standing import customers, standings_of

    asked = {definition: _by_customer(model, features)}
    kin = horizons.kin({name: entry.model_dump() for name, entry in settings.churn.items()}, definition)
    for name in kin:
        folder = places.model.with_name(name)
        if name != definition and (folder / "model.json").is_file():
            other = ChurnModel.load(folder)
            _require_same(name, settings, other, folder)
            theirs = customers(standings_of(name, settings, places.activity))
            asked[name] = _by_customer(other, features[features["customer_id"].isin(theirs)])
    present = [name for name in kin if name in asked]
    ordered = horizons.in_order([asked[name] for name in present])
    return np.asarray(ordered[present.index(definition)], dtype=np.float64)


def _by_customer(model: ChurnModel, features: pd.DataFrame) -> pd.Series[float]:
    import pandas as pd

    from pipelines.train_model import threads

    return pd.Series(model.predict(features, threads=threads()), index=features["customer_id"].astype("str"))


def _features(folder: Path, as_of: str, eligible: list[str]) -> pd.DataFrame:
    """Features of the eligible customers, sorted by customer."""
    path = folder / f"{as_of}.parquet"
    if not path.exists():
        raise Problem(f"{path}: there are no features for {as_of}. Run build_features for the scoring branch.")
    features = pq.read_table(path).to_pandas()
    found: pd.DataFrame = (
        features[features["customer_id"].isin(eligible)].sort_values("customer_id").reset_index(drop=True)
    )
    absent = sorted(set(eligible) - set(found["customer_id"]))
    if absent:
        raise Problem(
            f"{path}: {len(absent)} of {len(eligible)} eligible customers have no features ({', '.join(absent[:3])}). "
            "Build the features again."
        )
    return found


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
