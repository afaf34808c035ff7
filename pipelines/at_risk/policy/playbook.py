"""Applies the playbook: which rule takes which customer, and its action, channel, owner, day and money.

The first rule that matches wins. Reasons are known for few customers only (they cost far more than a score), so
rules that need them are decided late: `possible` says which rules may still take a customer, `chosen` which one does.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from features.catalogue.activities import ACTIVITIES
from pipelines.runtime.errors import ChurnError, did_you_mean
from pipelines.settings.campaign.playbook import PlaybookRule, When
from pipelines.settings.messages import entry
from pipelines.settings.model import Value

if TYPE_CHECKING:
    import pandas as pd

Holds = npt.NDArray[np.bool_]
Positions = npt.NDArray[np.int64]
NONE = -1  # no rule


@dataclass(frozen=True)
class Candidates:
    """Those whom the playbook is about, row by row.

    Attributes:
        table: customer_id, segment, risk_tier, expected_value and value_at_risk (null in a stream without money).
        features: their features; of a stream without points it has no columns for them.
        permitted: the channels of each, the preferred one first; None without contacts.
        contacts: the contacts' columns of each, on the same rows; None without contacts.
    """

    table: pd.DataFrame
    features: pd.DataFrame
    permitted: Sequence[tuple[str, ...]] | None = None
    contacts: pd.DataFrame | None = None


class Playbook:
    """The rules of params.yaml, applied to people."""

    def __init__(self, rules: Sequence[PlaybookRule], people: Candidates, value: Value) -> None:
        self.rules, self.people, self.value = list(rules), people, value

    @cached_property
    def fits(self) -> Holds:
        """Rules by people: whether a rule's conditions hold, whatever the reasons turn out to be."""
        rows = [self._matches(rule) for rule in self.rules]
        return np.array(rows, dtype=bool).reshape(len(self.rules), len(self.people.table))

    @property
    def needs_reasons(self) -> bool:
        """Whether any rule asks for reasons."""
        return any(rule.when.reason_about for rule in self.rules)

    @cached_property
    def possible(self) -> Holds:
        """Rules by people: whether a rule may be the one that takes a customer."""
        taken_before = np.cumsum(self._sure, axis=0) - self._sure > 0
        return np.asarray(self.fits & ~taken_before, dtype=bool)

    @property
    def may_be_left_over(self) -> Holds:
        """Whether it may be that no rule takes a person."""
        return np.asarray(~self._sure.any(axis=0), dtype=bool)

    @cached_property
    def _sure(self) -> Holds:
        """Rules by people: whether a rule matches, and asks for no reasons."""
        known = np.array([rule.when.reason_about is None for rule in self.rules], dtype=bool)
        return np.asarray(known[:, None] & self.fits, dtype=bool)

    def chosen(self, rows: Positions, about: Sequence[Collection[str]] | None = None) -> Positions:
        """The position of the rule that takes each of these people, NONE where none does.

        `about`: the activities that their reasons are about; None where no rule asks for them.
        """
        fits = self.fits[:, rows].copy()
        for position, rule in enumerate(self.rules):
            if rule.when.reason_about:
                activities = set(rule.when.reason_about)
                fits[position] &= [not activities.isdisjoint(own) for own in about or [()] * len(rows)]
        first = np.argmax(fits, axis=0) if len(self.rules) else np.zeros(len(rows), dtype=np.int64)
        return np.where(fits.any(axis=0), first, NONE).astype(np.int64)

    def money(self, what: str) -> npt.NDArray[np.float64]:
        """`cost`, `incentive` or `success` of every rule, and last of a contact by no rule."""
        success = self.value.success
        usual = {
            "cost": self.value.contact_cost,
            "incentive": self.value.incentive_cost,
            "success": success.alpha / (success.alpha + success.beta),
        }[what]
        own = [getattr(rule, what) for rule in self.rules]
        return np.array([*(usual if amount is None else amount for amount in own), usual], dtype=np.float64)

    def left_alone(self, chosen: Positions) -> Holds:
        """Whether the playbook keeps each customer off the list: by a rule, or because no rule is for them."""
        alone = np.array([*(rule.leaves_alone for rule in self.rules), bool(self.rules)], dtype=bool)
        return np.asarray(alone[chosen], dtype=bool)

    def orders(self, rows: Positions, chosen: Positions, as_of: str) -> pd.DataFrame:
        """`action, channel, owner, send_by` of each of these people; "" and no day where there is none."""
        import pandas as pd

        orders = [self._order(int(row), int(rule), as_of) for row, rule in zip(rows, chosen, strict=True)]
        return pd.DataFrame(orders, columns=["action", "channel", "owner", "send_by"])

    def _order(self, row: int, position: int, as_of: str) -> tuple[str, str, str, date | None]:
        if position == NONE:
            return "", self._channel(row, None), self._account_owner(row), None
        rule = self.rules[position]
        if rule.leaves_alone:
            return rule.action, "", rule.owner, None
        owner = (self._account_owner(row) if rule.account_owner else "") or rule.owner
        by = date.fromisoformat(as_of) + timedelta(days=rule.send_within_days)
        return rule.action, self._channel(row, rule.channels), owner, by

    def _channel(self, row: int, channels: tuple[str, ...] | None) -> str:
        if self.people.permitted is None:
            return channels[0] if channels else ""
        return next((one for one in self.people.permitted[row] if channels is None or one in channels), "")

    def _account_owner(self, row: int) -> str:
        import pandas as pd

        if self.people.contacts is None or "owner" not in self.people.contacts:
            return ""
        owner = self.people.contacts["owner"].iloc[row]
        return "" if pd.isna(owner) else str(owner)

    def _matches(self, rule: PlaybookRule) -> Holds:
        when, table = rule.when, self.people.table
        holds = np.ones(len(table), dtype=bool)
        if when.segment:
            holds &= table["segment"].isin(when.segment).to_numpy()
        if when.risk_tier:
            holds &= table["risk_tier"].isin(when.risk_tier).to_numpy()
        worth = table["expected_value"].to_numpy("float64")
        if when.min_value is not None:
            holds &= worth >= when.min_value
        if when.max_value is not None:
            holds &= worth < when.max_value
        if when.top_value_at_risk_share is not None:
            holds &= table["value_at_risk"].to_numpy("float64") >= self._floor(when.top_value_at_risk_share)
        return np.asarray(holds & self._behaved(when) & self._contactable(rule), dtype=bool)

    def _floor(self, share: float) -> float:
        """The value at risk from which a customer is among the share that has most; infinite without money."""
        worth = self.people.table["value_at_risk"].dropna().to_numpy("float64")
        return float(np.quantile(worth, 1 - share, method="higher")) if len(worth) else np.inf

    def _behaved(self, when: When) -> Holds:
        """What the customer did, read off the features: complaints not returned from, points not redeemed."""
        holds = np.ones(len(self.people.table), dtype=bool)
        if when.not_back_since:
            holds &= np.any([self._number(f"{name}_since_main_count") > 0 for name in when.not_back_since], axis=0)
        if when.unused_points is not None:
            holds &= self._unused_points() == when.unused_points
        return holds

    def _unused_points(self) -> Holds:
        if "earned_points_total_value_364d" in self.people.features:
            left = self._number("earned_points_total_value_364d") - self._number("redeemed_points_total_value_364d")
            return np.asarray(left > 0, dtype=bool)
        never = self._number("redeemed_points_count_364d") == 0
        return np.asarray((self._number("earned_points_count_364d") > 0) & never, dtype=bool)

    def _number(self, name: str) -> npt.NDArray[np.float64]:
        """A feature; nothing where the stream has no such activity."""
        if name not in self.people.features:
            return np.zeros(len(self.people.table))
        return self.people.features[name].to_numpy("float64")

    def _contactable(self, rule: PlaybookRule) -> Holds:
        """Whether contacts say what the rule asks for. Who permits no channel at all is suppressed by other rules."""
        permitted, contacts, when = self.people.permitted, self.people.contacts, rule.when
        holds = np.ones(len(self.people.table), dtype=bool)
        if permitted is None or contacts is None:
            return holds if not (when.channel or when.contact) else ~holds
        if rule.channels is not None:
            holds &= [not own or bool(set(own) & set(rule.channels)) for own in permitted]
        if when.channel:
            holds &= [bool(set(own) & set(when.channel)) for own in permitted]
        for column, words in when.contact.items():
            holds &= contacts[column].astype("str").isin(words).to_numpy()
        return holds


