"""The `at_risk:` of params.yaml: what ranks the list, what it may cost, where it ends."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from pipelines.runtime.errors import did_you_mean
from pipelines.settings.types import Section

MOST = 100_000


def _capacity(value: Any) -> Any:
    if value is None:
        raise ValueError(
            "found nothing. Write how many customers the team can look after in a week. To let the budget or the "
            f"profit alone end the list, write more than you have customers ({MOST} at most)"
        )
    return value


Capacity = Annotated[int, BeforeValidator(_capacity), Field(ge=1, le=MOST)]


class Tiers(Section):
    """How many times the average customer's odds of leaving, p / (1 - p), each tier asks for; the rest is `low`."""

    very_high: Annotated[float, Field(gt=0)] = 6.0
    high: Annotated[float, Field(gt=0)] = 3.0
    medium: Annotated[float, Field(gt=0)] = 1.0

    @model_validator(mode="after")
    def _falling(self) -> Tiers:
        if not self.very_high > self.high > self.medium:
            raise ValueError(
                "very_high must be above high, and high above medium; "
                f"found {self.very_high:g}, {self.high:g}, {self.medium:g}"
            )
        return self

    def odds(self) -> dict[str, float]:
        """Tier in words -> odds, highest first."""
        return {"very high": self.very_high, "high": self.high, "medium": self.medium}


class WinBack(Section):
    """Who stands in win_back.csv: those who have left, at most `most` of them, gone for at most `within_days`."""

    most: Annotated[int, Field(ge=0, le=MOST)] = 100
    within_days: Annotated[int, Field(ge=1, le=3660)] = 182


class AtRisk(Section):
    """The list: which definition ranks it and where it ends, whichever comes first.

    `capacity`: customers that a week has room for; more than there are: it ends nothing. `budget`: money that contacts
    and offers of a week may be expected to cost; null: any. `stop_when_unprofitable`: no contact that is expected to
    cost more than it brings. `value_over`: for how long a customer who is kept goes on bringing what `expected_value`
    says: `horizon` (once), `year`, or so many horizons. `suppress`: a file of ids that have ordered since the data
    ends.
    """

    definition: str
    capacity: Capacity = 300
    budget: Annotated[float, Field(gt=0)] | None = None
    stop_when_unprofitable: bool = True
    value_over: Annotated[float, Field(gt=0, le=1000)] | Literal["horizon", "year"] = "year"
    tiers: Tiers = Field(default_factory=Tiers)
    win_back: WinBack = Field(default_factory=WinBack)
    suppress: Annotated[str, Field(min_length=1)] | None = None


LANGUAGES = Path(__file__).parents[2] / "rendering" / "language" / "languages"


def languages() -> tuple[str, ...]:
    """What `language:` of params.yaml may be: the names of the files."""
    return tuple(sorted(path.stem for path in LANGUAGES.glob("*.yaml")))


def _spoken(value: str) -> str:
    if value not in languages():
        near = did_you_mean(value, languages())
        hint = near if "Did you mean" in near else f" Allowed: {', '.join(languages())}"
        raise ValueError(f"{value!r} is not a language that lists are written in.{hint}")
    return value


ListLanguage = Annotated[str, AfterValidator(_spoken)]
