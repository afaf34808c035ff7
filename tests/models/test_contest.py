"""Model or rule: who scores, and rules that score like models."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from models.churn_model import ChurnModel
from models.errors import ModelError
from models.learners.rule_names import BASE_RATE, MODEL, RULES
from models.training import contest, entries, fitting, known_levels, split, train
from models.training.contest import held
from models.training.panel import Data, Panel
from models.training.recipe import Recipe
from pipelines.runtime.files import digest_of
from tests.models.panels_for_tests import DEFINITION, MOMENTS, info, panel

QUICK = Recipe(seeds=1, max_rounds=30, learning_rate=0.1)
PLAN = split.plan(MOMENTS, span_days=28, origins=4)
RHYTHM = "placed_order_silence_per_gap"


def with_rhythm(data: Panel) -> Panel:
    days, count = (data.features[f"placed_order_{name}"] for name in ("days_since_last", "count_364d"))
    features = data.features.assign(**{RHYTHM: days * count / 364})
    return replace(data, features=features, columns_info=[*data.columns_info, info(RHYTHM, "silence_per_gap")])


DATA = with_rhythm(panel(summary=True))


@pytest.fixture(scope="module")
def trained() -> train.Trained:
    return train.train(DATA, PLAN, QUICK, DEFINITION)


@pytest.fixture(scope="module", params=RULES)
def rule(request: pytest.FixtureRequest, trained: train.Trained) -> ChurnModel:
    data = Data.of(DATA, DEFINITION)
    fit = fitting.fit(data, data.everything, QUICK)
    ahead = known_levels.next_moment(PLAN)
    return entries.in_place_of(trained.fitted, data, PLAN, (data.everything, fit), name=request.param, moment=ahead)


FEATURES = DATA.features.iloc[:250]


def test_a_rule_is_saved_and_loaded_as_a_model_is(rule: ChurnModel, tmp_path: Path) -> None:
    rule.save(tmp_path / "model")
    again = ChurnModel.load(tmp_path / "model")
    assert again.digest == rule.digest == digest_of(tmp_path / "model")
    assert again.columns == rule.columns
    assert np.array_equal(again.predict(FEATURES), rule.predict(FEATURES))
    assert np.array_equal(again.anchored(FEATURES).predict(FEATURES), rule.anchored(FEATURES).predict(FEATURES))
    pd.testing.assert_frame_equal(again.contributions(FEATURES), rule.contributions(FEATURES))
    assert np.array_equal(again.expected_value(FEATURES), rule.expected_value(FEATURES))  # type: ignore[arg-type]


def test_what_a_rule_says_is_told_by_its_own_columns(rule: ChurnModel) -> None:
    found = rule.contributions(FEATURES)
    assert list(found.columns) == rule.columns
    rest = rule.log_odds(FEATURES) - found.sum(axis=1).to_numpy()
    assert rest == pytest.approx(rest[0], abs=1e-9)
    assert rule.rule is not None
    assert (found.drop(columns=list(rule.rule.columns)) == 0).all(axis=None)


def test_a_rule_keeps_the_laws_of_a_score(rule: ChurnModel) -> None:
    anchored = rule.anchored(FEATURES)
    probability = anchored.predict(FEATURES)
    assert ((probability > 0) & (probability < 1)).all()
    turned = rule.anchored(FEATURES.sample(frac=1, random_state=5))
    assert turned.at_moment == anchored.at_moment
    assert np.array_equal(anchored.predict(FEATURES.iloc[[9]]), probability[[9]])
    assert np.array_equal(anchored.scores(FEATURES)[0], probability)
    assert rule.rule is not None
    with pytest.raises(ModelError, match=rule.rule.columns[0]):
        rule.predict(FEATURES.drop(columns=rule.rule.columns[0]))


def judged(model: float, rules: float, *, rows: int = 1500, signal: float = 1.0) -> pd.DataFrame:
    """Model and rules that say the truth times a factor."""
    random = np.random.default_rng(3)
    odds = random.normal(-1, 1.5, rows)
    churned = random.random(rows) < 1 / (1 + np.exp(-signal * odds - (1 - signal) * -1))
    table = pd.DataFrame({"customer_id": [f"c{n % 500}" for n in range(rows)], "churned": churned.astype(float)})
    table["as_of"] = pd.Timestamp("2021-01-04") + pd.to_timedelta(28 * (np.arange(rows) // 500), unit="D")
    said = {MODEL: model, "days_since_last": 0.3, "own_rhythm": 0.4, "bg_nbd": rules}
    return table.assign(**{name: 1 / (1 + np.exp(-factor * odds)) for name, factor in said.items()})


def test_the_lowest_loss_scores_whether_model_or_rule() -> None:
    assert held(judged(1.0, 0.5), "time").scorer == MODEL
    found = held(judged(2.5, 1.0), "time")
    assert (found.scorer, found.best_rule, found.ranks) == ("bg_nbd", "bg_nbd", True)
    assert found.losses["bg_nbd"] < found.losses[MODEL]
    assert len(found.moments) == 3


def test_nothing_ranks_only_where_the_interval_says_so() -> None:
    found = held(judged(1.0, 1.0, rows=6000, signal=0.0), "time")
    assert not found.ranks
    assert found.scorer == BASE_RATE
    assert found.roc_auc_high < contest.LEAST_AUC
    assert held(judged(1.0, 1.0, rows=6000, signal=0.0), "time", has_money=False).scorer == "days_since_last"
    assert held(judged(1.0, 1.0, rows=40, signal=0.0), "time").ranks  # too few to be sure of that


def test_the_test_moment_has_no_say_and_reports(trained: train.Trained) -> None:
    assert trained.contest.held_out_by == "time"
    assert trained.contest.moments == PLAN.past(PLAN.test)
    random = np.random.default_rng(5).random(len(DATA.churned)) < 0.5
    spoiled = np.where(DATA.moments == MOMENTS[-1], random.astype(float), DATA.churned)
    again = train.train(replace(DATA, churned=spoiled), PLAN, QUICK, DEFINITION)
    assert again.contest == trained.contest
    assert trained.predictions["model"].notna().all()


@pytest.mark.parametrize("count", [1, 2])
def test_with_fewer_than_two_such_moments_customers_are_held_out(count: int) -> None:
    moments = MOMENTS[-count:]
    found = train.train(panel(moments=moments), split.plan(moments, span_days=28, origins=4), QUICK, DEFINITION)
    assert found.contest.held_out_by == "customers"
    assert len(found.contest.moments) == 1
    assert (found.shipped is found.fitted) == (found.contest.scorer == MODEL) == (found.shipped.rule is None)


def test_where_a_rule_is_the_truth_it_scores() -> None:
    """Leaving follows the days since the last order alone, and there are few customers."""
    small = panel(customers=60, seed=4)
    days = small.features["placed_order_days_since_last"].to_numpy()
    random = np.random.default_rng(6)
    only = replace(
        small, churned=(random.random(len(days)) < 1 / (1 + np.exp(2.5 - 1.2 * np.log1p(days)))).astype(float)
    )
    found = train.train(only, PLAN, replace(QUICK, logistic_share=0.0), DEFINITION)
    name = found.contest.scorer
    assert name != MODEL
    assert (found.choice.scorer, found.shipped.rule and found.shipped.rule.name) == (name, name)
    assert found.shipped.digest != found.fitted.digest
    test = only.features[only.moments == MOMENTS[-1]]
    said = found.predictions[found.predictions["role"] == "test"]
    assert found.held_out.predict(test) == pytest.approx(said["model"].to_numpy(), abs=1e-9)
    assert found.held_out.anchored(test).predict(test) == pytest.approx(said["model"].to_numpy(), abs=1e-8)
    assert not np.allclose(said["model"], said["fitted_model"])
    assert found.shipped.profile["score_edges"] == pytest.approx(np.quantile(said["model"], np.arange(1, 10) / 10))


@pytest.mark.parametrize("name", ["own_rhythm", BASE_RATE, MODEL])
def test_who_scores_can_be_set(name: str) -> None:
    found = train.train(DATA, PLAN, replace(QUICK, scorer=name), DEFINITION)
    assert found.contest == contest.settled(name)
    assert (found.shipped.rule.name if found.shipped.rule else MODEL) == name
    if name == BASE_RATE:
        assert np.ptp(found.shipped.anchored(FEATURES).predict(FEATURES)) == 0
        assert (found.shipped.contributions(FEATURES) == 0).all(axis=None)
        assert not found.contest.ranks


def test_a_rule_that_the_columns_do_not_allow_is_named() -> None:
    without = panel(moments=MOMENTS[-3:])
    with pytest.raises(ModelError, match=r"model\.scorer bg_nbd: .* They allow model, days_since_last"):
        plan = split.plan(MOMENTS[-3:], span_days=28, origins=4)
        train.train(without, plan, replace(QUICK, scorer="bg_nbd"), DEFINITION)


def test_a_model_that_ranks_goes_before_a_rule_that_does_not() -> None:
    table = judged(1.0, 1.0)
    constant = table.assign(**dict.fromkeys(("days_since_last", "own_rhythm", "bg_nbd"), 0.27))
    off = constant.assign(**{MODEL: 1 / (1 + np.exp(-np.log(table[MODEL] / (1 - table[MODEL])) - 4))})
    found = held(off, "time")
    assert found.losses["bg_nbd"] < found.losses[MODEL]
    assert (found.scorer, found.ranks) == (MODEL, True)
