"""What the doctor says where subscriptions do not fit: several of one customer, other terms, one start."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest

from features.churn.labels import Definition
from pipelines.commands.doctor.subscriptions import subscription_lines

START, RENEW, END = "started_subscription", "renewed_subscription", "cancelled_subscription"
OPEN = Definition("cancellation", START, horizon_days=30, starts=START, ends=END)
MONTHLY = Definition(
    "cancellation", RENEW, horizon_days=30, starts=START, renews=RENEW, ends=END, term_days=30, grace_days=5
)


def lines(
    definition: Definition, rows: list[tuple[str, str, int]], subject: str | None = None, **facts: Any
) -> list[str]:
    at = pd.Timestamp("2024-01-01", tz="UTC")
    events = pd.DataFrame(
        {
            "customer_id": [who for who, _, _ in rows],
            "activity": [activity for _, activity, _ in rows],
            "occurred_at": pd.to_datetime([at + pd.Timedelta(days=day) for _, _, day in rows], utc=True),
            "subject": pd.Series([subject] * len(rows), dtype="str"),
        }
    )
    counts = events.groupby("activity")["customer_id"].agg(["size", "nunique"])
    own = {str(name): {"count": int(size), "customers": int(who)} for name, size, who in counts.itertuples()}
    return subscription_lines(events, definition, {"activities": own | facts}, "2024-12-30", "UTC")


def people(*rows: tuple[str, int], number: int = 20) -> list[tuple[str, str, int]]:
    return [(f"c{i}", activity, day) for i in range(number) for activity, day in rows]


def test_starting_twice_asks_for_the_subject() -> None:
    twice = people((START, 0), (START, 30), (END, 60))
    assert any("20 of 20 customers start again" in line and "`subject`" in line for line in lines(OPEN, twice))
    assert any("renewals are no started_subscription" in line for line in lines(OPEN, twice, subject="s1"))
    again = people((START, 0), (END, 20), (START, 30), (END, 60))
    assert not any("start again" in line for line in lines(OPEN, again))


def test_longer_terms_and_those_who_never_renew_are_named() -> None:
    monthly = people((START, 0), (RENEW, 30), (RENEW, 60), number=15)
    annual = [(f"y{i}", activity, day) for i in range(5) for activity, day in ((START, 0), (RENEW, 360))]
    assert any("Terms differ: 5 of 20" in line and "360 days" in line for line in lines(MONTHLY, monthly + annual))
    once = [(f"o{i}", START, 10) for i in range(4)]
    assert any("4 of 19 subscriptions were never renewed" in line for line in lines(MONTHLY, monthly + once))
    assert lines(MONTHLY, monthly) == []


@pytest.mark.parametrize(
    ("known", "advice"), [({"logged_in": {"count": 900, "customers": 20}}, "logged_in"), ({}, "Add")]
)
def test_a_main_activity_that_is_done_once_is_none(known: dict[str, Any], advice: str) -> None:
    told = lines(OPEN, people((START, 0)), **known)
    assert any("done once by nearly everybody" in line and advice in line for line in told)
    assert not lines(MONTHLY, people((START, 0), (RENEW, 30), (RENEW, 60)), **known)
