"""Stage: scores become the list.

`data/scores/*.parquet`, `data/features/score`, `data/activity/score`, `data/champion/D`, the reports of the scoring
branch, and what only the list reads (contacts, ids that ordered since, the ledger) in; `data/at_risk/AS_OF/` out:
at_risk.csv, .parquet, .xlsx, .html, control.csv, held_back.csv, win_back.csv and manifest.json, all together or not at
all. Nothing is written unless every report of the branch passed.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow.parquet as pq

from models import decision
from pipelines import campaign, ledger, params, told
from pipelines.contacts import read_contacts
from pipelines.deciding import ORDERED_SINCE, Decided, Given, decide
from pipelines.list_sources import fingerprint_of_list
from pipelines.listing import Tables, tables
from pipelines.problems import Problem
from pipelines.sinks import glance, list_files, list_page, manifest, pictures_of_week, wording
from pipelines.sinks.week import Week
from pipelines.stage import run_stage
from pipelines.suppress import suppressed
from pipelines.tables import digest_of, read_json, whole_folder, write_json

if TYPE_CHECKING:
    import pandas as pd

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
        Problem: a check failed, scores, features and champion do not belong together, or nobody is left to contact.
    """
    from models.churn_model import ChurnModel

    checks = manifest.verdicts(inputs.reports, list(settings.churn))
    scores = read_scores(inputs.scores, settings)
    champion = inputs.champion / settings.at_risk.definition
    model = ChurnModel.load(champion)
    given = given_for(scores, read_features(inputs.features, settings), model, inputs.activity, settings)
    language = wording.language_of(settings)
    decided = decide(given, settings, language)
    made = tables(given, decided, others_of(scores, settings), settings, language)
    figures = glance.figures(made.listed, given.scores, settings, bound=decided.cut.bound)
    crowned = read_json(champion / "champion.json")
    trust = glance.trust(crowned.get("metrics") or {}, wording.scored_by(crowned, language), language)
    planned = told.campaign_of(given, decided, settings, language)
    week = replace(_week(given, decided, made, crowned, settings), power=" ".join(planned["said"]))
    with whole_folder(out) as folder:
        _write(folder, made, figures, trust, settings, week=week)
        content = manifest.manifest(
            settings,
            list_id=made.listed["list_id"].iloc[0],
            model_version=model.digest,
            champion=crowned,
            inputs=_digests(inputs, settings),
            checks=checks,
            figures=figures,
            week={
                "counts": told.counts(made),
                "cut": told.end_of(decided.cut, settings, language),
                "playbook": told.playbook(decided, settings),
                "campaign": planned,
            },
            files=folder,
        )
        write_json(folder / "manifest.json", content)


def given_for(
    scores: Mapping[str, pd.DataFrame],
    features: pd.DataFrame,
    model: ChurnModel,
    activity: Path,
    settings: params.Settings,
) -> Given:
    """What the list is decided from: the scores of the definition that ranks, and what only the list reads.

    Raises:
        Problem: the scores come from another model, or a scored customer has no features.
    """
    own = scores[settings.at_risk.definition]
    require_same(own, features, model, settings)
    return Given(
        scores=own,
        features=features,
        model=model,
        activity=activity,
        facts=read_json(activity / "facts.json"),
        known=ledger.known(settings.observations.score.as_of, settings),
        contacts=read_contacts(settings),
        suppressed=suppressed(settings),
        assigned=campaign.assigned(settings),
    )


def others_of(scores: Mapping[str, pd.DataFrame], settings: params.Settings) -> dict[str, pd.DataFrame]:
    """Scores of the definitions that do not rank."""
    return {name: other for name, other in scores.items() if name != settings.at_risk.definition}


def read_scores(folder: Path, settings: params.Settings) -> dict[str, pd.DataFrame]:
    """Scores of every definition of params.yaml.

    Raises:
        Problem: a definition has no scores, or they are for another day.
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
    made: Tables,
    figures: Mapping[str, Any],
    trust: Mapping[str, Any],
    settings: params.Settings,
    *,
    week: Week,
) -> None:
    language = wording.language_of(settings)
    floors = {name: tier["from"] for name, tier in figures["tiers"].items() if name != decision.LOWEST_TIER}
    facts = wording.column_facts(settings, figures["base_rate"], floors, has_money=figures["value_at_risk"] is not None)
    table = made.listed
    list_files.write_csv(table, folder / "at_risk.csv", first_line=list_files.first_line(table, language))
    list_files.write_list_parquet(table, folder / "at_risk.parquet")
    lines = glance.lines(table, figures, trust, week, language)
    list_files.write_xlsx(table, folder / "at_risk.xlsx", facts, figures=lines, language=language)
    list_page.write_page(table, figures, trust, settings, folder / "at_risk.html", week=week)
    list_files.write_control(made.control, folder / "control.csv")
    list_files.write_held_back(made.held_back, folder / "held_back.csv")
    list_files.write_win_back(made.win_back, folder / "win_back.csv")


def _week(given: Given, decided: Decided, made: Tables, crowned: Mapping[str, Any], settings: params.Settings) -> Week:
    """What stands on the page and in the workbook beside the list."""
    listed, kept = list(made.listed["customer_id"]), told.counts(made)["held_back"]
    pictures = pictures_of_week.look(
        given.activity / "activity", listed, settings, facts=given.facts, metrics=crowned.get("metrics")
    )
    return replace(
        pictures,
        topics=made.topics,
        last=glance.last_list(given.known.entries),
        held_back={rule: number for rule, number in kept.items() if rule != ORDERED_SINCE},
        control=len(made.control),
        win_back=len(made.win_back),
        ordered_since=kept.get(ORDERED_SINCE, 0),
        next_100=told.next_in_words(decided.cut, wording.language_of(settings)),
    )


def _digests(inputs: Inputs, settings: params.Settings) -> dict[str, Any]:
    facts = read_json(inputs.activity / "facts.json")
    return {
        "activity": {"digest": facts["digest"], "rows": facts["rows"], "customers": facts["customers"]},
        "features": digest_of(inputs.features / f"{settings.observations.score.as_of}.parquet"),
        "scores": {definition: digest_of(inputs.scores / f"{definition}.parquet") for definition in settings.churn},
        **fingerprint_of_list(settings),
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
