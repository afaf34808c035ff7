"""Churn definitions, tiers and columns in words for people, without technical terms, in the list's language."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import TYPE_CHECKING, Any

from models.segments import NAMED, NEW_WITHIN_DAYS
from models.subscribers import KINDS as SUBSCRIBERS
from pipelines.rendering.language.language import ENGLISH, Language
from pipelines.settings.churn import Cancellation, Churn, Rhythm
from pipelines.settings.decision import ListMoment

if TYPE_CHECKING:
    import pandas as pd

# Columns whose values people see in their language; files for machines keep them as they are.
TRANSLATED = ("risk_tier", "segment", "action", "channel", "owner", "group")

SHOPPERS = tuple(name for name, _, _ in NAMED)
# What each segment means: in plain words what models/segments.py says in quintiles.
SEGMENTS = {
    "new": "came for the first time in the last {days} days",
    "high value": "is among the fifth who bring most, and came not long ago or keeps to their own rhythm",
    "regular": "comes often, and came not long ago or keeps to their own rhythm",
    "at risk": "used to come often or to bring much, and has stayed away for longer than most and than is usual for "
    "them",
    "hibernating": "has gone quiet: stayed away for longer than most and than is usual for them, and did not come "
    "often or bring much before",
    "needs attention": "has stayed away for longer than is usual, and does not come often",
    "occasional": "does not come often, and came not long ago or keeps to their own rhythm",
    "growing": "subscribes, and uses it at least twice as much as in the weeks before",
    "steady": "subscribes, and uses it about as much as in the weeks before",
    "shrinking": "subscribes, and uses it at most half as much as in the weeks before",
}

COLUMNS = {
    "rank": "Place on the list. 1 is the customer to look at first: {ranked_by}.",
    "customer_id": "The customer's id, as it is in your own systems.",
    "churn_probability": "How likely the customer is to leave: {leaving}. 0.60 means: of 100 customers like this one, "
    "about 60 leave. On {as_of} the average customer had {base_rate}.",
    "risk_tier": "The risk beside the average customer's. {tiers}",
    "expected_value": "Money expected from this customer in the {horizon_days} days if they stay, in {currency}. "
    "Empty where the data has no money.",
    "value_at_risk": "churn_probability times expected_value: money that is likely to be lost, in {currency}. "
    "Empty where the data has no money.",
    "segment": "What kind of customer this has been, by how recently, how often and for how much they bought.",
    "reason_1": "What stands out about this customer and goes with a higher risk. An observation, not a proven cause.",
    "reason_2": "A second observation. Empty where there is none.",
    "reason_3": "A third observation. Empty where there is none.",
    "as_of": "The day the list is for. Nothing that happened on or after this day was known.",
    "model_version": "Which version of the model gave the probabilities. For questions to your data team.",
    "list_id": "Identifies this list. The same content always has the same id.",
}


def money(value: float, currency: str) -> str:
    """`$1,234`; below 100 with cents: `$12.50`; without a known sign `CHF 1,234`. No value: "" . In English."""
    return Language(currency=currency).money(value)


def percent(share: float) -> str:
    """`14%`; close to the ends one digit more: `0.4%`, `99.6%`. In English."""
    return ENGLISH.percent(share)


def day(iso: str | date) -> str:
    """`4 December 2017`. In English."""
    return ENGLISH.day(iso)


def count(number: int, word: str) -> str:
    """`1 customer`, `2,469 customers`. In English."""
    return ENGLISH.count(number, word, f"{word}s")


def noun_of(activity: str, language: Language = ENGLISH) -> str:
    """The noun for one of an activity: `order`."""
    return language.nouns(activity)[0]


def leaving(definition: Churn, language: Language = ENGLISH) -> str:
    """What leaving means by a definition: `no order in the next 28 days`."""
    say = language.say
    if isinstance(definition, Cancellation):
        return _cancelled(definition, language)
    words = {"order": noun_of(definition.activity, language), "days": _days(definition.horizon_days, language)}
    if isinstance(definition, Rhythm):
        words["share"] = language.percent(definition.quantile)
        text = say(
            "no {order} for longer than {share} of the customer's own pauses, or for {days} where those are longer",
            **words,
        )
        wait = _days(definition.gap_days, language)
        return text + (say(", beginning in {wait}", wait=wait) if definition.gap_days else "")
    return say("no {order} {ahead}", order=words["order"], ahead=_ahead(definition, language))


def _cancelled(definition: Cancellation, language: Language) -> str:
    say, words = language.say, {"ahead": _ahead(definition, language)}
    if not definition.term_days:
        return say("the subscription is cancelled, {ahead}", **words)
    words["term"] = _days(definition.term_days, language)
    if not definition.grace_days:
        return say("the subscription is cancelled, or not renewed within {term}, {ahead}", **words)
    words["grace"] = language.number(definition.grace_days)
    return say("the subscription is cancelled, or not renewed within {term} and {grace} of grace, {ahead}", **words)


def _ahead(definition: Churn, language: Language) -> str:
    days, wait = _days(definition.horizon_days, language), _days(definition.gap_days, language)
    if definition.gap_days:
        return language.say("in the next {days} that begin in {wait}", days=days, wait=wait)
    return language.say("in the next {days}", days=days)


def _days(number: int, language: Language) -> str:
    return language.count(number, "day", "days")


def staying(definition: Churn) -> str:
    """Who is a customer: `at least one order in the 56 days before`. In English."""
    if isinstance(definition, Cancellation):
        return "subscribers who have not cancelled" + (" and are not overdue" if definition.term_days else "")
    before = f"at least one {noun_of(definition.activity)} in the {count(definition.active_within_days, 'day')} before"
    if isinstance(definition, Rhythm):
        return (
            f"{before}, {definition.least_pauses} pauses or more, and a silence no longer than "
            f"{percent(definition.quantile)} of them"
        )
    return before


def tier_ranges(floors: Mapping[str, float], language: Language = ENGLISH) -> str:
    """Where each tier begins, this time: `Very high: 49% and more. High: 33% to 49%. ...`."""
    sentences, above = [], ""
    for name, floor in floors.items():
        low, tier = language.percent(floor), capitalised(language.say(name))
        if above:
            sentences.append(language.say("{tier}: {low} to {high}.", tier=tier, low=low, high=above))
        else:
            sentences.append(language.say("{tier}: {low} and more.", tier=tier, low=low))
        above = low
    return " ".join([*sentences, language.say("Low: less than {high}.", high=above)])


def translated(table: pd.DataFrame, language: Language) -> pd.DataFrame:
    """The list with its TRANSLATED columns in the language, as people see them."""
    known = [name for name in TRANSLATED if name in table.columns]
    texts = {
        name: [language.say(text) if isinstance(text, str) and text else text for text in table[name]] for name in known
    }
    return table.assign(**texts)


def capitalised(text: str) -> str:
    """With a capital first letter, where the script has capitals."""
    return text[:1].upper() + text[1:]


def column_description(name: str, facts: Mapping[str, Any]) -> str:
    """What a column of the list says, with this list's own figures filled in. `facts`: see `column_facts`."""
    language: Language = facts.get("language", ENGLISH)
    if name in COLUMNS:
        text = language.say(COLUMNS[name], **facts)
        kinds = facts.get("kinds", SHOPPERS)
        return f"{text} {segment_descriptions(language, kinds)}" if name == "segment" else text
    other = name.removeprefix("churn_probability_")
    text = "The probability of leaving by another definition, {other}. Empty where that definition does not apply."
    return language.say(text, other=other)


