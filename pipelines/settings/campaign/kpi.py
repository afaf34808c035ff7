"""The `kpi:` and `targets:` of params.yaml: what `churn kpi` cannot read from activity and ledger."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Annotated, Literal

from pydantic import ConfigDict, Field, model_validator

from pipelines.runtime.errors import did_you_mean
from pipelines.settings.types import Name, Section


class Kpi(Section):
    """What the figures of `churn kpi` need besides activity and ledger.

    `attributes`: of the customers table, by which figures are shown, too; they have to hold at the time (`valid_from`,
    or `customers: {static: true}`). `fixed_costs`: of retention per month, in `currency`; null: not known.
    `satisfied_from`: the satisfaction answer from which a customer is satisfied. `refresh`: `beside_list`: `churn run`
    and `churn weekly` bring the report up to date behind the list; `off`: only `churn kpi` does.
    """

    attributes: list[Name] = Field(default_factory=list)
    fixed_costs: Annotated[float, Field(ge=0)] | None = None
    satisfied_from: float = 4.0
    refresh: Literal["beside_list", "off"] = "beside_list"


_CHANGE = re.compile(r"([+-]?\d+(?:\.\d+)?)\s*(% relative|points|)")
_PERIOD = re.compile(r"\d{4}-(?:0[1-9]|1[0-2]|Q[1-4])")


class Target(Section):
    """One target: `figure` of `churn kpi` (by default the target's own name), from the period `from` (2017-10, or
    2017-Q4) to the period `by` of the same kind.

    `change`: `-10% relative`, of the baseline; `-2 points`, of a share; or a number, in the figure's unit.
    `definition`: of leaving; by default the one that ranks the list. `group`: of one dimension, like
    {segment: regular}; by default everybody.
    """

    model_config = ConfigDict(populate_by_name=True)

    figure: Name | None = None
    definition: Name | None = None
    begin: Annotated[str, Field(alias="from")]
    change: str | float
    by: str
    group: dict[Name, str] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _possible(self) -> Target:
        for name, period in (("from", self.begin), ("by", self.by)):
            if not _PERIOD.fullmatch(period):
                raise ValueError(f'{name}: {period!r} is no period. Write a month, "2017-10", or a quarter, "2017-Q4"')
        if ("Q" in self.begin) != ("Q" in self.by) or self.by <= self.begin:
            raise ValueError(f"by {self.by} must be a period of the same kind behind from {self.begin}")
        if not _CHANGE.fullmatch(str(self.change).strip()):
            raise ValueError(f"change: {self.change!r} is not understood. Write -10% relative, -2 points, or a number")
        if len(self.group) > 1:
            raise ValueError(f"group: one dimension, found {', '.join(self.group)}")
        return self

    @property
    def step(self) -> tuple[float, bool]:
        """The change as a number, and whether it is a share of the baseline."""
        found = _CHANGE.fullmatch(str(self.change).strip())
        number, unit = (float(found[1]), found[2]) if found else (0.0, "")
        return number / (100 if unit else 1), unit == "% relative"


def faults_of(name: str, target: Target, definitions: Iterable[str]) -> list[str]:
    """What is wrong with a target's definition. Which figures there are is known where they are worked out."""
    if target.definition is None or target.definition in definitions:
        return []
    near = did_you_mean(target.definition, definitions)
    return [f"targets.{name}.definition {target.definition!r} is not under churn.{near}".rstrip(".")]
