"""What a list says of itself: where it ends and why, what came after, who is not on it, what the campaign can prove."""

from __future__ import annotations

from typing import Any

from models.decision import cut, ranking
from models.decision.cut import BUDGET, CAPACITY, CONTACT, HELD, PROFIT, Cut
from pipelines.at_risk.decide import Decided, Given
from pipelines.at_risk.policy import campaign
from pipelines.at_risk.tables import Tables
from pipelines.rendering.language.language import Language
from pipelines.settings.params import Settings

BOUNDS = {
    CAPACITY: "The list ends at its capacity of {capacity}.",
    BUDGET: "The list ends where the next contact would cost more than is left of the budget of {budget}.",
    PROFIT: "The list ends where a contact is expected to cost more than it brings.",
    cut.EVERYONE: "Everyone who may be contacted is on the list.",
}


def end_of(found: Cut, settings: Settings, language: Language) -> dict[str, Any]:
    """For the manifest: `bound`, what the list and the next hundred bring and cost, and both in words (`said`)."""
    said = [bound_in_words(found, settings, language), next_in_words(found, language)]
    return {
        "bound": found.bound,
        "listed": cut.sums(found.of(CONTACT)),
        "next": cut.sums(found.following),
        "said": " ".join(one for one in said if one),
    }


def bound_in_words(found: Cut, settings: Settings, language: Language) -> str:
    """Why the list ends where it does."""
    capacity = language.count(settings.at_risk.capacity, "customer", "customers")
    budget = language.money(settings.at_risk.budget) if settings.at_risk.budget else ""
    return language.say(BOUNDS[found.bound], capacity=capacity, budget=budget)


def next_in_words(found: Cut, language: Language) -> str:
    """What the next hundred would have brought; "" where nobody came after."""
    if found.following.empty:
        return ""
    after = cut.sums(found.following)
    number = language.number(after["customers"])
    if not ranking.has_money(found.following):
        leavers = language.number(round(after["expected_leavers"]))
        told = "Of the next {number} customers about {leavers} are expected to leave."
        return language.say(told, number=number, leavers=leavers)
    brought = after["expected_net_value"]
    told = (
        "Contacting the next {number} customers would have brought {amount}, all costs paid."
        if brought >= 0
        else "Contacting the next {number} customers would have cost {amount} more than it brings."
    )
    return language.say(told, number=number, amount=language.money(abs(brought)))


def counts(made: Tables) -> dict[str, Any]:
    """How many stand in which file; of those kept off, by which rule."""
    rules = made.held_back["rule"].value_counts(sort=False)
    return {
        "listed": len(made.listed),
        "control": len(made.control),
        "held_back": {str(rule): int(number) for rule, number in sorted(rules.items())},
        "win_back": len(made.win_back),
    }


def campaign_of(given: Given, decided: Decided, settings: Settings, language: Language) -> dict[str, Any]:
    """What the campaign will be able to prove, with lists as long as this one; see campaign.py."""
    met = decided.cut.met[decided.cut.met["place"] != HELD]
    alone = sum(takes for takes, rule in zip(decided.takes, settings.playbook, strict=True) if rule.leaves_alone)
    weekly, base_rate = int((met["place"] == CONTACT).sum()), float(met["churn_probability"].mean())
    entries = given.known.entries
    pool = max(len(given.scores) - alone, len(met))
    return campaign.told(campaign.plan_of(weekly, base_rate, pool, entries, settings), entries, settings, language)


def playbook(decided: Decided, settings: Settings) -> list[dict[str, Any]]:
    """Per rule: its action, whom it may take among all eligible, and whom it took among those met and contacted."""
    met = decided.cut.of(CONTACT)
    taken = met["rule"].value_counts()
    return [
        {"action": rule.action, "eligible": decided.takes[place], "listed": int(taken.get(place, 0))}
        for place, rule in enumerate(settings.playbook)
    ]
