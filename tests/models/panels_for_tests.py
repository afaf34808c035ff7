"""A made-up panel: leaving follows days since the last order and the order count; everything else is noise."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from models.training.panel import Panel

DEFINITION = {
    "kind": "silence",
    "activity": "placed_order",
    "active_within_days": 56,
    "gap_days": 0,
    "horizon_days": 28,
}
MOMENTS = ("2021-01-04", "2021-02-01", "2021-03-01", "2021-03-29", "2021-04-26", "2021-05-24")
RFMT = (
    ("placed_order_days_since_last", "days_since_last", None),
    ("placed_order_count_364d", "count", 364),
    ("placed_order_total_value_364d", "total_value", 364),
    ("placed_order_days_since_first", "days_since_first", None),
)
SUMMARY = ("btyd_frequency", "btyd_recency", "btyd_age")


def info(name: str, measure: str, days: int | None = None, activity: str = "placed_order") -> dict[str, Any]:
    return {"name": name, "activity": activity, "measure": measure, "days": days, "family": "x", "silence": 0.0}


def columns_info(*, money: bool = True, summary: bool = False) -> list[dict[str, Any]]:
    kept = [info(name, measure, days) for name, measure, days in RFMT if money or measure != "total_value"]
    kept += [info(f"placed_order_{measure}", measure) for measure in SUMMARY if summary]
    return [*kept, *(info(f"noise_{place}", "noise", activity="visited_site") for place in range(3))]


def panel(
    *,
    customers: int = 250,
    moments: Sequence[str] = MOMENTS,
    seed: int = 1,
    money: bool = True,
    signal: float = 1.0,
    summary: bool = False,
) -> Panel:
    """`summary`: with the columns that BG/NBD reads."""
    random = np.random.default_rng(seed)
    frames = []
    for moment in moments:
        days, rate = random.exponential(15, customers), random.gamma(2, 2, customers)
        odds = -1.3 + signal * (0.06 * (days - 15) - 0.35 * (rate - 4))
        frames.append(
            pd.DataFrame(
                {
                    "customer_id": [f"c{number:04d}" for number in range(customers)],
                    "as_of": pd.Timestamp(moment),
                    "placed_order_days_since_last": days,
                    "placed_order_count_364d": np.floor(rate * 4) + 1,
                    "placed_order_total_value_364d": rate * 40 * random.lognormal(0, 0.2, customers),
                    "placed_order_days_since_first": days + random.integers(0, 300, customers),
                    **{f"noise_{place}": random.normal(size=customers) for place in range(3)},
                    "customer_age": pd.Series(random.choice(["young", "old"], customers), dtype="str"),
                    "churned": random.random(customers) < 1 / (1 + np.exp(-odds)),
                    "value_ahead": rate * 10 if money else np.nan,
                }
            )
        )
    frame = pd.concat(frames, ignore_index=True)
    if summary:
        age = frame["placed_order_days_since_first"]
        frame["placed_order_btyd_frequency"] = np.minimum(frame["placed_order_count_364d"] - 1, np.floor(age))
        recency = np.where(frame["placed_order_btyd_frequency"] > 0, age - frame["placed_order_days_since_last"], 0.0)
        frame["placed_order_btyd_recency"] = np.maximum(recency, 0.0)
        frame["placed_order_btyd_age"] = age
    features = frame.drop(columns=["churned", "value_ahead"] + ([] if money else ["placed_order_total_value_364d"]))
    churned, value = frame["churned"].to_numpy(dtype=float), frame["value_ahead"].to_numpy(dtype=float)
    return Panel(features, churned, value, columns_info(money=money, summary=summary), {"placed_order": {"count": 10}})
