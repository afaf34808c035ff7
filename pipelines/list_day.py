"""The day that scores or a list are for, where a command names another than params.yaml does."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from pipelines.params import Settings
from pipelines.problems import Problem


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


def a_day(text: str) -> str:
    """The day that somebody wrote.

    Raises:
        Problem: it is none.
    """
    try:
        return date.fromisoformat(text).isoformat()
    except ValueError:
        raise Problem(f"--as-of {text}: is not a day. Write it like 2017-12-04.") from None


def newer_list(day: str, lists: Path = Path("data/at_risk")) -> str:
    """A paragraph that says so where there is a list of a later day (`churn weekly` makes them); "" where not."""
    newest = max((found.parent.name for found in lists.glob("*-*-*/at_risk.parquet")), default=day)
    if newest <= day:
        return ""
    return (
        f"\nThere is a newer list, of {newest}; this is about the day in params.yaml. To ask about the newer one, set "
        f'observations.score.as_of: "{newest}" and run `churn run`, which makes it again.\n'
    )


def require_not_before_training(settings: Settings, day: str) -> None:
    """Raise Problem for a list of a day before `until`: its model would know the list's future."""
    until = settings.observations.train.until
    if day < until:
        raise Problem(
            f"--as-of {day} lies before observations.train.until {until}: the champion may have learned from what came "
            "after the list. Name a later day; what past lists would have said is told by `churn backfill`."
        )
