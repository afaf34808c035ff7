"""Who scores, the model or a rule, why, and what would help a model: in words, from `scored_by` of recipe.json.

Candidates of versions in which only models scored have no such entry: nothing is said of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from models.learners.rule_names import BASE_RATE, MODEL
from pipelines.rendering.language.language import ENGLISH, Language

RULES = {
    "days_since_last": "the days since the last order",
    "own_rhythm": "the days since the last order, against the customer's own rhythm",
    "order_count": "counting orders",
    "bg_nbd": "a formula of each customer's own buying habit",
    "rfm_score": "a score of how recently, how often and for how much",
    "logistic_rfmt": "a formula of how recently, how often, for how much and how long",
}
QUICK = "A quick first look: no search, one seed, not tested, nothing promoted. `churn run` makes the list to act on."
HELP = "What would help a model: more history, more kinds of activity, or another horizon_days."


def rule_in_words(name: str, language: Language = ENGLISH) -> str:
    """A rule for people; one that is not known here by its own name."""
    return language.say(RULES.get(name, name.replace("_", " ")))


def is_rule(scored_by: Mapping[str, Any] | None) -> bool:
    """Whether a rule scores, and no model."""
    return bool(scored_by) and scored_by["scorer"] != MODEL  # type: ignore[index]


def who_scores(scored_by: Mapping[str, Any] | None, language: Language = ENGLISH) -> list[str]:
    """Sentences: who scores and why; where it is no model, what would help one.

    Args:
        scored_by: `Contest.to_json`; None where it is not known.
        language: of the sentences.
    """
    if not scored_by:
        return []
    if not scored_by["losses"]:
        return [_as_set(scored_by, language)]
    if not scored_by["ranks"]:
        return [_nothing_ranks(scored_by, language), language.say(HELP)]
    if scored_by["scorer"] == MODEL:
        return [_compared(scored_by, MODEL_SCORES if _model_is_closer(scored_by) else MODEL_RANKS, language)]
    closer = scored_by["losses"][scored_by["scorer"]] <= scored_by["losses"][MODEL]
    return [_compared(scored_by, RULE_SCORES if closer else RULE_RANKS, language), language.say(HELP)]


def who_scored_shortly(scored_by: Mapping[str, Any] | None, language: Language = ENGLISH) -> str:
    """The same in one sentence without figures; "" where it is not known."""
    if not scored_by:
        return ""
    if not scored_by["losses"]:
        return _as_set(scored_by, language)
    if not scored_by["ranks"]:
        return _nothing_ranks(scored_by, language)
    if scored_by["scorer"] == MODEL:
        closer = _model_is_closer(scored_by)
        return language.say(MODEL_SHORTLY if closer else MODEL_RANKS_SHORTLY)
    return language.say(RULE_SHORTLY, rule=rule_in_words(scored_by["scorer"], language))


MODEL_SHORTLY = "Held against what happened, it was closer than the best simple rule."
MODEL_RANKS_SHORTLY = "It tells those who leave from those who stay, and no simple rule does."
RULE_SHORTLY = "A simple rule, {rule}: held against what happened, no model did better."
MODEL_SCORES = (
    "The model scores: it came closer to what happened than the best simple rule, {rule} (log loss {model} against "
    "{other} on {where})."
)
MODEL_RANKS = (
    "The model scores: it tells those who leave from those who stay, and the best simple rule, {rule}, does not (log "
    "loss {model} against {other} on {where})."
)
RULE_SCORES = (
    "A simple rule scores, {rule}: the model came no closer to what happened (log loss {model} against {other} on "
    "{where})."
)
RULE_RANKS = (
    "A simple rule scores, {rule}: it tells those who leave from those who stay, and the model does not (log loss "
    "{model} against {other} on {where})."
)


def _model_is_closer(scored_by: Mapping[str, Any]) -> bool:
    losses = scored_by["losses"]
    return bool(losses[MODEL] <= losses[scored_by["best_rule"]])


def _compared(scored_by: Mapping[str, Any], text: str, language: Language) -> str:
    losses = scored_by["losses"]
    rule = scored_by["best_rule"] if scored_by["scorer"] == MODEL else scored_by["scorer"]
    return language.say(
        text,
        rule=rule_in_words(rule, language),
        model=language.figure(losses[MODEL], ".4f"),
        other=language.figure(losses[rule], ".4f"),
        where=_where(scored_by, language),
    )


def _where(scored_by: Mapping[str, Any], language: Language) -> str:
    if scored_by["held_out_by"] == "time":
        return language.count(len(scored_by["moments"]), "held-out moment", "held-out moments")
    return language.say("held-out customers")


def _nothing_ranks(scored_by: Mapping[str, Any], language: Language) -> str:
    text = (
        "Nothing tells yet who leaves from who stays, neither the model nor a rule, so the list is by value: everybody "
        "has the average risk."
        if scored_by["scorer"] == BASE_RATE
        else "Nothing tells yet who leaves from who stays, neither the model nor a rule, so the list is by the days "
        "since the last order."
    )
    return language.say(text)


def _as_set(scored_by: Mapping[str, Any], language: Language) -> str:
    name = scored_by["scorer"]
    if name == MODEL:
        return language.say("The model scores, as model.scorer in params.yaml says.")
    if name == BASE_RATE:
        return language.say("Everybody has the average risk, as model.scorer in params.yaml says.")
    text = "A simple rule scores, {rule}, as model.scorer in params.yaml says."
    return language.say(text, rule=rule_in_words(name, language))
