"""The `identities:` and `privacy:` of params.yaml: one customer behind many ids, and who may see which of them."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, ValidationInfo, field_validator, model_validator

from pipelines.settings.sources import Table
from pipelines.settings.types import Name, Section, Share

Rule = Literal["email", "lower", "trim", "digits"]


class IdentityTable(Table):
    """Which id of which system is which customer: columns `system`, `id`, `customer_id`, or `columns` names them.

    Rows whose system is `customer_id` say that one customer id is another's now (two accounts that became one).
    `system`: of all rows, where no column tells it: in a table of subscriptions each id is its account's.
    """

    system: Name | None = None

    columns: dict[Literal["system", "id", "customer_id"], Annotated[str, Field(min_length=1)]] = Field(
        default_factory=dict
    )

    @field_validator("columns")
    @classmethod
    def _complete(cls, columns: dict[str, str], found: ValidationInfo) -> dict[str, str]:
        told = found.data.get("system")
        if told and "system" in columns:
            raise ValueError("system tells it already for all rows. Keep one of the two")
        wanted = ("id", "customer_id") if told else ("system", "id", "customer_id")
        missing = [name for name in wanted if name not in columns]
        if columns and missing:
            raise ValueError(f"{' and '.join(missing)} must be mapped too. Write `{missing[0]}: the table's column`")
        return columns


class Identities(Section):
    """How ids of other systems become `customer_id`. A source names its system with `identity:`.

    `rules`: system -> how its ids are written alike: `email` (trimmed, lower case, must look like one), `lower`
    (trimmed, lower case), `trim`, `digits` (digits only, for phone numbers). A system with a rule and without rows in
    the table has what the rule gives as customer id. `table`: which id is which customer.
    `max_unmatched_share`: of a source's rows whose id nobody has, before the pull fails.
    """

    table: IdentityTable | None = None
    rules: dict[Name, Rule] = Field(default_factory=dict)
    max_unmatched_share: Share = 0.5

    @model_validator(mode="after")
    def _something(self) -> Identities:
        if self.table is None and not self.rules:
            raise ValueError("neither table nor rules is set. Set one, or write `identities: null`")
        return self


class Privacy(Section):
    """With `pseudonymise` only a keyed hash of an id leaves the pull. The key is read from `key_variable`.

    `file_group`: a group of this machine that may read what is written beside its owner; without it nobody else may.
    """

    pseudonymise: bool = False
    key_variable: Annotated[str, Field(pattern="^[A-Za-z_][A-Za-z0-9_]*$")] = "CHURN_ID_KEY"
    file_group: Annotated[str | None, Field(min_length=1, exclude=True)] = None  # no result depends on it
