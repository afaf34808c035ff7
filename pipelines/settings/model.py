"""The `model:` and `value:` of params.yaml: the recipe, and what acting on a score costs and earns."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from pipelines.settings.types import Section, Share

WORK_PER_MINUTE = 2e8
"""Rows x trees that one minute of the former setting `max_minutes` stands for."""


class Search(Section):
    """Other numbers for the recipe, tried on moments that judge nothing.

    The budget is counted in work, training rows x trees, so that a busy machine settles on the same model as an idle
    one. `max_minutes`: its former name and unit, which is read as WORK_PER_MINUTE a minute where `work` is not given.
    """

    trials: Annotated[int, Field(ge=0, le=500)] = 6
    work: Annotated[float, Field(gt=0)] = 2e9
    max_minutes: Annotated[float | None, Field(gt=0, le=1440, exclude=True)] = None

    @model_validator(mode="after")
    def _work_of_minutes(self) -> Self:
        if self.max_minutes is not None and "work" not in self.model_fields_set:
            object.__setattr__(self, "work", self.max_minutes * WORK_PER_MINUTE)  # nobody holds the section yet
        return self

    def notes(self) -> list[str]:
        """What to say of a setting that has another name by now."""
        text = "model.search.max_minutes ends no search any more. It is read as work: {:.3g}; put that in its place."
        return [] if self.max_minutes is None else [text.format(self.work)]


Scorer = Literal[
    "auto", "model", "days_since_last", "own_rhythm", "order_count", "rfm_score", "logistic_rfmt", "bg_nbd", "base_rate"
]
"""Who scores: the model or a rule of models/learners/rules.py; `auto`: whoever came closest on held-out moments."""


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
    scorer: Scorer = "auto"
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

    `learn`: whether the list's ranking goes by what outcomes of earlier lists taught about each action's success, where
    there are any; the figures of models never do. `harm`: the probability, before there is evidence, that an action
    makes customers leave. The mean stays the stated success.
    """

    customer_value: Annotated[float, Field(gt=0)] | Literal["auto"] = "auto"
    margin_share: Annotated[float, Field(gt=0, le=1)] = 0.25
    contact_cost: Annotated[float, Field(ge=0)] = 1.0
    incentive_cost: Annotated[float, Field(ge=0)] = 10.0
    success: Success = Field(default_factory=Success)
    learn: bool = True
    harm: Annotated[float, Field(ge=0, le=0.5)] = 0.1
