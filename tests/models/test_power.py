from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import norm

from models.decision.control_group import assign
from models.decision.power import Plan, holdout_cost, is_powered, power, share_for, smallest_effect, weeks_for
from models.errors import ModelError
from tests.conftest import examples

pytestmark = pytest.mark.slow

PLAN = Plan(weekly=300, weeks=8, share=0.1, base_rate=0.4)
plans = st.builds(
    Plan,
    weekly=st.integers(10, 2000),
    weeks=st.integers(1, 20),
    share=st.sampled_from([0.05, 0.1, 0.2, 0.5]),
    base_rate=st.floats(0.05, 0.95),
    new_share=st.floats(0.0, 1.0),
)


def test_300_a_week_10_percent_held_out_and_8_weeks_do_not_prove_less_than_9_points() -> None:
    assert PLAN.groups == (2400, 267)
    found = smallest_effect(PLAN)
    assert found is not None
    assert 0.080 < found < 0.090
    assert smallest_effect(replace(PLAN, base_rate=0.5)) == pytest.approx(0.09, abs=0.002)


def test_reference_values_of_the_textbook() -> None:
    # Fleiss, Levin and Paik 2003, table A.4 (power 0.80, alpha 0.05, without continuity correction): 0.60 against 0.70
    # takes 356 in each group, 0.10 against 0.20 takes 199.
    assert power(0.1, contacted=356, held_out=356, base_rate=0.7) == pytest.approx(0.80, abs=0.002)
    assert power(0.1, contacted=199, held_out=199, base_rate=0.2) == pytest.approx(0.80, abs=0.003)


@pytest.mark.parametrize(
    ("base_rate", "contacted", "held_out"), [(0.4, 2400, 267), (0.15, 900, 100), (0.6, 300, 300), (0.3, 1350, 150)]
)
def test_the_power_that_is_promised_is_the_power_that_comes(base_rate: float, contacted: int, held_out: int) -> None:
    plan = Plan(weekly=contacted, weeks=1, share=held_out / (contacted + held_out), base_rate=base_rate)
    assert plan.groups == (contacted, held_out)
    effect = smallest_effect(plan)
    assert effect is not None
    random = np.random.default_rng(3)
    found, false = (_found(random, base_rate - one, base_rate, contacted, held_out) for one in (effect, 0.0))
    assert found == pytest.approx(0.8, abs=0.02)
    assert false == pytest.approx(0.05, abs=0.01)


def _found(random: np.random.Generator, p1: float, p2: float, n1: int, n2: int, times: int = 20_000) -> float:
    """How often the z-test of two proportions finds a difference between two groups that are drawn."""
    left1, left2 = random.binomial(n1, p1, times), random.binomial(n2, p2, times)
    common = (left1 + left2) / (n1 + n2)
    spread = np.sqrt(common * (1 - common) * (1 / n1 + 1 / n2))
    return float(np.mean(np.abs(left1 / n1 - left2 / n2) > norm.isf(0.025) * spread))


@examples(60)
@given(plan=plans)
def test_longer_larger_and_more_balanced_plans_prove_no_larger_effects_only(plan: Plan) -> None:
    def least(other: Plan) -> float:
        return smallest_effect(other) or 1.0

    # Whole customers are counted, so one more in the other group may cost a hair.
    assert least(replace(plan, weeks=plan.weeks + 4)) <= least(plan) + 1e-3
    assert least(replace(plan, weekly=plan.weekly * 2)) <= least(plan) + 1e-3
    assert least(replace(plan, share=min(0.5, plan.share * 1.5))) <= least(plan) + 1e-3
    assert least(replace(plan, new_share=1.0)) <= least(plan) + 1e-3
    assert least(replace(plan, pool=plan.weekly)) >= least(plan) - 1e-3


@examples(60)
@given(plan=plans, part=st.floats(0, 1))
def test_larger_effects_than_the_smallest_are_proven_and_smaller_ones_are_not(plan: Plan, part: float) -> None:
    contacted, held_out = plan.groups
    sizes = {"contacted": contacted, "held_out": held_out, "base_rate": plan.base_rate}
    least = smallest_effect(plan)
    assert 0 <= power(plan.base_rate * part, **sizes) <= 1
    if least is None:
        assert power(plan.base_rate, **sizes) < 0.8
    else:
        assert power(least + (plan.base_rate - least) * part, **sizes) >= 0.8
        assert power(least * part * 0.999, **sizes) < 0.8


