from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from models.churn_model import ChurnModel
from models.errors import ModelError
from models.learners.calibration import Calibration
from pipelines.modelling.scoring import SCORES
from pipelines.runtime.errors import ChurnError
from pipelines.runtime.files import digest_of, read_json, write_json
from pipelines.stages.score_customers import Places, score_customers
from tests.pipelines.model_folders_for_tests import (
    AS_OF,
    D,
    Folders,
    fill,
    save_sealed,
    settings_with,
    write_features,
    write_orders,
)

pytestmark = pytest.mark.slow


@pytest.fixture
def places(trained_folders: Folders, tmp_path: Path) -> Places:
    """A copy of the scoring folders that a test may spoil."""
    mine, model = fill(tmp_path), tmp_path / "sealed" / D
    save_sealed(ChurnModel.load(trained_folders.model / "shipped"), model)
    return Places(mine.score_activity, mine.score_features, model, mine.scores, mine.root / "report.json")


def change(places: Places, edit: Callable[[pd.DataFrame], pd.DataFrame]) -> None:
    path = places.features / f"{AS_OF}.parquet"
    table = pq.read_table(path).to_pandas()
    write_features(places.features, AS_OF, edit(table.assign(as_of=pd.to_datetime(table["as_of"]))))


def test_every_eligible_customer_gets_one_row_of_the_contract(places: Places) -> None:
    scores = score_customers(D, settings_with(), places)
    table = pq.read_table(places.out)
    assert table.schema.equals(SCORES)
    assert table["customer_id"].to_pylist() == [f"c{number:04d}" for number in range(250)]
    model = ChurnModel.load(places.model)
    features = pq.read_table(places.features / f"{AS_OF}.parquet").to_pandas()
    assert np.array_equal(scores["churn_probability"], model.anchored(features).predict(features))
    assert scores["value_at_risk"].to_numpy() == pytest.approx(scores["churn_probability"] * scores["expected_value"])
    assert set(scores["model_version"]) == {model.digest}
    assert places.report.exists()
    before = digest_of(places.out)
    score_customers(D, settings_with(), places)
    assert digest_of(places.out) == before


def test_who_is_no_customer_any_more_is_not_scored(places: Places) -> None:
    folder = places.activity / "activity"
    write_orders(folder / "2021-06.parquet", [f"c{number:04d}" for number in range(240)], days_ago=56)
    write_orders(folder / "2021-04.parquet", [f"c{number:04d}" for number in range(240, 250)], days_ago=57)
    assert len(score_customers(D, settings_with(), places)) == 240
    write_orders(folder / "2021-06.parquet", [], days_ago=56)
    with pytest.raises(
        ChurnError,
        match=r"on 2021-06-21 nobody is a customer by churn.silent_28d \(at least one order in",
    ):
        score_customers(D, settings_with(), places)


def test_the_order_of_columns_and_rows_never_matters(places: Places) -> None:
    before = score_customers(D, settings_with(), places)
    change(places, lambda table: table[table.columns[::-1]].iloc[::-1])
    pd.testing.assert_frame_equal(score_customers(D, settings_with(), places), before)


def test_a_vanished_column_is_an_error_and_a_new_one_a_line(places: Places, capsys: pytest.CaptureFixture[str]) -> None:
    before = score_customers(D, settings_with(), places)
    info = read_json(places.features / "columns.json")
    write_json(places.features / "columns.json", [*info, {**info[0], "name": "visited_site_count_28d"}])
    change(places, lambda table: table.assign(visited_site_count_28d=np.nan))
    pd.testing.assert_frame_equal(score_customers(D, settings_with(), places), before)
    assert "1 columns are new since training and not used: visited_site_count_28d" in capsys.readouterr().out
    kept = digest_of(places.out)
    change(places, lambda table: table.drop(columns="noise_1"))
    with pytest.raises(ModelError, match="needs a column that is not there: noise_1"):
        score_customers(D, settings_with(), places)
    assert digest_of(places.out) == kept


def test_failed_checks_leave_a_report_and_the_old_scores(places: Places, capsys: pytest.CaptureFixture[str]) -> None:
    score_customers(D, settings_with(), places)
    kept = digest_of(places.out)
    places.report.unlink()
    change(places, lambda table: table.assign(placed_order_days_since_last=400.0, placed_order_count_364d=1.0))
    with pytest.raises(ChurnError, match="The scores are spread as in training"):
        score_customers(D, settings_with(checks={"score_shift": "stop"}), places)
    assert places.report.exists()
    assert digest_of(places.out) == kept
    capsys.readouterr()
    score_customers(D, settings_with(), places)
    assert "score_customers: drift: The scores are spread as in training" in capsys.readouterr().out


def test_customers_without_features_are_named(places: Places) -> None:
    change(places, lambda table: table.iloc[3:])
    with pytest.raises(ChurnError, match=r"3 of 250 eligible customers have no features \(c0000, c0001, c0002\)"):
        score_customers(D, settings_with(), places)
    (places.features / f"{AS_OF}.parquet").unlink()
    with pytest.raises(ChurnError, match="there are no features for 2021-06-21"):
        score_customers(D, settings_with(), places)


def test_a_champion_of_another_question_is_refused(places: Places) -> None:
    other = {D: {"kind": "silence", "activity": "placed_order", "active_within_days": 56, "horizon_days": 14}}
    with pytest.raises(ChurnError, match=r"churn\.silent_28d\.horizon_days is 14, but the champion .* trained with 28"):
        score_customers(D, settings_with(churn=other), places)
    with pytest.raises(ModelError, match="holds no whole model"):
        score_customers(D, settings_with(), replace(places, model=places.features))


def shifted(model: ChurnModel, days: int, by: float) -> ChurnModel:
    """The same model for another horizon, more or less afraid, at a level that does not move."""
    moved = Calibration("platt", {"intercept": [by], "slope": [1.0]})
    return replace(model, definition={**model.definition, "horizon_days": days}, calibration=moved, level=None)


@pytest.mark.parametrize(("of_14_days", "moved"), [(1.0, False), (-1.0, True)])
def test_horizons_of_one_kind_never_cross_whichever_stage_writes(
    places: Places, tmp_path: Path, of_14_days: float, moved: bool
) -> None:
    model = ChurnModel.load(places.model)
    entry = {"kind": "silence", "activity": "placed_order", "active_within_days": 56}
    churn = {D: {**entry, "horizon_days": 28}, "silent_14d": {**entry, "horizon_days": 14}}
    settings = settings_with(churn=churn, checks={"max_score_shift": 100})
    champions = {D: shifted(model, 28, 0.0), "silent_14d": shifted(model, 14, of_14_days)}
    for name, champion in champions.items():
        save_sealed(champion, tmp_path / "champion" / name)
    found = {
        name: score_customers(
            name, settings, replace(places, model=tmp_path / "champion" / name, out=tmp_path / f"{name}.parquet")
        )
        for name in churn
    }
    longer, shorter = (found[name]["churn_probability"] for name in (D, "silent_14d"))
    assert (longer <= shorter).all()
    features = pq.read_table(places.features / f"{AS_OF}.parquet").to_pandas()
    for name, champion in champions.items():
        alone = champion.predict(features)
        assert np.array_equal(found[name]["churn_probability"], alone) != moved
        at_risk = found[name]["churn_probability"] * found[name]["expected_value"]
        assert found[name]["value_at_risk"].to_numpy() == pytest.approx(at_risk.to_numpy())
    if moved:
        assert np.allclose(longer, sum(champion.predict(features) for champion in champions.values()) / 2)
