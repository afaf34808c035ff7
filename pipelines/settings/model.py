"""The `model:` and `value:` of params.yaml: the recipe, and what acting on a score costs and earns."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from pipelines.settings.types import Section, Share


class Search(Section):
    """Other numbers for the recipe, tried on moments that judge nothing. Trials are the budget, time only a cap."""

    trials: Annotated[int, Field(ge=0, le=500)] = 6
    max_minutes: Annotated[float, Field(gt=0, le=1440)] = 10


class Model(Section):
    """The recipe. `auto` is settled on moments that fitted nothing; see models/training/search.py."""

    seed: Annotated[int, Field(ge=0, le=2**31 - 1)] = 7
    seeds: Annotated[int, Field(ge=1, le=20)] = 3
    learning_rate: Annotated[float, Field(gt=0, le=0.5)] = 0.03
    leaves: Annotated[int, Field(ge=2, le=256)] = 8
    min_rows_in_leaf: Annotated[int, Field(ge=1, le=100_000)] = 200
    column_share: Annotated[float, Field(gt=0, le=1)] = 0.2
    max_rounds: Annotated[int, Field(ge=10, le=5000)] = 300
    max_rows: Annotated[int, Field(ge=1000)] = 40_000
    rounds: Annotated[int, Field(ge=1, le=5000)] | Literal["auto"] = "auto"
    logistic_share: Share | Literal["auto"] = "auto"
    logistic_penalty: Annotated[float, Field(gt=0, le=10)] = 0.005
    calibration: Literal["auto", "none", "platt", "isotonic", "beta"] = "auto"
    monotone: bool = True
    backtest_moments: Annotated[int, Field(ge=0, le=24)] = 5
    search: Search = Field(default_factory=Search)


class Success(Section):
    """Beta density of the share of contacted leavers who stay; the mean is alpha / (alpha + beta)."""

    alpha: Annotated[float, Field(gt=0, le=10_000)] = 6.0
    beta: Annotated[float, Field(gt=0, le=10_000)] = 14.0


class Value(Section):
    """What a contact costs and what keeping a customer is worth, for the profit figures; see profit.py.

    `customer_value: auto` is a year of what those who stayed brought, times `margin_share`; where the stream has no
    money, twenty incentives (the ratio of the paper).
    """

    customer_value: Annotated[float, Field(gt=0)] | Literal["auto"] = "auto"
    margin_share: Annotated[float, Field(gt=0, le=1)] = 0.25
    contact_cost: Annotated[float, Field(ge=0)] = 1.0
    incentive_cost: Annotated[float, Field(ge=0)] = 10.0
    success: Success = Field(default_factory=Success)
