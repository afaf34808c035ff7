from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models import segments
from models.errors import ModelError
from tests.models.panels_for_tests import columns_info, info

ROLES = segments.Roles("last", "orders", "money", "tenure")
TRAINED = pd.DataFrame(
    {"last": range(100), "orders": range(100), "money": range(100), "tenure": range(100)}, dtype=float
)
CUTS = segments.Quintiles.fit(TRAINED, ROLES)


@pytest.mark.parametrize(
    ("last", "orders", "money", "tenure", "segment"),
    [
        (5, 50, 50, 30, "new"),
        (5, 50, 50, 60, "new"),
        (5, 50, 99, 61, "high value"),
        (45, 10, 99, 400, "high value"),
        (5, 90, 50, 400, "regular"),
        (75, 90, 50, 400, "at risk"),
        (95, 50, 70, 400, "at risk"),
        (95, 50, 50, 400, "hibernating"),
        (75, 30, 30, 400, "hibernating"),
        (75, 50, 50, 400, "needs attention"),
        (45, 50, 50, 400, "occasional"),
        (5, 50, 50, 400, "occasional"),
    ],
)
def test_the_first_rule_that_holds_names_the_customer(
    last: float, orders: float, money: float, tenure: float, segment: str
) -> None:
    row = pd.DataFrame({"tenure": [tenure], "money": [money], "orders": [orders], "last": [last]})
    assert CUTS.segments(row)["segment"].tolist() == [segment]


RHYTHMIC = segments.Roles("buy_days_since_last", "orders", "money", "tenure")
OF_RHYTHM = segments.Quintiles.fit(TRAINED.rename(columns={"last": "buy_days_since_last"}), RHYTHMIC)


@pytest.mark.parametrize(
    ("last", "usual", "orders", "money", "segment"),
    [
        (75, 80, 90, 50, "regular"),  # orders in bursts, and is within one
        (75, 70, 90, 50, "at risk"),
        (95, 100, 30, 30, "occasional"),  # comes every three months
        (95, 90, 30, 30, "hibernating"),
        (95, 1000, 30, 30, "hibernating"),  # ordered once: longer than most others
        (95, 100, 30, 99, "high value"),
        (45, 30, 50, 50, "needs attention"),  # R = 3, and slowing
        (45, 60, 50, 50, "occasional"),
        (45, 1000, 50, 50, "occasional"),
    ],
)
def test_who_keeps_to_their_rhythm_is_not_quiet(
    last: float, usual: float, orders: float, money: float, segment: str
) -> None:
    row = {"buy_days_since_last": last, "buy_gap_mean": usual, "orders": orders, "money": money, "tenure": 400.0}
    assert OF_RHYTHM.segments(pd.DataFrame([row]))["segment"].tolist() == [segment]


@given(
    st.lists(
        st.tuples(*[st.floats(0, 120)] * 4, st.one_of(st.just(1000.0), st.floats(0, 200))), min_size=1, max_size=40
    )
)
def test_the_words_of_a_segment_are_true(rows: list[tuple[float, ...]]) -> None:
    names = ["buy_days_since_last", "orders", "money", "tenure", "buy_gap_mean"]
    table = pd.DataFrame(rows, columns=names, dtype=float)
    named = pd.concat([table, OF_RHYTHM.segments(table)], axis=1)
    within = (named["buy_gap_mean"] < 1000) & (named["buy_days_since_last"] <= named["buy_gap_mean"])
    quiet = named["segment"].isin(["at risk", "hibernating", "needs attention"])
    assert not (quiet & within).any()
    longer = named["segment"].isin(["at risk", "hibernating"])
    assert (named.loc[longer, "r_score"] <= 2).all(), "longer than most"
    came = named["segment"].isin(["high value", "regular", "occasional"])
    assert ((named["r_score"] >= 3) | within)[came].all(), "not long ago, or as usual"
    seldom = named["segment"].isin(["hibernating", "needs attention", "occasional"])
    assert (named.loc[seldom, "f_score"] <= 3).all(), "does not come often"
    assert (named.loc[named["segment"] == "regular", "f_score"] >= 4).all()
    assert (named.loc[named["segment"] == "new", "tenure"] <= segments.NEW_WITHIN_DAYS).all()


def test_equal_values_get_equal_ranks() -> None:
    tied = pd.DataFrame(
        {"last": [1.0] * 90 + [50.0] * 10, "orders": [1.0] * 70 + [2.0] * 30, "money": 0.0, "tenure": 500.0}
    )
    scores = segments.Quintiles.fit(tied, ROLES).scores(tied)
    assert scores.groupby(tied["orders"])["f_score"].nunique().tolist() == [1, 1]
    assert scores.loc[0, "f_score"] < scores.loc[99, "f_score"]
    assert scores.loc[0, "r_score"] == 5
    assert scores["m_score"].nunique() == 1


def test_scores_do_not_depend_on_who_else_is_there() -> None:
    together = CUTS.segments(TRAINED)
    alone = pd.concat([CUTS.segments(TRAINED.iloc[[place]]) for place in range(100)])
    pd.testing.assert_frame_equal(together, alone)
    assert together["r_score"].value_counts().tolist() == [20] * 5


def test_without_money_the_money_score_is_null() -> None:
    roles = segments.roles(columns_info(money=False), "placed_order")
    assert roles.money is None
    frame = pd.DataFrame({name: np.arange(50.0) for name in roles.names})
    fitted = segments.Quintiles.fit(frame, roles)
    assert fitted.segments(frame)["m_score"].isna().all()
    assert fitted.sums(frame).max() <= 10


def test_roles_take_the_longest_window_of_the_activity() -> None:
    declared = [
        *columns_info(),
        info("visited_site_count_999d", "count", 999, "visited_site"),
        info("short", "count", 28),
    ]
    assert segments.roles(declared, "placed_order").frequency == "placed_order_count_364d"
    with pytest.raises(ModelError, match="recency, tenure of visited_site"):
        segments.roles(declared, "visited_site")


def test_json_round_trip() -> None:
    again = segments.Quintiles.from_json(json.loads(json.dumps(CUTS.to_json())))
    pd.testing.assert_frame_equal(again.segments(TRAINED), CUTS.segments(TRAINED))
