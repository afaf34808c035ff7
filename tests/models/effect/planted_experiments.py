"""E-mail experiments with a planted truth: a mailing against none, visits, and what was known of each customer before.

Of the shape of public ones: a tenth visit anyway, four points more with the mailing, half of the customers have bought
of a kind that the mailing shows, past spending is skewed.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.special import expit, logit

from models.effect.uplift.experiment import Column, Experiment, experiment_of

PLACES = ("Rural", "Surburban", "Urban")
CHANNELS = ("Multichannel", "Phone", "Web")


@dataclass(frozen=True)
class Mailing:
    """What a mailing does.

    Attributes:
        customers: of both arms.
        base: share that visits without it.
        effect: on everybody, in shares.
        by_flag: how much more it is where `womens` is 1 than where it is 0; the mean stays.
        by_history: how much more it is per standard deviation of log spending.
        harmed: what it is instead on those `newbie` by Phone, about a fifth; None: as on the others.
        treated: share that gets it.
        seed: of another experiment of the same kind.
    """

    customers: int
    base: float = 0.1
    effect: float = 0.04
    by_flag: float = 0.0
    by_history: float = 0.0
    harmed: float | None = None
    treated: float = 0.5
    seed: int = 0

    def table(self) -> pd.DataFrame:
        """One row per customer; `effect` is the planted truth."""
        rng, n = np.random.default_rng([zlib.crc32(repr(self).encode()), self.seed]), self.customers
        z, womens = rng.normal(size=n), rng.random(n) < 0.5
        frame = pd.DataFrame(
            {
                "recency": rng.integers(1, 13, n),
                "history": np.round(np.exp(5 + z), 2),
                "mens": ((rng.random(n) < 0.3) | ~womens).astype(int),
                "womens": womens.astype(int),
                "zip_code": rng.choice(PLACES, n, p=(0.15, 0.45, 0.4)),
                "newbie": rng.integers(0, 2, n),
                "channel": rng.choice(CHANNELS, n, p=(0.12, 0.44, 0.44)),
            }
        )
        effect = self.effect + self.by_flag * (womens - 0.5) + self.by_history * z
        if self.harmed is not None:
            effect = np.where((frame["newbie"] == 1) & (frame["channel"] == "Phone"), self.harmed, effect)
        base = expit(logit(self.base) - 0.08 * (frame["recency"] - 6.5) + 0.2 * z)
        arm = rng.random(n) < self.treated
        chance = np.clip(base + arm * effect, 0, 1)
        frame["segment"] = np.where(arm, "Womens E-Mail", "No E-Mail")
        frame["visit"] = (rng.random(n) < chance).astype(int)
        return frame.assign(effect=np.clip(base + effect, 0, 1) - base)

    def experiment(self) -> tuple[Experiment, np.ndarray]:
        """As arrays, and each customer's true effect."""
        table = self.table()
        x, columns = features(table)
        treated, p = table["segment"] == "Womens E-Mail", np.full(len(table), self.treated)
        return experiment_of(treated, p, table["visit"], x, columns), table["effect"].to_numpy()


def features(table: pd.DataFrame) -> tuple[np.ndarray, list[Column]]:
    """Numbers as they are, words as codes."""
    kinds = {"zip_code": PLACES, "channel": CHANNELS}
    names = ["recency", "history", "mens", "womens", "zip_code", "newbie", "channel"]
    coded = {name: table[name].map(kinds[name].index) if name in kinds else table[name] for name in names}
    return pd.DataFrame(coded).to_numpy(dtype=float), [Column(name, kinds.get(name)) for name in names]
