"""What the recipe leaves open, and how it is chosen: only on origins that lie before the one that is judged."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from scipy.special import expit

from models import calibrate

Floats = npt.NDArray[np.floating[Any]]

SHARES = (0.0, 0.25, 0.5, 0.75, 1.0)
DEFAULT_SHARE = 0.25  # measured: never far from the best on streams with 1,500 to 23,000 customers
DEFAULT_PART = 0.5
GRID = (0.1, 0.2, 0.3, 0.4, 0.5, 0.65, 0.8, 1.0)


@dataclass(frozen=True)
class Recipe:
    """The settings of `model` in params.yaml; `auto` is chosen here."""

    seed: int = 7
    seeds: int = 2
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
    backtest_moments: int = 3

    @property
    def booster_seeds(self) -> list[int]:
        """One seed per booster."""
        return [(self.seed + 1000 * place) % 2**31 for place in range(self.seeds)]

    @property
    def trees_up_to(self) -> int:
        """Trees that an origin's boosters grow; fewer are read off later."""
        return self.max_rounds if self.rounds == "auto" else self.rounds

    @property
    def rounds_grid(self) -> list[int]:
        """Numbers of trees that are tried."""
        if self.rounds != "auto":
            return [self.rounds]
        return sorted({max(1, round(self.max_rounds * part)) for part in GRID})

    @property
    def default_rounds(self) -> int:
        """Where nothing can choose: half of what is allowed."""
        return max(1, round(self.max_rounds * DEFAULT_PART)) if self.rounds == "auto" else self.rounds

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
class Choice:
    """Rounds, weight of the logistic regression, kind of calibration; and why, in words."""

    rounds: int
    logistic_share: float
    calibration: str
    notes: tuple[str, ...]


@dataclass(frozen=True)
class Step:
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

    def part(self, rows: npt.NDArray[np.bool_]) -> Step:
        """Some of the rows."""
        by_rounds = {rounds: odds[rows] for rounds, odds in self.by_rounds.items()}
        customers = [customer for customer, kept in zip(self.customers, rows, strict=True) if kept]
        return Step(self.origin, by_rounds, self.linear[rows], self.churned[rows], customers)


def choose(past: Sequence[Step], recipe: Recipe) -> Choice:
    """Choose on the origins before the one that is judged, oldest first.

    The newest origin judges a calibration that was fitted on the one before it: within one moment almost any
    calibration looks good, and measured on a drifting stream it did harm one horizon later. Older origins choose rounds
    and blend, so that early stopping meets neither; with two origins the customers of the older are halved for that,
    with one there is no calibration.
    """
    tuning, fitting = _shared(past)
    rounds, share, notes = _settings(tuning, recipe)
    if recipe.calibration != "auto":
        return Choice(
            rounds, share, recipe.calibration, (*notes, f"{recipe.calibration} calibration: set in params.yaml.")
        )
    if fitting is None:
        return Choice(
            rounds, share, "none", (*notes, "no calibration: too few earlier moments to see whether one lasts.")
        )
    odds = past[-1].log_odds(rounds, share)
    fitted = {kind: calibrate.fit(kind, fitting.log_odds(rounds, share), fitting.churned) for kind in calibrate.KINDS}
    kind, why = calibrate.best({kind: calibration(odds) for kind, calibration in fitted.items()}, past[-1].churned)
    return Choice(rounds, share, kind, (*notes, why))


def _shared(past: Sequence[Step]) -> tuple[Sequence[Step], Step | None]:
    """The steps that choose rounds and blend, and the one that fits the calibrations which the newest judges."""
    if len(past) >= 3:
        return past[:-2], past[-2]
    if len(past) == 2:
        half = calibrate.folds(past[0].customers, 2) == 0
        return [past[0].part(half)], past[0].part(~half)
    return past, None


def _settings(tuning: Sequence[Step], recipe: Recipe) -> tuple[int, float, list[str]]:
    """Rounds and share: the lowest mean log loss over the tuning origins; a blend has to help by more than noise."""
    if not tuning:
        share = DEFAULT_SHARE if recipe.logistic_share == "auto" else recipe.logistic_share
        return (
            recipe.default_rounds,
            share,
            [f"rounds {recipe.default_rounds}, logistic share {share}: nothing could choose them."],
        )
    shares = SHARES if recipe.logistic_share == "auto" else (recipe.logistic_share,)
    losses = {(rounds, share): _losses(tuning, rounds, share) for share in shares for rounds in recipe.rounds_grid}
    best = {
        share: min((key for key in losses if key[1] == share), key=lambda key: losses[key].mean()) for share in shares
    }
    winner = min(best.values(), key=lambda key: losses[key].mean())
    plain = best.get(0.0, winner)
    gain, noise = calibrate.gain_and_noise(losses[plain], losses[winner])
    if winner != plain and gain <= noise:
        winner = plain
    return *winner, [_why(winner, plain, gain, noise, [step.origin for step in tuning])]


def _losses(tuning: Sequence[Step], rounds: int, share: float) -> Floats:
    return np.concatenate([calibrate.row_losses(expit(step.log_odds(rounds, share)), step.churned) for step in tuning])


def _why(winner: tuple[int, float], plain: tuple[int, float], gain: float, noise: float, origins: list[str]) -> str:
    rounds, share = winner
    text = f"rounds {rounds}, logistic share {share}: chosen on {', '.join(origins)}"
    return (
        f"{text}; the blend lowers the log loss by {gain:.4f} (noise {noise:.4f})." if winner != plain else f"{text}."
    )
