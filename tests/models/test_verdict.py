"""metrics.json, from predictions whose truth is known."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from models.evaluation import report
from models.evaluation.profit import Costs


def predictions(customers: int = 300, better: float = 1.0) -> pd.DataFrame:
    random = np.random.default_rng(3)
    frames = []
    for day, role in (("2021-01-01", "backtest"), ("2021-02-01", "test")):
        truth = random.normal(-1, 1.2, customers)
        weak = 1 / (1 + np.exp(-(-1 + 0.5 * (truth + 1 + random.normal(0, 1.2, customers)))))
        table = pd.DataFrame(
            {"customer_id": [f"c{n}" for n in range(customers)], "as_of": pd.Timestamp(day), "role": role}
        )
        table["churned"] = random.random(customers) < 1 / (1 + np.exp(-truth))
        table["seen_in_training"] = np.arange(customers) >= 5
        table["model"] = better / (1 + np.exp(-truth)) + (1 - better) * weak
        rules = dict.fromkeys(("days_since_last", "rfm_score", "logistic_rfmt", "logistic_rich"), weak)
        table["segment"] = random.choice(["new", "regular"], customers)
        frames.append(table.assign(**rules))
    return pd.concat(frames, ignore_index=True)


def test_the_report_is_keyed_finite_and_grades() -> None:
    found = report.report(predictions(), draws=200, seed=1)
    json.dumps(found, allow_nan=False)
    assert not any(isinstance(value, list) for value in found.values())
    assert found["test"]["as_of"] == "2021-02-01"
    assert list(found["backtest"]) == ["2021-01-01"]
    assert (found["never_seen"]["customers"], found["pooled"]["moments"]) == (10, 2)
    assert found["pooled"]["customers"] == found["test"]["customers"] + found["backtest"]["2021-01-01"]["customers"]
    assert found["pooled"]["roc_auc_low"] < found["pooled"]["roc_auc"] < found["pooled"]["roc_auc_high"]
    assert found["grade"]["grade"] == "A"
    assert report.report(predictions(better=0.0), draws=200, seed=1)["grade"]["grade"] == "C"


def test_a_segment_stands_beside_the_best_rule_in_that_segment() -> None:
    """Where the order of the rules turns around within a segment, it is the segment's own best that counts."""
    rows = predictions(2000)
    blind, sharp = pd.Series(0.3, rows.index), rows["model"]
    rows["rfm_score"] = np.where(rows["segment"] == "new", sharp, blind)
    rows["days_since_last"] = np.where(rows["segment"] == "new", blind, sharp)
    rows["logistic_rfmt"] = 0.3
    rows.loc[rows["segment"] == "new", "model"] = 0.3
    found = report.report(rows, draws=20, seed=1)["segments"]
    assert (found["new"]["rule"]["name"], found["regular"]["rule"]["name"]) == ("rfm_score", "days_since_last")
    assert found["new"]["over_rule"]["low"] > 0
    assert found["regular"]["over_rule"] == {"difference": 0.0, "low": 0.0, "high": 0.0}


@pytest.mark.parametrize(
    ("auc", "loss", "grade"),
    [
        ((0.03, 0.02, 0.04), (-0.02, -0.03, -0.01), "A"),
        ((0.005, 0.002, 0.008), (-0.001, -0.002, -0.0005), "B"),  # sure, but too little to matter
        ((0.03, 0.02, 0.04), (-0.01, -0.03, 0.01), "B"),
        ((0.03, 0.02, 0.04), (0.02, 0.01, 0.03), "C"),
        ((0.01, -0.01, 0.03), (-0.01, -0.03, 0.01), "C"),
    ],
)
def test_grades(auc: tuple[float, ...], loss: tuple[float, ...], grade: str) -> None:
    names = ("difference", "low", "high")
    paired = {"roc_auc": dict(zip(names, auc, strict=True)), "log_loss": dict(zip(names, loss, strict=True))}
    assert report.grade(paired, "rfm_score")["grade"] == grade


def test_every_piece_counts_its_customers_and_churners() -> None:
    table = predictions()
    found = report.report(table, draws=50, seed=1)
    for name, rows in table.groupby("segment"):
        piece = found["segments"][name]
        assert (piece["customers"], piece["churners"]) == (len(rows), rows["churned"].sum())
    assert sum(piece["customers"] for piece in found["segments"].values()) == len(table)
    assert found["never_seen"]["churners"] == table.loc[~table["seen_in_training"], "churned"].sum()


def test_what_was_promised_and_what_happened_group_by_group() -> None:
    table = predictions()
    found = report.report(table, draws=50, seed=1)["calibration"]
    test = table[table["role"] == "test"]
    assert list(found) == [f"group_{place:02d}" for place in range(1, 11)]
    assert sum(group["customers"] for group in found.values()) == len(test)
    highest = test.nlargest(len(test) // 10, "model")
    assert found["group_10"]["promised"] == pytest.approx(highest["model"].mean(), abs=1e-6)
    assert found["group_10"]["observed"] == pytest.approx(highest["churned"].mean(), abs=1e-6)


@pytest.mark.parametrize("capacity", [1, 40, 300, 5000])
def test_at_the_teams_capacity(capacity: int) -> None:
    table = predictions()
    found = report.report(table, draws=50, seed=1, capacity=capacity)["capacity"]
    test = table[table["role"] == "test"].nlargest(min(capacity, 300), "model")
    assert found["customers"] == len(test)
    assert found["model"]["precision"] == pytest.approx(test["churned"].mean())
    left = table.loc[table["role"] == "test", "churned"].sum()
    assert found["model"]["recall"] == pytest.approx(test["churned"].sum() / left)
    assert found["model"]["lift"] == pytest.approx(test["churned"].mean() * 300 / left)
    assert set(found) == {"customers", "model", "days_since_last", "rfm_score", "logistic_rfmt", "logistic_rich"}


def test_profit_is_there_for_the_model_and_every_rule() -> None:
    found = report.report(predictions(), draws=50, seed=1, costs=Costs(200.0))["profit"]
    assert found["costs"]["success_share"] == pytest.approx(0.3)
    better, rule = found["model"]["expected_maximum"], found["rfm_score"]["expected_maximum"]
    assert better["profit_per_customer"] > rule["profit_per_customer"] > 0
    assert "profit" not in report.report(predictions(), draws=50, seed=1)


def test_the_simpler_half_of_the_blend_is_told_and_grades_nothing() -> None:
    table = predictions()
    table["logistic_rich"] = table["model"]
    found = report.report(table, draws=200, seed=1)
    assert (found["grade"]["grade"], found["grade"]["best_baseline"]) != ("C", "logistic_rich")
    assert "Against a logistic regression on the same columns: ROC AUC +0.000" in found["grade"]["text"]


def test_the_comparison_is_a_table_of_all() -> None:
    found = report.comparison(report.report(predictions(), draws=50, seed=1))
    assert found["name"].tolist() == ["model", "days_since_last", "rfm_score", "logistic_rfmt", "logistic_rich"]
    assert (found["roc_auc_low"] <= found["roc_auc"]).all()
    assert found["log_loss"].notna().all()
