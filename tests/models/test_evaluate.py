from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from sklearn import metrics as sk

from models.evaluation import bootstrap, metrics
from tests.models.test_verdict import predictions


def drawn(rows: int = 600, seed: int = 0, digits: int = 2) -> tuple[np.ndarray, np.ndarray]:
    """Probabilities with many ties, and outcomes that follow them."""
    random = np.random.default_rng(seed)
    p = np.round(random.beta(1, 5, rows), digits)
    return p, (random.random(rows) < p).astype(float)


def test_figures_are_those_of_sklearn() -> None:
    p, y = drawn()
    found = metrics.figures(p, y)
    assert found["roc_auc"] == pytest.approx(sk.roc_auc_score(y, p))
    assert found["average_precision"] == pytest.approx(sk.average_precision_score(y, p))
    assert found["log_loss"] == pytest.approx(sk.log_loss(y, np.clip(p, 1e-6, 1 - 1e-6)))
    assert found["brier"] == pytest.approx(sk.brier_score_loss(y, p))


def test_the_top_tenth_by_hand() -> None:
    p = np.array([0.9, 0.8, *[0.1] * 18])
    y = np.array([1.0, 0.0, *[0.0] * 17, 1.0])
    found = metrics.figures(p, y)
    assert (found["precision_at_10"], found["recall_at_10"], found["lift_at_10"]) == (0.5, 0.5, 5.0)


def test_a_tie_at_the_edge_counts_its_share_and_order_never_matters() -> None:
    p, y = np.full(20, 0.3), np.array([1.0] * 4 + [0.0] * 16)
    assert metrics.figures(p, y)["lift_at_10"] == pytest.approx(1.0)
    assert metrics.figures(p, y[::-1]) == metrics.figures(p, y)


@pytest.mark.parametrize(("p", "expected"), [([0.2] * 10, 0.0), ([0.5] * 10, 0.3)])
def test_calibration_error_by_hand(p: list[float], expected: float) -> None:
    found = metrics.calibration_groups(np.repeat(p, 10), np.tile([1, 0, 0, 0, 0, 1, 0, 0, 0, 0], 10).astype(float))
    assert np.average(abs(found["promised"] - found["observed"])) == pytest.approx(expected)


@pytest.mark.parametrize("kind", [0.0, 1.0])
def test_one_kind_alone_gives_null_never_nan(kind: float) -> None:
    found = metrics.figures(np.linspace(0.1, 0.9, 30), np.full(30, kind))
    assert found["roc_auc"] is None
    json.dumps(found, allow_nan=False)


def test_curves_are_small_start_at_nothing_and_end_at_all() -> None:
    p, y = drawn(3000, digits=6)
    found = metrics.curves(p, y)
    assert set(found) == {"roc", "precision_recall", "calibration", "gains"}
    assert all(len(curve) <= 101 for curve in found.values())
    assert found["roc"].iloc[0].tolist() == [0, 0]
    assert found["roc"].iloc[-1].tolist() == [1, 1]
    assert found["gains"].iloc[-1].tolist() == [1, 1]


def test_a_draw_takes_customers_with_all_their_rows() -> None:
    customers = np.array([0, 1, 2, 0, 1, 2, 0])
    weights = bootstrap.draw(customers, 200, 1)
    for customer in range(3):
        rows = weights[:, customers == customer]
        assert (rows == rows[:, :1]).all()
    assert (weights[:, :3].sum(axis=1) == 3).all()


def test_repeating_every_row_of_a_customer_adds_no_evidence() -> None:
    once = predictions()
    twice = pd.concat([once, once.assign(as_of=once["as_of"] + pd.Timedelta(days=400))], ignore_index=True)
    single, double = (bootstrap.paired(table, "rfm_score", draws=300, seed=1)["log_loss"] for table in (once, twice))
    assert double["high"] - double["low"] == pytest.approx(single["high"] - single["low"], rel=1e-9)


def test_weighted_auc_is_that_of_sklearn() -> None:
    p, y = drawn()
    weights = np.random.default_rng(1).integers(0, 4, len(y)).astype(float)
    assert bootstrap.weighted_aucs(p, y, weights[None])[0] == pytest.approx(
        sk.roc_auc_score(y, p, sample_weight=weights)
    )
