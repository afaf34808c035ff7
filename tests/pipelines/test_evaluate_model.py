from __future__ import annotations

import shutil
from pathlib import Path

import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from pipelines.runtime.files import digest_of, read_json
from pipelines.stages import evaluate_model
from tests.models.panels_for_tests import MOMENTS
from tests.pipelines.model_folders_for_tests import D, Folders, settings_with

FIGURES = {"customers", "churners", "churn_rate", "roc_auc", "average_precision", "log_loss", "brier", "ece"}
FIGURES |= {"lift_at_10", "precision_at_10", "recall_at_10"}


@pytest.fixture(scope="module")
def folders(trained_folders: Folders, tmp_path_factory: pytest.TempPathFactory) -> Folders:
    folders = Folders(tmp_path_factory.mktemp("evaluate") / "project")
    shutil.copytree(trained_folders.root, folders.root)
    evaluate_model.evaluate_model(D, settings_with(), model=folders.model, out=folders.evaluation)
    return folders


def test_metrics_are_as_the_contract_says(folders: Folders) -> None:
    metrics = read_json(folders.evaluation / "metrics.json")
    assert set(metrics["test"]) == FIGURES | {"as_of"}
    assert list(metrics["backtest"]) == list(MOMENTS[1:5])
    assert set(metrics["backtest"][MOMENTS[2]]) == FIGURES
    names = {"days_since_last", "order_count", "rfm_score", "logistic_rfmt", "logistic_rich"}
    assert set(metrics["baselines"]) == set(metrics["paired"]) == names
    assert metrics["pooled"]["moments"] == 5
    assert set(metrics["capacity"]) == names | {"model", "customers"}
    assert set(metrics["profit"]) == names | {"model", "costs"}
    assert len(metrics["value"]["deciles"]) == 10
    for paired in metrics["paired"].values():
        for figure in paired.values():
            assert figure["low"] <= figure["difference"] <= figure["high"]
            assert list(figure["moments"]) == list(MOMENTS[1:])
    assert metrics["grade"]["grade"] in "ABC"
    assert metrics["model"]["held_out"] == digest_of(folders.model / "held_out")


def test_judged_is_what_the_held_out_fit_said_of_the_test_moment(folders: Folders) -> None:
    from models.churn_model import ChurnModel

    predictions = pd.read_parquet(folders.model / "predictions.parquet")
    test = predictions[predictions["role"] == "test"]
    features = pd.read_parquet(folders.features / f"{MOMENTS[-1]}.parquet")
    said = ChurnModel.load(folders.model / "held_out").predict(features)
    assert said == pytest.approx(test["model"].to_numpy(), abs=1e-12)
    metrics = read_json(folders.evaluation / "metrics.json")
    assert metrics["test"]["roc_auc"] == pytest.approx(roc_auc_score(test["churned"], said))


def test_the_headline_chooses_by_the_backtest_and_reports_the_test(folders: Folders) -> None:
    metrics, headline = (read_json(folders.evaluation / name) for name in ("metrics.json", "headline.json"))
    assert set(headline) == {"backtest", "test", "grade"}
    assert headline["test"]["roc_auc"] == round(metrics["test"]["roc_auc"], 5)
    earlier = metrics["backtest"].values()
    mean = sum(one["log_loss"] * one["customers"] for one in earlier) / sum(one["customers"] for one in earlier)
    assert headline["backtest"]["log_loss"] == round(mean, 5)
    alone = evaluate_model.headline({**metrics, "backtest": {}})
    assert set(alone) == {"test", "grade"}


def test_curves_are_csv_of_stable_size_and_the_same_each_time(folders: Folders, tmp_path: Path) -> None:
    names = sorted(path.name for path in folders.evaluation.iterdir())
    curves = ["calibration.csv", "comparison.csv", "gains.csv", "precision_recall.csv", "roc.csv"]
    assert names == sorted([*curves, "headline.json", "metrics.json"])
    assert all(len(pd.read_csv(path)) <= 101 for path in folders.evaluation.glob("*.csv"))
    evaluate_model.evaluate_model(D, settings_with(), model=folders.model, out=tmp_path / "again")
    assert digest_of(tmp_path / "again") == digest_of(folders.evaluation)


@pytest.mark.parametrize(
    ("chosen", "money", "worth"),
    [(500.0, True, 500.0), ("auto", True, 10 * 365 / 28 * 0.25), ("auto", False, 20 * 10.0)],
)
def test_what_a_customer_is_worth(chosen: float | str, money: bool, worth: float) -> None:
    """A year of what stayers brought at earlier moments, times the margin; twenty incentives without money."""
    predictions = pd.DataFrame(
        {"role": ["backtest", "backtest", "test"], "churned": [False, True, False], "value_ahead": [10.0, 0.0, 99.0]}
    )
    predictions["value_ahead"] = predictions["value_ahead"] if money else float("nan")
    settings = settings_with(value={"customer_value": chosen})
    found = evaluate_model.costs_of(predictions, settings, {"horizon_days": 28})
    assert found.customer_value == pytest.approx(worth)
    assert (found.contact_cost, found.incentive_cost, found.success_share) == (1, 10, 0.3)
