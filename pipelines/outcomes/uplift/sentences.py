"""What is said of whom to treat: gates that failed, the verdict, then harm. Every sentence follows from the figures."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from models.effect.uplift import verdict as verdicts
from models.effect.uplift.flags import IS
from pipelines.outcomes.uplift.arms import BAD
from pipelines.outcomes.uplift.campaign import CAMPAIGN
from pipelines.outcomes.uplift.content import WITHHELD
from pipelines.rendering.campaign_sentences import gate_lines
from pipelines.rendering.language.language import Language

Figures = Mapping[str, Any]


def verdict_lines(found: Figures, language: Language) -> list[str]:
    """What may be claimed, the most important first."""
    verdict = found["verdict"]
    if verdict == verdicts.TOO_FEW:
        return _too_few(found, language)
    if verdict == WITHHELD:
        return [
            *_gates(found, language),
            language.say("So nothing is claimed: the groups cannot be compared."),
        ]
    return [
        *_gates(found, language),
        _whom(found, language),
        *_shortly(found, language),
        _average(found, language),
        *_harm(found, language),
    ]


def _too_few(found: Figures, language: Language) -> list[str]:
    arms = found["arms"]
    counts = {name: language.number(arms[name]) for name in ("fewest", "needed")}
    text = (
        "Nothing can be said of whom to treat: in one group only {fewest} customers have one of the two outcomes, and "
        "{needed} of each outcome are needed in each group."
    )
    lines = [language.say(text, **counts)]
    if arms["customers"]:
        text = "With the same shares, an experiment of {customers} customers has as many; this one has {used}."
        sizes = {"customers": arms["customers"], "used": arms["treated"] + arms["control"]}
        lines.append(language.say(text, **{name: language.number(size) for name, size in sizes.items()}))
    return lines


def _whom(found: Figures, language: Language) -> str:
    verdict, at = found["verdict"], found["compared"] == "at_share"
    share = language.percent(found["share"])
    if verdict == verdicts.MODEL:
        text = (
            "Treat by the model: treating its top {share} brings provably more than treating as many by the best flag, "
            "than as many by risk, and than nobody."
            if at
            else "Treat by the model: it ranks customers provably better than the best flag and than risk, and "
            "treating its top {share} brings provably more than treating nobody."
        )
        return language.say(text, share=share)
    if verdict == verdicts.FLAG:
        text = (
            "Treat by one flag, and not by a model: first those with {flag}. That this is better than drawing "
            "customers by lot is proven; that a model is better than that flag and than risk is not."
        )
        return language.say(text, flag=flag_words(found["flag"], language))
    if verdict == verdicts.RISK:
        return language.say(
            "Treat by risk, and not by a model: first those who do worst without treatment. That this is better than "
            "drawing customers by lot is proven; that a model is better than risk and than the best flag is not."
        )
    return language.say(
        "Whom to treat makes no provable difference: neither the model nor the best flag nor risk is provably better "
        "than drawing customers by lot and than treating nobody."
    )


def _shortly(found: Figures, language: Language) -> list[str]:
    """What would have been provable, where the model is not proven."""
    if found["verdict"] == verdicts.MODEL:
        return []
    text = (
        "Four of five experiments like this one prove a Qini of {qini}, as of a flag that half of the customers have "
        "and on whom treating brings {points} more of a hundred than on the others."
    )
    least = found["provable_qini"]
    lines = [language.say(text, qini=coefficient(least, language), points=of_a_hundred(8 * least, language))]
    if found["needed_customers"]:
        text = "Were the model as much better than its closest rival as it seems, {customers} customers would prove it."
        lines.append(language.say(text, customers=language.number(found["needed_customers"])))
    return lines


def _average(found: Figures, language: Language) -> str:
    average, source = found["average"], found["source"]
    if average["low"] is None or average["low"] <= 0 <= average["high"]:
        text = "On average treating makes no provable difference: between {low} and {high} good outcomes of a hundred."
        return language.say(text, **{name: of_a_hundred(average[name] or 0.0, language) for name in ("low", "high")})
    low, high = sorted(abs(average[name]) for name in ("low", "high"))
    sizes = {"effect": abs(average["value"]), "low": low, "high": high}
    written = {name: of_a_hundred(size, language) for name, size in sizes.items()}
    helps = average["low"] > 0
    fewer = helps == (source["outcome_is"] == BAD)
    change = language.say(
        "{effect} fewer have {outcome}" if fewer else "{effect} more have {outcome}",
        effect=written["effect"],
        outcome=source["outcome"],
    )
    text = (
        "On average treating helps: of a hundred, {change} (between {low} and {high})."
        if helps
        else "On average treating harms: of a hundred, {change} (between {low} and {high})."
    )
    return language.say(text, change=change, low=written["low"], high=written["high"])


def _harm(found: Figures, language: Language) -> list[str]:
    harm = found["harm"]
    if harm is None:
        return [language.say("That treating harms a group of customers is not proven.")]
    text = (
        "Treating makes some leave: of {whom}, {effect} of a hundred more have {outcome} when treated (between {low} "
        "and {high}). Leave them alone."
        if found["source"]["outcome_is"] == BAD
        else "Treating drives some away: of {whom}, {effect} of a hundred fewer have {outcome} when treated (between "
        "{low} and {high}). Leave them alone."
    )
    size = {"share": language.percent(harm["share"]), "customers": language.number(harm["customers"])}
    if harm["flag"]:
        whom = language.say(
            "those with {flag} ({share} of those judged, {customers} customers)",
            flag=flag_words(harm["flag"], language),
            **size,
        )
    else:
        whom = language.say("the {share} with the lowest predicted effect ({customers} customers judged)", **size)
    limits = {"effect": -harm["effect"], "low": -harm["high"], "high": -harm["low"]}
    written = {name: of_a_hundred(one, language) for name, one in limits.items()}
    lines = [language.say(text, whom=whom, outcome=found["source"]["outcome"], **written)]
    if harm["flag"]:
        return lines
    common = "; ".join(_trait(one, language) for one in harm["traits"])
    return [*lines, language.say("Common among them: {traits}.", traits=common)] if common else lines


def _trait(trait: Figures, language: Language) -> str:
    shares = {name: language.percent(trait[name]) for name in ("inside", "outside")}
    return language.say("{flag} ({inside}, of the others {outside})", flag=flag_words(trait, language), **shares)


def flag_words(flag: Figures, language: Language) -> str:
    """A flag as one reads it: `womens = 1`, `channel is not Phone`, `history above 150`."""
    value = flag["value"]
    written = value if isinstance(value, str) else language.figure(value, ",.10g" if value % 1 else ".0f")
    if flag["asks"] == IS and flag["wanted"]:
        return language.say("{column} = {value}", column=flag["column"], value=written)
    if flag["asks"] == IS:
        return language.say("{column} other than {value}", column=flag["column"], value=written)
    text = "{column} above {value}" if flag["wanted"] else "{column} of at most {value}"
    return language.say(text, column=flag["column"], value=written)


def _gates(found: Figures, language: Language) -> list[str]:
    """A sentence for every gate that is not passed."""
    if found["source"]["kind"] == CAMPAIGN:
        return gate_lines(found, language)
    return [_gate(gate, language) for gate in found["gates"] if not gate["passed"]]


def _gate(gate: Figures, language: Language) -> str:
    facts = gate["facts"]
    if gate["gate"] == "sample_ratio":
        return language.say(
            "The groups have not the sizes that the probabilities give: {contacted} of {customers} were treated, where "
            "{expected} were to be expected.",
            **{name: language.number(facts[name]) for name in ("contacted", "customers", "expected")},
        )
    if gate["gate"] == "attrition":
        missing = {name: language.percent(facts[f"{name}_missing"]) for name in ("contacted", "control")}
        text = "The outcome is not known of {contacted} of the treated and of {control} of the others."
        return language.say(text, **missing)
    text = (
        "The groups differed before, more than a draw can make them, most in {column}: it was not drawn who is "
        "treated, or that column was written afterwards."
    )
    return language.say(text, column=gate["column"])


def coefficient(value: float, language: Language) -> str:
    """A Qini coefficient, good outcomes per customer."""
    return language.figure(value, ".4f")


def of_a_hundred(value: float, language: Language) -> str:
    """A share or an effect, customers of a hundred."""
    return language.figure(100 * value, ".1f")
