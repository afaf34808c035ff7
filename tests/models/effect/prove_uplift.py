"""Part of `make prove-effect`: what models/effect/uplift promises, held against experiments with a planted truth.

    python tests/models/effect/prove_uplift.py            runs all, prints every figure, writes prove_uplift.json beside
    python tests/models/effect/prove_uplift.py --check    whether that record is of this code, and all passed

Whole experiments, LightGBM included, of 3,000 customers each. Promises: a ranking is claimed in at most 5% of
experiments in which treating does the same to everybody, harm in at most 5% where it does nothing, each plus two
standard errors; intervals of Qini and of the top's gain hold the judged rankings' true values in at least 95% less two
standard errors; planted differences and planted harm are found in at least nine of ten.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[3]))

from models.effect.uplift.qini import qini, top_gain
from models.effect.uplift.sequential import Judged, judge
from models.effect.uplift.verdict import MODEL, NOTHING, harmed_of, verdict_of
from tests.models.effect.planted_experiments import Mailing

ROOT = Path(__file__).resolve().parents[3]
RECORD = Path(__file__).with_suffix(".json")
RUNS, CUSTOMERS = 100, 3000
ALIKE = Mailing(CUSTOMERS, base=0.3, effect=0.04)
NO_EFFECT = Mailing(CUSTOMERS, base=0.3, effect=0.0)
DIFFERENT = Mailing(CUSTOMERS, base=0.3, effect=0.05, by_flag=0.15, by_history=0.12)
HARMFUL = Mailing(CUSTOMERS, base=0.5, effect=0.1, harmed=-0.4)


def _seeded(mailing: Mailing, run: int) -> Mailing:
    return Mailing(**{**mailing.__dict__, "seed": run})


def measured(mailing: Mailing, runs: int) -> dict[str, float]:
    """Shares of experiments: any ranking claimed, the model claimed, harm claimed, intervals that hold."""
    found: dict[str, list[float]] = {}
    for run in range(runs):
        experiment, truth = _seeded(mailing, run).experiment()
        judged = judge(experiment, seed=run)
        verdict = verdict_of(judged, 0.3, by_share=False)
        figures = {
            "claimed": verdict != NOTHING,
            "model": verdict == MODEL,
            "harm": harmed_of(judged, experiment) is not None,
            "qini_held": _qini_held(judged, truth),
            "gain_held": _gain_held(judged, truth),
        }
        for name, value in figures.items():
            found.setdefault(name, []).append(float(value))
    return {name: float(np.mean(values)) for name, values in found.items()}


def _qini_held(judged: Judged, truth: np.ndarray) -> float:
    found = qini(judged.psi, judged.model, judged.grouping)
    return float(found.low <= qini(truth[judged.rows], judged.model, judged.grouping).coefficient <= found.high)


def _gain_held(judged: Judged, truth: np.ndarray) -> float:
    found = top_gain(judged.psi, judged.model, None, 0.3, judged.grouping)
    return float(
        found.low <= top_gain(truth[judged.rows], judged.model, None, 0.3, judged.grouping).value <= found.high
    )


def promises(runs: int) -> list[tuple[str, Mailing, str, float, float]]:
    """Name, experiment, figure, and between what it must lie."""
    noise = 2 * (0.05 * 0.95 / runs) ** 0.5
    held = [
        (f"{figure} in 95%: {name}", one, figure, 0.95 - noise, 1.0)
        for figure in ("qini_held", "gain_held")
        for name, one in (("alike", ALIKE), ("different", DIFFERENT))
    ]
    return [
        ("nothing is claimed where all are alike", ALIKE, "claimed", 0.0, 0.05 + noise),
        ("no harm is claimed where treating does nothing", NO_EFFECT, "harm", 0.0, 0.05 + noise),
        ("differences are found", DIFFERENT, "claimed", 0.9, 1.0),
        ("harm is found", HARMFUL, "harm", 0.9, 1.0),
        *held,
    ]


def digest() -> str:
    """Of the code that was proven and of the proofs."""
    folders = (ROOT / "models" / "effect" / "uplift", ROOT / "models" / "learners")
    files = [*(path for folder in folders for path in sorted(folder.glob("*.py"))), Path(__file__)]
    files += [ROOT / "models" / "effect" / "robust.py", Path(__file__).with_name("planted_experiments.py")]
    whole = hashlib.sha256()
    for file in files:
        whole.update(file.name.encode() + b"\0" + file.read_bytes() + b"\0")
    return whole.hexdigest()


def prove(runs: int, say: Callable[[str], None] = print) -> list[dict[str, object]]:
    """Every promise, with what was found."""
    known: dict[Mailing, dict[str, float]] = {}
    rows: list[dict[str, object]] = []
    for name, mailing, figure, low, high in promises(runs):
        if mailing not in known:
            known[mailing] = measured(mailing, runs)
        value = known[mailing][figure]
        kept = low - 1e-9 <= value <= high + 1e-9
        rows.append({"promise": name, "found": value, "low": low, "high": high, "runs": runs, "is_kept": kept})
        say(f"{'kept  ' if kept else 'BROKEN'}  {value:.3f} in {low:.3f} to {high:.3f}  {name}")
    return rows


def main() -> int:
    """All proofs, or a look at their record."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--runs", type=int, default=RUNS)
    given = parser.parse_args()
    if given.check:
        record = json.loads(RECORD.read_text()) if RECORD.exists() else {}
        whole = record.get("digest") == digest() and all(one["is_kept"] for one in record["proofs"])
        print("The record is of this code, and every promise is kept." if whole else "Stale, or a promise is broken.")
        return 0 if whole else 1
    rows = prove(given.runs)
    if given.runs == RUNS:
        RECORD.write_text(json.dumps({"digest": digest(), "proofs": rows}, indent=1) + "\n")
    return 0 if all(one["is_kept"] for one in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
