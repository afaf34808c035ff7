"""Kinds of subscriber: by the age of the subscription and the course of its use."""

from __future__ import annotations

from typing import Any

import pandas as pd

from models.subscribers import kinds

DEFINITION = {"kind": "cancellation", "starts": "started_subscription", "activity": "started_subscription"}


def info(activity: str, days: int, **changed: Any) -> dict[str, Any]:
    column = {"name": f"{activity}_count_trend_{days}d", "activity": activity, "measure": "count_trend", "days": days}
    return column | {"family": "engagement", "higher_is_worse": False} | changed


COLUMNS = [
    info("started_subscription", 91),
    info("logged_in", 28),
    info("logged_in", 91),
    info("exported_report", 91),
    info("contacted_support", 91, family="support", higher_is_worse=True),
    info("received_email", 91, higher_is_worse=None),
]
VOLUMES = {"logged_in": {"previous_weekly_mean": 900.0}, "received_email": {"previous_weekly_mean": 5000.0}}
FEATURES = pd.DataFrame(
    {
        "started_subscription_days_since_first": [20.0, 400.0, 400.0, 400.0],
        "started_subscription_count_trend_91d": -1.0,
        "logged_in_count_trend_91d": [-1.0, 0.5, -0.1, -0.5],
        "exported_report_count_trend_91d": -1.0,
    }
)


def test_the_kind_follows_the_most_frequent_use() -> None:
    found = kinds(FEATURES, DEFINITION, COLUMNS, VOLUMES)
    assert found is not None
    assert found.tolist() == ["new", "growing", "steady", "shrinking"]


def test_the_definition_s_own_use_stands_above_it() -> None:
    found = kinds(FEATURES, DEFINITION | {"activity": "exported_report"}, COLUMNS, VOLUMES)
    assert found is not None
    assert found.tolist() == ["new", "shrinking", "shrinking", "shrinking"]


def test_without_use_everybody_is_new_or_steady_and_without_an_age_nothing_is_said() -> None:
    alone = kinds(FEATURES, DEFINITION, COLUMNS[:1], {})
    assert alone is not None
    assert alone.tolist() == ["new", "steady", "steady", "steady"]
    assert kinds(FEATURES, DEFINITION | {"starts": "joined_plan"}, COLUMNS, VOLUMES) is None
