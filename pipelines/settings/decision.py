"""Settings of the weekly decision: the day of the list, the definition that ranks it, and the team's policy.

Stages and commands build these values from `Settings`; what decides and shows the list takes them, or one section.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from models.decision.lottery import LOTTERY
from pipelines.settings.campaign.at_risk import AtRisk
from pipelines.settings.campaign.contacts import Campaign, ContactRules, known_channels
from pipelines.settings.campaign.outcomes import Outcomes
from pipelines.settings.campaign.playbook import PlaybookRule
from pipelines.settings.churn import Cancellation, Churn
from pipelines.settings.model import Value
from pipelines.settings.params import Settings


@dataclass(frozen=True)
class ListMoment:
    """The moment that a list is for, and the churn definition that ranks it.

    Attributes:
        as_of: the list's day (ISO); nothing at or after its midnight is known.
        timezone: in which days begin.
        definition: name under `churn`.
        churn: that entry: who is a customer, and what leaving is.
    """

    as_of: str
    timezone: str
    definition: str
    churn: Churn

    @classmethod
    def of(cls, settings: Settings) -> ListMoment:
        """That of params.yaml."""
        name = settings.at_risk.definition
        return cls(settings.observations.score.as_of, settings.timezone, name, settings.churn[name])

    @property
    def main_activity(self) -> str:
        """What a customer does when nothing is wrong."""
        return self.churn.activity


@dataclass(frozen=True)
class ContactPolicy:
    """When a customer may be contacted, and how.

    Attributes:
        rules: the section `contact_rules`.
        channels: every channel that a customer can be reached by where no contacts table says otherwise.
        cancellations: the definitions of kind `cancellation`, whose activities count as cancelling and coming back.
    """

    rules: ContactRules
    channels: tuple[str, ...]
    cancellations: tuple[Cancellation, ...] = ()

    @classmethod
    def of(cls, settings: Settings) -> ContactPolicy:
        """That of params.yaml."""
        cancellations = tuple(entry for entry in settings.churn.values() if isinstance(entry, Cancellation))
        return cls(settings.contact_rules, known_channels(settings.contacts), cancellations)


@dataclass(frozen=True)
class ListPolicy:
    """How the week's list is decided.

    Attributes:
        moment: the list's day and the definition that ranks it.
        definitions: names of all churn definitions: the list shows their probabilities too.
        at_risk: where the list ends.
        value: what a contact costs and brings.
        playbook: what to do for whom.
        contact: who may be contacted.
        campaign: who is held out.
        outcomes: how campaigns are looked at afterwards.
    """

    moment: ListMoment
    definitions: tuple[str, ...]
    at_risk: AtRisk
    value: Value
    playbook: Sequence[PlaybookRule]
    contact: ContactPolicy
    campaign: Campaign
    outcomes: Outcomes = field(default_factory=Outcomes)

    @classmethod
    def of(cls, settings: Settings) -> ListPolicy:
        """That of params.yaml."""
        return cls(
            moment=ListMoment.of(settings),
            definitions=tuple(settings.churn),
            at_risk=settings.at_risk,
            value=settings.value,
            playbook=tuple(settings.playbook),
            contact=ContactPolicy.of(settings),
            campaign=settings.campaign,
            outcomes=settings.outcomes,
        )


def looks_of(settings: Settings) -> dict[str, Any] | None:
    """How a lottery will be looked at, on which what its list says beforehand depends; None for another design.

    The section is in few files, so DVC cannot be told to watch it there: it goes with the list's fingerprint.
    """
    return settings.outcomes.model_dump(mode="json") if settings.campaign.design == LOTTERY else None
