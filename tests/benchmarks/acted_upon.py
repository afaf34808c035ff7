"""Four ways to train on customers whom our own lists contacted, in a year of weekly lists with monthly retraining.

Prints predicted less observed shares that leave untreated, of all customers and of the fifth at the highest risk, with
standard errors over months of the second half of the year: `make bench-acted-upon`.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tests.models.acted_upon_for_tests import KEEP, LEAVE_OUT, OUR_WAY, STAND_IN, misses

SEEDS, CUSTOMERS = range(4), 1500


def main() -> None:
    print(f"{'a contact brings back':<22} {'training':<24} {'all':>16} {'riskiest fifth':>18}")
    for effect in (0.0, 0.3):
        for how in (KEEP, OUR_WAY, LEAVE_OUT, STAND_IN):
            found = np.array([one for seed in SEEDS for one in misses(effect, how, seed, CUSTOMERS)])
            mean, error = found.mean(axis=0), found.std(axis=0) / np.sqrt(len(found))
            shown = [f"{100 * m:+.1f} ({100 * e:.1f})" for m, e in zip(mean, error, strict=True)]
            print(f"{effect:<22.0%} {how:<24} {shown[0]:>16} {shown[1]:>18}", flush=True)


if __name__ == "__main__":
    main()
