"""Campaigns with a planted truth, many at once: what the functions of models/effect say of them is held against it.

A scenario's name is its seed: `Scenario.random` depends on nothing else.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np

from models.effect.counts import Counts
from models.effect.sequential.boundary import OBRIEN_FLEMING
from models.effect.sequential.sequence import sequence_critical
from models.effect.sequential.trial import Trial, criticals_of
from models.effect.shares import claims


@dataclass(frozen=True)
class Scenario:
    """A trial and the effect that is planted in it (a share of the base rate in every stratum; below 0: harm)."""

    trial: Trial
    success: float
    what: str = ""

    @property
    def name(self) -> str:
        t = self.trial
        arms = f"{t.contacted.tolist()}-{t.control.tolist()}-{t.base_rate.tolist()}"
        return f"{arms}-{len(t.fractions)}-{t.kind}-{self.success:.6f}-{self.what}"

    @property
    def random(self) -> np.random.Generator:
        return np.random.default_rng(int.from_bytes(hashlib.sha256(self.name.encode()).digest()[:8]))

    @property
    def effect(self) -> float:
        return self.success * self.trial.mean_base_rate


def looks_of(scenario: Scenario, runs: int, fractions: tuple[float, ...] | None = None) -> Counts:
    """Counts by run, look and stratum: customers come in equal shares of either arm, as their outcomes become known."""
    trial, rng = scenario.trial, scenario.random
    t = np.array(trial.looks if fractions is None else fractions)[:, None]
    n1, n0 = np.rint(t * trial.contacted).astype(int), np.rint(t * trial.control).astype(int)
    p0 = trial.base_rate
    p1 = np.clip(p0 * (1 - scenario.success), 0, 1)
    left = [
        rng.binomial(np.diff(n, axis=0, prepend=0), p, (runs, *n.shape)).cumsum(axis=1).astype(float)
        for n, p in ((n1, p1), (n0, p0))
    ]
    return Counts(n1.astype(float), left[0], n0.astype(float), left[1])


def claimed_share(scenario: Scenario, runs: int) -> float:
    """Share of runs in which some planned look claims an effect."""
    return float(claims(looks_of(scenario, runs), scenario.trial.criticals).any(axis=1).mean())


def covered_share(scenario: Scenario, runs: int) -> float:
    """Share of runs whose interval at the end, looked at once, holds what was planted."""
    counts = looks_of(scenario, runs, (1.0,))
    return 1 - float(claims(counts, effect=scenario.effect).mean())


def always_covered_share(scenario: Scenario, runs: int) -> float:
    """Share of runs in which the confidence sequence holds what was planted at every look; no look is left out."""
    counts = looks_of(scenario, runs, scenario.trial.fractions)
    customers = (counts.contacted + counts.control).sum(axis=-1)
    critical = sequence_critical(customers, best_at=float(customers[-1]) / 2)
    return 1 - float(claims(counts, critical, effect=scenario.effect).any(axis=1).mean())


def drifting_claimed_share(name: str, success: float, runs: int) -> float:
    """Share of runs that claim an effect in 8 weekly looks while the base rate rises from 20 to 50% and the share that
    is held out from 5 to 30%; weeks are the strata, as they are of the assignment."""
    rng = np.random.default_rng(int.from_bytes(hashlib.sha256(name.encode()).digest()[:8]))
    share, base = np.linspace(0.05, 0.3, 8), np.linspace(0.2, 0.5, 8)
    n0 = np.rint(250 * share)
    n1 = 250 - n0
    x1 = rng.binomial(n1.astype(int), base * (1 - success), (runs, 8)).astype(float)
    x0 = rng.binomial(n0.astype(int), base, (runs, 8)).astype(float)
    known = np.tri(8)  # at look k the first k weeks
    counts = Counts(known * n1, known * x1[:, None], known * n0, known * x0[:, None])
    return float(claims(counts, criticals_of(np.arange(1, 9) / 8, OBRIEN_FLEMING)).any(axis=1).mean())