def require_possible(
    rules: Sequence[PlaybookRule], main_activity: str, facts: Mapping[str, Any], people: Candidates
) -> None:
    """Check what only the data can tell: a rule that asks for money, an activity or a contact column that is not there.

    An activity that we have a word for may be absent: a default rule waits for it. `facts`: facts.json of the activity.

    Raises:
        ChurnError: all such rules at once.
    """
    has_money = bool(people.table["expected_value"].notna().any())
    contacts = [] if people.contacts is None else list(people.contacts.columns)
    faults = []
    for position, rule in enumerate(rules):
        at = f"params.yaml: {entry('playbook', position, rule.action)}, when"
        asked = [key for key in ("min_value", "max_value") if getattr(rule.when, key) is not None and not has_money]
        faults += [f"{at}.{key} can never match: the activity holds no money. Take it out." for key in asked]
        for key in ("reason_about", "not_back_since"):
            faults += [
                f"{at}.{key}: {fault}" for fault in _unknown(getattr(rule.when, key) or [], facts, main_activity, key)
            ]
        if people.contacts is not None:
            wrong = [name for name in rule.when.contact if name not in contacts]
            faults += [
                f"{at}.contact.{one} is not a column of the contacts.{did_you_mean(one, contacts)}" for one in wrong
            ]
    if faults:
        raise ChurnError(*faults)


def _unknown(names: Sequence[str], facts: Mapping[str, Any], main_activity: str, key: str) -> list[str]:
    known = [*facts.get("activities", {}), *ACTIVITIES]
    faults = [f"nobody does {name!r} here.{did_you_mean(name, known)}" for name in names if name not in known]
    if key == "not_back_since" and main_activity in names:
        faults.append(f"can never match {main_activity!r}: that is what coming back means. Take it out.")
    return faults
