from __future__ import annotations

from datetime import date, timedelta

import pytest

from models.errors import ModelError
from models.training import split


def weeks(newest: str, count: int, every: int = 7) -> list[str]:
    day = date.fromisoformat(newest)
    return [(day - timedelta(days=every * place)).isoformat() for place in range(count)]


@pytest.mark.parametrize(
    ("at", "span", "expected"),
    [
        ("2021-03-01", 28, ("2021-01-04", "2021-02-01")),  # 1 February and 28 days end on 1 March: just known
        ("2021-03-01", 29, ("2021-01-04",)),
        ("2021-01-04", 28, ()),
    ],
)
def test_a_moment_is_known_when_its_window_has_ended(at: str, span: int, expected: tuple[str, ...]) -> None:
    assert split.known_moments(["2021-02-01", "2021-03-01", "2021-01-04"], at, span) == expected


@pytest.mark.parametrize("span", [7, 28, 35, 91])
@pytest.mark.parametrize("every", [5, 7, 28])
def test_every_level_is_purged(span: int, every: int) -> None:
    plan = split.plan(weeks("2017-11-06", 60, every), span_days=span, origins=4)
    assert plan.test == "2017-11-06"
    for origin in plan.origins:
        shared = plan.shared(origin)
        used = [*shared.tuning, *(moment for pair in shared.pairs for moment in pair)]
        assert all(ends(moment, span) <= origin for moment in used)
        assert all(ends(fits, span) <= judges for fits, judges in shared.pairs)
        assert all(ends(moment, span) <= shared.pairs[0][0] for moment in shared.tuning if shared.pairs)
        assert plan.known_at(origin)
        assert all(ends(moment, span) <= origin for moment in plan.known_at(origin))


def ends(moment: str, span: int) -> str:
    return (date.fromisoformat(moment) + timedelta(days=span)).isoformat()


@pytest.mark.parametrize(
    ("history_days", "found", "closer"),
    [(600, 5, False), (373, 4, False), (250, 4, True), (130, 5, True), (105, 3, True), (91, 1, False)],
)
def test_at_least_four_moments_a_window_apart_or_closer_where_the_history_is_short(
    history_days: int, found: int, closer: bool
) -> None:
    plan = split.plan(weeks("2021-05-24", history_days // 7 + 1), span_days=91, origins=5)
    assert len(plan.origins) == found
    assert ("closer than a window" in " ".join(plan.notes)) == closer
    assert (f"the history gives {found} of 5 moments" in " ".join(plan.notes)) == (found < 5)


def test_a_long_history_tunes_first_and_calibrates_on_two_later_pairs() -> None:
    plan = split.plan(weeks("2021-05-25", 9, 28), span_days=28, origins=6)
    first, second, third, fourth, fifth, test = plan.origins
    assert plan.shared(test) == split.PastSplit((first, second), ((third, fourth), (fourth, fifth)))
    assert plan.shared(fifth) == split.PastSplit((first, second, third, fourth))  # too short for both: no calibration
    assert plan.notes == ()


@pytest.mark.parametrize(
    ("months", "origins", "says"),
    [
        (4, ("2021-03-30", "2021-04-27", "2021-05-25"), "gives 3 of 6 moments"),
        (3, ("2021-04-27", "2021-05-25"), "fewer than two earlier moments"),
        (2, ("2021-05-25",), "gives 1 of 6 moments"),
        (1, ("2021-05-25",), "a third of the customers"),
    ],
)
def test_a_short_history_gives_up_step_by_step_and_says_so(months: int, origins: tuple[str, ...], says: str) -> None:
    plan = split.plan(weeks("2021-05-25", months, 28), span_days=28, origins=6)
    assert plan.origins == origins
    assert plan.by_customers == (months == 1)
    assert says in " ".join(plan.notes)


def test_no_moment_is_an_error_in_words() -> None:
    with pytest.raises(ModelError, match=r"no moment has a complete window.*shorter horizon"):
        split.plan([], span_days=28, origins=4)
