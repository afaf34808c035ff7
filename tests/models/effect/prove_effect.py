"""`make prove-effect`: what models/effect promises, held against campaigns with a planted truth.

    python tests/models/effect/prove_effect.py            runs all, prints every figure, writes prove_effect.json beside
    python tests/models/effect/prove_effect.py --check    whether that record is of this code, and all passed

Exit code 1 where a promise is broken or the record is stale. Promises: an interval looked at once covers at least
93.5%, and at most 97% where each arm expects 10 leavers and stayers; at most 5% of campaigns without an effect claim
one over all their weekly looks, plus two standard errors; an effect of the size that the sentence before the campaign
names is found in 78 to 85%; confidence sequences hold at all looks in at least 95%. A scenario's name is its seed.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[3]))

from models.decision import lottery
from models.decision.control_group import CONTACT
from models.effect.counts import Counts
from models.effect.robust import robust_effect
from models.effect.sequential.boundary import KINDS
from models.effect.sequential.trial import SPARE, WANTED, Trial, power, smallest_effect
from models.effect.shares import claims
from models.effect.weighted import weighted_means, weighted_shares
from tests.models.effect.planted import (
    Scenario,
    always_covered_share,
    claimed_share,
    covered_share,
    drifting_claimed_share,
)

ROOT = Path(__file__).resolve().parents[3]
RECORD = Path(__file__).with_suffix(".json")
RUNS = 10_000
ARMS = ((300, 33), (1000, 110), (150, 150), (2000, 220), (4000, 100))
BASES = (0.05, 0.1, 0.2, 0.4, 0.6)
STRATA = ((600.0, 300.0, 100.0), (66.0, 33.0, 11.0), (0.1, 0.4, 0.8))


@dataclass(frozen=True)
class Promise:
    """What must hold in one scenario: between what a share of so many runs must lie, and how it is measured."""

    promise: str
    scenario: str
    low: float
    high: float
    runs: int
    measure: Callable[[int], float]

    def proof(self, runs: int = 0) -> Proof:
        runs = runs or self.runs
        return Proof(self.promise, self.scenario, self.measure(runs), self.low, self.high, runs)


@dataclass(frozen=True)
class Proof:
    """What was found of a promise."""

    promise: str
    scenario: str
    found: float
    low: float
    high: float
    runs: int

    @property
    def is_kept(self) -> bool:
        return self.low <= self.found <= self.high


def most_false(runs: int) -> float:
    """5% and two standard errors."""
    return 0.05 + 2 * (0.05 * 0.95 / runs) ** 0.5


def trial(arms: tuple[float, float], base: float, weeks: int = 1, kind: str = KINDS[0]) -> Trial:
    fractions = tuple(float(n) for n in np.arange(1, weeks + 1) / weeks)
    return Trial(*(np.array([float(one)]) for one in (*arms, base)), fractions=fractions, kind=kind)


def strata(weeks: int = 1, kind: str = KINDS[0]) -> Trial:
    fractions = tuple(float(n) for n in np.arange(1, weeks + 1) / weeks)
    return Trial(*(np.array(one) for one in STRATA), fractions=fractions, kind=kind)


def coverage() -> Iterator[Promise]:
    """Few and many, common and rare, kept, driven away and nothing."""
    for arms in ((20, 20), (90, 10), *ARMS):
        for base in (0.01, *BASES, 0.9, 0.98):
            for success in (-0.1, 0.0, 0.3):
                one = Scenario(trial(arms, base), success if base * (1 - success) <= 1 else 0.0, "coverage")
                rates = (base, base * (1 - one.success))
                cells = [n * q for n, p in zip(arms[::-1], rates, strict=True) for q in (p, 1 - p)]
                most = 0.97 if min(cells) >= 10 else 1.0
                yield Promise("coverage", one.name, 0.935, most, RUNS, partial(covered_share, one))
    for success in (-0.1, 0.0, 0.2):
        one = Scenario(strata(), success, "coverage")
        yield Promise("coverage", one.name, 0.935, 0.97, RUNS, partial(covered_share, one))


def campaigns() -> Iterator[Trial]:
    for kind in KINDS:
        for weeks in (8, 26):
            yield strata(weeks, kind)
            for arms in ARMS if weeks == 8 else ARMS[1:3]:
                for base in BASES:
                    planned = trial(arms, base, weeks, kind)
                    if planned.is_enough:
                        yield planned


def weekly_looks() -> Iterator[Promise]:
    """False claims, and effects of the size that is named beforehand, with a look every week."""
    for planned in campaigns():
        nothing = Scenario(planned, 0.0, "false claims")
        yield Promise("false claims", nothing.name, 0.0, most_false(RUNS), RUNS, partial(claimed_share, nothing))
        if power(planned.mean_base_rate, planned) > WANTED + SPARE:
            yield Promise("named effect found", nothing.name, 0.78, 0.85, RUNS, partial(_named_found, planned))


def _named_found(planned: Trial, runs: int) -> float:
    least = smallest_effect(planned)
    assert least is not None
    return claimed_share(Scenario(planned, least / planned.mean_base_rate, "named effect"), runs)


def sequences() -> Iterator[Promise]:
    """Two years of weekly looks, from the first customer on."""
    for arms in ((2000, 220), (600, 600)):
        for base in (0.02, 0.3):
            for success in (-0.2, 0.0, 0.3):
                one = Scenario(trial(arms, base, 104), success, "sequence")
                yield Promise("confidence sequence", one.name, 0.95, 1.0, RUNS, partial(always_covered_share, one))


def weighted() -> Iterator[Promise]:
    """Shares and money, with assignment probabilities that vary; money that two in five spend, by factors."""
    for sizes in ((300, 33),):
        for name, base, effect in (("shares", 0.4, 0.1), ("rare", 0.03, 0.0)):
            one = Scenario(trial(sizes, base), effect, f"weighted {name}")
            measure = partial(_shares_held, one, sizes, effect)
            yield Promise("weighted coverage", one.name, 0.935, 1.0, RUNS, measure)
        for scale in (1.0, 0.8):
            one = Scenario(trial(sizes, 0.4), scale, "weighted money")
            measure = partial(_money_held, one, sizes, scale)
            yield Promise("weighted coverage", one.name, 0.935, 1.0, RUNS, measure)


def _drawn(rng: np.random.Generator, sizes: tuple[int, int]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Half of the customers, who leave twice as often, are held out twice as often."""
    whole, share = sum(sizes), sizes[1] / sum(sizes)
    risky = np.arange(whole) % 2 == 0
    p = 1 - np.where(risky, share * 4 / 3, share * 2 / 3)
    return rng.random(whole) < p, p, risky


