"""The `sources:` and `customers:` of params.yaml: where a company's tables lie and what their columns mean."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, ValidationInfo, field_validator, model_validator

from pipelines.setting_types import Name, Section, Share, Zone

UNIX_TIMES = ("unix_seconds", "unix_milliseconds")
ActivityColumn = Literal[
    "activity_id", "customer_id", "occurred_at", "recorded_at", "activity", "value", "quantity", "detail"
]


def _time_format(value: str) -> str:
    if "%" not in value and value not in UNIX_TIMES:
        raise ValueError(
            f'{value!r} is not a time format. Write it as in strptime, for example "%d.%m.%Y %H:%M", or one of '
            + ", ".join(UNIX_TIMES)
        )
    return value


class CompleteJourney(Section):
    """The demo source: ships inside a Python package, needs no setting."""

    reader: Literal["complete_journey"]


class Table(Section):
    """Where a table lies and how it is written: what activities and customers have in common.

    `path`: a file, folder or glob. `columns`: our name -> the file's column. `delimiter`: of CSV (default: what the
    header shows). `timezone`: of times without an offset (default: the top-level timezone). `time_format`: of times
    that are not written like 2017-12-04 13:05, as in strptime, or `unix_seconds` or `unix_milliseconds`.
    """

    reader: Literal["csv", "parquet"]
    path: Annotated[str, Field(min_length=1)]
    columns: dict[Any, Annotated[str, Field(min_length=1)]] = Field(default_factory=dict)
    delimiter: Annotated[str, Field(min_length=1, max_length=1)] | None = None
    timezone: Zone | None = None
    time_format: Annotated[str, AfterValidator(_time_format)] | None = None

    @field_validator("delimiter")
    @classmethod
    def _only_csv(cls, value: str | None, found: ValidationInfo) -> str | None:
        if value is not None and found.data.get("reader") == "parquet":
            raise ValueError("a Parquet file has no delimiter. Take it out")
        return value


class Files(Table):
    """Files of activities. Without `columns` the file must have the columns of the activity schema.

    `activity`: the activity of every row, where no column tells it. `activities`: names found in the activity column
    -> ours. `when_negative`: the activity of rows whose value (quantity, where there is no value) is below zero, for
    returns booked as negative orders; both are turned positive. `unit`: factor for `value` (0.01 for cents). `decimal`:
    what divides whole from fraction where numbers are text. `max_bad_share`: of unreadable rows before the pull fails.
    `identity`: the system whose ids stand in `customer_id`; see `identities:`. Without it they are the customers' own.
    """

    columns: dict[ActivityColumn, Annotated[str, Field(min_length=1)]] = Field(default_factory=dict)
    activity: Name | None = None
    activities: dict[str, Name] = Field(default_factory=dict)
    when_negative: Name | None = None
    unit: Annotated[float, Field(gt=0, allow_inf_nan=False)] = 1.0
    decimal: Literal[".", ","] = "."
    max_bad_share: Share = 0.01
    identity: Name | None = None

    @field_validator("columns")
    @classmethod
    def _complete(cls, columns: dict[str, str]) -> dict[str, str]:
        missing = [name for name in ("customer_id", "occurred_at") if name not in columns]
        if columns and missing:
            raise ValueError(f"{' and '.join(missing)} must be mapped too. Write `{missing[0]}: the file's column`")
        return columns

    @field_validator("activity")
    @classmethod
    def _told_once(cls, activity: str | None, found: ValidationInfo) -> str | None:
        if activity and "activity" in found.data.get("columns", {}):
            raise ValueError("columns.activity tells it already. Keep one of the two")
        return activity

    @model_validator(mode="after")
    def _told(self) -> Files:
        if self.columns and "activity" not in self.columns and self.activity is None:
            raise ValueError("neither activity (one for all rows) nor columns.activity is set. Set one of the two")
        return self


Source = Annotated[CompleteJourney | Files, Field(discriminator="reader")]


class Customers(Table):
    """An optional table of customers: `customer_id`, `joined_at`?, `valid_from`?, attributes.

    Without `columns` the table has these names, and of its attributes only those under `features.attributes` are read.
    Attributes enter the model only where they are declared `static`: today's tier would leak into yesterday's
    observation. A table with `valid_from` may have several rows per customer.
    """

    columns: dict[Name, Annotated[str, Field(min_length=1)]] = Field(default_factory=dict)
    static: bool = False

    @field_validator("columns")
    @classmethod
    def _complete(cls, columns: dict[str, str]) -> dict[str, str]:
        if columns and "customer_id" not in columns:
            raise ValueError("customer_id must be mapped too. Write `customer_id: the file's column`")
        return columns
