"""Where a table of a database lies: driver, address without secrets, table or query."""

from __future__ import annotations

import re
from typing import Annotated, Literal, Self

from pydantic import Field, field_validator, model_validator

from pipelines.settings.types import Section

Text = Annotated[str, Field(min_length=1)]

_SECRET = re.compile(r"//[^/@\s]*:(?!\d+[/?])[^@\s]+@|(?i:password|passwd|pwd|token|secret|private_key)\s*=\s*[^&\s]")
_SECRET_NAME = re.compile(r"(?i)password|passwd|pwd|token|secret|private_key|credential")


class InDatabase(Section):
    """A table or query of a database that has an ADBC driver.

    `driver`: as in the package's name, `adbc-driver-postgresql`. `address`: the database's URI without a password, or
    `$NAME` of an environment variable that holds it, as `options` may (further settings of the driver).
    """

    reader: Literal["sql"]
    driver: Annotated[str, Field(pattern="^[a-z][a-z0-9_]*$")]
    address: Text
    options: dict[str, str] = Field(default_factory=dict)
    table: Text | None = None
    query: Text | None = None

    @field_validator("address")
    @classmethod
    def _no_password(cls, value: str) -> str:
        if not value.startswith("$") and _SECRET.search(value):
            raise ValueError(
                "a password stands there. Take it out: use the database's own password file (PostgreSQL: ~/.pgpass), "
                "its environment variable (PGPASSWORD), or write $NAME and put the address into that variable"
            )
        return value

    @field_validator("options")
    @classmethod
    def _no_secrets(cls, options: dict[str, str]) -> dict[str, str]:
        found = [name for name, value in options.items() if _SECRET_NAME.search(name) and not value.startswith("$")]
        if found:
            raise ValueError(f"{found[0]} is a secret. Write $NAME there and put it into that environment variable")
        return options

    @model_validator(mode="after")
    def _one_of_two(self) -> Self:
        if (self.table is None) == (self.query is None):
            raise ValueError("either table or query must be set. Write one of the two")
        return self
