"""Stage: every eligible customer gets a probability of leaving and, where there is money, what is at stake.

`data/champion/D`, `data/features/score` and `data/activity/score` in; `data/scores/D.parquet` out, sorted by customer.
Where other definitions ask the same over another horizon, their champions are asked too, and the probabilities of a
customer are put in order (models/horizons.py): every definition's stage sees the same, so their scores never cross.
The checks of the scores are written first and have to pass before the new scores take the place of the old.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq

from pipelines.modelling import scoring
from pipelines.modelling.scoring import SCORES
from pipelines.runtime import files
from pipelines.runtime.errors import ChurnError
from pipelines.runtime.stage import NAME, PATH, run_stage, stage_command
from pipelines.settings import params

if TYPE_CHECKING:
    import pandas as pd

    from models.churn_model import ChurnModel


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
        ChurnError: the champion was trained for another definition, features and activity are of another moment, or a
            check of the scores failed (the report is written, the old scores stay).
        ModelError: the features lack a column that the model needs.
    """
    from models.churn_model import ChurnModel
    from pipelines.checks import rules
    from pipelines.modelling.eligibility import counted_apart, customers, standings_of

    model = ChurnModel.load(places.model)
    scoring.require_same(definition, settings, model, places.model)
    found = standings_of(definition, settings, places.activity)
    numbers = _numbers(settings, model, places.features, customers(found))
    beside = _beside_kin(definition, settings, places, numbers)
    scores = scoring.as_contract(model, scoring.in_order(definition, settings, beside))
    facts = files.read_json(places.activity / "facts.json")
    for line in (*counted_apart(found), *_new_columns(places.features, model)):
        print(f"score_customers: {line}")
    as_of = settings.observations.score.as_of
    report = rules.check_scores(scores, model.profile, facts, as_of, settings.checks, definition=definition)
    report.write(places.report)
    report.require()
    files.write_parquet(places.out, pa.Table.from_pandas(scores, schema=SCORES, preserve_index=False))
    return scores


def _numbers(settings: params.Settings, model: ChurnModel, features: Path, customers: list[str]) -> pd.DataFrame:
    """What one model says of these customers, sorted by customer, by the engine of params.yaml."""
    as_of = settings.observations.score.as_of
    if settings.engine != "spark":
        return scoring.asked(model, _features(features, as_of, customers))
    from models.columns import require
    from pipelines.engines.spark_scores import scores_of

    path = _table(features, as_of)
    require(pq.read_schema(path).empty_table().to_pandas(), model.columns)
    numbers = scores_of(model, path, customers, settings)
    _require_all(path, customers, numbers)
    return numbers


def _beside_kin(
    definition: str, settings: params.Settings, places: Places, numbers: pd.DataFrame
) -> Mapping[str, pd.DataFrame]:
    """The same customers' numbers by every definition of the same kind that has a champion too."""
    from models.churn_model import ChurnModel
    from pipelines.modelling.eligibility import customers, standings_of

    found = {definition: numbers}
    mine = set(numbers["customer_id"].astype("str"))
    for name in scoring.kin_of(definition, settings):
        folder = places.model.with_name(name)
        if name != definition and (folder / "model.json").is_file():
            other = ChurnModel.load(folder)
            scoring.require_same(name, settings, other, folder)
            theirs = mine.intersection(customers(standings_of(name, settings, places.activity)))
            found[name] = _numbers(settings, other, places.features, sorted(theirs))
    return found


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
        raise ChurnError(f"{path}: there are no features for {as_of}. Run build_features for the scoring branch.")
    return path


def _require_all(path: Path, customers: list[str], found: pd.DataFrame) -> None:
    absent = sorted(set(customers) - set(found["customer_id"]))
    if absent:
        raise ChurnError(
            f"{path}: {len(absent)} of {len(customers)} eligible customers have no features ({', '.join(absent[:3])}). "
            "Build the features again."
        )


def _new_columns(folder: Path, model: ChurnModel) -> list[str]:
    """A warning where the features have columns that training did not know."""
    trained = {info["name"] for info in model.columns_info}
    new = sorted(info["name"] for info in files.read_json(folder / "columns.json") if info["name"] not in trained)
    shown = ", ".join(new[:3]) + (", ..." if len(new) > 3 else "")
    return [f"{len(new)} columns are new since training and not used: {shown}. Train again to use them."] if new else []


def perform(settings: params.Settings, definition: str, **places: Path) -> None:
    """What the command does, by its options."""
    score_customers(definition, settings, Places(**places))


@stage_command(definition=NAME, activity=PATH, features=PATH, model=PATH, out=PATH, report=PATH)
def main(definition: str, **places: Path) -> None:
    """The command that dvc.yaml runs."""
    run_stage(f"score_customers@{definition}", lambda: perform(params.load(), definition, **places))


if __name__ == "__main__":
    main()
