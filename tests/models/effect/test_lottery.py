from __future__ import annotations

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.decision.control_group import CONTACT, CONTROL
from models.decision.lottery import CARRIED, DRAWN, SURE, Assignment, Candidate, Design, Earlier, draw
from models.errors import ModelError

DESIGN = Design(capacity=30, sure=15, weeks=4, key="first", campaign="spring")


def people(numbers: list[int]) -> list[Candidate]:
    return [Candidate(f"c{n:04d}", f"tier {n % 3}") for n in numbers]


def after(found: list[Assignment], weeks: int = 0) -> dict[str, Earlier]:
    return {one.customer: Earlier(one.group, weeks, one.draws) for one in found}


def test_the_top_is_sure_and_the_margin_is_drawn_among_twice_as_many() -> None:
    found = draw(people(list(range(100))), {}, DESIGN)
    assert [one.customer for one in found] == [one.customer for one in people(list(range(45)))]
    assert {(one.by, one.group, one.probability) for one in found[:15]} == {(SURE, CONTACT, 1.0)}
    assert Counter(one.group for one in found[15:]) == {CONTACT: 15, CONTROL: 15}
    assert {(one.by, one.probability, one.draws) for one in found[15:]} == {(DRAWN, 0.5, 1)}


histories = st.lists(
    st.tuples(st.integers(0, 79), st.sampled_from([CONTACT, CONTROL]), st.integers(0, 6), st.integers(1, 3)),
    max_size=50,
    unique_by=lambda one: one[0],
)
designs = st.builds(
    lambda capacity, sure, held, key: Design(capacity, min(sure, capacity), 4, key, "spring", held),
    st.integers(1, 25),
    st.integers(0, 25),
    st.sampled_from([0.0, 0.02, 0.3]),
    st.text(min_size=1, max_size=4),
)


@settings(max_examples=60)
@given(order=st.permutations(range(80)), size=st.integers(0, 80), history=histories, design=designs)
def test_the_laws(order: list[int], size: int, history, design: Design) -> None:
    listed = people(order[:size])
    earlier = {f"c{n:04d}": Earlier(group, weeks, draws) for n, group, weeks, draws in history}
    found = draw(listed, earlier, design)
    groups = {one.customer: one for one in found}
    places = [one.customer for one in listed]

    assert [places.index(one.customer) for one in found] == sorted(places.index(one.customer) for one in found)
    contacted = sum(one.group == CONTACT for one in found)
    assert contacted <= design.capacity
    free = [c for c in listed if c.customer not in earlier or earlier[c.customer].group == CONTACT]
    if design.sure_holdout == 0:
        assert contacted >= min(design.capacity, len(free)), "no place stays empty while somebody may have it"
    for one in found:
        before = earlier.get(one.customer)
        if before is not None and (before.group == CONTACT or before.weeks_ago < design.weeks):
            assert (one.by, one.group, one.draws) == (CARRIED, before.group, before.draws)
        else:
            assert one.draws == (before.draws if before else 0) + 1
            assert one.probability is not None
            assert 0 <= one.probability <= 1
            if one.by == DRAWN and one.group == CONTACT:
                assert one.probability > 0

    again = draw(listed, {**earlier, **after(found)}, design)
    assert {one.customer: one.group for one in again} == {c: one.group for c, one in groups.items()}
    assert draw(listed, earlier, design) == found


def test_everybody_is_drawn_as_often_as_is_recorded() -> None:
    listed, runs = people(list(range(41))), 3000
    times, recorded = Counter(), {}
    for n in range(runs):
        for one in draw(listed, {}, replace(DESIGN, key=f"key {n}")):
            times[one.customer] += one.group == CONTACT
            recorded[one.customer] = one.probability
    assert sum(recorded.values()) == pytest.approx(30)
    for customer, probability in recorded.items():
        p = probability or 0.0
        assert abs(times[customer] / runs - p) <= 4.5 * np.sqrt(p * (1 - p) / runs)
    assert set(recorded.values()) == {1.0, 0.5}, "26 for 15 places: blocks of one and of two"


def test_strata_have_their_share() -> None:
    found = draw(people(list(range(100))), {}, DESIGN)[15:]
    strata = Counter((int(one.customer[1:]) % 3, one.group) for one in found)
    assert all(abs(strata[tier, CONTACT] - 5) <= 1 for tier in range(3))


def test_the_undrawn_stay_out_for_their_weeks_and_then_have_a_lot_of_their_own() -> None:
    first = draw(people(list(range(60))), {}, DESIGN)
    undrawn = [one.customer for one in first if one.group == CONTROL]
    risen = [Candidate(one, "tier 0") for one in undrawn] + people(list(range(100, 200)))
    soon = {one.customer: one for one in draw(risen, after(first, 3), DESIGN)}
    assert all(soon[one].group == CONTROL and soon[one].by == CARRIED for one in undrawn)
    assert sum(one.group == CONTACT for one in soon.values()) == 30
    late = {one.customer: one for one in draw(risen, after(first, 4), replace(DESIGN, sure=0, capacity=8))}
    again = [late[one] for one in undrawn if one in late]
    assert {(one.by, one.draws) for one in again} == {(DRAWN, 2)}
    assert sum(one.group == CONTACT for one in again) > 0


def test_a_few_of_the_sure_are_kept_out_and_stay_so() -> None:
    design = Design(1000, 800, 4, "k", "spring", sure_holdout=0.1)
    found = draw(people(list(range(3000))), {}, design)
    held = [one for one in found if one.by == SURE and one.group == CONTROL]
    assert len(held) == pytest.approx(89, abs=30)
    assert {one.probability for one in found if one.by == SURE} == {0.9}
    assert sum(one.group == CONTACT for one in found) == 1000


def test_where_there_is_room_for_all_nobody_is_left_out() -> None:
    found = draw(people(list(range(25))), {}, DESIGN)
    assert {(one.group, one.probability) for one in found} == {(CONTACT, 1.0)}


def test_another_campaign_or_key_draws_others() -> None:
    def drawn(design: Design) -> set[str]:
        return {one.customer for one in draw(people(list(range(60))), {}, design) if one.group == CONTROL}

    assert drawn(DESIGN) == drawn(DESIGN)
    assert drawn(DESIGN) != drawn(replace(DESIGN, key="second"))
    assert drawn(DESIGN) != drawn(replace(DESIGN, campaign="autumn"))


def test_what_cannot_be_is_said() -> None:
    with pytest.raises(ModelError, match=r"sure must lie between 0 and 10, found 11(.|\n)*sure_holdout"):
        Design(10, 11, 4, "k", "c", sure_holdout=0.7)
    with pytest.raises(ModelError, match=r"candidates stand twice \(c0001\)(.|\n)*held is no group"):
        draw(people([1, 1]), {"x": Earlier("held", 0)}, DESIGN)
