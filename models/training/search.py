"""Hyperparameter search: each origin uses params.yaml, unless other numbers win on earlier origins by more than noise.

Candidates are the recipe itself and points of a seeded Sobol sequence around it. They do not depend on what earlier
candidates reached: a sampler that learns would carry what later origins showed into choices that are made for earlier
ones. Each candidate is fitted at the tuning origins, oldest first, on what was known there, and dropped as soon as all
its numbers of rounds and blends are worse than the recipe's by more than noise.

For every judged origin the choice falls among origins that lie wholly before it, and before the ones that are kept for
its calibration (see `split`). So no outcome that an origin is judged by has touched any choice made for it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import asdict, dataclass, field
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
from scipy.special import expit

from models import normal
from models.learners import calibration
from models.training import fitting, sobol
from models.training.panel import Data
from models.training.recipe import OriginChoice, OriginPredictions, Recipe
from models.training.split import LEAST_TUNING, Plan

Floats = npt.NDArray[np.floating[Any]]
Numbers = dict[str, float | int]

# Lowest, highest, whether a whole number; each searched evenly on a log scale.
SPACE: dict[str, tuple[float, float, bool]] = {
    "leaves": (4, 32, True),
    "min_rows_in_leaf": (40, 800, True),
    "column_share": (0.05, 0.5, False),
    "logistic_penalty": (0.001, 0.05, False),
}


class TrialStore(Protocol):
    """Stores finished trials for the next run; changes the time, never the result."""

    def recall(self, number: int, numbers: Numbers) -> Trial | None:
        """The trial with these numbers, where an earlier run finished it."""

    def keep(self, trial: Trial, total: int) -> None:
        """Store a finished trial; there are `total` in all."""


class NoTrialStore:
    """No store."""

    def recall(self, number: int, numbers: Numbers) -> Trial | None:
        """Nothing."""
        return None

    def keep(self, trial: Trial, total: int) -> None:
        """Nothing to do."""


@dataclass(frozen=True)
class Trial:
    """One candidate of the search and its results.

    Attributes:
        number: 0 is the recipe itself.
        numbers: what differs from the recipe.
        parts: for each tuning origin `rows`, `loss` (the recipe's own), `gain` and `error`: how much lower the mean log
            loss is than the recipe's own at its default rounds and blend, and the standard error, by cell
            (`rounds/share`).
        dropped: worse than the recipe by more than noise before it had seen every part.
    """

    number: int
    numbers: Numbers
    parts: dict[str, dict[str, Any]] = field(default_factory=dict)
    dropped: bool = False

    def pooled(self, parts: Sequence[str]) -> dict[str, tuple[float, float]]:
        """Gain and noise of each cell over some parts; empty where the trial has not seen them all.

        The same customers appear again at every moment, so errors add up as if they were one.
        """
        if any(name not in self.parts for name in parts) or not parts:
            return {}
        rows = np.array([self.parts[name]["rows"] for name in parts], dtype=np.float64)
        pooled = {}
        for cell in self.parts[parts[0]]["gain"]:
            gain = np.array([self.parts[name]["gain"][cell] for name in parts])
            error = np.array([self.parts[name]["error"][cell] for name in parts])
            noise = calibration.NOISE * float(rows @ error / rows.sum())
            pooled[cell] = (float(rows @ gain / rows.sum()), noise)
        return pooled

    def to_json(self) -> dict[str, Any]:
        """For trials.json."""
        return asdict(self)


@dataclass(frozen=True)
class SearchResult:
    """Every trial, and what each judged origin settles on."""

    trials: list[Trial]
    settled: dict[str, OriginChoice]
    notes: tuple[str, ...]


def candidates(recipe: Recipe) -> list[Numbers]:
    """The recipe itself (no difference), then as many seeded points of SPACE as it allows trials."""
    count = recipe.trials
    if not count:
        return [{}]
    points = sobol.points(count, len(SPACE), seed=recipe.seed)
    return [{}, *(_numbers(point) for point in points)]


def _numbers(point: Floats) -> Numbers:
    numbers: Numbers = {}
    for axis, (name, (low, high, whole)) in enumerate(SPACE.items()):
        value = float(np.exp(np.log(low) + point[axis] * (np.log(high) - np.log(low))))
        numbers[name] = round(value) if whole else float(f"{value:.3g}")
    return numbers


@dataclass(frozen=True)
class Search:
    """What trials need: the labelled observations, the plan of moments, the recipe they start from.

    `trial_store` holds trials of a run that was cut short. Trials run side by side in `pool`.
    """

    data: Data
    plan: Plan
    recipe: Recipe
    pool: Executor
    trial_store: TrialStore = field(default_factory=NoTrialStore)

    def settle(self, walk: Sequence[str]) -> SearchResult:
        """Try the candidates and settle every origin of `walk` (oldest first)."""
        wanted = {origin: self.plan.shared(origin, walk).tuning for origin in walk}
        wanted = {origin: tuning if len(tuning) >= LEAST_TUNING else () for origin, tuning in wanted.items()}
        origins = sorted({one for tuning in wanted.values() for one in tuning})
        if not origins:
            return SearchResult([], {origin: OriginChoice.default(self.recipe) for origin in walk}, ())
        base = dict(zip(origins, self.pool.map(lambda origin: self._step(self.recipe, origin), origins), strict=True))
        own = Trial(0, {}, {origin: _compared(step, step, self.recipe) for origin, step in base.items()})
        trials, notes = [own], list[str]()
        rest = list(enumerate(candidates(self.recipe)))[1:]
        cost = self.work_of_a_trial(origins)
        affordable = int(min(len(rest), self.recipe.search_work // max(cost, 1)))
        if affordable < len(rest):
            notes.append(
                f"the search tries {affordable} of {len(rest)} trials: one may cost {cost:,} (training rows x trees), "
                f"and model.search.work is {self.recipe.search_work:,.0f}."
            )
        for trial in self.pool.map(lambda pair: self._try(pair[0], pair[1], base), rest[:affordable]):
            self.trial_store.keep(trial, affordable)
            trials.append(trial)
        settled = {origin: _settle(trials, tuning, self.recipe) for origin, tuning in wanted.items()}
        return SearchResult(trials, settled, tuple(notes))

    def work_of_a_trial(self, origins: Sequence[str]) -> int:
        """Training rows x trees of a candidate that is dropped nowhere: known before it is tried, on any machine."""
        rows = [min(int(self.data.split(self.plan, origin)[0].sum()), self.recipe.max_rows) for origin in origins]
        return sum(rows) * self.recipe.trees_up_to

    def _step(self, recipe: Recipe, origin: str) -> OriginPredictions:
        trains, judged = self.data.split(self.plan, origin)
        return fitting.predict_unseen(
            self.data, judged, fitting.fit(self.data, trains, recipe, seeds=1), recipe, origin
        )

    def _try(self, number: int, numbers: Numbers, base: Mapping[str, OriginPredictions]) -> Trial:
        """A candidate at origin after origin, until it is clearly worse."""
        known = self.trial_store.recall(number, numbers)
        if known is not None:
            return known
        parts: dict[str, dict[str, Any]] = {}
        for origin in base:
            parts[origin] = _compared(self._step(self.recipe.settled(numbers), origin), base[origin], self.recipe)
            cells = Trial(number, numbers, parts).pooled(list(parts))
            if max(gain + noise for gain, noise in cells.values()) < 0:
                return Trial(number, numbers, parts, dropped=len(parts) < len(base))
        return Trial(number, numbers, parts)


def _compared(step: OriginPredictions, base: OriginPredictions, recipe: Recipe) -> dict[str, Any]:
    """Gain over the recipe's default cell, and its standard error, for every number of rounds and every blend."""
    before = _losses(base, recipe.default_rounds, recipe.default_share)
    gain, error = {}, {}
    for rounds in recipe.rounds_grid:
        for share in recipe.shares:
            falls = before - _losses(step, rounds, share)
            gain[f"{rounds}/{share}"] = float(falls.mean())
            error[f"{rounds}/{share}"] = float(falls.std(ddof=1) / len(falls) ** 0.5) if len(falls) > 1 else 1.0
    return {"rows": len(before), "loss": float(before.mean()), "gain": gain, "error": error}


def _losses(step: OriginPredictions, rounds: int, share: float) -> Floats:
    return calibration.row_losses(expit(step.log_odds(rounds, share)), step.churned)


def _settle(trials: Sequence[Trial], parts: Sequence[str], recipe: Recipe) -> OriginChoice:
    """The candidate, rounds and blend whose gain is surest, if it is there at every moment and more than noise.

    Otherwise the default. The best of many looks good by chance: the noise is that of one chance in twenty for all
    looks together, counting every blend of every trial (numbers of rounds of one booster are nearly the same look).
    """
    if not parts:
        return OriginChoice.default(recipe)
    looks = len(trials) * len(recipe.shares)
    wider = normal.isf(0.05 / looks) / calibration.NOISE
    sure = [
        (gain - wider * noise, -trial.number, gain, wider * noise, cell, trial)
        for trial in trials
        for cell, (gain, noise) in trial.pooled(parts).items()
        if all(trial.parts[part]["gain"][cell] > 0 for part in parts)
    ]
    best = max(sure, key=lambda one: one[:3], default=None)
    if best is None or best[0] <= 0:
        return OriginChoice.default(recipe, f"nothing tried on {', '.join(parts)} is better by more than noise")
    rounds, share = best[4].split("/")
    why = (
        f"trial {best[5].number} of {len(trials) - 1}, {rounds} rounds, logistic share {share}: lowers the log loss by "
        f"{best[2]:.4f} (noise {best[3]:.4f}) on {', '.join(parts)}."
    )
    return OriginChoice(dict(best[5].numbers), int(rounds), float(share), why)
