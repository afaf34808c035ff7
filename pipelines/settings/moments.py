"""As-of days: of the list, where a command names another day than params.yaml, and of the feature tables."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np

from features.churn.definition import Definition
from features.windows import day_text, local_days, training_moments
from pipelines.runtime.errors import ChurnError
from pipelines.settings.churn import definition_of
from pipelines.settings.params import Settings


def for_day(settings: Settings, day: str) -> Settings:
    """The same settings with `observations.score.as_of` replaced; params.yaml is not touched."""
    observations = settings.observations
    score = observations.score.model_copy(update={"as_of": day})
    return settings.model_copy(update={"observations": observations.model_copy(update={"score": score})})


def this_week(now: datetime, settings: Settings) -> str:
    """The Monday of the present week, by the calendar of `timezone`; `now` knows its own zone."""
    today = now.astimezone(ZoneInfo(settings.timezone)).date()
    return (today - timedelta(days=today.weekday())).isoformat()


def stamp(now: datetime) -> str:
    """A moment as it is recorded: UTC, to the second. `now` is in UTC."""
    return f"{now:%Y-%m-%dT%H:%M:%SZ}"


def parse_day(text: str) -> str:
    """The day that somebody wrote.

    Raises:
        ChurnError: it is none.
    """
    try:
        return date.fromisoformat(text).isoformat()
    except ValueError:
        raise ChurnError(f"--as-of {text}: is not a day. Write it like 2017-12-04.") from None


def require_not_before_training(settings: Settings, day: str) -> None:
    """Raise ChurnError for a list of a day before `until`: its model would know the list's future."""
    until = settings.observations.train.until
    if day < until:
        raise ChurnError(
            f"--as-of {day} lies before observations.train.until {until}: the champion may have learned from what came "
            "after the list. Name a later day; what past lists would have said is told by `churn backfill`."
        )


def moments_of(settings: Settings, facts: dict[str, Any], branch: str) -> list[str]:
    """The days on which a branch looks at customers, newest first."""
    if branch == "score":
        return [settings.observations.score.as_of]
    train = settings.observations.train
    return training_moments(
        until=train.until,
        leads=[definition.lead for definition in definitions_of(settings).values()],
        first_day=_first_day(facts, settings),
        customers=facts["customers"],
        every_days=train.every_days,
        count=train.count,
    )


def definitions_of(settings: Settings) -> dict[str, Definition]:
    """Every churn definition of params.yaml."""
    return {name: definition_of(entry) for name, entry in settings.churn.items()}


def seen_within(settings: Settings) -> int:
    """Days behind a moment in which a customer must have done something: never fewer than a definition looks back."""
    least = [definition.lookback_days for definition in definitions_of(settings).values()]
    return max(settings.observations.seen_within_days, *least)


def _first_day(facts: dict[str, Any], settings: Settings) -> str:
    """The local day on which the main activity begins."""
    first = datetime.fromisoformat(facts["activities"][settings.main_activity]["first"])
    return day_text(local_days(np.array([int(first.timestamp() * 1_000_000)]), settings.timezone)[0])
