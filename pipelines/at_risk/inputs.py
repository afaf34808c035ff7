"""What the list is made from, read and compared with each other."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow.parquet as pq

from pipelines.at_risk.decide import Given
from pipelines.at_risk.policy import campaign
from pipelines.at_risk.policy.suppression import suppressed
from pipelines.ledger import read
from pipelines.runtime.errors import ChurnError
from pipelines.runtime.files import read_json
from pipelines.settings import params
from pipelines.settings.reading import ContactReading
from pipelines.sources.readers.contacts import read_contacts

if TYPE_CHECKING:
    import pandas as pd
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from models.churn_model import ChurnModel


def given_for(
    scores: Mapping[str, pd.DataFrame],
    features: pd.DataFrame,
    model: ChurnModel,
    activity: Path,
    settings: params.Settings,
) -> Given:
    """What the list is decided from: the scores of the definition that ranks, and what only the list reads.

    Raises:
        ChurnError: the scores come from another model, or a scored customer has no features.
    """
    own = scores[settings.at_risk.definition]
    require_same(own, features, model, settings)
    return Given(
        scores=own,
        features=features,
        model=model,
        activity=activity,
        facts=read_json(activity / "facts.json"),
        known=read.known(settings.observations.score.as_of, settings.timezone),
        contacts=read_contacts(ContactReading.of(settings)),
        suppressed=suppressed(settings),
        assigned=campaign.assigned(settings),
    )


def others_of(scores: Mapping[str, pd.DataFrame], settings: params.Settings) -> dict[str, pd.DataFrame]:
    """Scores of the definitions that do not rank."""
    return {name: other for name, other in scores.items() if name != settings.at_risk.definition}


def read_scores(folder: Path, settings: params.Settings) -> dict[str, pd.DataFrame]:
    """Scores of every definition of params.yaml.

    Raises:
        ChurnError: a definition has no scores, or they are for another day.
    """
    import pandas as pd

    found, faults, day = {}, [], settings.observations.score.as_of
    for definition in settings.churn:
        path = folder / f"{definition}.parquet"
        if not path.is_file():
            faults.append(f"{path}: there are no scores. Run `churn run`.")
            continue
        table = pq.read_table(path).to_pandas()
        days = sorted({f"{one:%Y-%m-%d}" for one in pd.to_datetime(table["as_of"].unique())})
        if days not in ([day], []):
            faults.append(f"{path}: the scores are for {', '.join(days)}, the list is for {day}. Run `churn run`.")
        found[definition] = table
    if faults:
        raise ChurnError(*faults)
    return found


def read_features(folder: Path, settings: params.Settings) -> pd.DataFrame:
    """Features of the list's day, one row per customer.

    Raises:
        ChurnError: there are none for that day.
    """
    path = folder / f"{settings.observations.score.as_of}.parquet"
    if not path.is_file():
        raise ChurnError(f"{path}: there are no features for this day. Run `churn run`.")
    table: pd.DataFrame = pq.read_table(path).to_pandas()
    return table


def require_same(scores: pd.DataFrame, features: pd.DataFrame, model: ChurnModel, settings: params.Settings) -> None:
    """Scores, features and model belong together, or a ChurnError says which do not."""
    faults = []
    versions = sorted(set(scores["model_version"]))
    if versions not in ([model.digest], []):
        faults.append(
            f"scores: were made by model {', '.join(str(one)[:12] for one in versions)}, the champion is "
            f"{model.digest[:12]}. Run `churn run`: it scores again."
        )
    unknown = sorted(set(scores["customer_id"]) - set(features["customer_id"]))
    if unknown:
        faults.append(
            f"features of {settings.observations.score.as_of}: {len(unknown):,} scored customers have none "
            f"({', '.join(unknown[:5])}). Run `churn run`: it builds and scores again."
        )
    if faults:
        raise ChurnError(*faults)
