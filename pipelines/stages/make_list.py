"""Stage make_list: decides from the scores whom to contact, and writes the list.

`data/scores/*.parquet`, `data/features/score`, `data/activity/score`, `data/champion/D`, the reports of the scoring
branch, and what only the list reads (contacts, ids that ordered since, the ledger) in; `data/at_risk/AS_OF/` out:
at_risk.csv, .parquet, .xlsx, .html, control.csv, held_back.csv, win_back.csv and manifest.json; with a lottery,
assignment.csv. The write of the folder is atomic, and nothing is written unless every report of the branch passed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from models.decision import ranking
from pipelines.at_risk import summary
from pipelines.at_risk.achieved import achieved
from pipelines.at_risk.decide import ORDERED_SINCE, Decision, ListInputs, decide
from pipelines.at_risk.fingerprint import fingerprint_of_list
from pipelines.at_risk.inputs import read_features, read_inputs, read_scores
from pipelines.at_risk.policy.lottery import draws_table
from pipelines.at_risk.tables import Tables, tables
from pipelines.modelling.eligibility import eligibility_of
from pipelines.modelling.model_folder import open_model, read_champion, sums_digest
from pipelines.rendering import chart_data, files, highlights, manifest, wording
from pipelines.rendering.campaign_sentences import gate_lines, lottery_lines, proven, verdict_lines
from pipelines.rendering.context import Week
from pipelines.rendering.language.language import Language
from pipelines.rendering.page import list_page
from pipelines.rendering.trust import Evidence, answers
from pipelines.runtime.files import atomic_folder, digest_of, read_json, write_json
from pipelines.runtime.stage import PATH, run_stage, stage_command
from pipelines.settings import artifacts, params
from pipelines.settings.decision import ListMoment, ListPolicy, looks_of
from pipelines.settings.reading import ContactReading

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
        ChurnError: a check failed, scores, features and champion do not belong together, or nobody is left to contact.
    """
    policy, language = ListPolicy.of(settings), Language(settings.language, settings.currency, settings.activities)
    moment = policy.moment
    checks = manifest.check_results(inputs.reports, list(settings.churn))
    scores = read_scores(inputs.scores, policy.definitions, moment.as_of)
    champion = inputs.champion / moment.definition
    model, card = open_model(champion), read_champion(champion)
    features = read_features(inputs.features, moment.as_of)
    evidence = read_inputs(
        scores, features, model, inputs.activity, policy=policy, contacts=ContactReading.of(settings)
    )
    decision = decide(evidence, policy, language)
    further = {name: other for name, other in scores.items() if name != moment.definition}
    status = eligibility_of(
        moment.definition, moment.churn, inputs.activity, as_of=moment.as_of, timezone=moment.timezone
    )
    lists = tables(evidence, decision, further, status=status, policy=policy, language=language)
    spread = model.level.spread if model.level else None
    figures = highlights.figures(lists.listed, evidence.scores, policy.at_risk, bound=decision.cut.bound, spread=spread)
    campaign = summary.campaign_summary(evidence, decision, policy, language)
    week = _week(evidence, decision, lists, card, moment=moment, language=language)
    drift = sum(len(result["warnings"]) for result in checks.values())
    learnt = summary.learnt_in_words(evidence, policy, language)
    week = replace(week, power=" ".join(campaign["said"]), learnt=learnt, drift=drift)
    trust = _trust(card, evidence, drift, moment=moment, language=language, campaign=policy.campaign.name)
    with atomic_folder(out) as folder:
        _write(folder, lists, figures, trust, moment=moment, language=language, week=week)
        if decision.draws is not None:
            files.write_assignment(draws_table(decision.draws), folder / artifacts.ASSIGNMENT)
        content = manifest.manifest(
            list_id=lists.listed["list_id"].iloc[0],
            as_of=moment.as_of,
            definition=moment.definition,
            model_version=model.digest,
            model_sums=sums_digest(champion),
            champion=card,
            level=_level(model, features, scores[moment.definition]),
            parameters=_parameters(settings),
            inputs=_digests(inputs, settings),
            checks=checks,
            figures=figures,
            week={
                "counts": summary.counts(lists),
                "cut": summary.cut_summary(decision.cut, policy.at_risk, language),
                "playbook": summary.playbook_summary(decision, policy.playbook, evidence.learnt),
                "campaign": campaign,
                "notices": files.notices(lists.listed, language),
                "trust": {"verdict": trust["verdict"], "answers": trust["answers"]},
            },
            files=folder,
        )
        write_json(folder / artifacts.MANIFEST, content)


