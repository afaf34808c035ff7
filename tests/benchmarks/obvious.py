"""The same features as one would first write them: an SQL join in DuckDB, and pandas.

Only the simpler measures (counts, money, active days, first and last, decay): what they cost is a lower bound of what
the whole catalogue would cost that way.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

SIMPLE = (
    "count",
    "count_before",
    "total_value",
    "mean_value",
    "active_days",
    "days_since_last",
    "days_since_first",
    "count_ever",
    "total_value_ever",
    "decayed_count",
    "decayed_value",
)


def simple(features: Sequence) -> list:
    """The features that are written out here."""
    return [feature for feature in features if feature.measure in SIMPLE and feature.activity != "any_activity"]


def in_sql(folder: Path, features: Sequence, moments: Sequence[str], seen_within_days: int) -> int:
    """Every activity joined to every moment after it, one filtered aggregate per column; rows made."""
    import duckdb

    columns = ", ".join(f"{_sql(feature)} AS {feature.name}" for feature in simple(features))
    days = ", ".join(f"(DATE '{moment}')" for moment in moments)
    made = duckdb.execute(
        f"""CREATE TEMP TABLE made AS SELECT customer_id, as_of, {columns}
        FROM read_parquet('{folder}/activity/*.parquet') JOIN (VALUES {days}) AS m(as_of) ON occurred_at < as_of
        GROUP BY ALL HAVING bool_or(occurred_at >= as_of - {seen_within_days})"""
    )
    return made.fetchall()[0][0]


def _sql(feature) -> str:
    days, of = feature.days, f"activity = '{feature.activity}'"
    within = f"{of} AND occurred_at >= as_of - {days}" if days else of
    age = "date_diff('day', occurred_at::DATE, as_of)"
    return {
        "count": f"count(*) FILTER ({within})",
        "count_before": f"count(*) FILTER ({of} AND occurred_at >= as_of - {2 * (days or 0)} "
        f"AND occurred_at < as_of - {days})",
        "total_value": f"sum(value) FILTER ({within})",
        "mean_value": f"avg(value) FILTER ({within})",
        "active_days": f"count(DISTINCT occurred_at::DATE) FILTER ({within})",
        "days_since_last": f"min({age}) FILTER ({of})",
        "days_since_first": f"max({age}) FILTER ({of})",
        "count_ever": f"count(*) FILTER ({of})",
        "total_value_ever": f"sum(value) FILTER ({of})",
        "decayed_count": f"sum(exp2(-{age} / {days}.0)) FILTER ({of})".replace("exp2(", "pow(2, "),
        "decayed_value": f"sum(value * pow(2, -{age} / {days}.0)) FILTER ({of})",
    }[feature.measure]


def in_pandas(folder: Path, features: Sequence, moments: Sequence[str], seen_within_days: int) -> int:
    """A filter and a groupby per column and moment; rows made."""
    import pandas as pd

    wanted = ["customer_id", "activity", "occurred_at", "value"]
    stream = pd.read_parquet(folder / "activity", columns=wanted)
    stream["day"] = stream["occurred_at"].dt.floor("D")
    rows = 0
    for moment in moments:
        as_of = pd.Timestamp(moment, tz="UTC")
        known = stream[stream["occurred_at"] < as_of]
        known = known.assign(age=(as_of - known["day"]).dt.days)
        seen = known.loc[known["age"] <= seen_within_days, "customer_id"].unique()
        kinds = dict(tuple(known.groupby("activity")))
        columns = {feature.name: _pandas(kinds[feature.activity], feature) for feature in simple(features)}
        rows += len(pd.DataFrame(columns).reindex(seen))
    return rows


def _pandas(own, feature):
    days = feature.days
    within = own[own["age"] <= days] if days else own
    customers = within.groupby("customer_id")
    if feature.measure in ("decayed_count", "decayed_value"):
        weight = 0.5 ** (own["age"] / days)
        return (
            (weight * own["value"] if feature.measure == "decayed_value" else weight).groupby(own["customer_id"]).sum()
        )
    if feature.measure == "count_before":
        return own[(own["age"] > days) & (own["age"] <= 2 * days)].groupby("customer_id").size()
    return {
        "count": customers.size,
        "count_ever": customers.size,
        "total_value": customers["value"].sum,
        "total_value_ever": customers["value"].sum,
        "mean_value": customers["value"].mean,
        "active_days": customers["day"].nunique,
        "days_since_last": customers["age"].min,
        "days_since_first": customers["age"].max,
    }[feature.measure]()