def segment_description(name: str, language: Language) -> str:
    """What a segment means, as a clause; "" for a segment that is not ours."""
    days = language.number(NEW_WITHIN_DAYS)
    return language.say(SEGMENTS[name], days=days) if name in SEGMENTS else ""


def segment_descriptions(language: Language, kinds: Sequence[str]) -> str:
    """What these mean: `new: came for the first time in the last 60 days; ...`"""
    return "; ".join(f"{language.say(name)}: {segment_description(name, language)}" for name in kinds) + "."


def column_facts(
    moment: ListMoment, base_rate: float, floors: Mapping[str, float], language: Language, *, has_money: bool
) -> dict[str, Any]:
    """The values that `column_description` fills in, already in `language`, which is one of them.

    Args:
        moment: that of the list.
        base_rate: of leaving among everyone scored (0..1).
        floors: tier -> the probability that it begins at, highest first, without the lowest.
        language: of the sentences.
        has_money: whether the list is ranked by net value, not by probability.
    """
    first = "what a contact is expected to bring, most first" if has_money else "highest probability first"
    return {
        "ranked_by": language.say(first),
        "leaving": leaving(moment.churn, language),
        "as_of": language.day(moment.as_of),
        "base_rate": language.figure(base_rate, ".2f"),
        "tiers": tier_ranges(floors, language),
        "horizon_days": moment.churn.horizon_days,
        "currency": language.currency,
        "language": language,
        "kinds": SUBSCRIBERS if isinstance(moment.churn, Cancellation) else SHOPPERS,
    }


def scored_by(champion: Mapping[str, Any], language: Language = ENGLISH) -> str:
    """Which version of the model scored, and whose place it took back: from champion.json; "" where it says nothing."""
    if not champion.get("version"):
        return ""
    until = (champion.get("recipe") or {}).get("until")
    version, say = str(champion["version"]), language.say
    if until:
        text = say(
            "Scored by version {version} of the model, which learned from what was known before {day}.",
            version=version,
            day=language.day(until),
        )
    else:
        text = say("Scored by version {version} of the model.", version=version)
    back = champion.get("rolled_back_from")
    if not back:
        return text
    return f"{text} {say('It was brought back in place of version {version}.', version=str(back['version']))}"
