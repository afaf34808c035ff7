"""The recipe: hyperparameters, those left open (`auto`), and how an origin settles them on origins before it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from models.learners.rule_names import MODEL

Floats = npt.NDArray[np.floating[Any]]

SHARES = (0.0, 0.25, 0.5, 0.75, 1.0)
GRID = (0.1, 0.2, 0.3, 0.4, 0.5, 0.65, 0.8, 1.0)
DEFAULT_PART = 0.8
DEFAULT_SHARE = 0.25
FEW_CUSTOMERS = 200
LEVEL = "level"  # the calibration that `auto` stands for: models/learners/level.py


@dataclass(frozen=True)
class Recipe:
    """The settings of `model` in params.yaml; `auto` is settled by search.py, for the calibration it is LEVEL.

    Where no moment shows anything better by more than noise the defaults stand: most of the rounds, and a quarter of
    logistic regression (measured on several streams of 1,500 to 23,000 customers: never far from the best). With few
    customers the logistic regression is the default by itself. `scorer`: `auto` (contest.py settles it), or who scores:
    MODEL, one of RULES, or BASE_RATE.
    """

    seed: int = 7
    seeds: int = 3
    learning_rate: float = 0.03
    leaves: int = 8
    min_rows_in_leaf: int = 200
    column_share: float = 0.2
    max_rounds: int = 300
    max_rows: int = 40_000
    rounds: int | Literal["auto"] = "auto"
    logistic_share: float | Literal["auto"] = "auto"
    logistic_penalty: float = 0.001
    calibration: str = "auto"
    monotone: bool = True
    backtest_moments: int = 5
    search: Mapping[str, Any] = field(default_factory=dict)
    prior_share: float = DEFAULT_SHARE
    scorer: str = "auto"

    def for_customers(self, count: int) -> Recipe:
        """The recipe where there are `count` customers to learn from: with few, the simple model goes first."""
        return replace(self, prior_share=1.0 if count < FEW_CUSTOMERS else DEFAULT_SHARE)

    def settled(self, numbers: Mapping[str, float | int]) -> Recipe:
        """The recipe with some of its numbers changed."""
        return replace(self, **numbers)  # type: ignore[arg-type]

    @property
    def levelled(self) -> bool:
        """Whether the calibration is the moment's level, not a kind that is set."""
        return self.calibration in ("auto", LEVEL)

    @property
    def trials(self) -> int:
        """Candidates that are tried beside the recipe itself."""
        return int(self.search.get("trials", 0))

    @property
    def search_work(self) -> float:
        """Training rows x trees that all trials together may cost."""
        return float(self.search.get("work", np.inf))

    @property
    def booster_seeds(self) -> list[int]:
        """One seed per booster."""
        return [(self.seed + 1000 * place) % 2**31 for place in range(self.seeds)]

    @property
    def trees_up_to(self) -> int:
        """Trees that boosters grow; fewer are read off later."""
        return self.max_rounds if self.rounds == "auto" else self.rounds

    @property
    def rounds_grid(self) -> list[int]:
        """Numbers of trees that are tried."""
        if self.rounds != "auto":
            return [self.rounds]
        return sorted({max(1, round(self.max_rounds * part)) for part in GRID})

    @property
    def default_rounds(self) -> int:
        """Where nothing can choose."""
        return max(1, round(self.max_rounds * DEFAULT_PART)) if self.rounds == "auto" else self.rounds

    @property
    def shares(self) -> tuple[float, ...]:
        """Weights of the logistic regression that are tried."""
        return SHARES if self.logistic_share == "auto" else (self.logistic_share,)

    @property
    def default_share(self) -> float:
        """Where nothing can choose."""
        return self.prior_share if self.logistic_share == "auto" else self.logistic_share

    def objective(self, rows: int) -> dict[str, Any]:
        """LightGBM's parameters for a training set of `rows`; leaves shrink with it."""
        return {
            "objective": "binary",
            "learning_rate": self.learning_rate,
            "num_leaves": self.leaves,
            "min_data_in_leaf": min(self.min_rows_in_leaf, max(5, rows // 40)),
            "feature_fraction": self.column_share,
        }


@dataclass(frozen=True)
class OriginChoice:
    """What an origin uses: numbers that differ from the recipe, rounds, weight of the logistic regression; and why."""

    numbers: Mapping[str, float | int]
    rounds: int
    share: float
    why: str

    @classmethod
    def default(cls, recipe: Recipe, because: str = "nothing could choose them") -> OriginChoice:
        """The recipe's own."""
        rounds, share = recipe.default_rounds, recipe.default_share
        return cls({}, rounds, share, f"{rounds} rounds, logistic share {share:g}: {because}.")


@dataclass(frozen=True)
class Choice:
    """Rounds, weight of the logistic regression, kind of calibration, numbers that differ from params.yaml; and why.

    `scorer`: who scores, the model with all of these or a rule in its place.
    """

    rounds: int
    logistic_share: float
    calibration: str
    notes: tuple[str, ...]
    numbers: Mapping[str, float | int] = field(default_factory=dict)
    scorer: str = MODEL


@dataclass(frozen=True)
class OriginPredictions:
    """What one origin's fits say about its rows, none of which they have seen.

    Attributes:
        origin: the moment, ISO date.
        by_rounds: boosters' log-odds per row, for each number of trees.
        linear: the logistic regression's log-odds per row.
        churned: 0 or 1 per row.
        customers: customer of each row.
    """

    origin: str
    by_rounds: dict[int, Floats]
    linear: Floats
    churned: Floats
    customers: Sequence[str]

    def log_odds(self, rounds: int, share: float) -> Floats:
        """The blend."""
        return np.asarray((1 - share) * self.by_rounds[rounds] + share * self.linear, dtype=np.float64)

    def part(self, rows: npt.NDArray[np.bool_]) -> OriginPredictions:
        """Some of the rows."""
        by_rounds = {rounds: odds[rows] for rounds, odds in self.by_rounds.items()}
        customers = [customer for customer, kept in zip(self.customers, rows, strict=True) if kept]
        return OriginPredictions(self.origin, by_rounds, self.linear[rows], self.churned[rows], customers)


@dataclass(frozen=True)
class OutOfSample:
    """Log-odds of rows that trained nothing, as the settled blend of their origin gives them."""

    log_odds: Floats
    churned: Floats
