from __future__ import annotations

import numpy as np
import pytest

from models.decision.power import Plan, smallest_effect_between
from models.effect.sequential.boundary import KINDS, POCOCK
from models.effect.sequential.trial import Trial, power, smallest_effect, weekly_fractions, weeks_needed
from models.errors import ModelError
from tests.models.effect.planted import Scenario, claimed_share

ONE = np.ones(1)


def trial(contacted: float, control: float, base_rate: float, looks: int = 1, **more) -> Trial:
    fractions = tuple(float(n) for n in np.arange(1, looks + 1) / looks)
    return Trial(contacted * ONE, control * ONE, base_rate * ONE, fractions, **more)


def test_one_look_is_what_the_campaign_says_today() -> None:
    for sizes in ((300, 33, 0.4), (1000, 110, 0.2), (2000, 220, 0.05)):
        assert smallest_effect(trial(*sizes)) == pytest.approx(smallest_effect_between(*sizes), rel=0.035)


def test_the_lottery_finds_smaller_effects_at_the_price_of_a_holdout() -> None:
    # 150 sure, 150 drawn out of the next 300; against 300 contacted with a tenth held out.
    holdout, lottery = Trial.of_plan(Plan(300, 1, 0.1, 0.4)), Trial.of_lottery(150, 1, 0.4)
    assert smallest_effect(holdout) == pytest.approx(0.224, abs=2e-3)
    assert smallest_effect(lottery) == pytest.approx(0.155, abs=2e-3)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("sizes", "weeks"), [((1000, 110, 0.4), 8), ((150, 150, 0.2), 8), ((2000, 220, 0.1), 26)])
def test_an_effect_of_the_size_that_is_named_is_found_in_four_of_five_campaigns(sizes, weeks, kind) -> None:
    planned = trial(*sizes, looks=weeks, kind=kind)
    least = smallest_effect(planned)
    assert least is not None
    assert power(least, planned) == pytest.approx(0.815, abs=1e-3)
    runs, success = 4000, least / sizes[2]
    found, false = (claimed_share(Scenario(planned, planted), runs) for planted in (success, 0.0))
    assert 0.78 <= found <= 0.85
    assert false <= 0.05 + 2 * (0.05 * 0.95 / runs) ** 0.5 + 0.005


def test_more_looks_cost_little_with_obrien_fleming_and_more_with_pocock() -> None:
    once = smallest_effect(trial(1000, 110, 0.4))
    late = smallest_effect(trial(1000, 110, 0.4, 8))
    even = smallest_effect(trial(1000, 110, 0.4, 8, kind=POCOCK))
    assert once is not None
    assert late is not None
    assert even is not None
    assert once < late < 1.03 * once < even < 1.15 * once


def test_strata_that_differ_find_smaller_effects() -> None:
    parts = Trial(np.array([500.0, 500]), np.array([55.0, 55]), np.array([0.7, 0.1]))
    apart, together = smallest_effect(parts), smallest_effect(trial(1000, 110, 0.4))
    assert apart is not None
    assert together is not None
    assert apart < 0.9 * together
    assert 0.78 <= claimed_share(Scenario(parts, apart / parts.mean_base_rate), 4000) <= 0.85


def test_looks_with_too_few_events_are_no_looks_and_too_small_a_trial_finds_nothing() -> None:
    assert trial(300, 33, 0.4, 8).looks == (0.875, 1.0)
    assert trial(100, 11, 0.2, 8).looks == (1.0,)
    assert power(0.2, trial(100, 11, 0.2)) == 0
    assert smallest_effect(trial(100, 11, 0.2)) is None
    assert smallest_effect(trial(1000, 0, 0.2)) is None
    assert smallest_effect(trial(1000, 110, 0.0)) is None


def test_the_weeks_it_takes_are_the_fewest_that_find_it() -> None:
    def after(weeks: int) -> Trial:
        return Trial.of_plan(Plan(300, weeks, 0.1, 0.4, new_share=0.5))

    needed = weeks_needed(0.15, after)
    assert needed is not None
    assert power(0.15, after(needed)) >= 0.815 > power(0.15, after(needed - 1))
    assert weeks_needed(0.001, after, weeks=(1, 20)) is None


def test_fractions_follow_the_customers_who_come_and_stop_where_nobody_new_does() -> None:
    assert weekly_fractions(Plan(300, 4, 0.0, 0.4, new_share=0.5)) == pytest.approx([0.4, 0.6, 0.8, 1.0])
    assert weekly_fractions(Plan(300, 4, 0.0, 0.4, new_share=0.5, pool=450)) == pytest.approx([2 / 3, 1.0])
    assert weekly_fractions(Plan(300, 4, 0.1, 0.4, new_share=0.0)) == (1.0,)


def test_impossible_trials_name_all_their_faults() -> None:
    with pytest.raises(ModelError, match=r"base_rate must lie(.|\n)*'never' is no way"):
        trial(10, 10, 1.2, kind="never")
