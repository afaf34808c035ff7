"""Targets: the line to the goal, verdicts beyond chance, and a split that is exact."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.kpi.targets import Measured, course, goal_of, split


@pytest.mark.parametrize(
    ("newest", "verdict"),
    [
        (Measured(0.100, 0.095, 0.105), "on_track"),
        (Measured(0.130, 0.125, 0.135), "off_track"),
        (Measured(0.112, 0.095, 0.130), "within_chance"),
        (Measured(0.110), "ahead"),
        (Measured(0.118), "behind"),
        (None, "not_begun"),
    ],
)
def test_half_way_to_ten_percent_less(newest: Measured | None, verdict: str) -> None:
    found = course(Measured(0.12, 0.117, 0.123), newest, -0.1, relative=True, part=0.5, lower_is_better=True)
    assert found.goal == pytest.approx(0.108)
    assert found.required == pytest.approx(0.114)
    assert found.verdict == verdict


def test_more_is_good_where_more_is_aimed_at() -> None:
    newest = Measured(260.0, 255.0, 265.0)
    found = course(Measured(200.0, 195.0, 205.0), newest, 40, relative=False, part=1, lower_is_better=False)
    assert (found.goal, found.required, found.verdict) == (240, 240, "on_track")
    assert goal_of(0.3, -0.02, relative=False) == pytest.approx(0.28)


COUNTS = st.tuples(st.integers(0, 50), st.integers(0, 100)).map(lambda one: (min(one), one[1]))
GROUPS = st.dictionaries(st.sampled_from("abcd"), COUNTS, min_size=1)
Groups = dict[str, tuple[int, int]]


@given(GROUPS, GROUPS)
def test_mix_and_within_add_up_to_the_change(
    earlier: dict[str, tuple[int, int]], later: dict[str, tuple[int, int]]
) -> None:
    found = split(earlier, later)
    whole = [[sum(pair[place] for pair in one.values()) for place in (0, 1)] for one in (earlier, later)]
    if min(bottom for _, bottom in whole) == 0:
        assert found is None
        return
    assert found is not None
    change = whole[1][0] / whole[1][1] - whole[0][0] / whole[0][1]
    assert found.mix + found.within == pytest.approx(change, abs=1e-12)
    assert sum(a + b for a, b in found.groups.values()) == pytest.approx(change, abs=1e-12)


def test_where_only_the_shares_differ_all_of_it_is_mix() -> None:
    found = split({"a": (10, 100), "b": (50, 100)}, {"a": (5, 50), "b": (75, 150)})
    assert found is not None
    assert found.within == pytest.approx(0)
    assert found.mix == pytest.approx(0.1)
