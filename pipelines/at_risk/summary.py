"""The summary of a list: where it ends and why, what comes after, who is not on it, what the campaign can prove."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from models.decision import cut, ranking
from models.decision.control_group import CONTACT
from models.decision.cut import BUDGET, CAPACITY, HELD, PROFIT, Cut
from pipelines.at_risk.decide import Decision, ListInputs
from pipelines.at_risk.policy import campaign
from pipelines.at_risk.policy.learnt import Learnt, figures, is_applied, taught_lines
from pipelines.at_risk.tables import Tables
from pipelines.rendering.language.language import Language
from pipelines.settings.campaign.at_risk import AtRisk
from pipelines.settings.campaign.playbook import PlaybookRule
from pipelines.settings.decision import ListPolicy

BOUNDS = {
    CAPACITY: "The list ends at its capacity of {capacity}.",
    BUDGET: "The list ends where the next contact would cost more than is left of the budget of {budget}.",
    PROFIT: "The list ends where a contact is expected to cost more than it brings.",
    cut.EVERYONE: "Everyone who may be contacted is on the list.",
}


def cut_summary(chosen: Cut, at_risk: AtRisk, language: Language) -> dict[str, Any]:
    """For the manifest: `bound`, what the list and the next hundred bring and cost, and both in words (`said`)."""
    sentences = [bound_in_words(chosen, at_risk, language), next_in_words(chosen, language)]
    return {
        "bound": chosen.bound,
        "listed": cut.expected_totals(chosen.of(CONTACT)),
        "next": cut.expected_totals(chosen.following),
        "said": " ".join(sentence for sentence in sentences if sentence),
    }


def bound_in_words(chosen: Cut, at_risk: AtRisk, language: Language) -> str:
    """Why the list ends where it does."""
    capacity = language.count(at_risk.capacity, "customer", "customers")
    budget = language.money(at_risk.budget) if at_risk.budget else ""
    return language.say(BOUNDS[chosen.bound], capacity=capacity, budget=budget)


def next_in_words(chosen: Cut, language: Language) -> str:
    """What contacting the next hundred would have brought; "" where there are none."""
    if chosen.following.empty:
        return ""
    after = cut.expected_totals(chosen.following)
    number = language.number(after["customers"])
    if not ranking.has_money(chosen.following):
        leavers = language.number(round(after["expected_leavers"]))
        text = "Of the next {number} customers about {leavers} are expected to leave."
        return language.say(text, number=number, leavers=leavers)
    brought = after["expected_net_value"]
    text = (
        "Contacting the next {number} customers would have brought {amount}, all costs paid."
        if brought >= 0
        else "Contacting the next {number} customers would have cost {amount} more than it brings."
    )
    return language.say(text, number=number, amount=language.money(abs(brought)))


def counts(tables: Tables) -> dict[str, Any]:
    """How many customers are in which file; of the suppressed, by which rule."""
    rules = tables.suppressed["rule"].value_counts(sort=False)
    return {
        "listed": len(tables.listed),
        "control": len(tables.control),
        "held_back": {str(rule): int(number) for rule, number in sorted(rules.items())},
        "win_back": len(tables.win_back),
    }


def campaign_summary(inputs: ListInputs, decision: Decision, policy: ListPolicy, language: Language) -> dict[str, Any]:
    """What the campaign will be able to prove, with lists as long as this one; see campaign.py."""
    assigned = decision.cut.above[decision.cut.above["place"] != HELD]
    left_alone = sum(
        eligible for eligible, rule in zip(decision.eligible_by_rule, policy.playbook, strict=True) if rule.leaves_alone
    )
    weekly, base_rate = int((assigned["place"] == CONTACT).sum()), float(assigned["churn_probability"].mean())
    pool = max(len(inputs.scores) - left_alone, len(assigned))
    entries = inputs.history.entries
    if decision.draws is not None:
        from pipelines.at_risk.policy import lottery_forecast as lottery  # its boundary needs a library that takes long

        drawn = lottery.lottery_of(
            assigned, decision.draws, pool, entries, campaign=policy.campaign, outcomes=policy.outcomes
        )
        return lottery.forecast(drawn, entries, policy.campaign, policy.value.success, language)
    plan = campaign.plan_of(weekly, base_rate, pool, entries, policy.campaign)
    return campaign.forecast(plan, entries, policy.campaign, policy.value.success, language)


def playbook_summary(
    decision: Decision, rules: Sequence[PlaybookRule], learnt: Learnt | None = None
) -> list[dict[str, Any]]:
    """Per rule: its action, how many of all eligible it may take, and how many of the contacted it took.

    With `success` where outcomes of earlier lists taught something about the action; see learnt.figures.
    """
    taken = decision.cut.of(CONTACT)["rule"].value_counts()
    known = {one.action: {"success": figures(one)} for one in learnt.taught} if learnt else {}
    return [
        {
            "action": rule.action,
            "eligible": decision.eligible_by_rule[position],
            "listed": int(taken.get(position, 0)),
            **known.get(rule.action, {}),
        }
        for position, rule in enumerate(rules)
    ]


def learnt_in_words(inputs: ListInputs, policy: ListPolicy, language: Language) -> str:
    """What outcomes of earlier lists taught about the actions; "" where they taught nothing."""
    if inputs.learnt is None:
        return ""
    return " ".join(taught_lines(inputs.learnt.taught, language, applied=is_applied(policy.value, policy.campaign)))
