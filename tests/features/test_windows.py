"""Days begin at local midnights, whatever the clocks do; training moments count back from `until`."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features.errors import FeatureError
from features.windows import Lead, boundary, day_number, day_text, local_days, midnight, training_moments
from tests.features.oracle import local_day

HOUR = 3_600_000_000


def utc(text: str) -> int:
    return round(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()) * 1_000_000


@pytest.mark.parametrize(
    ("day", "timezone", "begins"),
    [
        ("2017-12-04", "UTC", "2017-12-04T00:00"),
        ("2017-12-04", "Europe/Berlin", "2017-12-03T23:00"),
        ("2017-07-04", "Europe/Berlin", "2017-07-03T22:00"),
        ("2017-03-26", "Europe/Berlin", "2017-03-25T23:00"),  # clocks go forward at two
        ("2017-03-27", "Europe/Berlin", "2017-03-26T22:00"),
        ("2017-10-29", "Europe/Berlin", "2017-10-28T22:00"),  # clocks go back at three
        ("2017-10-30", "Europe/Berlin", "2017-10-29T23:00"),
        ("2017-10-15", "America/Sao_Paulo", "2017-10-15T03:00"),  # no midnight: the day begins at the jump
        ("2017-11-05", "America/Havana", "2017-11-05T04:00"),  # midnight comes twice: the first counts
        ("2017-12-04", "Asia/Kathmandu", "2017-12-03T18:15"),
    ],
)
def test_a_day_begins_at_local_midnight(day: str, timezone: str, begins: str) -> None:
    assert midnight(day, timezone) == utc(begins)
    assert local_days(np.array([utc(begins) - 1, utc(begins)]), timezone).tolist() == [
        day_number(day) - 1,
        day_number(day),
    ]


@pytest.mark.parametrize(
    ("as_of", "days", "hours"),
    [("2017-03-27", 1, 23), ("2017-10-30", 1, 25), ("2017-10-30", 28, 28 * 24 + 1), ("2017-12-04", 28, 28 * 24)],
)
def test_a_window_holds_whole_calendar_days(as_of: str, days: int, hours: int) -> None:
    assert midnight(as_of, "Europe/Berlin") - boundary(as_of, days, "Europe/Berlin") == hours * HOUR


@settings(deadline=None)
@given(
    instants=st.lists(st.integers(utc("1999-01-01"), utc("2031-01-01")), min_size=1, max_size=20),
    timezone=st.sampled_from(
        ["UTC", "Europe/Berlin", "America/Havana", "America/Sao_Paulo", "Pacific/Apia", "Asia/Kolkata"]
    ),
)
def test_local_days_are_those_of_the_calendar(instants: list[int], timezone: str) -> None:
    wanted = [local_day(instant, timezone).isoformat() for instant in instants]
    assert [day_text(day) for day in local_days(np.array(instants), timezone)] == wanted


def moments(**changed: object) -> list[str]:
    given = {"until": "2017-12-04", "leads": [Lead(56, 28)], "first_day": "2017-01-01", "customers": 2469, **changed}
    return training_moments(**given)  # type: ignore[arg-type]


def test_moments_count_back_from_the_last_complete_window() -> None:
    found = moments(every_days=28, count=3)
    assert found == ["2017-11-06", "2017-10-09", "2017-09-11"]


def test_auto_takes_whole_weeks_up_to_thirty_moments() -> None:
    found = [day_number(day) for day in moments()]
    assert len(found) == 30
    assert set(np.diff(found)) == {-7}
    assert found[0] == day_number("2017-11-06")


def test_auto_keeps_the_history_that_the_definition_looks_at() -> None:
    found = moments(until="1998-04-01", first_day="1997-01-01", leads=[Lead(182, 91)])
    assert found[0] == "1997-12-31"
    assert day_number(found[-1]) >= day_number("1997-01-01") + 182


def test_auto_steps_wider_where_the_history_is_long_but_never_by_more_than_a_quarter_of_the_horizon() -> None:
    found = [day_number(day) for day in moments(first_day="2010-01-01", leads=[Lead(182, 91)])]
    assert set(np.diff(found)) == {-21}


def test_auto_takes_fewer_moments_of_very_many_customers() -> None:
    assert len(moments(customers=1_000_000)) == 6


def test_every_definition_gets_its_newest_possible_moment() -> None:
    found = moments(leads=[Lead(56, 28), Lead(56, 56), Lead(56, 17)], every_days=28, count=2)
    assert found == ["2017-11-17", "2017-11-06", "2017-10-20", "2017-10-09"]


def test_too_short_a_history_says_so() -> None:
    with pytest.raises(FeatureError, match=r"activity begins on 2017-11-20.*28 whole days ahead"):
        moments(first_day="2017-11-20")


def test_a_short_history_still_gives_one_moment() -> None:
    assert moments(first_day="2017-11-01") == ["2017-11-06"]
