"""The `outcomes:` of params.yaml: how what campaigns achieved is looked at."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from pipelines.settings.types import Section


class Outcomes(Section):
    """How campaigns are looked at; chosen before one begins, and not changed within it.

    `looks`: `planned`: a look each week, and an end after `campaign.weeks`, the promised error shared out over them by
    `spending`; `any_time`: no planned end, and intervals that hold however often and for however long one looks.
    `level`: probability of claiming an effect that is not there, over all looks of a campaign.
    """

    looks: Literal["planned", "any_time"] = "planned"
    spending: Literal["obrien_fleming", "pocock"] = "obrien_fleming"
    level: Annotated[float, Field(gt=0, le=0.2)] = 0.05
