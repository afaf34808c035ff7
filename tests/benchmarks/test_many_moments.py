"""The figures by which probabilities are judged over many moments."""

from __future__ import annotations

import numpy as np
import pytest

from tests.benchmarks.many_moments import Judged, excess, figures_of


def drawn(shift: float, seed: int = 1) -> Judged:
    random = np.random.default_rng(seed)
    odds = random.normal(-1, 1, 3000)
    true, said = (1 / (1 + np.exp(-odds - by)) for by in (0.0, shift))
    churned = (random.random(3000) < true).astype(float)
    return Judged("2021-01-04", churned, said, true, (true.sum() - 50.0, true.sum() + 50.0), "model")


def test_a_perfect_forecast_has_no_excess_and_a_shifted_one_has_its_shift() -> None:
    one = drawn(0.5)
    assert excess(one.after, one.churned) == pytest.approx(0, abs=0.008)
    assert excess(one.before, one.churned) == pytest.approx(one.before.mean() - one.after.mean(), abs=0.02)


def test_the_table_holds_both_and_says_whether_the_interval_held() -> None:
    found = figures_of([drawn(0.5)]).iloc[0]
    assert found["log_loss_after"] < found["log_loss_before"]
    assert found["roc_auc_after"] == found["roc_auc_before"]
    assert found["inside"] == (found["low"] <= found["left"] <= found["high"])
