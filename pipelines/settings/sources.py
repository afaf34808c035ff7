"""The `sources:` and `customers:` of params.yaml: where a company's tables lie and what their columns mean."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, Field, ValidationInfo, field_validator, model_validator

from pipelines.settings.tables.database import InDatabase
from pipelines.settings.tables.time_format import TimeFormat, checked_time_format
from pipelines.settings.types import TIME_COLUMNS, Days, Name, Section, Share, Zones, zone_of, zones_of

MINOR_UNITS = "minor_units"
ActivityColumn = Literal[
    "activity_id", "customer_id", "occurred_at", "recorded_at", "activity", "value", "quantity", "detail", "currency",
    "subject", "user_id", "removed_at", "term_days",
]  # fmt: skip
Text = Annotated[str, Field(min_length=1)]


class CompleteJourney(Section):
    """The demo source: ships inside a Python package, needs no setting."""

    reader: Literal["complete_journey"]


class Ledger(Section):
    """What we did ourselves, out of the ledger: `was_listed`, `was_held_out`, `was_contacted`. Needs no setting."""

    reader: Literal["ledger"]


class Table(Section):
    """Where a table's files lie and how they are written: what activities and customers have in common.

    `path`: a file, folder or glob, local or `s3://bucket/...`. `delimiter`: of CSV (default: what the header shows).
    `timezone`: of times without an offset and of days (default: the top-level timezone). `time_format`: of times that
    are not written like 2017-12-04 13:05, as in strptime, or `unix_seconds`, `unix_milliseconds`, or `spreadsheet_days`
    (since 1899-12-30); of several, in a list, the first that fits a time (`year_first` is the usual way in it).
    """

    reader: Literal["csv", "json", "parquet"]
    path: Text
    delimiter: Annotated[str, Field(min_length=1, max_length=1)] | None = None
    timezone: Annotated[Zones, zones_of()] = None
    time_format: Annotated[TimeFormat, AfterValidator(checked_time_format)] = None

    @field_validator("delimiter")
    @classmethod
    def _only_csv(cls, value: str | None, found: ValidationInfo) -> str | None:
        if value is not None and found.data.get("reader") != "csv":
            raise ValueError("only a CSV file has a delimiter. Take it out")
        return value


class Mapping(Section):
    """What a table's rows mean. Each of `columns` is the table's column or a SQL expression over its columns.

    `activity`: the activity of every row, where no column tells it. `activities`: names found in the activity column
    -> ours. `where`: a condition; rows for which it is not true are not read. `when_negative`: the activity of rows
    whose value (quantity, where there is no value) is below zero, for returns booked as negative orders; both are
    turned positive. `unit`: factor for `value` (0.01 for cents), or `minor_units` of the
    currency that `columns.currency` names: cents, whole yen. `decimal`: what divides whole from fraction where
    numbers are text, `thousands`: what stands between thousands; `day_first`: whether 5/12/2017 is in December. Without
    them each column is read in the one way that fits it, and one that fits two is asked about. `timezone`,
    `time_format`: of times, as in `Table`; where a table's columns keep different clocks, a timezone for each:
    `{occurred_at: America/New_York, recorded_at: UTC}`.

    `one_row_is: line`: rows are lines of orders; those with equal `group_by` are one activity, at their first time,
    quantities summed, and values too, or where `value_of` is `order`, counted once: they are totals that stand on one
    line or on each. Lines below zero are netted, or kept apart as `when_negative` says; with `returns: netted` an order
    is summed first, and is `when_negative` where it is below zero then. `repeats: first`: of rows with one
    `activity_id` the first in time counts, whatever the others say: an event is sent again when a page is loaded again
    (otherwise such rows stop the pull).

    `scale: [0, 10]`: values are answers on a scale, with or without words: `10 - Extremely likely` is 10; a row without
    one is no answer and left out. `optional`: of an entry of `yields`: a table that lacks one of its columns gives
    nothing for it; `optional_columns`: of ours, those that stay empty where a table lacks theirs. Both are told.
    `term_days`: what every row pays for, where no column tells it.
    """

    columns: dict[ActivityColumn, Text] = Field(default_factory=dict)
    activity: Name | None = None
    activities: dict[str, Name] = Field(default_factory=dict)
    where: Text | None = None
    when_negative: Name | None = None
    one_row_is: Literal["activity", "line"] | None = None
    group_by: Annotated[tuple[Text, ...], Field(min_length=1)] | None = None
    value_of: Literal["line", "order"] | None = None
    returns: Literal["kept", "netted"] | None = None
    repeats: Literal["refused", "first"] | None = None
    scale: Annotated[tuple[float, ...], Field(min_length=2, max_length=2)] | None = None
    optional: bool | None = None
    optional_columns: Annotated[tuple[ActivityColumn, ...], Field(min_length=1)] | None = None
    unit: Annotated[float, Field(gt=0, allow_inf_nan=False)] | Literal["minor_units"] = 1.0
    decimal: Literal[".", ","] | None = None
    thousands: Literal[".", ",", " ", "'"] | None = None
    day_first: bool | None = None
    timezone: Annotated[Zones, zones_of(*TIME_COLUMNS)] = None
    time_format: Annotated[TimeFormat, AfterValidator(checked_time_format)] = None
    term_days: Days | None = None

    @field_validator("thousands")
    @classmethod
    def _apart(cls, value: str | None, found: ValidationInfo) -> str | None:
        if value and value == found.data.get("decimal"):
            raise ValueError("decimal is the same sign: one of them divides whole from fraction. Keep one of the two")
        return value

    @property
    def decimal_sign(self) -> str | None:
        """What divides whole from fraction, told by either setting; None where it is not told."""
        return self.decimal or {".": ",", ",": "."}.get(self.thousands or "")

    @field_validator("scale")
    @classmethod
    def _upwards(cls, value: tuple[float, ...] | None) -> tuple[float, ...] | None:
        if value and value[0] >= value[1]:
            raise ValueError(f"{value[0]:g} is not below {value[1]:g}. Write the lowest answer and the highest")
        return value

    @property
    def order_key(self) -> tuple[str, ...]:
        """What tells one order from another, where a row is a line of one; else nothing."""
        return self.group_by or () if self.one_row_is == "line" else ()

    @property
    def is_gathered(self) -> bool:
        """Whether one activity may come from several rows."""
        return bool(self.order_key) or self.repeats == "first"

    @field_validator("activity")
    @classmethod
    def _told_once(cls, activity: str | None, found: ValidationInfo) -> str | None:
        if activity and "activity" in found.data.get("columns", {}):
            raise ValueError("columns.activity tells it already. Keep one of the two")
        return activity


class Mapped(Mapping):
    """A source: its mapping, or several in `yields`, each of which inherits what stands above it and overrides it.

    Without `columns` the table must have the columns of the activity schema. `exclude`: a condition; rows of test and
    internal accounts, left out and counted; or several by why they are left out, `{voided: "status = 'voided'"}`;
    `optional_exclude` names those that leave out nothing where a table lacks their column.
    `without_customer`: whether a row that names no customer is a bad row (`refused`, the default) or one of somebody
    unknown (`skipped`), left out and counted. `max_bad_share`: of unreadable rows before the pull fails. `identity`:
    the system whose ids stand in `customer_id`, see `identities:`; without it they are the customers' own.
    """

    yields: list[Mapping] = Field(default_factory=list)
    exclude: Text | dict[Text, Text] | None = None
    optional_exclude: Annotated[tuple[Text, ...], Field(min_length=1)] | None = None
    without_customer: Literal["refused", "skipped"] | None = None
    max_bad_share: Share = 0.01
    identity: Name | None = None

    @model_validator(mode="after")
    def _told(self) -> Self:
        faults = []
        for i, mapping in enumerate(self.mappings()):
            at = f"yields, entry {i + 1}: " if self.yields else ""
            missing = [name for name in ("customer_id", "occurred_at") if name not in mapping.columns]
            if mapping.columns and missing:
                faults.append(
                    f"{at}columns must map {' and '.join(missing)} too. Write `{missing[0]}: the table's column`"
                )
            elif mapping.columns and "activity" not in mapping.columns and mapping.activity is None:
                faults.append(
                    f"{at}neither activity (one for all rows) nor columns.activity is set. Set one of the two"
                )
            faults += [f"{at}{fault}" for fault in _faults_of_gathering(mapping)]
        if faults:
            raise ValueError(". ".join(faults))
        return self

    def exclusions(self) -> dict[str, str]:
        """The conditions of `exclude` by why rows are left out; one that stands alone has no name."""
        return {"": self.exclude} if isinstance(self.exclude, str) else self.exclude or {}

    def mappings(self) -> list[Mapping]:
        """What the rows mean, in full: one mapping for every activity that the source yields."""
        own = {name: getattr(self, name) for name in Mapping.model_fields}
        return [_under(own, entry) for entry in self.yields] or [Mapping.model_construct(**own)]


def _faults_of_gathering(mapping: Mapping) -> list[str]:
    """What does not fit in the settings that make one activity of several rows."""
    if mapping.one_row_is == "line" and (mapping.repeats == "first" or not mapping.group_by):
        why = "goes without repeats: first" if mapping.group_by else "needs group_by, what tells one order from another"
        return [f"one_row_is: line {why}. Change one of the two"]
    if mapping.repeats == "first" and "activity_id" not in mapping.columns:
        return ["repeats: first needs columns.activity_id: repeats are known by their id. Map it"]
    lonely = [name for name in ("group_by", "value_of", "returns") if getattr(mapping, name) and not mapping.order_key]
    return [f"{name} is for lines of orders only. Set one_row_is: line too, or take it out" for name in lonely]


def _under(above: dict[str, Any], entry: Mapping) -> Mapping:
    """An entry of `yields` over what it inherits. How it tells its activity replaces how it was told above."""
    given = {name: getattr(entry, name) for name in entry.model_fields_set}
    columns = {**above["columns"], **entry.columns}
    if entry.activity:
        columns.pop("activity", None)
    if "activity" in entry.columns:
        given["activity"] = None
    if isinstance(entry.timezone, dict):
        given["timezone"] = {**_by_column(above["timezone"]), **entry.timezone}
    return Mapping.model_construct(**{**above, **given, "columns": columns})


def _by_column(zones: Zones) -> dict[str, str]:
    """The timezone of each column with times that has one."""
    return dict.fromkeys(TIME_COLUMNS, zones) if isinstance(zones, str) else zones or {}


class Files(Mapped, Table):
    """Files of activities and what their rows mean.

    `later_files_replace`: of rows with one `activity_id` in several files the one in the last file by name counts, for
    exports that overlap, are named by their day and correct what they said before.
    """

    later_files_replace: bool = False

    @model_validator(mode="after")
    def _known_by_id(self) -> Self:
        if self.later_files_replace and any(
            one.columns and "activity_id" not in one.columns for one in self.mappings()
        ):
            raise ValueError("later_files_replace needs columns.activity_id: rows are replaced by their id. Map it")
        return self


class Sql(InDatabase, Mapped):
    """Activities in a database.

    `watermark`: the column that tells when a row was written (or occurred); a pull reads what lies after the last one,
    and the last `window_days` again for late arrivals. Without it every pull reads everything. Its timezone is that of
    the column of ours which it is mapped to, unless `timezone` names one for `watermark`.
    """

    watermark: Text | None = None
    window_days: Annotated[int, Field(ge=0, le=366)] = 7
    timezone: Annotated[Zones, zones_of(*TIME_COLUMNS, "watermark")] = None

    def watermark_zone(self, default: str) -> str:
        """The timezone of the watermark's times where they have no offset."""
        if isinstance(self.timezone, dict) and "watermark" in self.timezone:
            return self.timezone["watermark"]
        for mapping in self.mappings():
            for ours, theirs in mapping.columns.items():
                if theirs == self.watermark:
                    return zone_of(mapping.timezone, ours, default)
        return zone_of(self.timezone, "", default)


