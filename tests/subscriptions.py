"""A made-up stream of subscriptions with a cause of leaving that is known, because it was planted."""

from __future__ import annotations

import numpy as np
import pandas as pd

BEGIN = pd.Timestamp("2024-01-01", tz="UTC")
COMPLAINED_HAZARD, USUAL_HAZARD = 0.6, 0.02  # of leaving before the next renewal


def subscriptions(customers: int = 600, days: int = 365, seed: int = 5) -> pd.DataFrame:
    """Monthly subscriptions, paid every 30 days; whoever complained in one month mostly cancels in the next.

    Some visit the site often, some seldom; that tells nothing about who leaves. Some lapse instead.
    Columns of the activity contract: activity_id, customer_id, occurred_at (ISO), activity, value.
    """
    random = np.random.default_rng(seed)
    rows: list[tuple[str, float, str, float | None]] = []
    for number in range(customers):
        who, day, price = f"s{number:04d}", random.uniform(-60, days), float(random.choice([9, 19, 29]))
        rows.append((who, day, "started_subscription", price))
        often = random.gamma(2, 4)  # visits a month
        complained = False
        while day < days:
            leaves = random.random() < (COMPLAINED_HAZARD if complained else USUAL_HAZARD)
            complained = random.random() < 0.15
            if complained:
                rows.append((who, day + random.uniform(0, 15), "complained", None))
            visits = random.uniform(0, 30, random.poisson(often))
            rows += [(who, day + float(when), "visited_site", None) for when in visits]
            if leaves:
                if random.random() < 0.85:
                    rows.append((who, day + random.uniform(16, 30), "cancelled_subscription", None))
                break
            day += 30
            rows.append((who, day + random.uniform(0, 0.5), "renewed_subscription", price))
    frame = pd.DataFrame(rows, columns=["customer_id", "day", "activity", "value"])
    frame = frame[(frame["day"] >= 0) & (frame["day"] < days)].sort_values("day", kind="stable", ignore_index=True)
    stamps = BEGIN + pd.to_timedelta((frame["day"] * 86_400).round(), unit="s")
    frame["occurred_at"] = [stamp.isoformat() for stamp in stamps]
    frame["activity_id"] = [f"x{place:06d}" for place in range(len(frame))]
    return frame[["activity_id", "customer_id", "occurred_at", "activity", "value"]]


UNTIL = "2024-11-25"
SOURCE = """\
sources:
  club:
    reader: csv
    path: shop.csv
    columns:
      activity_id: activity_id
      customer_id: customer_id
      occurred_at: occurred_at
      activity: activity
      value: value
"""
CHURN = """\
churn:
  cancelled_30d:
    kind: cancellation
    starts: started_subscription
    renews: renewed_subscription
    ends: cancelled_subscription
    term_days: 30
    grace_days: 3
    horizon_days: 30
  unusual_silence:
    {kind: rhythm, activity: visited_site, quantile: 0.9, least_pauses: 5, active_within_days: 60, horizon_days: 60}
  silent_14d: {kind: silence, activity: visited_site, active_within_days: 28, gap_days: 0, horizon_days: 14}
  silent_28d: {kind: silence, activity: visited_site, active_within_days: 28, gap_days: 0, horizon_days: 28}
"""
