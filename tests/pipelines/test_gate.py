from __future__ import annotations

from typing import Any

import pytest

from pipelines.gate import gate, lead_of


def metrics(**leads: tuple[float, float, float]) -> dict[str, Any]:
    """metrics.json of a model whose ROC AUC leads each baseline by (difference, low, high)."""
    paired = {
        name: {"roc_auc": {"difference": lead[0], "low": lead[1], "high": lead[2], "moments": {"2024-05-20": lead[0]}}}
        for name, lead in leads.items()
    }
    return {"test": {"as_of": "2024-05-20"}, "paired": paired}


CLEAR = metrics(days_since_last=(0.05, 0.03, 0.07), rfm_score=(0.09, 0.07, 0.11))

TABLE = [
    # candidate's lead           champion's lead          passes
    ((0.05, 0.03, 0.07), None, True),
    ((0.05, 0.00, 0.10), None, False),  # touches zero: not clearly better
    ((0.05, -0.01, 0.11), None, False),
    ((-0.05, -0.07, -0.03), None, False),
    ((0.05, 0.03, 0.07), (0.05, 0.03, 0.07), True),
    ((0.09, 0.07, 0.11), (0.05, 0.03, 0.07), True),
    ((0.03, 0.01, 0.05), (0.05, 0.03, 0.07), True),  # smaller by 0.020, noise is 0.028
    ((0.03, 0.01, 0.05), (0.06, 0.04, 0.08), False),  # smaller by 0.030
    ((0.05, 0.00, 0.10), (-0.20, -0.30, -0.10), False),  # a poor champion lowers no bar
]


@pytest.mark.parametrize(("lead", "champion", "passes"), TABLE)
def test_the_gate(lead: tuple[float, float, float], champion: tuple[float, float, float] | None, passes: bool) -> None:
    verdict = gate(metrics(days_since_last=lead), metrics(days_since_last=champion) if champion else None)
    assert verdict.passed is passes


def test_the_naive_rule_that_comes_nearest_counts_and_no_logistic_regression() -> None:
    every = CLEAR | {"paired": CLEAR["paired"] | metrics(logistic_rfmt=(0.0, -0.01, 0.01))["paired"]}
    assert lead_of(every).rule == "days_since_last"
    assert gate(every, None).passed


def test_the_reason_says_what_was_measured() -> None:
    reason = gate(CLEAR, None).reason
    assert reason == (
        "The first champion: +0.050 ROC AUC (+0.030 to +0.070) against days since last at 1 held-out moment "
        "up to 2024-05-20."
    )


def test_nothing_is_changed_in_place() -> None:
    before = repr(CLEAR)
    gate(CLEAR, CLEAR)
    assert repr(CLEAR) == before
