"""Which action another playbook would have given to customers of past lists, as far as it can be known.

The ledger keeps of each customer kind, tier, money at risk, action and channel. What else a rule asks for (reasons,
complaints, points, contacts) is known only of rules that the archived playbook had too, word for word: the first that
matches wins, so the rule that took a customer holds, and those before it do not.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from pipelines.settings.campaign.playbook import LEAVE_ALONE, PlaybookRule, When

if TYPE_CHECKING:
    import pandas as pd

_KEPT = ("segment", "risk_tier", "min_value", "max_value")
"""Conditions that the ledger can judge."""


@dataclass(frozen=True)
class Customer:
    """What the ledger keeps of a customer on a list.

    Attributes:
        segment, risk_tier: kind and tier.
        value: expected value, in money; NaN without money.
        channel: by which they were to be reached; "" where none was named.
        rule: position in the archived playbook of the rule that took them; None where that is not known.
    """

    segment: str
    risk_tier: str
    value: float
    channel: str
    rule: int | None


def customers_of(people: pd.DataFrame, archived: Mapping[str, Sequence[PlaybookRule]]) -> list[Customer]:
    """Rows of people_of as customers. `archived`: the playbook by the list's day."""
    chance = people["churn_probability"].where(people["churn_probability"] > 0)
    words = [people[name].fillna("").astype("str") for name in ("segment", "risk_tier", "channel", "action", "as_of")]
    return [
        Customer(segment, tier, value, channel, _taken_by(archived.get(day, ()), action))
        for value, segment, tier, channel, action, day in zip(people["value_at_risk"] / chance, *words, strict=True)
    ]


def _taken_by(rules: Sequence[PlaybookRule], action: str) -> int | None:
    places = [place for place, rule in enumerate(rules) if rule.action == action]
    return places[0] if len(places) == 1 else None


def action_for(
    customer: Customer, rules: Sequence[PlaybookRule], former: Sequence[PlaybookRule], *, has_contacts: bool
) -> str | None:
    """The action that these rules give a customer; `leave alone` where none is for them; None where nobody knows.

    Args:
        customer: see Customer.
        rules: of the other playbook.
        former: of the one by which the list was made.
        has_contacts: whether a channel may be forbidden.
    """
    for rule in rules:
        holds = _as_before(customer, rule, former)
        if holds is None:
            holds = _as_kept(customer, rule, has_contacts=has_contacts)
        if holds is None:
            return None
        if holds:
            return rule.action
    return LEAVE_ALONE


def _as_before(customer: Customer, rule: PlaybookRule, former: Sequence[PlaybookRule]) -> bool | None:
    """Whether a rule holds that the former playbook had as well; None where that does not tell."""
    if customer.rule is None:
        return None
    same = [place for place, one in enumerate(former) if one.when == rule.when and one.channel == rule.channel]
    if not same or same[0] > customer.rule:
        return None
    return same[0] == customer.rule


def _as_kept(customer: Customer, rule: PlaybookRule, *, has_contacts: bool) -> bool | None:
    when = rule.when
    known = [
        when.segment is None or customer.segment in when.segment,
        when.risk_tier is None or customer.risk_tier in when.risk_tier,
        when.min_value is None or customer.value >= when.min_value,
        when.max_value is None or customer.value < when.max_value,
    ]
    if not all(known):
        return False
    if _asks_for_more(when) or (has_contacts and rule.channels is not None and customer.channel not in rule.channels):
        return None
    return True


def _asks_for_more(when: When) -> bool:
    return any(name not in _KEPT for name in when.model_dump(exclude_defaults=True))


def playbooks(days: Mapping[str, Sequence[Mapping[str, Any]]]) -> dict[str, list[PlaybookRule]]:
    """Archived rules by the list's day; none where a rule is not one of today's any more."""
    from pydantic import ValidationError

    found: dict[str, list[PlaybookRule]] = {}
    for day, rules in days.items():
        try:
            found[day] = [PlaybookRule.model_validate(rule) for rule in rules]
        except ValidationError:
            found[day] = []
    return found


def places_of(actions: Sequence[str | None], known: Sequence[str]) -> np.ndarray[Any, np.dtype[np.int64]]:
    """Positions of actions among known ones; -1 where nobody knows."""
    place = {action: number for number, action in enumerate(known)}
    return np.array([-1 if action is None else place[action] for action in actions], dtype=np.int64)
