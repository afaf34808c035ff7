"""Entries under `churn` in params.yaml: the kinds of leaving, and what may be set for each.

All kinds share `activity` (what a customer does when nothing is wrong), `gap_days` (lead time: days between the moment
and the window, in which a team can act) and `horizon_days` (length of the window).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from features.churn.definition import Definition
from pipelines.settings.types import Days, Name, Section

Gap = Annotated[int, Field(ge=0, le=366)]


class Silence(Section):
    """A customer did `activity` in the `active_within_days` before; leaving is none of it in the horizon."""

    kind: Literal["silence"]
    activity: Name = "placed_order"
    active_within_days: Days
    gap_days: Gap = 0
    horizon_days: Days


class Rhythm(Section):
    """Leaving is a silence longer than a `quantile` of the customer's own pauses, at most `horizon_days`.

    A customer has at least `least_pauses` pauses, and is not silent for longer than their own measure, nor for longer
    than `active_within_days`.
    """

    kind: Literal["rhythm"]
    activity: Name = "placed_order"
    quantile: Annotated[float, Field(ge=0.5, le=1)] = 0.9
    least_pauses: Annotated[int, Field(ge=2, le=100)] = 5
    active_within_days: Days
    gap_days: Gap = 0
    horizon_days: Days


class Cancellation(Section):
    """Subscribers are customers; leaving is a cancellation, or a term that ran out without a renewal, in the horizon.

    `starts`, `renews`, `ends`: the activities of a subscription. `term_days`: what a start or renewal pays for;
    `grace_days`: for how much longer a renewal still counts. Without `term_days` a subscription runs until it is
    cancelled. A row that has `term_days` itself says more than these. `pauses`, `resumes`: of a subscription that
    rests and goes on, where the sources have them. `pays`: whose values are the money, else those of starts and
    renewals; without renewals the value of a start is what the subscription brings in a month. An account has left
    when its last subscription has ended; sources tell subscriptions apart by `subject`. `activity`: `renews` where it
    is set, else `starts`, unless another is named.
    """

    kind: Literal["cancellation"]
    activity: Name
    starts: Name = "started_subscription"
    renews: Name | None = None
    ends: Name = "cancelled_subscription"
    pauses: Name | None = "paused_subscription"
    resumes: Name | None = "resumed_subscription"
    pays: Name | None = "paid_invoice"
    term_days: Days | None = None
    grace_days: Annotated[int, Field(ge=0, le=366)] = 0
    gap_days: Gap = 0
    horizon_days: Days

    @model_validator(mode="before")
    @classmethod
    def _main(cls, content: Any) -> Any:
        if not isinstance(content, Mapping):
            return content
        main = content.get("renews") or content.get("starts") or "started_subscription"
        named = {content.get(role) for role in ("starts", "renews", "ends")}
        unused = {role: None for role, name in _RESTS.items() if name in named}
        return {"activity": main, **unused, **content}

    @model_validator(mode="after")
    def _possible(self) -> Cancellation:
        names = [name for name in (self.starts, self.renews, self.ends, self.pauses, self.resumes) if name]
        if len(set(names)) < len(names):
            roles = "starts, renews, ends, pauses and resumes"
            raise ValueError(f"{roles} must be different activities, found {', '.join(names)}")
        if self.renews and self.term_days is None:
            raise ValueError("renews is set but term_days is not. Set the days that a renewal pays for")
        if self.grace_days and self.term_days is None:
            raise ValueError("grace_days is set but term_days is not: without a term nothing lapses. Set both or none")
        return self


_RESTS = {"pauses": "paused_subscription", "resumes": "resumed_subscription"}
"""What pauses and resumes a subscription where params.yaml names neither, nor uses the name for something else."""

Churn = Annotated[Silence | Rhythm | Cancellation, Field(discriminator="kind")]


def definition_of(entry: Silence | Rhythm | Cancellation) -> Definition:
    """The entry as `features/churn/labels.py` takes it."""
    return Definition(**entry.model_dump())


def activities_of(entry: Silence | Rhythm | Cancellation) -> dict[str, str]:
    """Every activity that the stream must have for this definition, by the setting that names it (each once)."""
    roles = {role: getattr(entry, role, None) for role in ("activity", "starts", "renews", "ends")}
    by_activity = {activity: role for role, activity in roles.items() if activity}
    return {role: activity for activity, role in by_activity.items()}
