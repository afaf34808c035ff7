"""Reads what the list is decided from, and checks that its parts belong together."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow.parquet as pq

from models.decision.lottery import LOTTERY
from pipelines.at_risk.achieved import achieved
from pipelines.at_risk.decide import ListInputs
from pipelines.at_risk.policy import campaign, lottery
from pipelines.at_risk.policy.campaign import Assignments
from pipelines.at_risk.policy.learnt import learnt
from pipelines.at_risk.policy.suppression import suppressed_ids
from pipelines.ledger import read
from pipelines.runtime.errors import ChurnError
from pipelines.runtime.files import read_json
from pipelines.settings import artifacts
from pipelines.settings.decision import ListPolicy
from pipelines.settings.reading import ContactReading
from pipelines.sources.readers.contacts import read_contacts

if TYPE_CHECKING:
    import pandas as pd

    from models.churn_model import ChurnModel


def read_inputs(
    scores: Mapping[str, pd.DataFrame],
    features: pd.DataFrame,
    model: ChurnModel,
    activity: Path,
    *,
    policy: ListPolicy,
    contacts: ContactReading,
) -> ListInputs:
    """The scores of the definition that ranks, with everything that only the list reads.

    Args:
        scores: by definition.
        features: of the list's day.
        model: the champion of the definition that ranks.
        activity: the folder of the scoring branch.
        policy: by which the list is decided.
        contacts: how the contacts table is read.

    Raises:
        ChurnError: the scores come from another model, a scored customer has no features, or the campaign began with
            another design.
    """
    moment, own = policy.moment, scores[policy.moment.definition]
    require_same(own, features, model, moment.as_of)
    return ListInputs(
        scores=own,
        features=features,
        model=model,
        activity=activity,
        facts=read_json(activity / artifacts.FACTS),
        history=read.history_before(moment.as_of, moment.timezone),
        contacts=read_contacts(contacts),
        ordered_since=suppressed_ids(policy.at_risk, contacts.privacy),
        assigned=_assigned(policy),
        learnt=learnt(achieved(moment.as_of), policy.playbook, policy.value),
    )


def _assigned(policy: ListPolicy) -> Assignments:
    setting, day = policy.campaign, policy.moment.as_of
    lottery.require_same_design(setting, day)
    known = lottery.earlier_draws if setting.design == LOTTERY else campaign.earlier_assignments
    return known(setting.name, day)


def read_scores(folder: Path, definitions: Iterable[str], day: str) -> dict[str, pd.DataFrame]:
    """The scores of every definition.

    Raises:
        ChurnError: a definition has no scores, or they are for another day.
    """
    import pandas as pd

    scores, faults = {}, []
    for definition in definitions:
        path = folder / f"{definition}.parquet"
        if not path.is_file():
            faults.append(f"{path}: there are no scores. Run `churn run`.")
            continue
        table = pq.read_table(path).to_pandas()
        days = sorted({f"{as_of:%Y-%m-%d}" for as_of in pd.to_datetime(table["as_of"].unique())})
        if days not in ([day], []):
            faults.append(f"{path}: the scores are for {', '.join(days)}, the list is for {day}. Run `churn run`.")
        scores[definition] = table
    if faults:
        raise ChurnError(*faults)
    return scores


def read_features(folder: Path, day: str) -> pd.DataFrame:
    """Features of the list's day, one row per customer.

    Raises:
        ChurnError: there are none for that day.
    """
    path = folder / f"{day}.parquet"
    if not path.is_file():
        raise ChurnError(f"{path}: there are no features for this day. Run `churn run`.")
    table: pd.DataFrame = pq.read_table(path).to_pandas()
    return table


def require_same(scores: pd.DataFrame, features: pd.DataFrame, model: ChurnModel, day: str) -> None:
    """Scores, features and model belong together, or a ChurnError says which do not."""
    faults = []
    versions = sorted(set(scores["model_version"]))
    if versions not in ([model.digest], []):
        faults.append(
            f"scores: were made by model {', '.join(str(version)[:12] for version in versions)}, the champion is "
            f"{model.digest[:12]}. Run `churn run`: it scores again."
        )
    unknown = sorted(set(scores["customer_id"]) - set(features["customer_id"]))
    if unknown:
        faults.append(
            f"features of {day}: {len(unknown):,} scored customers have none "
            f"({', '.join(unknown[:5])}). Run `churn run`: it builds and scores again."
        )
    if faults:
        raise ChurnError(*faults)
