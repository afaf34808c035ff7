"""Headings of the list's workbook: columns in words, in the list's language, and back again in any language.

Names of the contract stay in CSV and Parquet. Columns that are printed come first; the rest stands to their right.
Those of FILL_IN are empty: the team fills them in and sends the workbook back.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

from pipelines.rendering.language.language import Language
from pipelines.settings.campaign.at_risk import languages

FILL_IN = ("contacted", "reached", "kept", "note")
PRINTED = (
    "rank",
    "customer_id",
    "name",
    "phone",
    "churn_probability",
    "value_at_risk",
    "segment",
    "reason_1",
    "reason_2",
    "action",
    "owner",
    "send_by",
    *FILL_IN,
)
HEADINGS = {
    "rank": "Place",
    "customer_id": "Customer",
    "churn_probability": "Risk of leaving",
    "risk_tier": "Tier of risk",
    "expected_value": "Expected if they stay",
    "value_at_risk": "Money at risk",
    "expected_net_value": "Worth of acting",
    "segment": "Kind of customer",
    "reason_1": "What stands out",
    "reason_2": "What else stands out",
    "reason_3": "What stands out besides",
    "change": "Since the last list",
    "action": "What to do",
    "channel": "How to reach them",
    "owner": "Who does it",
    "send_by": "To be done by",
    "group": "Group",
    "as_of": "Day of the list",
    "model_version": "Version of the model",
    "list_id": "List",
    "name": "Name",
    "email": "E-mail",
    "phone": "Phone",
    "contacted": "Contacted",
    "reached": "Reached",
    "kept": "Kept",
    "note": "Note",
}
"""Column -> its heading, in English."""
_OTHER = "Risk by {definition}"
_PROBABILITY = "churn_probability_"


def heading(name: str, language: Language) -> str:
    """Of a column, in words; the name itself where there are none."""
    if name.startswith(_PROBABILITY):
        return language.say(_OTHER, definition=name.removeprefix(_PROBABILITY))
    return language.say(HEADINGS[name]) if name in HEADINGS else name


def in_order(names: Sequence[str]) -> list[str]:
    """The workbook's columns: those that are printed first, then the others in the list's order."""
    printed = [name for name in PRINTED if name in names or name in FILL_IN]
    return [*printed, *(name for name in names if name not in printed)]


def column_of(text: str) -> str | None:
    """The column that a heading is of, in whichever language; the name of a column is its own heading."""
    if text in HEADINGS or text.startswith(_PROBABILITY):
        return text
    known, others = _known()
    if text in known:
        return known[text]
    return next((_PROBABILITY + text.removeprefix(before) for before in others if text.startswith(before)), None)


def spellings(name: str) -> tuple[str, ...]:
    """A column's headings in all languages."""
    return tuple(dict.fromkeys(heading(name, Language(code)) for code in languages()))


@cache
def _known() -> tuple[dict[str, str], tuple[str, ...]]:
    """Heading -> column, and how headings of further definitions begin, in all languages."""
    spoken = [Language(code) for code in languages()]
    known = {heading(name, language): name for language in spoken for name in HEADINGS}
    return known, tuple(heading(_PROBABILITY, language).strip() + " " for language in spoken)
