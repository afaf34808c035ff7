"""The texts of the page's script, in the list's language: key -> sentence. The script fills in `{name}`."""

from __future__ import annotations

from pipelines.rendering.language.language import Language
from pipelines.rendering.page.charts import SMALL_SIGNS

# Plain English; the script fills in what stands in braces, with figures that it writes itself.
WORDS = {
    "place": "Place",
    "customer": "Customer",
    "risk": "Risk of leaving",
    "money": "Money at risk",
    "net": "Worth of acting",
    "kind": "Kind of customer",
    "why": "What stands out",
    "todo": "What to do",
    "customers_one": "{n} customer",
    "customers": "{n} customers",
    "all": "All {customers}",
    "some": "{shown} of {customers}",
    "left": "{customers} no longer on the list",
    "and_more": "{low} and more",
    "with_money": "{which}, {money} at risk",
    "small_signs": SMALL_SIGNS,
    "no_reason": "No single number stands out. Many small signs add up.",
    "by": "by {channel}",
    "until": "until {day}",
    "for": "{owner}",
    "expected": "Expected in {horizon} if they stay",
    "risk_words": "{risk}: {times} times the average of {average} (the mark)",
    "risk_other": "Risk by {definition}",
    "change": "Since the last list",
    "channel": "How to reach them",
    "owner": "Who does it",
    "send_by": "To be done by",
    "name": "Name",
    "email": "E-mail",
    "phone": "Phone",
    "timeline": "{doing} per week, the last {weeks} weeks",
    "timeline_told": "{n} in all, in {weeks}.",
    "timeline_silent": "None in the last {weeks}.",
    "timeline_lately": "The last one in the last week.",
    "timeline_none": "None in the last {weeks} weeks.",
    "weeks_one": "{n} week",
    "weeks": "{n} weeks",
    "scatter": (
        "Each dot is one customer of the list: the further right, the more money is expected from them; the higher, "
        "the greater the risk. In colour: {shown}."
    ),
    "scatter_across": "money expected if they stay",
    "dot": "{customer}: risk {risk}, {money} expected",
    "more": "Show {n} more",
    "old": "This list is {days} days old. Ask for a newer one before you act on it.",
    "downloaded": "{customers} saved as {file}",
}


def script_texts(language: Language, doing: tuple[str, str]) -> dict[str, str]:
    """All of WORDS; `doing`: the noun for what customers do, singular and plural, in the list's language."""
    many = doing[1]
    return {key: language.say(text) for key, text in WORDS.items()} | {"doing": many[:1].upper() + many[1:]}
