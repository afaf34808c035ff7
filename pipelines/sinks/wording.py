"""Numbers, dates and churn definitions in words for people. Plain English, no technical terms."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import date
from typing import Any

from features.wording import nouns_of
from pipelines.churn_settings import Cancellation, Churn, Rhythm
from pipelines.params import Settings

_SIGNS = {"USD": "$", "EUR": "€", "GBP": "£", "JPY": "¥", "THB": "฿", "INR": "₹"}

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
    """`$1,234`; below 100 with cents: `$12.50`; without a known sign `CHF 1,234`. No value: "" ."""
    if value is None or math.isnan(value):
        return ""
    sign = _SIGNS.get(currency, f"{currency} ")
    amount = f"{abs(value):,.0f}" if abs(value) >= 100 or currency == "JPY" else f"{abs(value):,.2f}"
    return f"{'-' if value < 0 else ''}{sign}{amount}"


def percent(share: float) -> str:
    """`14%`; close to the ends one digit more: `0.4%`, `99.6%`."""
    digits = 1 if 0 < share < 0.02 or 0.99 < share < 1 else 0
    return f"{share * 100:.{digits}f}%"


def day(iso: str | date) -> str:
    """`4 December 2017`."""
    moment = date.fromisoformat(iso) if isinstance(iso, str) else iso
    return f"{moment.day} {moment:%B %Y}"


def count(number: int, word: str) -> str:
    """`1 customer`, `2,469 customers`."""
    return f"{number:,} {word}" if number == 1 else f"{number:,} {word}s"


def doing(activity: str) -> str:
    """The noun for one of an activity: `order`; where none is known, the activity itself in words."""
    return nouns_of(activity)[0]


def leaving(definition: Churn) -> str:
    """What leaving is: `no order in the next 28 days`."""
    wait = f" that begin in {count(definition.gap_days, 'day')}" if definition.gap_days else ""
    ahead = f"in the next {count(definition.horizon_days, 'day')}{wait}"
    if isinstance(definition, Cancellation):
        lapse = f", or not renewed within {count(definition.term_days, 'day')}" if definition.term_days else ""
        late = f" and {definition.grace_days} of grace" if definition.grace_days else ""
        return f"the subscription is cancelled{lapse}{late}, {ahead}"
    if isinstance(definition, Rhythm):
        usual = f"for longer than {percent(definition.quantile)} of the customer's own pauses"
        start = f", beginning in {count(definition.gap_days, 'day')}" if definition.gap_days else ""
        most = count(definition.horizon_days, "day")
        return f"no {doing(definition.activity)} {usual}, or for {most} where those are longer{start}"
    return f"no {doing(definition.activity)} {ahead}"


def staying(definition: Churn) -> str:
    """Who is a customer: `at least one order in the 56 days before`."""
    if isinstance(definition, Cancellation):
        return "subscribers who have not cancelled" + (" and are not overdue" if definition.term_days else "")
    before = f"at least one {doing(definition.activity)} in the {count(definition.active_within_days, 'day')} before"
    if isinstance(definition, Rhythm):
        return (
            f"{before}, {definition.least_pauses} pauses or more, and a silence no longer than "
            f"{percent(definition.quantile)} of them"
        )
    return before


def tier_words(floors: Mapping[str, float]) -> str:
    """Where each tier begins, this time: `Very high: 49% and more. High: 33% to 49%. ...`."""
    sentences, above = [], ""
    for name, floor in floors.items():
        upto = f" to {above}" if above else " and more"
        sentences.append(f"{name.capitalize()}: {percent(floor)}{upto}.")
        above = percent(floor)
    return " ".join([*sentences, f"Low: less than {above}."])


def column_words(name: str, facts: Mapping[str, Any]) -> str:
    """What a column of the list says, with this list's own figures filled in."""
    if name in COLUMNS:
        return COLUMNS[name].format(**facts)
    other = name.removeprefix("churn_probability_")
    return f"The probability of leaving by another definition, {other}. Empty where that definition does not apply."


def column_facts(
    settings: Settings, base_rate: float, floors: Mapping[str, float], *, has_money: bool
) -> dict[str, Any]:
    """What `column_words` fills in."""
    definition = settings.churn[settings.at_risk.definition]
    return {
        "ranked_by": "most money at risk first" if has_money else "highest probability first",
        "leaving": leaving(definition),
        "as_of": day(settings.observations.score.as_of),
        "base_rate": f"{base_rate:.2f}",
        "tiers": tier_words(floors),
        "horizon_days": definition.horizon_days,
        "currency": settings.currency,
    }


def scored_by(champion: Mapping[str, Any]) -> str:
    """Which version of the model scored, and whose place it took back: from champion.json; "" where it says nothing."""
    if not champion.get("version"):
        return ""
    until = (champion.get("recipe") or {}).get("until")
    told = f"Scored by version {champion['version']} of the model"
    told += f", which learned from what was known before {day(until)}" if until else ""
    back = champion.get("rolled_back_from")
    return f"{told}. It was brought back in place of version {back['version']}." if back else f"{told}."
