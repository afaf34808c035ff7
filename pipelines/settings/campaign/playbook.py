"""The `playbook:` of params.yaml: rules that say what to do for whom. The first that matches a customer wins."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from models.decision.ranking import TIERS
from models.segments import NAMED
from models.subscribers import KINDS
from pipelines.runtime.errors import did_you_mean
from pipelines.settings.messages import entry
from pipelines.settings.types import Name, Section, Share

LEAVE_ALONE = "leave alone"
ANY_CHANNEL = "any"
SEGMENTS = tuple(dict.fromkeys((*(name for name, _, _ in NAMED), *KINDS)))
Money = Annotated[float, Field(ge=0)]


def _one_or_more(value: Any) -> Any:
    """`x` is written for `[x]`."""
    return [value] if isinstance(value, str) else value


def _of(allowed: tuple[str, ...]) -> Any:
    def known(names: list[str]) -> list[str]:
        wrong = [name for name in names if name not in allowed]
        if wrong:
            near = did_you_mean(wrong[0], allowed)
            hint = near if "Did you mean" in near else ""
            raise ValueError(f"{wrong[0]!r} can never match.{hint} Allowed: {', '.join(allowed)}")
        return names

    return AfterValidator(known)


_Some = Annotated[list[Annotated[str, Field(min_length=1)]], BeforeValidator(_one_or_more), Field(min_length=1)]
_Activities = Annotated[list[Name], BeforeValidator(_one_or_more), Field(min_length=1)]
Segments = Annotated[_Some, _of(SEGMENTS)]
RiskTiers = Annotated[_Some, _of(TIERS)]


class When(Section):
    """Whom a rule is for; what is not set holds for everybody, what is set has to hold together.

    `segment`, `risk_tier`, `reason_about`, `not_back_since`, `channel` and each column of `contact` hold where one of
    their words does. `reason_about`: activities that one of the customer's reasons is about. `not_back_since`: the
    customer did one of these and has not ordered (the main activity) since. `unused_points`: points earned in the last
    year and not redeemed. `channel`: one that the contacts permit. `contact`: columns of the contacts. `min_value`,
    `max_value`: of the list's `expected_value`, from the one up to below the other. `top_value_at_risk_share`: among
    that share of all eligible with most money at risk; 0.03: the first three of a hundred. Without money: nobody.
    """

    segment: Segments | None = None
    risk_tier: RiskTiers | None = None
    reason_about: _Activities | None = None
    not_back_since: _Activities | None = None
    unused_points: bool | None = None
    channel: _Some | None = None
    contact: dict[str, _Some] = Field(default_factory=dict)
    min_value: Money | None = None
    max_value: Annotated[float, Field(gt=0)] | None = None
    top_value_at_risk_share: Annotated[float, Field(gt=0, lt=1)] | None = None

    @model_validator(mode="after")
    def _possible(self) -> When:
        if self.min_value is not None and self.max_value is not None and self.min_value >= self.max_value:
            raise ValueError(
                f"min_value {self.min_value:g} is not below max_value {self.max_value:g}: this can never match. "
                "Set min_value lower or take one of them out"
            )
        return self


class PlaybookRule(Section):
    """What to do for customers for whom `when` holds.

    `channel`: by which the customer is spoken to: one, several (the customer's preferred one of them, else the first
    that is permitted), or `any`. A rule passes by customers who permit other channels only. `owner`: who does it; the
    account owner of the contacts comes first, unless `account_owner` is false. `cost`, `incentive`, `success`: money
    and share of this action, where they differ from `value:`. The action `leave alone` keeps customers off the list.
    """

    when: When = Field(default_factory=When)
    action: Annotated[str, Field(min_length=1, max_length=80)]
    channel: _Some | None = None
    owner: Annotated[str, Field(max_length=80)] = ""
    account_owner: bool = True
    send_within_days: Annotated[int, Field(ge=0, le=366)] = 7
    cost: Money | None = None
    incentive: Money | None = None
    success: Share | None = None

    @model_validator(mode="after")
    def _nothing_to_send(self) -> PlaybookRule:
        needless = [name for name in ("channel", "cost", "incentive", "success") if getattr(self, name) is not None]
        if self.leaves_alone and needless:
            raise ValueError(f"the action is to {LEAVE_ALONE}, so {' and '.join(needless)} must not be set")
        return self

    @property
    def leaves_alone(self) -> bool:
        """Whether its customers are kept off the list."""
        return self.action == LEAVE_ALONE

    @property
    def channels(self) -> tuple[str, ...] | None:
        """The channels it may take; None where any will do or none is needed."""
        return None if self.channel is None or ANY_CHANNEL in self.channel else tuple(self.channel)


def never_matching(rules: list[PlaybookRule], *, has_contacts: bool) -> list[str]:
    """A sentence for every rule that can never match: earlier rules take its customers, or it asks for contacts that
    are not there."""
    faults = []
    for place, rule in enumerate(rules):
        name = entry("playbook", place, rule.action)
        asked = [f"when.{key}" for key in ("channel", "contact") if getattr(rule.when, key)]
        if asked and not has_contacts:
            faults.append(f"{name}: can never match: {asked[0]} needs a contacts table. Set `contacts:` or take it out")
        taken = sorted(_taken(rules[:place], rule, has_contacts=has_contacts))
        if taken:
            earlier = " and ".join(f"rule {one + 1} ({rules[one].action})" for one in taken)
            faults.append(
                f"{name}: can never match: {earlier} {'comes' if len(taken) == 1 else 'come'} first and "
                f"{'takes' if len(taken) == 1 else 'take'} all its customers. Move it up or take it out"
            )
    return faults


def _taken(earlier: list[PlaybookRule], rule: PlaybookRule, *, has_contacts: bool) -> set[int]:
    """Places of the earlier rules that together take every customer of a rule; empty where some are left to it.

    Segments, tiers and the stretches between values are gone through one by one; of the rest it counts that what an
    earlier rule asks for is asked for by this one too.
    """
    implied = [(place, one) for place, one in enumerate(earlier) if _asks_no_more(one, rule, has_contacts=has_contacts)]
    edges = sorted({0.0, *(one.when.min_value or 0.0 for _, one in implied), *_ends([rule, *(o for _, o in implied)])})
    takers = set()
    for segment in rule.when.segment or SEGMENTS:
        for tier in rule.when.risk_tier or TIERS:
            for value in (edge for edge in edges if _at(rule, segment, tier, edge)):
                taker = next((place for place, one in implied if _at(one, segment, tier, value)), None)
                if taker is None:
                    return set()
                takers.add(taker)
    return takers


def _ends(rules: list[PlaybookRule]) -> list[float]:
    found = [edge for rule in rules for edge in (rule.when.min_value, rule.when.max_value)]
    return [edge for edge in found if edge is not None]


def _at(rule: PlaybookRule, segment: str, tier: str, value: float) -> bool:
    when = rule.when
    of_kind = segment in (when.segment or SEGMENTS) and tier in (when.risk_tier or TIERS)
    return of_kind and (when.min_value or 0.0) <= value and (when.max_value is None or value < when.max_value)


def _asks_no_more(earlier: PlaybookRule, rule: PlaybookRule, *, has_contacts: bool) -> bool:
    """Whether everything else that the earlier rule asks for is asked for by this one too."""
    first, second = earlier.when, rule.when
    pairs = [(getattr(first, key), getattr(second, key)) for key in ("reason_about", "not_back_since", "channel")]
    pairs += [(words, second.contact.get(column)) for column, words in first.contact.items()]
    if has_contacts and earlier.channels is not None:
        pairs.append((list(earlier.channels), list(rule.channels) if rule.channels is not None else second.channel))
    narrower = all(asked is None or (also is not None and set(also) <= set(asked)) for asked, also in pairs)
    of_fewer = (second.top_value_at_risk_share or 1) <= (first.top_value_at_risk_share or 1)
    return narrower and of_fewer and first.unused_points in (None, second.unused_points)
