"""The level of a moment, and the models that are anchored to it."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.churn_model import ChurnModel
from models.learners import level
from models.learners.bgnbd import BgNbd
from models.learners.bgnbd_score import BgNbdScore
from models.learners.level import Level, Move
from models.learners.moment_effects import Effects
from models.training import split, train
from models.training.recipe import LEVEL, Recipe
from tests.models.panels_for_tests import DEFINITION, MOMENTS, panel

QUICK = Recipe(seeds=1, max_rounds=30, learning_rate=0.1)
PLAN = split.plan(MOMENTS, span_days=28, origins=3)
DATA = panel(summary=True)
HABIT = BgNbdScore(BgNbd(0.8, 15.0, 0.7, 2.5), ("x", "t", "age"), "since", 0, 28)


@pytest.fixture(scope="module", params=[True, False])
def model(request: pytest.FixtureRequest) -> ChurnModel:
    return train.train(panel(summary=request.param), PLAN, QUICK, DEFINITION).shipped


def features_of(known: ChurnModel) -> pd.DataFrame:
    return panel(summary=known.habit is not None, seed=9).features.iloc[:250]


def test_an_anchored_model_has_the_level_of_its_moment_and_the_same_order(model: ChurnModel) -> None:
    features = features_of(model)
    assert model.level is not None
    anchored = replace(model, level=replace(model.level, trust=1.0)).anchored(features)
    probability = anchored.predict(features)
    assert (model.level.habit is None) == (model.habit is None)
    if model.level.habit is not None:
        odds = model.level.habit.log_odds(features) + model.level.shift
        assert probability.mean() == pytest.approx(np.mean(1 / (1 + np.exp(-odds))), abs=1e-6)
    order = np.argsort(model.predict(features), kind="stable")
    assert (np.diff(probability[order]) >= 0).all()
    assert ((probability > 0) & (probability < 1)).all()
    assert model.anchored(features).digest == model.digest


def test_neither_the_order_of_customers_nor_threads_nor_company_change_a_score(model: ChurnModel) -> None:
    features = features_of(model)
    anchored = model.anchored(features)
    turned = model.anchored(features.sample(frac=1, random_state=3), threads=2)
    assert turned.at_moment == anchored.at_moment
    assert np.array_equal(anchored.predict(features.iloc[[7]]), anchored.predict(features)[[7]])
    assert np.array_equal(anchored.scores(features)[0], anchored.predict(features))


def test_saved_and_loaded_it_anchors_the_same(model: ChurnModel, tmp_path: Path) -> None:
    model.save(tmp_path)
    again, features = ChurnModel.load(tmp_path), features_of(model)
    assert again.level == model.level
    assert again.digest == model.digest
    assert np.array_equal(again.anchored(features).predict(features), model.anchored(features).predict(features))


def test_a_model_from_before_there_were_levels_still_loads_and_stays_as_it_is(
    model: ChurnModel, tmp_path: Path
) -> None:
    old = replace(model, level=None)
    old.save(tmp_path)
    assert "level" not in json.loads((tmp_path / "model.json").read_text())
    again, features = ChurnModel.load(tmp_path), features_of(model)
    assert again.digest == old.digest != model.digest
    assert again.anchored(features) is again


def test_what_an_origin_predicts_has_the_level_of_its_own_moment_without_its_outcome() -> None:
    found = train.train(DATA, PLAN, QUICK, DEFINITION)
    test = DATA.features[DATA.moments == MOMENTS[-1]]
    said = found.predictions.loc[found.predictions["role"] == "test", "model"].to_numpy()
    assert found.held_out.predict(test) == pytest.approx(said, abs=1e-12)
    assert found.held_out.anchored(test).predict(test) == pytest.approx(said, abs=1e-8)
    assert found.choice.calibration == LEVEL
    assert "BG/NBD" in found.choice.notes[1]
    late = DATA.moments > "2021-04-26"
    spoiled = replace(DATA, churned=np.where(late, 1 - DATA.churned, DATA.churned))
    again = train.train(spoiled, PLAN, QUICK, DEFINITION)
    assert again.held_out.level == found.held_out.level
    assert again.shipped.level != found.shipped.level


def test_where_leaving_is_no_silence_the_models_own_moments_tell() -> None:
    found = train.train(DATA, PLAN, QUICK, {**DEFINITION, "kind": "cancellation"}).shipped
    assert found.level is not None
    assert found.level.habit is None
    assert "own moments" in found.level.in_words()
    assert found.anchored(DATA.features).at_moment == level.shifted(found.level.shift)


def test_a_kind_that_is_set_stays_that_kind() -> None:
    found = train.train(DATA, PLAN, replace(QUICK, calibration="platt"), DEFINITION)
    assert found.shipped.level is None
    assert found.choice.calibration == "platt"


def test_a_base_that_slows_down_is_followed_without_its_outcome() -> None:
    """The newest moment's customers have been silent for longer than any before: the average rises at once."""
    found, features = train.train(DATA, PLAN, QUICK, DEFINITION).shipped, DATA.features.iloc[:250]
    slower = features.assign(placed_order_btyd_age=features["placed_order_btyd_age"] + 60)
    assert found.anchored(slower).predict(features).mean() > found.anchored(features).predict(features).mean() + 0.02


@given(st.lists(st.tuples(st.integers(0, 9), st.floats(0, 300), st.floats(0, 60)), min_size=1, max_size=40))
@settings(max_examples=40, deadline=None)
def test_any_base_gives_a_finite_shift(base: list[tuple[int, float, float]]) -> None:
    x, t, more = (np.array(column, dtype=float) for column in zip(*base, strict=True))
    t = np.where(x > 0, t, 0.0)
    features = pd.DataFrame({"x": x, "t": t, "age": t + more})
    known = Level.expected(HABIT, Effects(np.array([1.0]), np.array([0.2]), np.array([0.01])), "2021-01-01", 28)
    odds = np.linspace(-9, 9, len(base))
    found = known.at(odds, features)(odds)
    assert ((found > 0) & (found < 1)).all()
    assert (np.diff(found) >= 0).all()


def test_earlier_moments_confirm_how_far_the_law_is_followed() -> None:
    known = Level.expected(HABIT, None, "2021-01-01", 28)
    followed = [0.4, -0.3, 0.5]
    assert known.confirmed([]).trust == 1
    assert known.confirmed([Move(by, by, 0.01) for by in followed]).trust == pytest.approx(1)
    assert known.confirmed([Move(by, 0.0, 0.01) for by in followed]).trust < 0.15
    assert known.confirmed([Move(by, -by, 0.01) for by in followed]).trust == 0
    assert known.confirmed([Move(by, 9 * by, 0.01) for by in followed]).trust == 1
    one = known.confirmed([Move(0.05, 0.0, 0.01)])
    assert one.trust > 0.9  # a small move that was not needed says little
    assert known.confirmed([Move(0.4, 3.0, 0.01)]).spread > known.spread
    assert one.spread == known.spread


def test_of_very_many_only_some_are_looked_at_by_their_ids() -> None:
    many = [f"c{number}" for number in range(50_000)]
    kept = level.sample(many)
    assert kept.sum() == pytest.approx(50_000 / 4, abs=500)
    some = [name for name, taken in zip(many, kept, strict=True) if taken]
    assert level.sample(some * 2).tolist() == [True] * 2 * len(some)  # a sample of the sample is the sample
    assert level.sample(many[::-1]).tolist() == kept[::-1].tolist()
    assert level.sample(many[:500]).all()