def _shares_held(one: Scenario, sizes: tuple[int, int], effect: float, runs: int) -> float:
    rng, base, held = one.random, float(one.trial.base_rate[0]), 0
    for _ in range(runs):
        arm, p, risky = _drawn(rng, sizes)
        left = rng.random(len(p)) < np.where(risky, base * 4 / 3, base * 2 / 3) * (1 - arm * effect)
        found = weighted_shares(arm, p, left)
        held += bool(found.low <= base * effect + 1e-9 and found.high >= base * effect - 1e-9)
    return held / runs


def _money_held(one: Scenario, sizes: tuple[int, int], scale: float, runs: int) -> float:
    rng, held, mean = one.random, 0, 0.4 * np.exp(0.5)
    for _ in range(runs):
        arm, p, _ = _drawn(rng, sizes)
        money = rng.lognormal(0, 1, len(p)) * (rng.random(len(p)) < 0.4) * np.where(arm, scale, 1.0)
        found = weighted_means(arm, p, money)
        held += not found.low > mean * (scale - 1) and not found.high < mean * (scale - 1)
    return held / runs


def doubly_robust() -> Iterator[Promise]:
    """The check agrees with the plain estimate within its noise."""
    one = Scenario(trial((1000, 300), 0.4), 0.2, "doubly robust")
    yield Promise("doubly robust agrees", one.name, 0.95, 1.0, 1000, partial(_agreed, one))


