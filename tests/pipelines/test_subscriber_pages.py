"""What page and win-back list say of subscribers starts from their subscriptions, not from the last start."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd

from pipelines.at_risk.win_back import churned, win_back
from pipelines.modelling.eligibility import eligibility_of
from pipelines.rendering.chart_data import timelines_and_cohorts
from pipelines.settings.churn import Cancellation
from pipelines.settings.decision import ListMoment
from tests.pipelines.lists_for_tests import moment, settings, shop
from tests.pipelines.test_pictures_of_week import Rows, stream

ENTRY = Cancellation.model_validate({"kind": "cancellation", "horizon_days": 30})
SUBSCRIBED: Rows = [  # the list is for 2024-03-04
    ("anna", "2023-12-05", "started_subscription"),
    ("ben", "2023-12-20", "started_subscription"),
    ("ben", "2024-01-10", "cancelled_subscription"),
    ("carl", "2022-01-01", "started_subscription"),
    ("dora", "2024-02-01", "started_subscription"),
    ("dora", "2024-02-20", "cancelled_subscription"),
    ("emil", "2024-02-02", "visited_site"),
]


def subscribers() -> ListMoment:
    return replace(moment(), churn=ENTRY)


def test_a_subscriber_is_retained_while_a_subscription_runs(tmp_path: Path) -> None:
    _, cohorts = timelines_and_cohorts(stream(tmp_path / "activity", SUBSCRIBED), [], subscribers())
    assert cohorts is not None
    found = dict(zip(cohorts.months, zip(cohorts.sizes, cohorts.active, strict=True), strict=True))
    assert found["2023-12-01"] == (2, (2, 2, 1))
    assert found["2024-02-01"] == (1, (1,))
    assert sum(cohorts.sizes) == 3, "carl came before the twelve months"


def test_only_those_who_ended_are_won_back_and_since_the_end_counts(tmp_path: Path) -> None:
    small, when = shop(tmp_path / "shop"), subscribers()
    stream(tmp_path / "activity", SUBSCRIBED)
    (tmp_path / "facts.json").write_text('{"has_recorded_at": false, "activities": {}}')
    status = eligibility_of("left", ENTRY, tmp_path, as_of=when.as_of, timezone=when.timezone)
    names = np.array(["anna", "ben", "carl", "dora"])
    features = small.features.head(4).assign(customer_id=names)
    limits = settings(win_back={"most": 10, "within_days": 60}).at_risk.win_back
    table = win_back(churned(status), features, small.model, tmp_path, moment=when, limits=limits)
    left = dict(zip(table["customer_id"], table["last_activity"], strict=True))
    assert left == {"ben": date(2024, 1, 10), "dora": date(2024, 2, 20)}
    assert dict(zip(table["customer_id"], table["days_since_last"], strict=True)) == {"ben": 54, "dora": 13}
    assert isinstance(table, pd.DataFrame)
