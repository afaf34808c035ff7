"""Cancellation: who is a subscriber, who is leaving already, who left; and the laws over random subscriptions."""

from __future__ import annotations

from datetime import date, timedelta
from itertools import pairwise

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from features.churn.cancellation import misdated
from features.churn.labels import Definition, eligibility, eligible, label
from features.windows import midnight

START, RENEW, END = "started_subscription", "renewed_subscription", "cancelled_subscription"
MONTHLY = Definition(
    "cancellation", RENEW, horizon_days=30, starts=START, renews=RENEW, ends=END, term_days=30, grace_days=5
)
OPEN = Definition("cancellation", START, horizon_days=30, starts=START, ends=END)
ZERO = date(2024, 1, 1)
AS_OF = "2024-04-10"  # day 100


def day(number: int) -> str:
    return (ZERO + timedelta(days=number)).isoformat()


def stream(*rows: tuple[str, str, float], value: float = 9.0) -> pd.DataFrame:
    """Rows of (customer, activity, days after 2024-01-01)."""
    at = [midnight(day(int(when // 1)), "UTC") + round(when % 1 * 86_400_000_000) for _, _, when in rows]
    return pd.DataFrame(
        {
            "customer_id": [customer for customer, _, _ in rows],
            "activity": [activity for _, activity, _ in rows],
            "occurred_at": pd.to_datetime(at, unit="us", utc=True),
            "value": value,
        }
    )


def standing(definition: Definition, *own: tuple[str, float]) -> str:
    found = eligibility(stream(*(("a", *row) for row in own)), definition, AS_OF, "UTC")
    return str(found["a"]) if len(found) else "unknown"


@pytest.mark.parametrize(
    ("own", "monthly", "until_cancelled"),
    [
        #                                                     with a term of 30 + 5       until it is cancelled
        ([(START, 80)], "customer", "customer"),
        ([(START, 65)], "customer", "customer"),  # day 35 after the payment: the last on which a renewal counts
        ([(START, 64.99)], "gone", "customer"),  # lapsed
        ([(START, 40), (RENEW, 70)], "customer", "customer"),
        ([(START, 80), (END, 90)], "leaving", "gone"),  # paid until day 110
        ([(START, 70), (END, 90)], "gone", "gone"),  # paid until day 100: nothing runs any more
        ([(START, 71), (END, 90)], "leaving", "gone"),
        ([(START, 80), (END, 90), (START, 95)], "customer", "customer"),  # came back
        ([(START, 80), (END, 90), (START, 90)], "customer", "customer"),  # a change of plan
        ([(START, 80), (END, 100)], "customer", "customer"),  # cancels at the moment itself: the future
        ([(END, 90)], "gone", "gone"),
        ([(START, 100)], "unknown", "unknown"),
        ([("visited_site", 99)], "unknown", "unknown"),
    ],
)
def test_how_a_subscriber_stands(own: list[tuple[str, float]], monthly: str, until_cancelled: str) -> None:
    assert standing(MONTHLY, *own) == monthly
    assert standing(OPEN, *(row for row in own if row[0] != RENEW)) == until_cancelled


def churned(definition: Definition, *own: tuple[str, float], until: int = 400) -> bool:
    found = label(stream(*(("a", *row) for row in own)), definition, [AS_OF], "UTC", day(until))
    assert len(found) == 1
    return bool(found["churned"].iloc[0])


@pytest.mark.parametrize(
    ("gap", "later", "left"),
    [
        (0, [(END, 100)], True),  # the window's first day
        (0, [(RENEW, 110), (END, 129.9)], True),
        (0, [(RENEW, 110), (END, 130)], False),  # one too late
        (0, [], True),  # lapses on day 125 = 90 + 30 + 5
        (0, [(RENEW, 125)], False),  # in the nick of time
        (0, [(RENEW, 126)], True),  # too late: it had lapsed on day 125
        (0, [(END, 110), (START, 110.5)], False),  # a change of plan within a day
        (0, [(END, 110), (START, 112)], True),
        (7, [(END, 106)], False),  # in the gap: nothing that a list could have prevented
        (7, [(END, 107)], True),
        (7, [(RENEW, 110), (END, 136)], True),
        (7, [(RENEW, 110), (RENEW, 130), (END, 137)], False),
    ],
)
def test_leaving_is_a_cancellation_or_a_lapse_in_the_window(
    gap: int, later: list[tuple[str, float]], left: bool
) -> None:
    definition = Definition(**{**vars(MONTHLY), "gap_days": gap})
    assert churned(definition, (START, 60), (RENEW, 90), *later) == left


def test_without_a_term_nothing_lapses() -> None:
    assert not churned(OPEN, (START, 1))
    assert churned(OPEN, (START, 1), (END, 120))


def test_a_window_that_is_not_over_gives_no_label() -> None:
    events = stream(("a", START, 90))
    assert len(label(events, MONTHLY, [AS_OF], "UTC", day(130))) == 1
    assert label(events, MONTHLY, [AS_OF], "UTC", day(129)).empty


def test_the_money_ahead_is_what_is_paid() -> None:
    events = stream(("a", START, 90), ("a", "visited_site", 101), ("a", RENEW, 119), ("a", RENEW, 131))
    assert label(events, MONTHLY, [AS_OF], "UTC", day(400))["value_ahead"].tolist() == [9.0]


def test_cancellations_dated_when_they_take_effect_are_found() -> None:
    events = stream(("a", END, 120), ("b", END, 90.2), ("c", START, 120))
    events["recorded_at"] = pd.to_datetime(
        [midnight(day(number), "UTC") for number in (95, 90, 95)], unit="us", utc=True
    )
    assert list(misdated(events, MONTHLY, "UTC")["customer_id"]) == ["a"]
    assert misdated(events.drop(columns="recorded_at"), MONTHLY, "UTC").empty


ROWS = st.lists(
    st.tuples(
        st.sampled_from("abc"),
        st.sampled_from([START, RENEW, RENEW, END, "visited_site"]),
        st.one_of(st.integers(0, 200).map(float), st.floats(0, 200).map(lambda when: round(when, 3))),
    ),
    min_size=1,
    max_size=25,
)


def by_hand(own: list[tuple[str, float]], end_of_day: int, paid_days: int) -> bool:
    """Whether somebody is a subscriber at the end of a day, told one activity after the other."""
    known = sorted((row for row in own if row[1] < end_of_day + 1), key=lambda row: (row[1], row[0] != END))
    on, paid = False, -(10**6)
    for activity, when in known:
        if activity in (START, RENEW):
            on, paid = True, int(when)
        elif activity == END:
            on = False
    return on and end_of_day < paid + paid_days


@pytest.mark.slow
@given(ROWS, st.integers(0, 200))
def test_nobody_who_has_left_is_eligible(rows: list[tuple[str, str, float]], number: int) -> None:
    found = set(eligible(stream(*rows), MONTHLY, day(number), "UTC"))
    expected = {
        who for who in "abc" if by_hand([row[1:] for row in rows if row[0] == who], number - 1, MONTHLY.paid_days)
    }
    assert found == expected


@pytest.mark.slow
@given(ROWS, st.integers(0, 150), st.integers(0, 20), st.integers(1, 40))
def test_labels_are_what_happens_day_by_day(
    rows: list[tuple[str, str, float]], number: int, gap: int, horizon: int
) -> None:
    definition = Definition(**{**vars(MONTHLY), "gap_days": gap, "horizon_days": horizon})
    found = label(stream(*rows), definition, [day(number)], "UTC", day(400))
    for who, left in zip(found["customer_id"], found["churned"], strict=True):
        own = [row[1:] for row in rows if row[0] == who]
        states = [by_hand(own, end, MONTHLY.paid_days) for end in range(number + gap - 1, number + gap + horizon)]
        assert left == any(before and not after for before, after in pairwise(states))


@pytest.mark.slow
@given(ROWS, st.integers(0, 150), st.integers(0, 20), st.integers(1, 40), st.integers(1, 40))
def test_who_leaves_within_a_horizon_leaves_within_a_longer_one(
    rows: list[tuple[str, str, float]], number: int, gap: int, shorter: int, more: int
) -> None:
    labels = [
        label(stream(*rows), Definition(**{**vars(MONTHLY), **own}), [day(number)], "UTC", day(400))["churned"].tolist()
        for own in ({"gap_days": gap, "horizon_days": shorter}, {"gap_days": gap, "horizon_days": shorter + more})
    ]
    assert all(late or not early for early, late in zip(*labels, strict=True))


@pytest.mark.slow
@given(ROWS, ROWS, st.integers(0, 150))
def test_what_comes_after_the_window_changes_no_label(
    rows: list[tuple[str, str, float]], future: list[tuple[str, str, float]], number: int
) -> None:
    later = [(who, activity, when + number + 30) for who, activity, when in future]
    pd.testing.assert_frame_equal(
        *(label(stream(*some), MONTHLY, [day(number)], "UTC", day(400))[["customer_id", "churned"]]
          for some in (rows, rows + later))
    )  # fmt: skip