def _agreed(one: Scenario, runs: int) -> float:
    rng, close = one.random, 0
    for _ in range(runs):
        arm, p, risky = _drawn(rng, (1000, 300))
        x = np.column_stack([risky, rng.normal(size=len(p))])
        stayed = rng.random(len(p)) > np.clip(0.4 + 0.1 * x[:, 1], 0, 1) * (1 - 0.2 * arm)
        checked, plain = robust_effect(arm, p, stayed, x), weighted_means(arm, p, stayed)
        close += abs(checked.effect - plain.difference) < 2 * plain.error
    return close / runs


def drawn_by_lot() -> Iterator[Promise]:
    """A lottery of 150 places among 300, by its own draws: it finds what it promises, and nothing where there is
    nothing. Risk falls along the ranking from a half to three in ten."""
    risk, runs = np.linspace(0.5, 0.3, 300), 1500
    planned = Trial.of_lottery(150, 1, float(risk.mean()))
    least = smallest_effect(planned)
    assert least is not None
    for success, low, high in ((least / risk.mean(), 0.78, 0.85), (0.0, 0.0, most_false(runs))):
        one = Scenario(planned, success, "lottery")
        yield Promise("lottery", one.name, low, high, runs, partial(_lottery_claimed, one, risk, success))


def _lottery_claimed(one: Scenario, risk: np.ndarray, success: float, runs: int) -> float:
    return float(np.mean([_lottery_claims(n, risk, success, one) for n in range(runs)]))


def _lottery_claims(run: int, risk: np.ndarray, success: float, one: Scenario) -> bool:
    rng = np.random.default_rng([run, int(one.random.integers(2**32))])
    listed = [lottery.Candidate(f"c{n}", str(n // 100)) for n in range(500)]
    design = lottery.Design(300, 150, 4, f"{one.name} {run}", "proof")
    arm = np.array([a.group == CONTACT for a in lottery.draw(listed, {}, design) if a.by == lottery.DRAWN])
    left = rng.random(300) < risk * (1 - success * arm)
    return bool(claims(Counts.of(arm, left)[None], one.trial.criticals)[0])


def drift() -> Iterator[Promise]:
    """Base rate and share held out change from week to week: nothing is claimed of that."""
    name = "drift of base rate and share"
    yield Promise("false claims", name, 0.0, most_false(RUNS), RUNS, partial(drifting_claimed_share, name, 0.0))


PROOFS = (coverage, weekly_looks, drift, sequences, weighted, doubly_robust, drawn_by_lot)


def digest() -> str:
    """Of the code that was proven and of the proofs."""
    files = [*sorted((ROOT / "models" / "effect").glob("*.py")), Path(__file__), Path(__file__).with_name("planted.py")]
    whole = hashlib.sha256()
    for file in files:
        whole.update(file.name.encode() + b"\0" + file.read_bytes() + b"\0")
    return whole.hexdigest()


def main() -> int:
    """All proofs, or a look at their record."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="only look at the record")
    if parser.parse_args().check:
        record = json.loads(RECORD.read_text())
        stale = record["code"] != digest()
        print("The record is of other code: run `make prove-effect`." if stale else "The record is of this code.")
        return int(stale or record["broken"] > 0)
    found, code = [], digest()
    for proofs in PROOFS:
        for promise in proofs():
            one = promise.proof()
            found.append(one)
            sign = "kept  " if one.is_kept else "BROKEN"
            print(
                f"{sign} {one.promise}: {one.found:.4f} in [{one.low:.4f}, {one.high:.4f}] {one.scenario}", flush=True
            )
    broken = sum(not one.is_kept for one in found)
    record = {
        "code": code,
        "seed": "the scenario's name",
        "broken": broken,
        "proofs": [asdict(one) for one in found],
    }
    RECORD.write_text(json.dumps(record, indent=1) + "\n")
    print(f"{len(found) - broken} of {len(found)} promises kept.")
    return int(broken > 0)


if __name__ == "__main__":
    raise SystemExit(main())
