"""Stage: scores become the list.

`data/scores/*.parquet`, `data/features/score`, `data/activity/score`, `data/champion/D`, the reports of the scoring
branch, and what only the list reads (contacts, ids that ordered since, the ledger) in; `data/at_risk/AS_OF/` out:
at_risk.csv, .parquet, .xlsx, .html, control.csv, held_back.csv, win_back.csv and manifest.json, all together or not at
all. Nothing is written unless every report of the branch passed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from models.decision import ranking
from pipelines.at_risk import summary
from pipelines.at_risk.decide import ORDERED_SINCE, Decided, Given, decide
from pipelines.at_risk.fingerprint import fingerprint_of_list
from pipelines.at_risk.inputs import given_for, others_of, read_features, read_scores
from pipelines.at_risk.tables import Tables, tables
from pipelines.rendering import chart_data, files, highlights, manifest, wording
from pipelines.rendering.context import Week
from pipelines.rendering.page import list_page
from pipelines.runtime.files import digest_of, read_json, whole_folder, write_json
from pipelines.runtime.stage import PATH, run_stage, stage_command
from pipelines.settings import params


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
        ChurnError: a check failed, scores, features and champion do not belong together, or nobody is left to contact.
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
    figures = highlights.figures(made.listed, given.scores, settings, bound=decided.cut.bound)
    crowned = read_json(champion / "champion.json")
    trust = highlights.trust(crowned.get("metrics") or {}, wording.scored_by(crowned, language), language)
    planned = summary.campaign_of(given, decided, settings, language)
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
                "counts": summary.counts(made),
                "cut": summary.end_of(decided.cut, settings, language),
                "playbook": summary.playbook(decided, settings),
                "campaign": planned,
            },
            files=folder,
        )
        write_json(folder / "manifest.json", content)


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
    floors = {name: tier["from"] for name, tier in figures["tiers"].items() if name != ranking.LOWEST_TIER}
    facts = wording.column_facts(settings, figures["base_rate"], floors, has_money=figures["value_at_risk"] is not None)
    table = made.listed
    files.write_csv(table, folder / "at_risk.csv", first_line=files.first_line(table, language))
    files.write_list_parquet(table, folder / "at_risk.parquet")
    lines = highlights.lines(table, figures, trust, week, language)
    files.write_xlsx(table, folder / "at_risk.xlsx", facts, figures=lines, language=language)
    list_page.write_page(table, figures, trust, settings, folder / "at_risk.html", week=week)
    files.write_control(made.control, folder / "control.csv")
    files.write_held_back(made.held_back, folder / "held_back.csv")
    files.write_win_back(made.win_back, folder / "win_back.csv")


def _week(given: Given, decided: Decided, made: Tables, crowned: Mapping[str, Any], settings: params.Settings) -> Week:
    """What stands on the page and in the workbook beside the list."""
    listed, kept = list(made.listed["customer_id"]), summary.counts(made)["held_back"]
    pictures = chart_data.look(
        given.activity / "activity", listed, settings, facts=given.facts, metrics=crowned.get("metrics")
    )
    return replace(
        pictures,
        topics=made.topics,
        last=highlights.last_list(given.known.entries),
        held_back={rule: number for rule, number in kept.items() if rule != ORDERED_SINCE},
        control=len(made.control),
        win_back=len(made.win_back),
        ordered_since=kept.get(ORDERED_SINCE, 0),
        next_100=summary.next_in_words(decided.cut, wording.language_of(settings)),
    )


def _digests(inputs: Inputs, settings: params.Settings) -> dict[str, Any]:
    facts = read_json(inputs.activity / "facts.json")
    return {
        "activity": {"digest": facts["digest"], "rows": facts["rows"], "customers": facts["customers"]},
        "features": digest_of(inputs.features / f"{settings.observations.score.as_of}.parquet"),
        "scores": {definition: digest_of(inputs.scores / f"{definition}.parquet") for definition in settings.churn},
        **fingerprint_of_list(settings),
    }


def perform(settings: params.Settings, out: Path, **inputs: Path) -> None:
    """What the command does, by its options."""
    make_list(settings, Inputs(**inputs), out)


@stage_command(scores=PATH, features=PATH, activity=PATH, champion=PATH, reports=PATH, out=PATH)
def main(out: Path, **inputs: Path) -> None:
    """The command that dvc.yaml runs."""
    run_stage("make_list", lambda: perform(params.load(), out, **inputs))


if __name__ == "__main__":
    main()
