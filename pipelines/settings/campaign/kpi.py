"""The `kpi:` of params.yaml: what `churn kpi` cannot read from activity and ledger."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

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
