"""LightGBM boosters: no class weights, the same trees at any thread count, stored as text."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from models.learners import lightgbm_import

if TYPE_CHECKING:
    import lightgbm

Floats = npt.NDArray[np.floating[Any]]

# Strong regularisation: many moments of the same customers look like more evidence than they are.
FIXED: dict[str, Any] = {
    "verbosity": -1,
    "deterministic": True,
    "force_col_wise": True,
    "feature_pre_filter": False,
    "max_bin": 63,
    "lambda_l2": 5.0,
    "bagging_fraction": 0.5,
    "bagging_freq": 1,
    "cat_smooth": 50.0,
}


@dataclass(frozen=True)
class Boosters:
    """Several boosters of one recipe under different seeds; their log-odds are averaged."""

    texts: tuple[str, ...]

    def raw(self, x: Floats, *, threads: int = 1) -> Floats:
        """Mean raw prediction per row: log-odds, or the log of money."""
        return _mean_raw([_parsed(text) for text in self.texts], x, None, threads)

    def raw_by_rounds(self, x: Floats, grid: Sequence[int]) -> dict[int, Floats]:
        """`raw` by the first trees alone, for each number of trees in `grid`."""
        loaded = self._loaded()
        return {rounds: _mean_raw(loaded, x, rounds, 1) for rounds in grid}

    def contributions(self, x: Floats, *, threads: int = 1) -> Floats:
        """Mean exact contribution of each column per row (Lundberg et al. 2020), last column the base."""
        parts = [booster.predict(x, pred_contrib=True, num_threads=threads) for booster in self._loaded()]
        return np.asarray(np.mean(parts, axis=0), dtype=np.float64)

    def cut(self, rounds: int) -> Boosters:
        """The same boosters stopped after `rounds` trees."""
        return Boosters(tuple(_text(booster, rounds) for booster in self._loaded()))

    def _loaded(self) -> list[lightgbm.Booster]:
        lightgbm = lightgbm_import.load()
        return [lightgbm.Booster(model_str=text) for text in self.texts]


def fit(  # the one place where LightGBM is trained
    x: Floats,
    y: Floats,
    names: Sequence[str],
    *,
    categories: Sequence[int],
    seeds: Sequence[int],
    rounds: int,
    objective: dict[str, Any],
    threads: int = 1,
) -> Boosters:
    """Boosters of exactly `rounds` trees, one per seed.

    Args:
        x: rows by `names`, float32; NaN only in `categories`.
        y: the target.
        names: column names, letters, digits and `_` only.
        categories: places of the category columns.
        seeds: one booster each.
        rounds: trees per booster.
        objective: LightGBM's parameters for loss, trees and leaves.
        threads: of LightGBM; they change the time, never the trees. More than one waits for the slowest at every step.
    """
    lightgbm = lightgbm_import.load()
    shared = {**FIXED, **objective, "num_threads": threads, "data_random_seed": 1}
    data = lightgbm.Dataset(
        x, label=y, feature_name=list(names), categorical_feature=list(categories), params=shared, free_raw_data=False
    ).construct()
    texts = []
    for seed in seeds:
        booster = lightgbm.train({**shared, "seed": seed}, data, num_boost_round=rounds)
        texts.append(_text(booster, None))
    return Boosters(tuple(texts))


@lru_cache(maxsize=16)
def _parsed(text: str) -> lightgbm.Booster:
    """Reading a model's text takes as long as predicting thousands of rows: not again for every chunk of them.

    Only for predictions by all trees: a booster that is asked in two threads for different numbers of trees mixes them.
    """
    return lightgbm_import.load().Booster(model_str=text)


def _mean_raw(boosters: Sequence[lightgbm.Booster], x: Floats, rounds: int | None, threads: int) -> Floats:
    total = np.zeros(len(x))
    for booster in boosters:
        total += booster.predict(x, raw_score=True, num_iteration=rounds, num_threads=threads)
    return total / len(boosters)


def _text(booster: lightgbm.Booster, rounds: int | None) -> str:
    """The model's text without the one line that depends on the machine."""
    return re.sub(r"(?m)^\[num_threads: .*\]\n", "", booster.model_to_string(num_iteration=rounds))
