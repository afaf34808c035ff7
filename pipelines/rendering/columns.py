"""The columns of the list's files: which there are, their kinds, their widths in a workbook, and their descriptions."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import TYPE_CHECKING, Any

from models.decision.ranking import REASONS
from pipelines.rendering.language.language import Language
from pipelines.rendering.wording import column_description

if TYPE_CHECKING:
    import pandas as pd

MONEY = ("expected_value", "value_at_risk", "expected_net_value")
DAYS = ("as_of", "send_by", "last_activity")
NUMBERS = ("rank",)
ADDRESSES = ("email", "phone")
CONTACT_COLUMNS = ("name", *ADDRESSES)
"""What the list has of the contacts table, after its own columns."""

WIN_BACK_COLUMNS = ("customer_id", "last_activity", "days_since_last", "past_value", "segment", "as_of")

FURTHER = {
    "expected_net_value": "What the proposed action is expected to bring, less what it costs, in {currency}: the list "
    "is in this order. Empty where the data has no money.",
    "change": "What is different from the last published list: new on it, risk up or down and why, for how many weeks "
    "in a row.",
    "action": "What to do for this customer, by the playbook.",
    "channel": "How to reach the customer: what they prefer and what they have agreed to.",
    "owner": "Who does it.",
    "send_by": "The day by which it should be done.",
    "group": "contact: contact them. Customers who are left alone, so that the effect can be measured, stand in "
    "control.csv and not here.",
    "name": "The customer's name, from your table of contacts.",
    "email": "The customer's e-mail address, from your table of contacts.",
    "phone": "The customer's phone number, from your table of contacts.",
}
FILLED_IN = {
    "contacted": "For you to fill in: yes where you called, wrote or met them. Send the workbook back as it is.",
    "reached": "For you to fill in: yes where they answered.",
    "kept": "For you to fill in: yes where they stay.",
    "note": "For you to fill in: anything worth keeping.",
}
NO_CONTACT = (
    "No e-mail address or phone number is known for anyone on this list. Find customers by their id in your own "
    "systems or ask your data team for a table of contacts."
)
_WIDTHS = {
    "rank": 6,
    "customer_id": 12,
    "churn_probability": 9,
    "value_at_risk": 11,
    "risk_tier": 10,
    "segment": 13,
    "change": 34,
    "action": 16,
    "owner": 13,
    "name": 18,
    "email": 28,
    "phone": 16,
    "model_version": 18,
    "list_id": 18,
    "said": 60,
    "contacted": 10,
    "reached": 9,
    "kept": 8,
    "note": 24,
} | dict.fromkeys(REASONS, 30)


def kind(name: str) -> str:
    """`money`, `chance` (a share of 0..1), `day`, `number` (whole) or `text`."""
    if name in MONEY or name.endswith("_value"):
        return "money"
    if name.startswith("churn_probability"):
        return "chance"
    if name in DAYS:
        return "day"
    return "number" if name in NUMBERS or name.startswith("days_") else "text"


def width(name: str) -> int:
    """Of a column in the workbook, in characters."""
    return _WIDTHS.get(name, 15 if kind(name) != "day" else 12)


def description(name: str, facts: Mapping[str, Any], language: Language) -> str:
    """What a column says, with this list's own figures filled in. `facts`: see `wording.column_facts`."""
    if name in FILLED_IN:
        return language.say(FILLED_IN[name])
    if name in FURTHER:
        known = {key: value for key, value in facts.items() if f"{{{key}}}" in FURTHER[name]}
        return language.say(FURTHER[name], **known)
    return column_description(name, facts)


def has_addresses(table: pd.DataFrame) -> bool:
    """Whether an e-mail address or phone number of at least one customer is there."""
    return any(name in table and any(text(value) for value in table[name]) for name in ADDRESSES)


def text(value: object) -> str:
    """A cell as text; "" where it is empty."""
    import pandas as pd

    return "" if value is None or value is pd.NaT or (isinstance(value, float) and pd.isna(value)) else str(value)


def day(value: object) -> date | None:
    """A cell as a day; None where there is none."""
    import pandas as pd

    if not text(value):
        return None
    return pd.Timestamp(str(value)).date()


def formatted(name: str, value: object) -> str:
    """A number or day as a CSV file has it: money to 2 digits, shares to 6, days ISO; "" where there is none."""
    import pandas as pd

    what = kind(name)
    if what == "day":
        moment = day(value)
        return moment.isoformat() if moment else ""
    if not text(value) or value is pd.NA:
        return ""
    number = float(str(value))
    if what == "number":
        return f"{number:.0f}"
    digits = 2 if what == "money" else 6
    return f"{round(number, digits) + 0.0:.{digits}f}"
