"""Stage: scores become the list.

`data/scores/*.parquet`, `data/features/score`, `data/activity/score/facts.json`, `data/champion/D` and the reports of
the scoring branch in; `data/at_risk/AS_OF/` out: at_risk.csv, .parquet, .xlsx, .html and manifest.json, all together or
not at all. Nothing is written unless every report of the branch passed.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd
import pyarrow.parquet as pq

from models import decision, explain
from pipelines import params
from pipelines.problems import Problem
from pipelines.sinks import glance, list_files, list_page, manifest, wording
from pipelines.stage import run_stage
from pipelines.tables import digest_of, read_json, whole_folder, write_json

if TYPE_CHECKING:
    from models.churn_model import ChurnModel


@dataclass(frozen=True)
class Inputs:
    """Where the stage reads: folders of scores, features and activity of the scoring branch, champions, reports."""

    scores: Path
    features: Path
    activity: Path
    champion: Path
    reports: Path


def make_list(settings: params.Settings, inputs: Inputs, out: Path) -> None:
    """Write the folder of the list.

    Raises:
        Problem: a check failed, or scores, features and champion do not belong together.
    """
    from models.churn_model import ChurnModel

    checks = manifest.verdicts(inputs.reports, list(settings.churn))
    scores = read_scores(inputs.scores, settings)
    champion = inputs.champion / settings.at_risk.definition
    model = ChurnModel.load(champion)
    features = read_features(inputs.features, settings)
    table = listed(scores, features, model, settings)
    figures = glance.figures(table, scores[settings.at_risk.definition], settings)
    crowned = read_json(champion / "champion.json")
    version = wording.scored_by(crowned, wording.language_of(settings))
    trust = glance.trust(crowned.get("metrics") or {}, version)
    with whole_folder(out) as folder:
        _write(folder, table, figures, trust, settings)
        content = manifest.manifest(
            settings,
            list_id=table["list_id"].iloc[0],
            model_version=model.digest,
            champion=crowned,
            inputs=_digests(inputs, settings),
            checks=checks,
            figures=figures,
            files=folder,
        )
        write_json(folder / "manifest.json", content)


def listed(
    scores: Mapping[str, pd.DataFrame], features: pd.DataFrame, model: ChurnModel, settings: params.Settings
) -> pd.DataFrame:
    """The list: the definition's scores ranked and cut, with segment and reasons for those who are on it.

    Raises:
        Problem: the scores come from another model, or a scored customer has no features.
    """
    own = scores[settings.at_risk.definition]
    require_same(own, features, model, settings)
    decided = decision.decide(
        own,
        capacity=settings.at_risk.capacity,
        tiers=settings.at_risk.tiers.odds(),
        others={name: other for name, other in scores.items() if name != settings.at_risk.definition},
    )
    known = features.set_index("customer_id", drop=False)
    rows = known.loc[decided["customer_id"]].reset_index(drop=True)
    language = wording.language_of(settings)
    said = explain.reasons(
        model.contributions(rows),
        rows,
        model.columns_info,
        everyone=known.loc[own["customer_id"]],
        money=language.money,
        say=language.reason,
    )
    return decision.complete(decided, model.segments(rows)["segment"], said)


def read_scores(folder: Path, settings: params.Settings) -> dict[str, pd.DataFrame]:
    """Scores of every definition of params.yaml.

    Raises:
        Problem: a definition has no scores, or they are for another day.
    """
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
        raise Problem(*faults)
    return found


def read_features(folder: Path, settings: params.Settings) -> pd.DataFrame:
    """Features of the list's day, one row per customer.

    Raises:
        Problem: there are none for that day.
    """
    path = folder / f"{settings.observations.score.as_of}.parquet"
    if not path.is_file():
        raise Problem(f"{path}: there are no features for this day. Run `churn run`.")
    table: pd.DataFrame = pq.read_table(path).to_pandas()
    return table


def require_same(scores: pd.DataFrame, features: pd.DataFrame, model: ChurnModel, settings: params.Settings) -> None:
    """Scores, features and model belong together, or a Problem says which do not."""
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
        raise Problem(*faults)


def _write(
    folder: Path,
    table: pd.DataFrame,
    figures: Mapping[str, Any],
    trust: Mapping[str, Any],
    settings: params.Settings,
) -> None:
    floors = {name: tier["from"] for name, tier in figures["tiers"].items() if name != decision.LOWEST_TIER}
    facts = wording.column_facts(settings, figures["base_rate"], floors, has_money=figures["value_at_risk"] is not None)
    list_files.write_csv(table, folder / "at_risk.csv")
    list_files.write_list_parquet(table, folder / "at_risk.parquet")
    list_files.write_xlsx(table, folder / "at_risk.xlsx", facts)
    list_page.write_page(table, figures, trust, settings, folder / "at_risk.html")


def _digests(inputs: Inputs, settings: params.Settings) -> dict[str, Any]:
    facts = read_json(inputs.activity / "facts.json")
    return {
        "activity": {"digest": facts["digest"], "rows": facts["rows"], "customers": facts["customers"]},
        "features": digest_of(inputs.features / f"{settings.observations.score.as_of}.parquet"),
        "scores": {definition: digest_of(inputs.scores / f"{definition}.parquet") for definition in settings.churn},
    }


def main(arguments: list[str] | None = None) -> None:
    """The command that dvc.yaml runs."""
    parser = argparse.ArgumentParser(prog="make_list", description="Write the at-risk list of one day.")
    for name in ("scores", "features", "activity", "champion", "out"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    parser.add_argument("--reports", type=Path, default=Path("data/validation"))
    chosen = parser.parse_args(arguments)
    inputs = Inputs(chosen.scores, chosen.features, chosen.activity, chosen.champion, chosen.reports)
    run_stage("make_list", lambda: make_list(params.load(), inputs, chosen.out))


if __name__ == "__main__":
    main()
