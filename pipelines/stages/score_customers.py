"""Stage score_customers: a churn probability and, where there is money, the value at risk of every eligible customer.

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
from pipelines.modelling.model_folder import is_model, open_model
from pipelines.modelling.scoring import SCORES
from pipelines.modelling.world import read_world, require_own_customers
from pipelines.runtime import files
from pipelines.runtime.errors import ChurnError
from pipelines.runtime.stage import NAME, PATH, run_stage, stage_command
from pipelines.settings import artifacts, params

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
        ChurnError: the champion is not what was promoted, or was trained for another definition or on other customers,
            features and activity are of another moment, or a check of the scores failed (the report is written, the
            old scores stay).
        ModelError: the features lack a column that the model needs.
    """
    from pipelines.checks import rules
    from pipelines.modelling.eligibility import eligible_customers, ineligible_lines

    model = open_model(places.model)
    scoring.require_same_definition(definition, settings.churn[definition], model, places.model)
    status = _eligibility(definition, settings, places.activity)
    require_own_customers(definition, read_world(places.model), status.index, places.model)
    own = _predictions(settings, model, places.features, eligible_customers(status))
    predictions = _with_related(definition, settings, places, own)
    scores = scoring.scores_table(model, scoring.order_by_horizon(definition, settings.churn, predictions))
    facts = files.read_json(places.activity / artifacts.FACTS)
    for line in (*ineligible_lines(status), *_new_columns(places.features, model)):
        print(f"score_customers: {line}")
    as_of = settings.observations.score.as_of
    report = rules.check_scores(scores, model.profile, facts, as_of, settings.checks, definition=definition)
    report.write(places.report)
    report.require()
    for line in report.warnings:
        print(f"score_customers: drift: {line}")
    files.write_parquet(places.out, pa.Table.from_pandas(scores, schema=SCORES, preserve_index=False))
    return scores


def _eligibility(definition: str, settings: params.Settings, activity: Path) -> pd.Series[str]:
    from pipelines.modelling.eligibility import eligibility_of

    as_of, timezone = settings.observations.score.as_of, settings.timezone
    return eligibility_of(definition, settings.churn[definition], activity, as_of=as_of, timezone=timezone)


def _predictions(
    settings: params.Settings, model: ChurnModel, features: Path, eligible: list[str], wanted: set[str] | None = None
) -> pd.DataFrame:
    """The predictions of one model, sorted by customer, by the engine of params.yaml.

    Args:
        settings: of params.yaml.
        model: is anchored to the moment of everybody eligible.
        features: the folder of feature tables.
        eligible: by the model's definition.
        wanted: those of `eligible` who are scored; None: all.
    """
    as_of = settings.observations.score.as_of
    if settings.engine != "spark":
        rows = _features(features, as_of, eligible)
        anchored = scoring.anchored(model, rows)
        return scoring.predict(anchored, rows if wanted is None else _of(rows, wanted))
    from models.columns import require
    from pipelines.engines.spark_scores import predict

    path = _table(features, as_of)
    require(pq.read_schema(path).empty_table().to_pandas(), model.columns)
    anchored = scoring.anchored_to_table(model, path, eligible)
    customers = eligible if wanted is None else sorted(wanted.intersection(eligible))
    predictions = predict(anchored, path, customers, settings.spark)
    _require_all(path, customers, predictions)
    return predictions


def _of(rows: pd.DataFrame, customers: set[str]) -> pd.DataFrame:
    found: pd.DataFrame = rows[rows["customer_id"].isin(customers)].reset_index(drop=True)
    return found


def _with_related(
    definition: str, settings: params.Settings, places: Places, own: pd.DataFrame
) -> Mapping[str, pd.DataFrame]:
    """The predictions by definition: `own`, and those for the same customers by champions of other horizons."""
    from pipelines.modelling.eligibility import eligible_customers

    predictions = {definition: own}
    customers = set(own["customer_id"].astype("str"))
    for name in scoring.related_definitions(definition, settings.churn):
        folder = places.model.with_name(name)
        if name != definition and is_model(folder):
            model = open_model(folder)
            scoring.require_same_definition(name, settings.churn[name], model, folder)
            status = _eligibility(name, settings, places.activity)
            require_own_customers(name, read_world(folder), status.index, folder)
            eligible = eligible_customers(status)
            predictions[name] = _predictions(settings, model, places.features, eligible, customers)
    return predictions


def _features(folder: Path, as_of: str, eligible: list[str]) -> pd.DataFrame:
    """Features of the eligible customers, sorted by customer."""
    path = _table(folder, as_of)
    features = pq.read_table(path).to_pandas()
    eligible_rows: pd.DataFrame = (
        features[features["customer_id"].isin(eligible)].sort_values("customer_id").reset_index(drop=True)
    )
    _require_all(path, eligible, eligible_rows)
    return eligible_rows


def _table(folder: Path, as_of: str) -> Path:
    path = folder / f"{as_of}.parquet"
    if not path.exists():
        raise ChurnError(f"{path}: there are no features for {as_of}. Run build_features for the scoring branch.")
    return path


def _require_all(path: Path, customers: list[str], features: pd.DataFrame) -> None:
    absent = sorted(set(customers) - set(features["customer_id"]))
    if absent:
        raise ChurnError(
            f"{path}: {len(absent)} of {len(customers)} eligible customers have no features ({', '.join(absent[:3])}). "
            "Build the features again."
        )


def _new_columns(folder: Path, model: ChurnModel) -> list[str]:
    """A warning where the features have columns that training did not know."""
    trained = {info["name"] for info in model.columns_info}
    new = sorted(info["name"] for info in files.read_json(folder / artifacts.COLUMNS) if info["name"] not in trained)
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
