"""The `feedback:` of params.yaml: how the team's reports are written, where their columns do not tell."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field, field_validator

from pipelines.settings.sources import Text
from pipelines.settings.tables.time_format import TimeFormat, checked_time_format
from pipelines.settings.types import Section

ReportColumn = Literal[
    "customer_id", "contacted", "reached", "kept", "wrong", "what", "when", "channel", "note", "list_id"
]


class Feedback(Section):
    """`columns`: our name -> the heading in the team's tables, where it is none of the everyday ones (docs).

    `day_first`: whether 5/12/2017 is in December; `time_format`: as of a source. Without them the days of each report
    are read in the one way that fits all of them, and days that fit two are asked about.
    """

    columns: dict[ReportColumn, Text] = Field(default_factory=dict)
    day_first: bool | None = None
    time_format: Annotated[TimeFormat, AfterValidator(checked_time_format)] = None

    @field_validator("columns")
    @classmethod
    def _headings_differ(cls, columns: dict[ReportColumn, str]) -> dict[ReportColumn, str]:
        if len(set(columns.values())) < len(columns):
            raise ValueError("two columns have one heading. Give each its own")
        return columns