def _write(
    folder: Path,
    lists: Tables,
    figures: Mapping[str, Any],
    trust: Mapping[str, Any],
    *,
    moment: ListMoment,
    language: Language,
    week: Week,
) -> None:
    floors = {name: tier["from"] for name, tier in figures["tiers"].items() if name != ranking.LOWEST_TIER}
    has_money = figures["value_at_risk"] is not None
    facts = wording.column_facts(moment, figures["base_rate"], floors, language, has_money=has_money)
    table = lists.listed
    files.write_csv(table, folder / artifacts.LIST_CSV)
    files.write_list_parquet(table, folder / artifacts.LIST)
    lines = highlights.figure_lines(table, figures, trust, week, language)
    files.write_xlsx(table, folder / artifacts.LIST_WORKBOOK, facts, figures=lines, language=language)
    page = folder / artifacts.LIST_PAGE
    list_page.write_page(table, figures, trust, page, moment=moment, language=language, week=week)
    files.write_control(lists.control, folder / artifacts.CONTROL)
    files.write_suppressed(lists.suppressed, folder / artifacts.SUPPRESSED)
    files.write_win_back(lists.win_back, folder / artifacts.WIN_BACK)


def _week(
    evidence: ListInputs,
    decision: Decision,
    lists: Tables,
    card: Mapping[str, Any],
    *,
    moment: ListMoment,
    language: Language,
) -> Week:
    """What the page and the workbook say besides the list."""
    listed, suppressed = list(lists.listed["customer_id"]), summary.counts(lists)["held_back"]
    charts = chart_data.read_week(
        evidence.activity / "activity", listed, moment, facts=evidence.facts, metrics=card.get("metrics")
    )
    return replace(
        charts,
        doing=language.nouns(moment.main_activity),
        topics=lists.topics,
        last=highlights.last_list(evidence.history.entries),
        suppressed={rule: number for rule, number in suppressed.items() if rule != ORDERED_SINCE},
        control=len(lists.control),
        win_back=len(lists.win_back),
        ordered_since=suppressed.get(ORDERED_SINCE, 0),
        next_100=summary.next_in_words(decision.cut, language),
        quick=bool(card.get("quick")),
    )


def _trust(
    card: Mapping[str, Any], evidence: ListInputs, drift: int, *, moment: ListMoment, language: Language, campaign: str
) -> dict[str, Any]:
    """How far to trust the list: the champion's own test, and the five answers of `rendering/trust.py`."""
    metrics, version = card.get("metrics") or {}, wording.scored_by(card, language)
    known = achieved(moment.as_of)
    found = next((one for one in (known or {}).get("campaigns", []) if one["campaign"] == campaign), None)
    told = answers(
        Evidence(
            metrics=metrics,
            version=version,
            drift=drift,
            set_aside=evidence.facts.get("set_aside", {}),
            achieved=known,
            effect=_effect_lines(found, language) if found else [],
            proven=proven(found) if found else None,
        ),
        language,
    )
    return highlights.trust(metrics, version, language) | {"answers": told}


def _effect_lines(found: Mapping[str, Any], language: Language) -> list[str]:
    gates, verdict = gate_lines(found, language), verdict_lines(found, language)
    return [*gates[:1], *verdict[:1], *lottery_lines(found, language)]


def _level(model: ChurnModel, features: pd.DataFrame, scores: pd.DataFrame) -> dict[str, float | None] | None:
    """The level of the list's moment, for whoever asks the model about single customers; None where it has none."""
    if model.level is None:
        return None
    eligible = features[features["customer_id"].isin(scores["customer_id"])]
    return {"shift": model.anchored(eligible).shift, "spread": model.level.spread}


def _parameters(settings: params.Settings) -> dict[str, Any]:
    """The settings that the list depends on, for its manifest."""
    chosen = settings.model_dump(mode="json", include=set(manifest.PARAMETERS))
    return {**chosen, "observations": {"score": settings.observations.score.model_dump(mode="json")}}


def _digests(inputs: Inputs, settings: params.Settings) -> dict[str, Any]:
    facts = read_json(inputs.activity / artifacts.FACTS)
    return {
        "activity": {"digest": facts["digest"], "rows": facts["rows"], "customers": facts["customers"]},
        "features": digest_of(inputs.features / f"{settings.observations.score.as_of}.parquet"),
        "scores": {definition: digest_of(inputs.scores / f"{definition}.parquet") for definition in settings.churn},
        **fingerprint_of_list(
            ListMoment.of(settings),
            settings.at_risk,
            ContactReading.of(settings),
            settings.activities,
            looks_of(settings),
        ),
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
