"""The settings of params.yaml, validated. Every fault of the file is reported at once."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import yaml
from pydantic import Field, ValidationError, model_validator

from pipelines.runtime.closed import close_files
from pipelines.runtime.errors import ChurnError, did_you_mean
from pipelines.settings.activities import ActivityWords
from pipelines.settings.artifacts import STORES
from pipelines.settings.campaign.at_risk import AtRisk, ListLanguage
from pipelines.settings.campaign.contacts import Campaign, ContactRules, Contacts
from pipelines.settings.campaign.feedback import Feedback
from pipelines.settings.campaign.kpi import Kpi, Target, faults_of
from pipelines.settings.campaign.outcomes import Outcomes
from pipelines.settings.campaign.playbook import PlaybookRule, never_matching
from pipelines.settings.campaign.publish import Publish
from pipelines.settings.churn import Churn
from pipelines.settings.messages import in_words
from pipelines.settings.model import Model, Value
from pipelines.settings.presets.catalogue import expanded
from pipelines.settings.privacy import Identities, Privacy
from pipelines.settings.sources import Customers, ExchangeRates, Source
from pipelines.settings.spark import Spark
from pipelines.settings.types import Day, Days, Memory, Name, Section, Share, Zone, parse


class TrainMoments(Section):
    """Moments of the training branch count back from `until`; nothing at or after it is known."""

    until: Day
    every_days: Days | Literal["auto"] = "auto"
    count: Annotated[int, Field(ge=1, le=200)] | Literal["auto"] = "auto"


class ScoreMoment(Section):
    """The moment the list is for."""

    as_of: Day


class Observations(Section):
    """Who is looked at, and when."""

    seen_within_days: Days = 365
    train: TrainMoments
    score: ScoreMoment


class FeatureChoice(Section):
    """What may enter the model."""

    attributes: list[Name] = Field(default_factory=list)
    families: dict[Name, bool] = Field(default_factory=dict)


class Promotion(Section):
    """When a candidate becomes the champion. `margin`: log loss (nats) that another recipe than its own has to gain."""

    automatic: bool = True
    margin: Annotated[float, Field(ge=0, le=1)] = 0.001


OnDrift = Literal["warn", "stop"]
"""What is done where the data is sound and differs from what was usual: seasons and growth do that, too."""


class Plausible(Section):
    """What a stream of well-formed rows may hardly be. Beyond a limit it warns; with `doubt: stop` it is refused.

    `two_spellings`: share of customers whose id is another's in capitals, with blanks, leading zeros or `.0`.
    `one_customer`: share of all rows that one customer may have. `one_instant`: share of an activity's rows at one
    instant (not of `irregular_activities`). `below_zero`: share of the main activity's values. `hole_days`: without a
    row between the first and the last. `years`: age of the first row. `id_length`: characters of a customer's id.
    `largest_value`: of any row, either sign; beyond it the stream is always refused.
    """

    doubt: OnDrift = "warn"
    two_spellings: Share = 0.01
    one_customer: Share = 0.1
    one_instant: Share = 0.2
    below_zero: Share = 0.2
    hole_days: Days = 62
    years: Annotated[float, Field(gt=0)] = 40
    id_length: Annotated[int, Field(ge=1)] = 200
    largest_value: Annotated[float, Field(gt=0)] = 1e12


class Checks(Section):
    """When data is refused. `irregular_activities` come in bursts (campaigns): their volume is not judged.

    A breach of a contract, or a stream that ends too early, always stops. Unusual volumes and shifted scores warn,
    unless `volume` or `score_shift` says `stop`; so does what is hardly plausible.
    """

    max_days_without_activity: Annotated[float, Field(gt=0)] = 3
    max_volume_ratio: Annotated[float, Field(gt=1)] = 4.0
    max_score_shift: Annotated[float, Field(gt=0)] = 0.25
    volume: OnDrift = "warn"
    score_shift: OnDrift = "warn"
    irregular_activities: list[Name] = Field(default_factory=list)
    plausible: Plausible = Field(default_factory=Plausible)


class Settings(Section):
    """The whole of params.yaml."""

    timezone: Zone = "UTC"
    currency: Annotated[str, Field(pattern="^[A-Z]{3}$")] = "USD"
    language: ListLanguage = "en"
    sources: Annotated[dict[Name, Source], Field(min_length=1)]
    customers: Customers | None = None
    exchange_rates: ExchangeRates | None = None
    identities: Identities | None = None
    privacy: Privacy = Field(default_factory=Privacy)
    observations: Observations
    churn: Annotated[dict[Name, Churn], Field(min_length=1)]
    activities: dict[Name, ActivityWords] = Field(default_factory=dict)
    features: FeatureChoice = Field(default_factory=FeatureChoice)
    model: Model = Field(default_factory=Model)
    value: Value = Field(default_factory=Value)
    promotion: Promotion = Field(default_factory=Promotion)
    checks: Checks = Field(default_factory=Checks)
    at_risk: AtRisk
    playbook: list[PlaybookRule] = Field(default_factory=list)
    contacts: Contacts | None = None
    contact_rules: ContactRules = Field(default_factory=ContactRules)
    campaign: Campaign = Field(default_factory=Campaign)
    outcomes: Outcomes = Field(default_factory=Outcomes)
    kpi: Kpi = Field(default_factory=Kpi)
    targets: dict[Name, Target] = Field(default_factory=dict)
    publish: Publish = Field(default_factory=Publish)
    feedback: Feedback = Field(default_factory=Feedback)
    engine: Literal["duckdb", "spark"] = "duckdb"
    engine_memory: Memory = "4GB"
    spark: Spark = Field(default_factory=Spark)

    @model_validator(mode="after")
    def _consistent(self) -> Settings:
        if self.at_risk.definition not in self.churn:
            near = did_you_mean(self.at_risk.definition, self.churn)
            raise ValueError(f"at_risk.definition {self.at_risk.definition!r} is not under churn.{near}")
        if self.observations.train.until > self.observations.score.as_of:
            raise ValueError(
                f"observations.train.until {self.observations.train.until} lies after observations.score.as_of "
                f"{self.observations.score.as_of}: the model would know the future of the list. Move one of them"
            )
        faults = [fault for name, one in self.targets.items() for fault in faults_of(name, one, self.churn)]
        if faults:
            raise ValueError(". ".join(faults))
        idle = never_matching(self.playbook, has_contacts=self.contacts is not None)
        if idle:
            raise ValueError(". ".join(idle))
        return self

    @property
    def main_activity(self) -> str:
        """What a customer does when nothing is wrong: the activity of the definition that ranks the list."""
        return self.churn[self.at_risk.definition].activity


def load(path: Path = Path("params.yaml")) -> Settings:
    """Settings of a params.yaml. Files that this process writes from here on are closed as they say.

    Raises:
        ChurnError: one line for every unknown, missing or impossible setting, as `params.yaml: churn.x.y ...`.
    """
    settings = _read(path)
    close_files(STORES, settings.privacy.file_group)
    return settings


def _read(path: Path) -> Settings:
    try:
        content = parse(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ChurnError(f"{path}: there is no such file. Run from the project's folder.") from None
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        raise ChurnError(f"{path}: is not UTF-8 text (line {line}). Save it as UTF-8.") from None
    except OSError as error:
        raise ChurnError(f"{path}: cannot be read ({error.strerror}). It must be a file that you may read.") from None
    except yaml.YAMLError as error:
        raise ChurnError(f"{path}: is not YAML. {_where(error)}") from None
    if not isinstance(content, dict):
        raise ChurnError(f"{path}: must be a mapping of settings, found {type(content).__name__}.")
    try:
        return Settings.model_validate(expanded(content))
    except ValidationError as error:
        raise ChurnError(*(f"{path.name}: {fault}" for fault in in_words(error, Settings, content))) from None


def _where(error: yaml.YAMLError) -> str:
    """Where a text stops being YAML, and why; the text itself, which may hold a password, is not repeated."""
    if not isinstance(error, yaml.MarkedYAMLError) or error.problem_mark is None:
        return " ".join(str(error).split())
    mark = error.problem_mark
    why = ", ".join(part for part in (error.context, error.problem) if part)
    return f"Line {mark.line + 1}, column {mark.column + 1}: {why}."
