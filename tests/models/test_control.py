from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.decision.control_group import CONTACT, CONTROL, _held_out, assign, keyed_uniform
from models.errors import ModelError
from tests.conftest import examples

pytestmark = pytest.mark.slow

TIERS, SEGMENTS = ("very high", "high", "medium"), ("regular", "new")
NOBODY = pd.Series(dtype="str")


def candidates(count: int = 600, start: int = 0) -> pd.DataFrame:
    """In the order of the ranking; tiers and segments come in no order of theirs."""
    numbers = range(start, start + count)
    return pd.DataFrame(
        {
            "customer_id": [f"c{n:05d}" for n in numbers],
            "risk_tier": [TIERS[(n * 7 // 5) % 3] for n in numbers],
            "segment": [SEGMENTS[(n // 3) % 2] for n in numbers],
        }
    )


def groups(table: pd.DataFrame, already: pd.Series[str] = NOBODY, **changed: object) -> pd.Series[str]:
    chosen = {"key": "first", "campaign": "spring", "share": 0.1} | changed
    return assign(table, already, **chosen)  # type: ignore[arg-type]


def held_out(found: pd.Series[str]) -> set[str]:
    return set(found.index[found == CONTROL])


def test_every_candidate_has_one_group_in_the_order_of_the_ranking() -> None:
    found = groups(candidates())
    assert list(found.index) == list(candidates()["customer_id"])
    assert set(found) == {CONTACT, CONTROL}


@pytest.mark.parametrize("share", [0.05, 0.1, 0.15, 0.3, 0.5])
@examples(20)
@given(cut=st.integers(min_value=1, max_value=600), key=st.text(min_size=1, max_size=5))
def test_wherever_the_list_is_cut_tiers_and_segments_have_their_share(share: float, cut: int, key: str) -> None:
    table = candidates()
    found, shown = groups(table, share=share, key=key), table.head(cut)
    for _, stratum in shown.groupby(["risk_tier", "segment"]):
        controls = sum(found[one] == CONTROL for one in stratum["customer_id"])
        assert abs(controls - share * len(stratum)) <= 2, "one more or one fewer, and a block that the cut divides"


def test_who_was_assigned_stays_through_all_weeks_whatever_else_changes() -> None:
    first = groups(candidates())
    later = candidates(900, start=300).iloc[::-1].assign(risk_tier="low", segment="lost")
    second = groups(later, first, key="another", share=0.4)
    both = first.index.intersection(second.index)
    assert len(both) == 300
    assert second[both].equals(first[both])


def test_those_assigned_before_change_nothing_for_those_who_are_new() -> None:
    first = groups(candidates(300))
    together = groups(candidates(600), first)
    assert together[candidates(300, start=300)["customer_id"]].equals(groups(candidates(300, start=300)))


def test_the_list_made_again_after_it_was_published_holds_out_the_same() -> None:
    first = groups(candidates())
    assert groups(candidates(), first).equals(first)


def test_the_same_key_holds_out_the_same_and_another_campaign_others() -> None:
    assert groups(candidates()).equals(groups(candidates()))
    assert held_out(groups(candidates())) != held_out(groups(candidates(), campaign="autumn"))
    assert held_out(groups(candidates())) != held_out(groups(candidates(), key="second"))


def test_nobody_is_held_out_where_the_share_is_nothing() -> None:
    assert set(groups(candidates(), share=0.0)) == {CONTACT}
    assert groups(candidates(0)).empty


@pytest.mark.parametrize("size", [1, 3, 9, 10, 14])
def test_a_customer_of_a_small_stratum_is_held_out_as_often_as_any_other(size: int) -> None:
    # Among 3 new ones of a tier one is held out with probability 3 / 10, so each with 1 / 10.
    ids, times = list(candidates(size)["customer_id"]), 4000
    drawn = np.mean([_held_out(ids, key=f"key {n}", campaign="spring", share=0.1) for n in range(times)], axis=0)
    assert drawn == pytest.approx(np.full(size, 0.1), abs=4.5 * (0.09 / times) ** 0.5)


def test_chance_is_even_and_depends_on_all_three() -> None:
    drawn = pd.Series([keyed_uniform(str(n), key="k", campaign="c") for n in range(4000)])
    assert (drawn.between(0, 1, inclusive="left")).all()
    assert drawn.describe()[["mean", "25%", "75%"]].to_list() == pytest.approx([0.5, 0.25, 0.75], abs=0.03)
    others = [
        keyed_uniform("1", key="j", campaign="c"),
        keyed_uniform("1", key="k", campaign="d"),
        keyed_uniform("2", key="k", campaign="c"),
    ]
    assert len({keyed_uniform("1", key="k", campaign="c"), *others}) == 4


@pytest.mark.parametrize(
    ("table", "already", "share", "fault"),
    [
        (candidates(5).drop(columns="segment"), NOBODY, 0.1, "the candidates have no segment."),
        (pd.concat([candidates(2)] * 2), NOBODY, 0.1, r"2 candidates stand twice \(c00000, c00001\)."),
        (candidates(5), pd.Series({"c00000": "held"}), 0.1, "held is no group. Allowed: contact, control."),
        (candidates(5), pd.Series(["contact"] * 2, index=["a", "a"]), 0.1, r"1 customers were assigned twice \(a\)."),
        (candidates(5), NOBODY, 0.7, "a share of 0.7 is not possible. Allowed: 0 to 0.5."),
    ],
)
def test_what_cannot_be_is_said(table: pd.DataFrame, already: pd.Series[str], share: float, fault: str) -> None:
    with pytest.raises(ModelError, match=fault):
        groups(table, already, share=share)