Source = Annotated[CompleteJourney | Files | Sql | Ledger, Field(discriminator="reader")]


class Customers(Table):
    """An optional table of customers: `customer_id`, `joined_at`?, `valid_from`?, attributes.

    `columns`: our name -> the file's column. Without it the table has these names, and of its attributes only those
    under `features.attributes` are read. `day_first`: whether 5/12/2017 is in December, where the column does not tell.
    Attributes enter the model only where they are declared `static`: today's tier would leak into yesterday's
    observation. A table with `valid_from` may have several rows per customer.
    """

    columns: dict[Name, Text] = Field(default_factory=dict)
    day_first: bool | None = None
    timezone: Annotated[Zones, zones_of("joined_at", "valid_from")] = None
    static: bool = False

    @field_validator("columns")
    @classmethod
    def _complete(cls, columns: dict[str, str]) -> dict[str, str]:
        if columns and "customer_id" not in columns:
            raise ValueError("customer_id must be mapped too. Write `customer_id: the file's column`")
        return columns


class ExchangeRates(Table):
    """Daily rates of exchange: a table with a row for each day and currency.

    `columns`: `day`, `currency` and `rate`, what one unit of the currency is worth in the top-level `currency`; a rate
    may be an expression (`1 / per_euro`). A value counts at the rate of its day, or of the nearest one before.
    """

    columns: dict[Literal["day", "currency", "rate"], Text] = Field(default_factory=dict)

    @property
    def taken(self) -> dict[str, str]:
        """Ours -> the table's; a name that is not mapped is its own."""
        return {"day": "day", "currency": "currency", "rate": "rate"} | {str(k): v for k, v in self.columns.items()}
