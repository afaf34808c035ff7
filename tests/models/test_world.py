from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from models.world import SAMPLE, World, meaning_of

SILENCE = {"kind": "silence", "activity": "placed_order", "horizon_days": 28, "active_within_days": 56}


def world(ids: list[str], salt: str = "ab") -> World:
    return World.of(SILENCE, ids, salt)


def ids(first: int, end: int) -> list[str]:
    return [f"customer-{number}" for number in range(first, end)]


@given(st.lists(st.text(), max_size=60), st.lists(st.text(), max_size=60))
def test_below_the_samples_size_the_share_is_exact(trained: list[str], others: list[str]) -> None:
    everybody = set(trained)
    expected = len(everybody & set(others)) / len(everybody) if everybody else 1.0
    assert world(trained).share_in(others) == expected


def test_above_it_the_share_is_within_five_standard_errors() -> None:
    trained = world(ids(0, 20_000))
    assert len(trained.sample) == SAMPLE
    assert trained.customers == 20_000
    for begin in (0, 5_000, 10_000, 18_000, 20_000):
        assert abs(trained.share_in(ids(begin, 40_000)) - (20_000 - begin) / 20_000) < 5 * 0.022


def test_a_sketch_holds_no_id_and_another_salt_is_another_sketch() -> None:
    one, other = world(ids(0, 30)), world(ids(0, 30), salt="cd")
    assert not set(one.sample) & set(other.sample)
    assert "customer-" not in str(one.to_json())
    assert World.from_json(one.to_json()) == one


def test_the_order_and_number_of_rows_change_nothing() -> None:
    assert world(ids(0, 900)) == world(ids(0, 900)[::-1] * 2)


def test_somebody_elses_customers_are_foreign_and_a_part_of_the_own_ones_is_not() -> None:
    trained = world(ids(0, 20_000))
    assert trained.is_foreign(ids(20_000, 60_000))
    assert not trained.is_foreign(ids(0, 4_000))
    assert not trained.is_foreign(ids(10_000, 30_000))
    assert not trained.is_foreign(ids(90_000, 90_300))  # of a few hundred, among so many, too few can be compared
    assert not world([]).is_foreign(ids(0, 3))


def test_the_meaning_is_the_kind_and_its_activities() -> None:
    assert meaning_of(SILENCE) == {"kind": "silence", "activity": "placed_order"}
    cancellation = {"kind": "cancellation", "activity": "paid", "starts": "began", "renews": None, "ends": "left"}
    assert meaning_of(cancellation) == {"kind": "cancellation", "activity": "paid", "starts": "began", "ends": "left"}
