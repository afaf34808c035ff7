from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from models.churn_model import ChurnModel
from models.errors import ModelError
from models.training import split, train
from models.training.recipe import Recipe
from pipelines.runtime.files import digest_of
from tests.models.panels_for_tests import DEFINITION, MOMENTS, panel

DATA = panel(summary=True)
FEATURES = DATA.features.iloc[:300]


@pytest.fixture(scope="module", params=[0.0, 0.5, 1.0])
def model(request: pytest.FixtureRequest) -> ChurnModel:
    recipe = Recipe(seeds=2, max_rounds=30, rounds=20, logistic_share=request.param, calibration="platt")
    return train.train(DATA, split.plan(MOMENTS, span_days=28, origins=2), recipe, DEFINITION).fitted


def test_saved_and_loaded_it_predicts_identically(model: ChurnModel, tmp_path: Path) -> None:
    model.save(tmp_path / "model")
    again = ChurnModel.load(tmp_path / "model")
    assert np.array_equal(again.predict(FEATURES), model.predict(FEATURES))
    assert np.array_equal(again.expected_value(FEATURES), model.expected_value(FEATURES))  # type: ignore[arg-type]
    pd.testing.assert_frame_equal(again.segments(FEATURES), model.segments(FEATURES))
    assert again.digest == model.digest == digest_of(tmp_path / "model")
    assert (again.profile, again.definition, again.columns) == (model.profile, model.definition, model.columns)
    assert {path.suffix for path in (tmp_path / "model").iterdir()} <= {".json", ".txt"}


def test_neither_order_nor_extra_columns_nor_company_matter(model: ChurnModel) -> None:
    expected = model.predict(FEATURES)
    turned = FEATURES[FEATURES.columns[::-1]].assign(stranger="x", another=np.nan)
    assert np.array_equal(model.predict(turned), expected)
    assert np.array_equal(model.predict(FEATURES.iloc[[7]]), expected[[7]])
    assert np.array_equal(model.predict(FEATURES, threads=2), expected)


def test_a_missing_column_is_named_with_its_neighbour(model: ChurnModel) -> None:
    renamed = FEATURES.rename(columns={"placed_order_count_364d": "placed_order_count_365d"})
    with pytest.raises(ModelError) as error:
        model.predict(renamed)
    assert "needs a column that is not there: placed_order_count_364d. Near placed_order_count_364d: " in str(
        error.value
    )
    assert "placed_order_count_365d" in str(error.value)
    with pytest.raises(ModelError, match="needs 2 columns that are not there: noise_1, placed_order_count_364d"):
        model.predict(renamed.rename(columns={"noise_1": "gone"}))


@pytest.mark.parametrize("value", [np.nan, np.inf, None])
def test_a_null_number_is_named_with_its_customer(model: ChurnModel, value: float | None) -> None:
    spoiled = FEATURES.copy()
    spoiled["noise_2"] = spoiled["noise_2"].astype("Float64" if value is None else "float64")
    spoiled.loc[3, "noise_2"] = pd.NA if value is None else value
    with pytest.raises(ModelError, match=r"noise_2 is null or not finite in 1 of 300 rows \(c0003\)"):
        model.predict(spoiled)


def test_an_unknown_category_is_a_level_of_its_own(model: ChurnModel) -> None:
    strange = FEATURES.assign(customer_age=pd.Series("ancient", index=FEATURES.index, dtype="str"))
    nothing = FEATURES.assign(customer_age=pd.Series(None, index=FEATURES.index, dtype="str"))
    assert np.array_equal(model.predict(strange), model.predict(nothing))


def test_contributions_explain_the_whole_score(model: ChurnModel) -> None:
    found = model.contributions(FEATURES)
    assert list(found.columns) == model.columns
    rest = model.log_odds(FEATURES) - found.sum(axis=1).to_numpy()
    assert rest == pytest.approx(rest[0], abs=1e-9)


def test_what_is_carried_along(model: ChurnModel) -> None:
    assert model.definition == DEFINITION
    assert sum(model.profile["score_shares"]) == pytest.approx(1)
    assert len(model.profile["score_edges"]) == 9
    assert model.profile["activities"] == {"placed_order": {"count": 10}}
    assert (np.asarray(model.expected_value(FEATURES)) > 0).all()


def test_a_folder_without_a_whole_model_is_an_error_in_words(model: ChurnModel, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"holds no whole model, model\.json is missing"):
        ChurnModel.load(tmp_path)
    model.save(tmp_path)
    (tmp_path / "value_00.txt").unlink()
    with pytest.raises(ModelError, match=r"value_00\.txt is missing"):
        ChurnModel.load(tmp_path)


def test_scores_are_predictions_and_money_whatever_the_chunks(model: ChurnModel) -> None:
    probability, money = model.scores(FEATURES)
    assert np.array_equal(probability, model.predict(FEATURES))
    assert money is not None
    assert np.array_equal(money, model.expected_value(FEATURES))  # type: ignore[arg-type]
    for rows in (1, 7, 256, 299):
        chunks = [model.scores(FEATURES.iloc[begin : begin + rows]) for begin in range(0, len(FEATURES), rows)]
        assert np.array_equal(np.concatenate([one for one, _ in chunks]), probability)
        assert np.array_equal(np.concatenate([two for _, two in chunks if two is not None]), money)
