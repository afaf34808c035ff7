"""Cancellation of accounts with several subscriptions: the field's cases, and an oracle that walks day by day."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from random import Random
from typing import Any

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from features.churn.labels import Definition, eligibility, eligible, label
from features.windows import midnight
from tests.conftest import examples

START, RENEW, END = "started_subscription", "renewed_subscription", "cancelled_subscription"
PAUSE, RESUME = "paused_subscription", "resumed_subscription"
ACCOUNT = Definition(
    "cancellation", START, horizon_days=30, starts=START, renews=RENEW, ends=END, pauses=PAUSE, resumes=RESUME
)
MONTHLY = Definition(**{**vars(ACCOUNT), "term_days": 30, "grace_days": 5})
ZERO, AS_OF = date(2024, 1, 1), 100


@dataclass(frozen=True)
class Fact:
    """One activity of a subscription, so many days after 2024-01-01."""

    activity: str
    when: float
    subject: str | None = None
    term: float | None = None
    customer: str = "a"


def day(number: int) -> str:
    return (ZERO + timedelta(days=number)).isoformat()


def stream(facts: list[Fact]) -> pd.DataFrame:
    at = [midnight(day(int(one.when // 1)), "UTC") + round(one.when % 1 * 86_400_000_000) for one in facts]
    return pd.DataFrame(
        {
            "customer_id": [one.customer for one in facts],
            "activity": [one.activity for one in facts],
            "occurred_at": pd.to_datetime(at, unit="us", utc=True),
            "value": 9.0,
            "subject": pd.Series([one.subject for one in facts], dtype="str"),
            "term_days": pd.Series([one.term for one in facts], dtype="float64"),
        }
    )


def standing(definition: Definition, *facts: Fact, at: int = AS_OF) -> str:
    return str(eligibility(stream(list(facts)), definition, day(at), "UTC")["a"])


def left(definition: Definition, *facts: Fact) -> bool:
    found = label(stream(list(facts)), definition, [day(AS_OF)], "UTC", day(500))
    assert len(found) == 1
    return bool(found["churned"].iloc[0])


A, B = "s1", "s2"
BOTH = (Fact(START, 10, A), Fact(START, 60, B))


def test_who_cancels_one_of_two_is_still_a_customer() -> None:
    assert standing(ACCOUNT, *BOTH, Fact(END, 90, A)) == "customer"
    assert standing(ACCOUNT, *BOTH, Fact(END, 90, A), Fact(END, 95, B)) == "gone"
    assert not left(ACCOUNT, *BOTH, Fact(END, 110, A))
    assert left(ACCOUNT, *BOTH, Fact(END, 90, A), Fact(END, 110, B))


@pytest.mark.parametrize(
    "change",
    [
        [Fact(START, 107, B), Fact(END, 110, A)],  # an upgrade that overlaps by three days
        [Fact(END, 110 + 23.8 / 24, A), Fact(START, 111 + 0.2 / 24, B)],  # over midnight
        [Fact(END, 110, A), Fact(START, 111, B)],  # a new contract begins the day after
        [Fact(END, 110.1, A), Fact(START, 110.2, B), Fact(END, 110.3, B), Fact(START, 110.4, "s3")],  # twice in a day
        [Fact(START, 105, A)],  # started twice
        [Fact(PAUSE, 105, A), Fact(RESUME, 125, A)],
        [Fact(PAUSE, 105, A)],
    ],
)
def test_a_change_is_no_leaving(change: list[Fact]) -> None:
    assert not left(ACCOUNT, Fact(START, 10, A), *change)


def test_a_gap_of_two_days_and_the_end_of_a_pause_are_leaving() -> None:
    assert left(ACCOUNT, Fact(START, 10, A), Fact(END, 110, A), Fact(START, 112, B))
    assert left(ACCOUNT, Fact(START, 10, A), Fact(PAUSE, 105, A), Fact(END, 120, A))


def test_a_pause_is_not_at_risk_and_does_not_lapse() -> None:
    paused = (Fact(START, 10, A), Fact(RENEW, 40, A), Fact(PAUSE, 60, A))
    assert standing(MONTHLY, *paused) == "paused"
    assert standing(MONTHLY, *paused, Fact(RESUME, 90, A)) == "customer"
    assert standing(MONTHLY, *paused, Fact(START, 90, B)) == "customer"
    assert standing(MONTHLY, *paused, Fact(END, 90, A)) == "gone"
    ended = (Fact(START, 80, A), Fact(END, 85, A))
    assert standing(MONTHLY, *ended, Fact(PAUSE, 90, A)) == "leaving"
    assert standing(MONTHLY, *ended, Fact(RESUME, 90, A)) == "leaving", "cancelled in a pause that was to end later"


def test_annual_terms_beside_monthly_ones() -> None:
    assert standing(MONTHLY, Fact(START, 10, A)) == "gone"
    assert standing(MONTHLY, Fact(START, 10, A, term=365)) == "customer"
    assert not left(MONTHLY, Fact(START, 10, A, term=365))
    assert left(MONTHLY, Fact(START, 90, B), Fact(START, 20, A, term=90)), "B lapses on day 125, A on day 115"
    assert standing(MONTHLY, Fact(START, 10, A, term=365), Fact(END, 50, A)) == "leaving"
    assert standing(ACCOUNT, Fact(START, 10, A, term=30)) == "gone", "a row's own term holds without the definition's"


def test_what_names_no_subscription_is_read_by_what_runs() -> None:
    assert standing(ACCOUNT, *BOTH, Fact(END, 90)) == "customer", "of which is not known"
    assert standing(ACCOUNT, *BOTH, Fact(END, 80, A), Fact(END, 90)) == "gone"
    assert standing(MONTHLY, Fact(START, 60, A), Fact(RENEW, 90)) == "customer"
    assert standing(MONTHLY, Fact(START, 60, A), Fact(RENEW, 90), Fact(END, 95, A)) == "leaving"
    assert standing(ACCOUNT, Fact(START, 10, A), Fact(START, 20), Fact(END, 90, A)) == "customer"


FACTS = st.lists(
    st.builds(
        Fact,
        st.sampled_from([START, START, RENEW, END, END, PAUSE, RESUME]),
        st.one_of(st.integers(0, 200).map(float), st.floats(0, 200).map(lambda when: round(when, 2))),
        st.sampled_from([A, B]),
        st.sampled_from([None, None, 7.0, 365.0]),
        st.sampled_from("ab"),
    ),
    min_size=1,
    max_size=14,
)


class Walk:
    """One subscription, walked through one activity after the other."""

    def __init__(self, definition: Definition) -> None:
        self.usual = 3660 if definition.term_days is None else definition.term_days
        self.grace = definition.grace_days
        self.state, self.dies, self.term, self.ended = "off", -1, self.usual, False

    def take(self, one: Fact) -> None:
        today = int(one.when)
        self.ended = one.activity == END or (self.ended and one.activity not in (START, RENEW))
        if self.ended:
            self.state, self.dies = "off", -1
        elif one.activity == PAUSE:
            self.state = "paused"
        else:
            self.term = self.term if one.activity == RESUME else one.term or self.usual
            self.state, self.dies = "on", max(self.dies, int(today + self.term + self.grace))

    def lives(self, end_of: int) -> str:
        return self.state if self.state == "paused" or (self.state == "on" and end_of < self.dies) else "off"


RANK = {END: 0, PAUSE: 1}


def lives(facts: list[Fact], definition: Definition, end_of: int) -> list[str]:
    """How each subscription of a customer stands at the end of a day."""
    states = []
    for subject in (A, B):
        walk = Walk(definition)
        own = [one for one in facts if one.subject == subject and one.when < end_of + 1]
        for one in sorted(own, key=lambda one: (one.when, RANK.get(one.activity, 2))):
            walk.take(one)
        states.append(walk.lives(end_of))
    return states


def ends_by_cancelling(facts: list[Fact], definition: Definition, today: int) -> bool:
    """Whether somebody who lived at the end of the day before had a cancellation on this one."""
    before = lives(facts, definition, today - 1)
    return any(
        state != "off"
        and any(one.subject == subject and one.activity == END and int(one.when) == today for one in facts)
        for subject, state in zip((A, B), before, strict=True)
    )


def leaves(facts: list[Fact], definition: Definition, today: int) -> bool:
    """Whether the account has left at the end of a day, and not the day before."""
    alive = [any(state != "off" for state in lives(facts, definition, end)) for end in (today - 1, today, today + 1)]
    changed = alive[2] and ends_by_cancelling(facts, definition, today)
    return alive[0] and not alive[1] and not changed


def drawn(seed: int, customers: int) -> dict[str, list[Fact]]:
    """Accounts with whatever can happen to two subscriptions, often at the same instant or at midnight."""
    random = Random(seed)
    kinds, terms = (START, START, RENEW, END, END, PAUSE, RESUME), (None, None, 7.0, 365.0)

    def one(customer: str) -> Fact:
        when = random.choice([float(random.randint(0, 200)), round(random.uniform(0, 200), 2)])
        return Fact(random.choice(kinds), when, random.choice([A, B]), random.choice(terms), customer)

    return {f"c{i}": [one(f"c{i}") for _ in range(random.randint(1, 14))] for i in range(customers)}


@pytest.mark.parametrize("definition", [ACCOUNT, MONTHLY], ids=["open", "monthly"])
def test_eligibility_and_labels_are_those_of_a_walk_through_the_days(definition: Definition) -> None:
    for number in (40, 130):
        same_as_walked(drawn(number, 100), definition, number)


def same_as_walked(own: dict[str, list[Fact]], definition: Definition, number: int) -> None:
    events = stream([one for facts in own.values() for one in facts])
    known = {who for who, facts in own.items() if any(one.when < number for one in facts)}
    now = {who: lives(own[who], definition, number - 1) for who in known}
    found = eligibility(events, definition, day(number), "UTC")
    assert set(found.index) == known
    assert set(found.index[found == "customer"]) == {who for who in known if "on" in now[who]}
    paused = {who for who in known if "paused" in now[who] and "on" not in now[who]}
    assert set(found.index[found == "paused"]) == paused
    labels = label(events, definition, [day(number)], "UTC", day(600))
    told = dict(zip(labels["customer_id"], labels["churned"], strict=True))
    expected = {
        who: any(leaves(own[who], definition, today) for today in range(number, number + definition.horizon_days))
        for who in known
        if "on" in now[who]
    }
    assert told == expected


@examples(8)
@given(facts=FACTS, planned=FACTS, number=st.integers(1, 150))
def test_no_planned_end_is_a_fact_before_it_was_recorded(facts: list[Fact], planned: list[Fact], number: int) -> None:
    """Whatever is written ahead, or was recorded from the moment on, changes nobody's standing at it."""
    past = stream([one for one in facts if one.when < number] or [Fact(START, 0, A)])
    ahead = stream([Fact(one.activity, number + one.when, one.subject, one.term, one.customer) for one in planned])
    late = stream(planned).assign(recorded_at=pd.Timestamp(day(number), tz="UTC"))
    with_plans = pd.concat([past.assign(recorded_at=pd.NaT), ahead.assign(recorded_at=pd.NaT), late])
    with_plans["recorded_at"] = pd.to_datetime(with_plans["recorded_at"], utc=True)
    usual, told = (eligibility(events, MONTHLY, day(number), "UTC") for events in (past, with_plans))
    pd.testing.assert_series_equal(usual, told)


