"""Ranking: expected net value of a contact, order of the list, risk tiers, and the list's columns.

`scores`: one row per eligible customer: customer_id, as_of, churn_probability (0..1), expected_value, value_at_risk
(money in the horizon; null for every row of a stream without money), model_version.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from models.errors import ModelError

if TYPE_CHECKING:
    import pandas as pd

Floats = npt.NDArray[np.floating[Any]]

REASONS = ("reason_1", "reason_2", "reason_3")
LIST_COLUMNS = (
    "rank",
    "customer_id",
    "churn_probability",
    "risk_tier",
    "expected_value",
    "value_at_risk",
    "expected_net_value",
    "segment",
    *REASONS,
    "change",
    "action",
    "channel",
    "owner",
    "send_by",
    "group",
    "as_of",
    "model_version",
    "list_id",
)
SUPPRESSED_COLUMNS = ("customer_id", "rank", "churn_probability", "value_at_risk", "rule", "said", "as_of", "list_id")
"""Of the table of customers whom a rule suppressed, in held_back.csv."""

LOWEST_TIER = "low"
TIERS = ("very high", "high", "medium", LOWEST_TIER)
_DIGITS = 6  # what two kinds of processor agree on; also what the list's identity is taken from


def has_money(scores: pd.DataFrame) -> bool:
    """Whether the stream knows money: the list is ranked by net value, otherwise by probability."""
    return bool(scores["value_at_risk"].notna().any())


def net_value(
    probability: Floats, worth: Floats, *, success: Floats | float, cost: Floats | float, incentive: Floats | float
) -> Floats:
    """Expected net value of contacting a customer, in money; as profit.py counts it, for one customer.

    p * success * (worth - incentive) - (1 - p) * incentive - cost: who was leaving stays with probability `success` and
    takes the offer, who was not leaving takes it too. `worth`: what the customer brings, if kept; null gives null.
    """
    kept = probability * success * (worth - incentive)
    return np.asarray(kept - (1 - probability) * incentive - cost, dtype=np.float64)


def spending(
    probability: Floats, *, success: Floats | float, cost: Floats | float, incentive: Floats | float
) -> Floats:
    """Money that contacting a customer is expected to cost: the contact, and the offer where it is taken."""
    taken = probability * success + 1 - probability
    return np.asarray(cost + incentive * taken, dtype=np.float64)


def with_ranks(scores: pd.DataFrame) -> pd.DataFrame:
    """Every customer with a `rank` from 1: most `expected_net_value` first (no money: most probable first).

    Where no net value is given, most value at risk comes first. Figures are rounded to six digits first and equal ones
    are ordered by customer_id: the input's order never matters.

    Raises:
        ModelError: a score is missing, a customer appears twice, or only some customers have money.
    """
    require_sound(scores)
    table = rounded(scores)
    by = ranking_column(table)
    table = table.sort_values([by, "customer_id"], ascending=[False, True], kind="stable", ignore_index=True)
    table.insert(0, "rank", np.arange(1, len(table) + 1, dtype="int32"))
    return table


def ranking_column(scores: pd.DataFrame) -> str:
    """The column that ranks."""
    if not has_money(scores):
        return "churn_probability"
    return "expected_net_value" if "expected_net_value" in scores else "value_at_risk"


def rounded(scores: pd.DataFrame) -> pd.DataFrame:
    """A copy with figures of six digits and ids as text."""
    table = scores.copy()
    figures = ["churn_probability", "expected_value", "value_at_risk"]
    figures += ["expected_net_value"] if "expected_net_value" in table else []
    table[figures] = table[figures].astype("float64").round(_DIGITS)
    table["customer_id"] = table["customer_id"].astype("str")
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
    values, tier = np.asarray(probability, dtype=np.float64), np.full(len(probability), LOWEST_TIER, dtype=object)
    for name, floor in reversed(list(floors.items())):
        tier[values >= round(floor, _DIGITS)] = name
    return [str(name) for name in tier]


def with_further_definitions(table: pd.DataFrame, others: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """`table` with a column `churn_probability_{definition}` for each further definition's scores.

    Null for a customer who is not eligible there: one list, one row per customer, however many definitions.
    """
    import pandas as pd

    wide = table.copy()
    for definition, other in others.items():
        probability = pd.Series(other["churn_probability"].to_numpy("float64"), other["customer_id"].astype("str"))
        wide[f"churn_probability_{definition}"] = wide["customer_id"].map(probability).round(_DIGITS)
    return wide


def list_table(decided: pd.DataFrame) -> pd.DataFrame:
    """The list itself: contract columns in their order, then further definitions, and the `list_id` of it all."""
    further = [name for name in decided.columns if name.startswith("churn_probability_")]
    table = decided[[*(name for name in LIST_COLUMNS if name != "list_id"), *further]]
    table.insert(len(LIST_COLUMNS) - 1, "list_id", list_id(table))
    return table


def with_reasons(decided: pd.DataFrame, reasons: Sequence[Sequence[str]]) -> pd.DataFrame:
    """`decided` with the columns of REASONS. A reason that is not there is ""."""
    columns = {name: [row[index] if index < len(row) else "" for row in reasons] for index, name in enumerate(REASONS)}
    return decided.assign(**columns)


def list_id(table: pd.DataFrame) -> str:
    """`L` and sixteen hex digits of SHA-256 over the content: the same list has the same id, on any day and machine.

    The letter keeps spreadsheets from taking the id for a number. Ids of lists that were published without it stay.
    """
    content = table.drop(columns="list_id", errors="ignore")
    text = content.to_csv(index=False, float_format=f"%.{_DIGITS}f", date_format="%Y-%m-%d", lineterminator="\n")
    return "L" + hashlib.sha256(text.encode()).hexdigest()[:16]


def require_sound(scores: pd.DataFrame) -> None:
    """Raise ModelError unless everyone has one probability, and everyone or nobody has money."""
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
    moneyless = scores.loc[scores["value_at_risk"].isna(), "customer_id"]
    if 0 < len(moneyless) < len(scores):
        faults.append(
            f"scores: {len(moneyless):,} of {len(scores):,} customers have no value at risk ({_some(moneyless)}). "
            "Allowed: money for everyone, or for nobody."
        )
    if faults:
        raise ModelError("\n".join(faults))


def _some(ids: pd.Series[str]) -> str:
    return ", ".join(str(customer) for customer in ids.head(5)) + (", ..." if len(ids) > 5 else "")
