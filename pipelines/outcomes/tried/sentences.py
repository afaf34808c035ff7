"""What is said of a playbook that was tried on past lists. Every sentence follows from the figures."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from models.effect.policy.off_policy import FEWEST_EFFECTIVE
from pipelines.outcomes.tried.value import UNKNOWN
from pipelines.rendering.campaign_sentences import signed
from pipelines.rendering.language.language import Language

Figures = Mapping[str, Any]


def tried_lines(found: Figures, language: Language) -> list[str]:
    """The verdict, then what it rests on; where nothing can be said, why."""
    customers = language.count(found["customers"], "customer", "customers")
    lists = language.count(found["lists"], "list", "lists")
    ground = language.say(
        "Judged on {customers} of {lists} that have matured, who could have been contacted or not.",
        customers=customers,
        lists=lists,
    )
    if found["refusal"]:
        return [language.say("Nothing can be said of this playbook."), _why_not(found, language), ground]
    return [_verdict(found["stayed"], language), *_figures(found, language), ground]


def _why_not(found: Figures, language: Language) -> str:
    if found["refusal"] == UNKNOWN:
        text = (
            "Of {share} of the customers nobody knows what it would do: its rules ask for what the ledger does not "
            "keep. It keeps kind, tier and money at risk, and what rules of the former playbook found."
        )
        return language.say(text, share=language.percent(found["unknown_share"]))
    if found["refusal"] == "never_done":
        text = (
            "It does to {share} of the customers what was never done to them (most often: {action}), so there is "
            "nothing to learn from."
        )
        share = language.percent(found["stayed"]["uncovered_share"])
        return language.say(text, share=share, action=language.say(str(found["new_action"])))
    text = (
        "Too few were treated as it would treat them: as much evidence as {effective} customers of equal weight, and "
        "at least {fewest} are needed, none of them a tenth of it."
    )
    effective = language.number(round(found["stayed"]["effective"]))
    return language.say(text, effective=effective, fewest=language.number(round(FEWEST_EFFECTIVE)))


def _verdict(stayed: Figures, language: Language) -> str:
    if stayed["gain_low"] > 0:
        return language.say("Fewer would have left than did: that is proven.")
    if stayed["gain_high"] < 0:
        return language.say("More would have left than did: that is proven.")
    return language.say("Whether fewer would have left than did is not proven.")


def _figures(found: Figures, language: Language) -> list[str]:
    stayed, former, money = found["stayed"], found["former"], found["money"]
    gain = {name: signed(stayed[key], language) for name, key in (("gain", "gain"), ("low", "gain_low"))}
    lines = [
        language.say(
            "Against what was done, control groups included: {gain} fewer (between {low} and {high}); below 0 means "
            "more.",
            **gain,
            high=signed(stayed["gain_high"], language),
        ),
        language.say(
            "With it {share} would have left (between {low} and {high}); {logged} did.",
            **_left(stayed, language),
            logged=language.percent(1 - stayed["logged"]),
        ),
    ]
    if former["value"] is not None:
        text = "With everybody contacted as their lists said it would have been {share} (between {low} and {high})."
        lines.append(language.say(text, **_left(former, language)))
    if money is not None and money["value"] is not None:
        amounts = {name: language.money(money[name]) for name in ("value", "low", "high", "logged")}
        text = (
            "Margin within the horizon less what contacts cost, per customer: {value} (between {low} and {high}); "
            "{logged} as it was."
        )
        lines.append(language.say(text, **amounts))
    effective = language.number(round(stayed["effective"]))
    lines.append(
        language.say("That is as much evidence as {effective} customers of equal weight.", effective=effective)
    )
    return lines


def _left(one: Figures, language: Language) -> dict[str, str]:
    shares = {"share": 1 - one["value"], "low": max(1 - one["high"], 0.0), "high": min(1 - one["low"], 1.0)}
    return {name: language.percent(share) for name, share in shares.items()}
