"""The search: what it may look at, what it settles on, and that being cut short changes nothing."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest

from models.training import search, split, train
from models.training.panel import Data, Panel
from models.training.recipe import DEFAULT_SHARE, FEW_CUSTOMERS, OriginPredictions, Recipe
from models.training.search import NoTrialStore, Search, Trial
from tests.models.panels_for_tests import DEFINITION, MOMENTS, panel

pytestmark = pytest.mark.slow

QUICK = Recipe(seeds=1, max_rounds=30, learning_rate=0.1, search={"trials": 3})
MONTHS = ("2020-11-09", "2020-12-07", *MOMENTS)
PLAN = split.plan(MONTHS, span_days=28, origins=6)


@pytest.fixture(scope="module")
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(1) as opened:
        yield opened


def searched(data: Panel, pool: ThreadPoolExecutor, recipe: Recipe = QUICK) -> search.SearchResult:
    return Search(Data.of(data, DEFINITION), PLAN, recipe, pool).settle(PLAN.origins)


def test_candidates_are_seeded_within_bounds_and_never_depend_on_how_many() -> None:
    many = search.candidates(replace(QUICK, search={"trials": 9}))
    assert many[0] == {}
    assert search.candidates(QUICK) == many[:4]
    assert search.candidates(replace(QUICK, search={"trials": 0})) == [{}]
    assert search.candidates(replace(QUICK, seed=8))[1] != many[1]
    for one in many[1:]:
        for name, (low, high, whole) in search.SPACE.items():
            assert low <= one[name] <= high
            assert isinstance(one[name], int) == whole


@pytest.fixture(scope="module")
def small() -> Panel:
    return panel(customers=120, moments=MONTHS)


@pytest.fixture(scope="module")
def whole(small: Panel, pool: ThreadPoolExecutor) -> search.SearchResult:
    """The search over the small panel, to its end."""
    return searched(small, pool)


@pytest.mark.parametrize("origin", PLAN.origins)
def test_what_an_origin_settles_on_cannot_know_its_own_future(
    origin: str, pool: ThreadPoolExecutor, small: Panel, whole: search.SearchResult
) -> None:
    """Every label that is not known at an origin is turned round: what was settled for it stays, trials and all."""
    known = split.known_moments(MONTHS, origin, 28)
    late = ~np.isin(small.moments, known)
    turned = replace(small, churned=np.where(late, 1 - small.churned, small.churned))
    one, other = whole, searched(turned, pool)
    assert one.settled[origin] == other.settled[origin]
    used = PLAN.shared(origin).tuning
    for first, second in zip(one.trials, other.trials, strict=True):
        both = [trial.pooled(used) for trial in (first, second) if trial.pooled(used)]
        assert first.numbers == second.numbers
        assert all(cells == both[0] for cells in both)


def test_the_test_moment_serves_no_trial(whole: search.SearchResult) -> None:
    tried = {name for trial in whole.trials for name in trial.parts}
    assert tried == {moment for origin in PLAN.origins for moment in PLAN.shared(origin).tuning}
    assert PLAN.test not in tried
    assert PLAN.shared(PLAN.test).tuning == PLAN.origins[:2]  # the three after them calibrate


class Kept(NoTrialStore):
    """Remembers."""

    def __init__(self, trials: dict[int, Trial] | None = None) -> None:
        self.trials, self.recalled = dict(trials or {}), 0

    def recall(self, number: int, numbers: search.Numbers) -> Trial | None:
        self.recalled += number in self.trials
        return self.trials.get(number)

    def keep(self, trial: Trial, wanted: int) -> None:
        self.trials[trial.number] = trial


def test_a_search_that_was_cut_short_goes_on_and_ends_the_same(
    pool: ThreadPoolExecutor, small: Panel, whole: search.SearchResult
) -> None:
    data = Data.of(small, DEFINITION)
    second = Kept({trial.number: trial for trial in whole.trials[1:3]})  # what a run that was killed had finished
    assert Search(data, PLAN, QUICK, pool, second).settle(PLAN.origins) == whole
    assert second.recalled == 2


def test_the_budget_is_work_that_is_known_before_anything_is_tried(
    pool: ThreadPoolExecutor, small: Panel, whole: search.SearchResult
) -> None:
    data = Data.of(small, DEFINITION)
    tuning = sorted({part for trial in whole.trials for part in trial.parts})
    cost = Search(data, PLAN, QUICK, pool).work_of_a_trial(tuning)
    assert cost == sum(int(data.split(PLAN, origin)[0].sum()) for origin in tuning) * 30

    def cut(work: float) -> search.SearchResult:
        recipe = replace(QUICK, search={"trials": 3, "work": work})
        return Search(data, PLAN, recipe, pool).settle(PLAN.origins)

    two, none = cut(2.9 * cost), cut(0.5 * cost)
    assert two.trials == whole.trials[:3]
    (note,) = two.notes
    assert note == (
        f"the search tries 2 of 3 trials: one may cost {cost:,} (training rows x trees), and model.search.work is "
        f"{2.9 * cost:,.0f}."
    )
    assert [trial.number for trial in none.trials] == [0]
    assert cut(3 * cost).notes == ()


def test_what_ships_says_which_numbers_it_uses() -> None:
    """A recipe that cannot learn (one leaf's worth of rows) loses to what the search finds."""
    poor = replace(QUICK, min_rows_in_leaf=100_000, leaves=2, max_rounds=10, logistic_share=0.0, learning_rate=0.02)
    found = train.train(panel(customers=500, moments=MONTHS), PLAN, poor, DEFINITION)
    assert found.choice.numbers
    assert "trial" in found.choice.notes[0]
    assert found.trials[0].numbers == {}


def test_a_candidate_that_is_clearly_worse_is_dropped(pool: ThreadPoolExecutor) -> None:
    data = panel(customers=800, moments=MONTHS)
    good = replace(QUICK, logistic_share=1.0, logistic_penalty=0.001, search={"trials": 0})
    looked = Search(Data.of(data, DEFINITION), PLAN, good, pool)
    base = {origin: looked._step(good, origin) for origin in PLAN.origins[:4]}
    trial = looked._try(1, {"logistic_penalty": 10.0}, base)
    assert trial.dropped
    assert len(trial.parts) < len(base)


def step(origin: str, *, boosted: float, linear: float, rows: int = 3000) -> OriginPredictions:
    """A past origin whose log-odds are the truth times a factor."""
    random = np.random.default_rng(int(origin.replace("-", "")))
    truth = random.normal(-1, 1.5, rows)
    y = (random.random(rows) < 1 / (1 + np.exp(-truth))).astype(float)
    by_rounds = dict.fromkeys(QUICK.rounds_grid, boosted * truth)
    return OriginPredictions(origin, by_rounds, linear * truth, y, [f"c{number}" for number in range(rows)])


@pytest.mark.parametrize(
    ("boosted", "linear", "share"),
    [
        (1.0, 1.0, DEFAULT_SHARE),  # nothing to gain: the default
        (0.2, 1.0, 1.0),  # the boosters are far off: the line alone
        (1.0, 0.2, 0.0),  # the line is far off
    ],
)
def test_the_blend_leaves_its_default_only_for_more_than_noise(boosted: float, linear: float, share: float) -> None:
    past = [step(origin, boosted=boosted, linear=linear) for origin in MOMENTS[:2]]
    own = Trial(0, {}, {one.origin: search._compared(one, one, QUICK) for one in past})
    found = search._settle([own], list(own.parts), QUICK)
    assert found.share == share
    assert found.why


def test_what_helps_at_one_moment_only_settles_nothing() -> None:
    """Boosters that are far off at one moment and fine at another: that moment's season, not the recipe."""
    past = [step(MOMENTS[0], boosted=0.1, linear=1.0), step(MOMENTS[1], boosted=1.0, linear=0.9)]
    own = Trial(0, {}, {one.origin: search._compared(one, one, QUICK) for one in past})
    assert search._settle([own], list(own.parts), QUICK).share == DEFAULT_SHARE


def test_what_params_set_is_not_searched_among() -> None:
    fixed = replace(QUICK, rounds=17, logistic_share=0.5)
    assert (fixed.rounds_grid, fixed.shares, fixed.default_rounds, fixed.default_share) == ([17], (0.5,), 17, 0.5)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_with_125_customers_the_simple_model_wins_by_itself(seed: int) -> None:
    small = panel(customers=125, seed=seed, moments=MONTHS)
    found = train.train(small, PLAN, replace(QUICK, search={"trials": 2}), DEFINITION)
    assert found.choice.logistic_share == 1.0
    assert found.fitted.boosters is None
    table = found.predictions
    loss = {
        name: -np.mean(np.where(table["churned"], np.log(table[name]), np.log1p(-table[name])))
        for name in ("model", "days_since_last", "rfm_score")
    }
    assert loss["model"] <= min(loss.values()) + 0.015
    assert Recipe().for_customers(FEW_CUSTOMERS).default_share == DEFAULT_SHARE