@examples(40)
@given(plan=plans, effect=st.floats(0.01, 0.3))
def test_the_share_and_the_weeks_that_would_do_do_and_smaller_ones_do_not(plan: Plan, effect: float) -> None:
    share, weeks = share_for(effect, plan), weeks_for(effect, plan)
    if share is not None:
        assert is_powered(effect, replace(plan, share=share))
        assert share == 0.01 or not is_powered(effect, replace(plan, share=round(share - 0.01, 2)))
    else:
        assert not is_powered(effect, replace(plan, share=0.5))
    if weeks is not None:
        assert is_powered(effect, replace(plan, weeks=weeks))
        assert weeks == 1 or not is_powered(effect, replace(plan, weeks=weeks - 1))


def test_customers_count_once_and_there_are_no_more_than_there_are() -> None:
    assert replace(PLAN, new_share=0.0).groups == (300, 33)
    assert replace(PLAN, new_share=0.5).groups == (1350, 150)
    assert replace(PLAN, pool=1000).groups == (900, 100)
    assert replace(PLAN, share=0.0).groups == (2400, 0)


def test_what_cannot_be_proven_is_said_to_be_nothing() -> None:
    assert smallest_effect(replace(PLAN, share=0.0)) is None
    assert smallest_effect(replace(PLAN, base_rate=0.0)) is None
    assert smallest_effect(Plan(weekly=5, weeks=2, share=0.1, base_rate=0.2)) is None
    assert share_for(0.001, PLAN) is None
    assert weeks_for(0.001, replace(PLAN, pool=3000)) is None


def test_groups_too_small_for_the_test_prove_nothing() -> None:
    assert power(0.9, contacted=1000, held_out=9, base_rate=0.95) == 0.0
    assert power(0.9, contacted=1000, held_out=10, base_rate=0.95) > 0.9


def test_nobody_leaves_at_all_is_found_for_sure_where_everybody_left() -> None:
    assert power(1.0, contacted=10, held_out=10, base_rate=1.0) == 1.0
    assert power(0.0, contacted=10, held_out=10, base_rate=1.0) == 0.0


def test_the_price_of_the_proof() -> None:
    assert holdout_cost(0.09, PLAN.groups[1], PLAN.base_rate) == 25  # 267 x 9 points
    held_out = replace(PLAN, new_share=0.5).groups[1]
    assert holdout_cost(0.12, held_out, PLAN.base_rate) == 18  # 150 x 12 points, to the hair


def test_a_plan_that_is_none_names_every_fault() -> None:
    with pytest.raises(ModelError, match=r"weekly must lie between 1 and inf, found 0.\n.*share must lie between 0"):
        Plan(weekly=0, weeks=8, share=0.6, base_rate=0.2)


def test_a_campaign_of_lists_ends_with_the_groups_that_were_promised() -> None:
    # Every week 300 contacts; half of a later list stood on the one before, the others come for the first time.
    plan = Plan(weekly=300, weeks=8, share=0.1, base_rate=0.4, new_share=0.5)
    random, already = np.random.default_rng(1), pd.Series(dtype="str")
    new, listed = iter(range(10_000)), list[str]()
    for _ in range(plan.weeks):
        kept = list(random.permutation(listed)[: len(listed) // 2])
        fresh = [f"c{next(new)}" for _ in range(500)]
        order = [*kept, *fresh[:400]]
        table = pd.DataFrame({"customer_id": order, "risk_tier": random.choice(["high", "medium"], len(order))})
        found = assign(table.assign(segment="any"), already, key="k", campaign="spring", share=0.1)
        end = int(np.argmax(np.cumsum(found == "contact") >= plan.weekly)) + 1
        listed = list(found.index[:end])
        already = pd.concat([already, found[:end][~found.index[:end].isin(already.index)]])
    counts = already.value_counts()
    contacted, held_out = plan.groups
    assert counts["contact"] == pytest.approx(contacted, rel=0.03)
    assert counts["control"] == pytest.approx(held_out, rel=0.08)
