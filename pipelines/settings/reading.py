"""Settings of reading and checking data, as values that are built once and passed on.

A stage or command builds them from `Settings`; below it, functions take one of these or a single section.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from pipelines.settings.campaign.contacts import ContactDatabase, ContactFiles
from pipelines.settings.churn import Churn
from pipelines.settings.params import Checks, Settings
from pipelines.settings.privacy import Identities, Privacy
from pipelines.settings.row_display import RowDisplay
from pipelines.settings.sources import Customers, ExchangeRates, Source


@dataclass(frozen=True)
class Resolution:
    """Identity resolution: how the ids in `sources` become customer ids, and whether those become pseudonyms."""

    sources: Mapping[str, Source]
    identities: Identities | None
    privacy: Privacy

    @property
    def systems(self) -> dict[str, str]:
        """Source -> the system whose ids it has, for those that name one."""
        named = ((name, getattr(source, "identity", None)) for name, source in self.sources.items())
        return {name: system for name, system in named if system}


@dataclass(frozen=True)
class Reading:
    """How sources and the customers table are read.

    `timezone`: of days and of times without an offset. `as_of`: the list's day, which decides from when on a time is
    implausible. `attributes`: of customers, those that the model uses. `churn`: definitions whose activities a source
    must yield. `currency`: of the project; `exchange_rates`: how values become it, and
    `rates` what changes when they do (exchange.py).
    """

    sources: Mapping[str, Source]
    customers: Customers | None
    attributes: list[str]
    identities: Identities | None
    privacy: Privacy
    timezone: str
    as_of: str
    churn: Mapping[str, Churn]
    currency: str = "USD"
    exchange_rates: ExchangeRates | None = None
    rates: str | None = None

    @classmethod
    def of(cls, settings: Settings) -> Reading:
        """The sections of params.yaml that reading depends on."""
        return cls(
            sources=settings.sources,
            customers=settings.customers,
            attributes=settings.features.attributes,
            identities=settings.identities,
            privacy=settings.privacy,
            timezone=settings.timezone,
            as_of=settings.observations.score.as_of,
            churn=settings.churn,
            currency=settings.currency,
            exchange_rates=settings.exchange_rates,
        )

    @property
    def resolution(self) -> Resolution:
        """How the ids of these sources become customer ids."""
        return Resolution(self.sources, self.identities, self.privacy)

    @property
    def display(self) -> RowDisplay:
        """How rows of these sources are named in messages."""
        return RowDisplay.of(self.timezone, self.sources)


@dataclass(frozen=True)
class ContactReading:
    """How the contacts table is read. `table`: the section `contacts:`, None where it is not set."""

    table: ContactFiles | ContactDatabase | None
    identities: Identities | None
    privacy: Privacy

    @classmethod
    def of(cls, settings: Settings) -> ContactReading:
        """The sections of params.yaml that contacts depend on."""
        return cls(settings.contacts, settings.identities, settings.privacy)


@dataclass(frozen=True)
class StreamChecks:
    """What the activity stream of one branch is checked against.

    `branch`: `train` or `score`. `day`: the stream ends before its midnight in `timezone`. `main_activity`: what a
    customer does when nothing is wrong; its silence is judged beside the stream's. `display`: how rows are named.
    """

    branch: str
    day: str
    timezone: str
    main_activity: str
    limits: Checks
    display: RowDisplay

    @classmethod
    def of(cls, settings: Settings, branch: str) -> StreamChecks:
        """The sections of params.yaml that the checks of a branch's stream depend on."""
        observations = settings.observations
        day = observations.train.until if branch == "train" else observations.score.as_of
        display = RowDisplay.of(settings.timezone, settings.sources)
        return cls(branch, day, settings.timezone, settings.main_activity, settings.checks, display)