@examples(8)
@given(facts=FACTS, removed=FACTS, number=st.integers(1, 150), until=st.integers(0, 400))
def test_what_was_removed_touches_no_label_and_did_before(
    facts: list[Fact], removed: list[Fact], number: int, until: int
) -> None:
    past = stream(facts).assign(removed_at=pd.NaT)
    gone = stream(removed).assign(removed_at=pd.Timestamp(day(until), tz="UTC"))
    both = pd.concat([past, gone], ignore_index=True)
    both["removed_at"] = pd.to_datetime(both["removed_at"], utc=True)
    seen = pd.concat([past, gone], ignore_index=True).drop(columns="removed_at")
    usual = seen if until > number else past.drop(columns="removed_at")
    assert list(eligible(both, MONTHLY, day(number), "UTC")) == list(eligible(usual, MONTHLY, day(number), "UTC"))
    if until <= number:
        tables: list[Any] = [label(one, MONTHLY, [day(number)], "UTC", day(600)) for one in (both, usual)]
        pd.testing.assert_frame_equal(*tables)


def money(definition: Definition, *rows: tuple[str, float, float | None], subject: str | None = A) -> float:
    """What a customer brings in the window ahead; rows are activity, day, value."""
    facts = [Fact(activity, when, subject if activity in (START, END) else None) for activity, when, _ in rows]
    events = stream(facts).assign(value=pd.Series([value for _, _, value in rows], dtype="float64"))
    return float(label(events, definition, [day(AS_OF)], "UTC", day(500))["value_ahead"].iloc[0])


PLAIN = Definition(**{**vars(ACCOUNT), "renews": None})
PAID = Definition(**{**vars(PLAIN), "pays": "paid_invoice"})


def test_money_is_what_is_paid_or_what_recurs() -> None:
    invoices = (("paid_invoice", 90, 50.0), ("paid_invoice", 110, 50.0), ("paid_invoice", 131, 50.0))
    assert money(PAID, (START, 10, 20.0), *invoices) == 50.0
    assert money(PAID, (START, 10, 20.0)) == pytest.approx(20.0 * 30 / (365.25 / 12)), "no invoices: a month's amount"
    assert money(PLAIN, (START, 10, 20.0), (END, 115, None)) == pytest.approx(20.0 * 15 / (365.25 / 12))
    assert pd.isna(money(PAID, (START, 10, None)))
