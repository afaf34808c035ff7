"""Rows that our own lists acted upon are left out of training, and the model stays right about the untreated."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.training.acted_upon import Assigned, untouched
from tests.models.acted_upon_for_tests import KEEP, LEAVE_OUT, OUR_WAY, misses


def test_the_list_of_the_week_decides() -> None:
    listed = [
        Assigned("called", "2024-03-04", True, 0.9),
        Assigned("control", "2024-03-04", False, 0.9),
        Assigned("sure", "2024-03-04", True, 1.0),
        Assigned("sure", "2024-02-26", True, 0.5),
    ]
    names = ["called", "control", "sure", "nobody"]
    for day, left_out in (("2024-03-04", True), ("2024-03-10", True), ("2024-03-03", False), ("2024-03-11", False)):
        found = untouched(names, [day] * 4, listed)
        assert found.keep[0] != left_out
        assert found.keep[1]
        assert found.keep[3]
    found = untouched(names, ["2024-03-05"] * 4, listed)
    assert found.keep.tolist() == [False, True, True, True]
    assert found.to_json() == {"contacted_rows": 1, "control_rows": 1, "sure_rows": 1}
    assert untouched(names, ["2024-03-03"] * 4, listed).keep.tolist() == [True, True, False, True]


rows = st.lists(st.tuples(st.sampled_from("abc"), st.dates().map(str)), max_size=20)


@given(rows=rows)
def test_without_lists_everything_trains(rows: list[tuple[str, str]]) -> None:
    found = untouched([one for one, _ in rows], [day for _, day in rows], [])
    assert found.keep.all()
    assert len(found.keep) == len(rows)
    assert found.to_json() == {}


def test_a_year_of_lists_that_work_leaves_the_model_right_about_the_untreated() -> None:
    works, nothing = 0.3, 0.0
    ours, kept = (np.mean([all_of for all_of, _ in misses(works, how, 0)]) for how in (OUR_WAY, KEEP))
    unharmed, all_left_out = (
        np.mean([all_of for all_of, _ in misses(nothing, how, 0)]) for how in (OUR_WAY, LEAVE_OUT)
    )
    assert abs(ours) < 0.02
    assert kept < ours - 0.015, "labels that contacts have changed teach that customers are safe"
    assert unharmed == pytest.approx(0, abs=0.012), "where contacts do nothing, nothing is lost"
    assert all_left_out < unharmed - 0.04, "who is contacted later has fallen silent by then"
