"""Moves always balance; small groups are put together and nothing is lost by it."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from models.kpi.moves import LAPSED, NEW, NOT_YET, STATES, WON_BACK, moved, moves, states
from models.kpi.small_groups import FEWEST, OTHER, merged

FLAGS = st.lists(st.tuples(st.booleans(), st.booleans(), st.booleans(), st.booleans()), min_size=1, max_size=40)


@given(FLAGS)
def test_moves_balance_in_every_group(rows: list[tuple[bool, bool, bool, bool]]) -> None:
    start, end, ever, group = (np.array(column) for column in zip(*rows, strict=True))
    found = moves(start, end, ever | start, ~ever & end)
    for own in (group, ~group):
        count = {name: int(flags[own].sum()) for name, flags in found.items()}
        assert count["start"] + count["new"] + count["won_back"] - count["lost"] == count["end"]
        assert count["end"] - count["new"] - count["won_back"] == count["kept"]


@given(FLAGS)
def test_a_table_of_moves_has_the_states_as_its_sums(rows: list[tuple[bool, bool, bool, bool]]) -> None:
    earlier, now, before, at_risk = (np.array(column) for column in zip(*rows, strict=True))
    first = states(np.zeros_like(earlier), earlier, before, before, at_risk)
    then = states(earlier, now, before, before | earlier | now, at_risk)
    table = moved(first, then)
    assert table.sum() == len(rows)
    assert table.sum(axis=1).tolist() == np.bincount(first, minlength=len(STATES)).tolist()
    assert table.sum(axis=0).tolist() == np.bincount(then, minlength=len(STATES)).tolist()


def test_states_read_as_people_say_them() -> None:
    yes, no = np.array([True]), np.array([False])
    assert states(no, yes, no, yes, no).tolist() == [NEW]
    assert states(no, yes, yes, yes, no).tolist() == [WON_BACK]
    assert states(yes, no, yes, yes, no).tolist() == [LAPSED]
    assert states(no, no, no, no, yes).tolist() == [NOT_YET]


@given(st.lists(st.tuples(st.integers(0, 6), st.booleans()), min_size=1, max_size=120))
def test_small_groups_are_one_and_nobody_is_lost(rows: list[tuple[int, bool]]) -> None:
    group = np.array([one for one, _ in rows], dtype=np.int64)
    counted = np.array([two for _, two in rows])
    number, names = merged(group, [f"g{place}" for place in range(7)], counted)
    sizes = [int(counted[number == place].sum()) for place in range(len(names))]
    assert all(size >= FEWEST for size in sizes)
    assert names == sorted(set(names) - {OTHER}) + [OTHER] * (OTHER in names)
    if counted.sum() >= FEWEST:
        assert (number >= 0).all(), "who did nothing is in a group, too: counts of former customers add up"
    else:
        assert names == []
