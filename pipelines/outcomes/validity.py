"""What must hold before a campaign's effect is claimed, from its customers: the gates of models/effect/gates.py.

Balance is judged by what the list knew of each customer when the arm was drawn.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from models.effect.counts import Counts
from models.effect.gates import Gate, attrition, balance, contamination, events, sample_ratio
from models.effect.weighted import measurable
from pipelines.ledger.assignment import ESTIMATED

if TYPE_CHECKING:
    import pandas as pd

Floats = npt.NDArray[np.float64]
OTHER_MARKETING = "other_marketing"
_FEWEST = 20  # customers with a word, for it to be a column of its own


def gates_of(people: pd.DataFrame, counts: Counts) -> list[Gate]:
    """Every gate, those that are not passed first.

    Args:
        people: of the campaign, whose horizon is over; see people.PEOPLE.
        counts: of those who are compared, one look.
    """
    free = people[measurable(people["chance"])]
    arm, stratum = free["contacted_arm"].to_numpy(dtype=bool), free["stratum"].astype("str").to_numpy()
    known = free["left"].notna().to_numpy()
    found = [
        contamination(arm, free["contacts"].to_numpy() > 0),
        balance(arm, covariates(free), stratum),
        attrition(arm, known),
        replace(_marketing(free[known]), withholds=False),
        events(counts),
    ]
    if not (free["known_from"] == ESTIMATED).any():
        found.insert(0, sample_ratio(arm, free["chance"].to_numpy(dtype=np.float64)))
    return sorted(found, key=lambda gate: gate.passed)


def _marketing(people: pd.DataFrame) -> Gate:
    marketed = people["marketed"].fillna(value=False).to_numpy(dtype=bool)
    return attrition(people["contacted_arm"].to_numpy(dtype=bool), ~marketed, name=OTHER_MARKETING)


def covariates(people: pd.DataFrame) -> Floats:
    """What a list knew of its customers: risk, money at risk, kind, action and channel. Customers by columns."""
    risk = people["churn_probability"].to_numpy(dtype=np.float64)
    money = np.log1p(np.maximum(people["value_at_risk"].to_numpy(dtype=np.float64), 0.0))
    columns = [_filled(one) for one in (risk, money)]
    for name in ("segment", "action", "channel"):
        words = people[name].fillna("").astype("str")
        usual = words.value_counts()
        columns += [(words == word).to_numpy(dtype=np.float64) for word in sorted(usual[usual >= _FEWEST].index)]
    return np.stack(columns, axis=1) if len(people) else np.zeros((0, len(columns)))


def _filled(values: Floats) -> Floats:
    known = np.isfinite(values)
    return np.where(known, values, values[known].mean() if known.any() else 0.0)


def gate_rows(gates: list[Gate]) -> list[dict[str, Any]]:
    """Gates as JSON has them."""
    return [
        {
            "gate": gate.name,
            "passed": gate.passed,
            "withholds": gate.withholds,
            "found": round(gate.number, 6),
            "threshold": gate.threshold,
            "facts": {name: round(value, 6) for name, value in gate.facts.items()},
        }
        for gate in gates
    ]
