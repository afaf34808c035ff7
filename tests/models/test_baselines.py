from __future__ import annotations

import numpy as np
from sklearn.metrics import roc_auc_score

from models import baselines, segments
from tests.models.panels_for_tests import panel


def test_each_rule_becomes_a_probability_and_keeps_its_order() -> None:
    data = panel(customers=1500, moments=("2021-01-04", "2021-02-01"))
    at = data.moments == "2021-01-04"
    trained, judged = data.features[at], data.features[~at]
    roles = segments.roles(data.columns_info, "placed_order")
    found = baselines.predictions(trained, data.churned[at], judged, roles)
    assert list(found) == list(baselines.BASELINES) == list(baselines.IN_WORDS)
    days, y = judged["placed_order_days_since_last"], data.churned[~at]
    assert roc_auc_score(y, found["days_since_last"]) >= roc_auc_score(y, days) - 0.002  # clipped far outside training
    for name, probability in found.items():
        assert ((probability > 0) & (probability < 1)).all(), name
        assert abs(probability.mean() - y.mean()) < 0.03, name
    assert roc_auc_score(y, found["logistic_rfmt"]) > roc_auc_score(y, found["days_since_last"])


def test_without_money_every_baseline_still_works() -> None:
    data = panel(customers=200, moments=("2021-01-04",), money=False)
    roles = segments.roles(data.columns_info, "placed_order")
    found = baselines.predictions(data.features, data.churned, data.features, roles)
    assert all(np.isfinite(probability).all() for probability in found.values())
