from __future__ import annotations

from datetime import date, timedelta

import pytest

from models import split
from models.problems import ModelProblem


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
    assert split.known(["2021-02-01", "2021-03-01", "2021-01-04"], at, span) == expected


@pytest.mark.parametrize("span", [7, 28, 35, 91])
@pytest.mark.parametrize("every", [5, 7, 28])
def test_every_level_is_purged(span: int, every: int) -> None:
    plan = split.plan(weeks("2017-11-06", 60, every), span_days=span, origins=4)
    assert plan.test == "2017-11-06"
    for older, newer in zip(plan.origins, plan.origins[1:], strict=False):
        assert date.fromisoformat(older) + timedelta(days=span) <= date.fromisoformat(newer)
    for origin in plan.origins:
        for moment in plan.known_at(origin):
            assert date.fromisoformat(moment) + timedelta(days=span) <= date.fromisoformat(origin)


@pytest.mark.parametrize(
    ("months", "origins", "says"),
    [
        (9, ("2021-03-02", "2021-03-30", "2021-04-27", "2021-05-25"), ""),
        (4, ("2021-03-30", "2021-04-27", "2021-05-25"), "half of the older's customers"),
        (3, ("2021-04-27", "2021-05-25"), "nothing is calibrated"),
        (2, ("2021-05-25",), "keep their defaults"),
        (1, ("2021-05-25",), "a third of the customers"),
    ],
)
def test_a_short_history_gives_up_step_by_step_and_says_so(months: int, origins: tuple[str, ...], says: str) -> None:
    plan = split.plan(weeks("2021-05-25", months, 28), span_days=28, origins=4)
    assert plan.origins == origins
    assert plan.by_customers == (months == 1)
    assert says in " ".join(plan.notes)


def test_no_moment_is_an_error_in_words() -> None:
    with pytest.raises(ModelProblem, match=r"no moment has a complete window.*shorter horizon"):
        split.plan([], span_days=28, origins=4)
