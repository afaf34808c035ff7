"""Scores in, list out: who comes first, how long the list is, how high each risk stands against the usual.

`scores`: one row per eligible customer: customer_id, as_of, churn_probability (0..1), expected_value, value_at_risk
(money in the horizon; null for every row of a stream without money), model_version.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from models.problems import ModelProblem

REASONS = ("reason_1", "reason_2", "reason_3")
LIST_COLUMNS = (
    "rank",
    "customer_id",
    "churn_probability",
    "risk_tier",
    "expected_value",
    "value_at_risk",
    "segment",
    *REASONS,
    "as_of",
    "model_version",
    "list_id",
)
LOWEST_TIER = "low"
TIERS = ("very high", "high", "medium", LOWEST_TIER)
_DIGITS = 6  # what two kinds of processor agree on; also what the list's identity is taken from


def has_money(scores: pd.DataFrame) -> bool:
    """Whether the stream knows money: the list is ranked by value at risk, otherwise by probability."""
    return bool(scores["value_at_risk"].notna().any())


def ranked(scores: pd.DataFrame) -> pd.DataFrame:
    """Every scored customer with a `rank` from 1: most value at risk first (no money: most probable first).

    Figures are rounded to six digits first and equal ones are ordered by customer_id: the input's order never matters.

    Raises:
        ModelProblem: a score is missing, a customer appears twice, or only some customers have money.
    """
    _require_sound(scores)
    table = scores.copy()
    figures = ["churn_probability", "expected_value", "value_at_risk"]
    table[figures] = table[figures].astype("float64").round(_DIGITS)
    table["customer_id"] = table["customer_id"].astype("str")
    by = "value_at_risk" if has_money(table) else "churn_probability"
    table = table.sort_values([by, "customer_id"], ascending=[False, True], kind="stable", ignore_index=True)
    table.insert(0, "rank", np.arange(1, len(table) + 1, dtype="int32"))
    return table


def base_rate(scores: pd.DataFrame) -> float:
    """The risk of the average customer today (0..1): the mean probability of everyone scored, listed or not."""
    return float(scores["churn_probability"].astype("float64").mean())


def tier_floors(base: float, odds: Mapping[str, float]) -> dict[str, float]:
    """The probability from which each tier begins, highest tier first; below the last one the tier is `low`.

    `odds` says how many times the average customer's odds of leaving, p / (1 - p), a tier asks for. Where few leave
    this is the lift against the base rate (6 times as likely); where most leave, and no lift of 6 is possible, it still
    tells customers apart:

        base rate    very high (6)    high (3)    medium (1)
             0.02             0.11        0.06          0.02
             0.14             0.49        0.33          0.14
             0.60             0.90        0.82          0.60
    """
    average = min(max(base, 1e-6), 1 - 1e-6)
    tiers = sorted(odds.items(), key=lambda tier: -tier[1])
    return {name: times * average / (1 - average + times * average) for name, times in tiers}


def risk_tiers(probability: Sequence[float] | pd.Series[float], floors: Mapping[str, float]) -> list[str]:
    """The tier of every probability. A probability exactly at a floor belongs to the higher tier."""
    return [
        next((name for name, floor in floors.items() if chance >= round(floor, _DIGITS)), LOWEST_TIER)
        for chance in probability
    ]


def decide(
    scores: pd.DataFrame,
    *,
    capacity: int,
    tiers: Mapping[str, float],
    others: Mapping[str, pd.DataFrame] | None = None,
) -> pd.DataFrame:
    """The first `capacity` customers with their tiers; segment and reasons are still to be filled (see `complete`).

    `tiers`: see `tier_floors`. `others`: scores of further churn definitions, each adding a column
    `churn_probability_{definition}` (null for a customer who is not eligible there).
    """
    table = ranked(scores).head(capacity).reset_index(drop=True)
    table["risk_tier"] = risk_tiers(table["churn_probability"], tier_floors(base_rate(scores), tiers))
    for definition, other in (others or {}).items():
        probability = pd.Series(other["churn_probability"].to_numpy("float64"), other["customer_id"].astype("str"))
        table[f"churn_probability_{definition}"] = table["customer_id"].map(probability).round(_DIGITS)
    return table


def complete(
    decided: pd.DataFrame, segments: Sequence[str] | pd.Series[str], reasons: Sequence[Sequence[str]]
) -> pd.DataFrame:
    """The list itself: contract columns in their order, then further definitions. A reason that is not there is ""."""
    table = decided.copy()
    table["segment"] = np.asarray(segments, dtype=object)
    for place, name in enumerate(REASONS):
        table[name] = [row[place] if place < len(row) else "" for row in reasons]
    further = [name for name in decided.columns if name.startswith("churn_probability_")]
    table = table[[*(name for name in LIST_COLUMNS if name != "list_id"), *further]]
    table.insert(len(LIST_COLUMNS) - 1, "list_id", list_id(table))
    return table


def list_id(table: pd.DataFrame) -> str:
    """Sixteen hex digits of SHA-256 over the content: the same list has the same id, on any day and machine."""
    content = table.drop(columns="list_id", errors="ignore")
    text = content.to_csv(index=False, float_format=f"%.{_DIGITS}f", date_format="%Y-%m-%d", lineterminator="\n")
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _require_sound(scores: pd.DataFrame) -> None:
    faults = []
    if scores.empty:
        faults.append("scores: there is no customer to rank. Score at least one eligible customer.")
    unscored = scores.loc[scores["churn_probability"].isna(), "customer_id"]
    if len(unscored):
        faults.append(
            f"scores: {len(unscored):,} of {len(scores):,} customers have no probability ({_some(unscored)})."
        )
    twice = scores.loc[scores["customer_id"].duplicated(), "customer_id"]
    if len(twice):
        faults.append(
            f"scores: {len(twice):,} of {len(scores):,} rows repeat a customer ({_some(twice)}). Allowed: one row each."
        )
    poor = scores.loc[scores["value_at_risk"].isna(), "customer_id"]
    if 0 < len(poor) < len(scores):
        faults.append(
            f"scores: {len(poor):,} of {len(scores):,} customers have no value at risk ({_some(poor)}). "
            "Allowed: money for everyone, or for nobody."
        )
    if faults:
        raise ModelProblem("\n".join(faults))


def _some(ids: pd.Series[str]) -> str:
    return ", ".join(str(one) for one in ids.head(5)) + (", ..." if len(ids) > 5 else "")
