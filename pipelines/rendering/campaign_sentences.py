"""What is said of a campaign: the verdict, then what qualifies it, then money. Every sentence follows from the figures.

A gate that is not passed is said first. `points`, money and days are written by the language.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from models.effect import verdicts
from pipelines.rendering.language.language import Language
from pipelines.rendering.points import points

Figures = Mapping[str, Any]


def campaign_lines(found: Figures, language: Language) -> list[str]:
    """All that is said of a campaign, the most important first."""
    return [*gate_lines(found, language), *verdict_lines(found, language), *_further(found, language)]


def proven(found: Figures) -> bool | None:
    """Whether contacting helps (True) or does harm (False); None where neither is proven."""
    return {verdicts.FEWER_LEAVE: True, verdicts.MORE_LEAVE: False}.get(found["verdict"])


def verdict_lines(found: Figures, language: Language) -> list[str]:
    """What may be claimed."""
    verdict = found["verdict"]
    if verdict == verdicts.NOTHING_MATURED:
        return [_waiting(found, language)]
    if verdict == verdicts.NO_CONTROL:
        return [language.say("Nobody was held out who could be compared, so nobody can say whether contacting helped.")]
    if verdict == verdicts.WITHHELD:
        return [language.say("Nothing is claimed of this campaign.")]
    if verdict in (verdicts.FEWER_LEAVE, verdicts.MORE_LEAVE):
        return _claim(found, language)
    return [_not_yet(found, language) if verdict == verdicts.NOT_PROVABLE_YET else _not_proven(found, language)]


def _waiting(found: Figures, language: Language) -> str:
    if found["next_matures_on"] is None:
        return language.say("No outcome of this campaign is known.")
    day = language.day(found["next_matures_on"])
    return language.say("No list of this campaign has matured; the next does on {day}.", day=day)


def _claim(found: Figures, language: Language) -> list[str]:
    share = found["share_left"]
    helped = found["verdict"] == verdicts.FEWER_LEAVE
    effect, low, high = (abs(share[name]) for name in ("effect", *(("low", "high") if helped else ("high", "low"))))
    text = (
        "Contacting helped: of the contacted, {points} fewer left than of the control group. That is proven."
        if helped
        else "Contacting did harm: of the contacted, {points} more left than of the control group. That is proven."
    )
    lines = [language.say(text, points=points(effect, language))]
    if share["low"] * share["high"] > 0:
        between = {"low": points(low, language), "high": points(high, language)}
        lines.append(language.say("The data allow for anything between {low} and {high}.", **between))
    day = language.day(found["claimed_at"])
    lines.append(language.say("It was first proven when the outcome of the list of {day} was known.", day=day))
    return lines


def _not_yet(found: Figures, language: Language) -> str:
    outlook = found["outlook"]
    if outlook is None:
        return language.say("Not proven so far: contacting may have helped, done nothing, or done harm.")
    weeks = language.count(outlook["weeks"], "more week", "more weeks")
    if outlook["effect"] is None:
        text = "Not provable yet, and with {weeks} no effect will be: too few leave or are held out."
        return language.say(text, weeks=weeks)
    provable = points(outlook["effect"], language, up=True)
    return language.say("Not provable yet: with {weeks} an effect of {points} would be.", weeks=weeks, points=provable)


def _not_proven(found: Figures, language: Language) -> str:
    share, outlook = found["share_left"], found["outlook"] or {}
    if share["low"] is None:
        return language.say("Not proven: too few left, or were held out, to tell.")
    between = {name: signed(share[name], language) for name in ("low", "high")}
    text = "Not proven: of the contacted, anything between {low} and {high} fewer may have left; below 0 means more."
    line = language.say(text, **between)
    if outlook.get("effect") is None:
        return line
    could = points(outlook["effect"], language, up=True)
    text = "An effect of {points} would have been found in four of five campaigns like this."
    return f"{line} {language.say(text, points=could)}"


def signed(effect: float, language: Language) -> str:
    """Points with their sign, where they are below nothing."""
    return ("\N{MINUS SIGN}" if round(effect, 3) < 0 else "") + points(abs(effect), language)


def gate_lines(found: Figures, language: Language) -> list[str]:
    """A sentence for every gate that is not passed, those that withhold the claim first."""
    failed = [gate for gate in found["gates"] if not gate["passed"]]
    return [_gate(gate, language) for gate in sorted(failed, key=lambda gate: not gate["withholds"])]


def _gate(gate: Figures, language: Language) -> str:
    facts, name = gate["facts"], gate["gate"]
    if name == "sample_ratio":
        return language.say(
            "The groups have not the sizes that the draw gives: {contacted} of {customers} to be contacted, where "
            "{expected} were to be expected. Customers were lost or moved after the draw.",
            **{key: language.number(facts[key]) for key in ("contacted", "customers", "expected")},
        )
    if name == "contamination":
        return language.say(
            "{breached} of the {control} in the control group were contacted all the same: the effect of a contact is "
            "larger than it looks.",
            breached=language.number(facts["breached"]),
            control=language.number(facts["control"]),
        )
    if name == "balance":
        return language.say("The groups differed before the campaign, more than the draw can make them.")
    if name == "events":
        return language.say("Too few left or stayed in one of the groups to say anything.")
    missing = {
        "contacted": language.percent(facts["contacted_missing"]),
        "control": language.percent(facts["control_missing"]),
    }
    if name == "attrition":
        text = "The outcome is not known of {contacted} of the contacted and of {control} of the control group."
        return language.say(text, **missing)
    text = (
        "Other marketing reached {contacted} of the contacted and {control} of the control group: part of the "
        "difference may be its doing."
    )
    return language.say(text, **missing)


def measured_ranks(sure: int, holdout: float, language: Language) -> list[str]:
    """For which ranks a lottery measures the effect; nothing to say where none is sure.

    Args:
        sure: ranks at the top that are not drawn.
        holdout: of them, the share that is kept out all the same, 0..1.
        language: of the sentence.
    """
    if not sure:
        return []
    first = language.number(sure)
    if holdout == 0:
        text = "Not measured for the first {first} ranks: they are sure to be contacted."
        return [language.say(text, first=first)]
    text = "Of the first {first} ranks {share} are kept out by lot; the others are sure to be contacted."
    return [language.say(text, first=first, share=language.percent(holdout))]


def lottery_lines(found: Figures, language: Language) -> list[str]:
    """For which ranks a campaign measures its effect, where only the last places are drawn."""
    lottery = found.get("lottery")
    return measured_ranks(lottery["sure"], lottery["sure_holdout"], language) if lottery else []


def _further(found: Figures, language: Language) -> list[str]:
    lines = []
    if found["verdict"] != verdicts.WITHHELD:
        lines += [*_spend(found, language), *_cost(found, language), *_reached(found, language)]
    if found["verdict"] != verdicts.NOTHING_MATURED and not found["reported"]:
        lines.append(
            language.say("Nobody reported who was contacted: all who were to be contacted count as contacted once.")
        )
    if found["probability"] == "estimated":
        lines.append(
            language.say("By which chance customers were held out is estimated: older lists did not record it.")
        )
    lines += lottery_lines(found, language)
    if found["not_measurable"]:
        sure = language.count(found["not_measurable"], "customer", "customers")
        text = "{customers} were sure to be contacted; the effect on them is not measured."
        lines.append(language.say(text, customers=sure))
    if found["after_the_end"]:
        late = language.count(found["after_the_end"], "customer", "customers")
        text = "{customers} came after the planned end and are not counted. Another name begins another campaign."
        lines.append(language.say(text, customers=late))
    return lines


def _spend(found: Figures, language: Language) -> list[str]:
    kept = found.get("spend_kept")
    if kept is None or kept["in_all"]["low"] is None:
        return []
    amounts = {name: language.money(kept["in_all"][name]) for name in ("effect", "low", "high")}
    text = "Spend kept within the horizon, of all contacted together: {effect} (between {low} and {high})."
    return [language.say(text, **amounts)]


def _cost(found: Figures, language: Language) -> list[str]:
    if "cost" not in found:
        return []
    spent, per = language.money(found["cost"]["in_all"]), found["cost"]["per_kept"]
    if per["effect"] is None or per["effect"] <= 0:
        return [
            language.say(
                "It cost {spent}. What a kept customer cost cannot be said: it may be that none was kept.", spent=spent
            )
        ]
    amounts = {"cost": per["effect"], "low": per["low"], "high": per["high"]}
    written = {name: language.money(value) for name, value in amounts.items()}
    return [
        language.say(
            "It cost {spent}: {cost} for each kept customer (between {low} and {high}).", spent=spent, **written
        )
    ]


def _reached(found: Figures, language: Language) -> list[str]:
    reached = found.get("reached")
    if reached is None or not reached["reached"]:
        return []
    counts = {"reached": language.number(reached["reached"]), "contacted": language.number(reached["of"])}
    if reached["effect"] is None:
        text = "{reached} of the {contacted} were reached. The effect on those alone cannot be said."
        return [language.say(text, **counts)]
    effect = {name: signed(reached[name], language) for name in ("effect", "low", "high")}
    text = (
        "{reached} of the {contacted} were reached. On those alone the effect is {effect} (between {low} and {high}), "
        "supposing that being on the list does nothing by itself."
    )
    return [language.say(text, **counts, **effect)]


def first_line(content: Figures, language: Language) -> str:
    """How far everything is known."""
    matured = sum(row["matured"] for row in content["lists"])
    if matured:
        known = {
            "lists": language.count(matured, "list", "lists"),
            "all": language.number(len(content["lists"])),
            "day": language.day(content["known_until"]),
        }
        return language.say("{lists} of {all} matured, by what was known when {day} began.", **known)
    if content["next_matures_on"] is None:
        return language.say("No list has matured, and of none is it known when it will.")
    day = language.day(content["next_matures_on"])
    return language.say("No list has matured yet: the first one does on {day}.", day=day)
