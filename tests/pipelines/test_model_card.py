from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from pipelines.modelling.tracking.model_card import MOST_CHARACTERS, model_card
from pipelines.settings.params import Settings, load
from pipelines.settings.training import TrainingSettings

PARAMS = """
currency: USD
sources: {shop: {reader: csv, path: shop.csv, activity: placed_order}}
observations: {train: {until: "2024-07-01"}, score: {as_of: "2024-07-01"}}
churn: {silent_28d: {kind: silence, active_within_days: 56, gap_days: 7, horizon_days: 28}}
at_risk: {definition: silent_28d}
"""
TEST = {"as_of": "2024-05-20", "customers": 2000, "churn_rate": 0.25, "roc_auc": 0.812, "log_loss": None, "ece": 0.01}
GRADE = {"grade": "A", "text": "Clearly better."}
METRICS: dict[str, Any] = {
    "test": TEST,
    "baselines": {"days_since_last": {"test": TEST | {"roc_auc": 0.7}}},
    "backtest": {"2024-03-11": {"roc_auc": 0.81}, "2024-04-15": {"roc_auc": None}},
    "grade": GRADE,
}
FACTS: dict[str, Any] = {
    "moment": "2024-07-01",
    "rows": 12345,
    "customers": 2100,
    "has_recorded_at": True,
    "digest": "ab" * 32,
    "activities": {"visited_site": {}, "placed_order": {}},
}
MODEL: Any = SimpleNamespace(learned=["a", "b"], digest="cd" * 32)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    (tmp_path / "params.yaml").write_text(PARAMS)
    return load(tmp_path / "params.yaml")


def card(settings: Settings, metrics: dict[str, Any] = METRICS, facts: dict[str, Any] = FACTS) -> str:
    return model_card(TrainingSettings.of(settings, "silent_28d"), metrics, facts, MODEL)


def test_a_card_says_what_for_whom_from_what_and_how_well(settings: Settings) -> None:
    text = card(settings)
    assert "no order in the next 28 days that begin in 7 days" in text
    assert "at least one order in the 56 days before" in text
    assert "12,345 activities of 2,100 customers before 2024-07-01 (UTC): `placed_order`, `visited_site`." in text
    assert "judged on 2024-05-20: 2,000 customers, 25.0% left." in text
    assert "| ROC AUC (1 = perfect order, 0.5 = chance) | 0.812 | 0.700 |" in text
    assert "log loss" not in text  # it has none
    assert "Grade A. Clearly better." in text


SEGMENTS: dict[str, Any] = {
    "at risk": {
        "customers": 300,
        "churn_rate": 0.4,
        "roc_auc": 0.71,
        "log_loss": 0.62,
        "promised_rate": 0.39,
        "rule": {"name": "bg_nbd", "roc_auc": 0.74, "log_loss": 0.6},
        "over_rule": {"difference": 0.02, "low": 0.005, "high": 0.035},
    },
    "regular": {
        "customers": 1200,
        "churn_rate": 0.05,
        "roc_auc": 0.81,
        "log_loss": 0.2,
        "rule": {"name": "rfm_score", "roc_auc": 0.8, "log_loss": 0.199},
        "over_rule": {"difference": 0.001, "low": -0.002, "high": 0.004},
    },
    "lost": {"customers": 12, "churn_rate": 0.9, "roc_auc": None},
}


def test_a_card_says_how_well_per_segment_the_largest_first_and_which_are_weak(settings: Settings) -> None:
    text = card(settings, METRICS | {"segments": SEGMENTS})
    rows = [line for line in text.splitlines() if line.startswith(("| regular", "| at risk", "| lost"))]
    assert rows == [
        "| regular | 1,200 | 5.0% | 0.810 |  |",
        "| at risk | 300 | 40.0% | 0.710 | 39.0% |",
        "| lost | 12 | 90.0% |  |  |",
    ]
    assert (
        "For some customers a simple rule is closer to what happened: at risk (the BG/NBD model of buying habits: log "
        "loss 0.600 against 0.620)."
    ) in text
    assert "Too few of these to say how well it does for them: lost." in text


def test_a_segment_is_compared_with_rules_in_that_segment_not_with_the_whole(settings: Settings) -> None:
    alike = SEGMENTS["at risk"] | {"over_rule": {"difference": -0.02, "low": -0.03, "high": -0.01}}
    text = card(settings, METRICS | {"segments": SEGMENTS | {"at risk": alike}})
    assert "In none of the segments above is a simple rule closer to what happened by more than chance." in text


TOUCHED = {"contacted_rows": 1234, "control_rows": 56, "sure_rows": 7}
WEAK = [
    # what is so                                         what the card admits
    ({"test": TEST | {"customers": 120}}, {}, "Judged on 120 customers only"),
    ({"test": TEST | {"ece": 0.05}}, {}, "Probabilities are off by 0.050"),
    ({"backtest": {"a": {"roc_auc": 0.7}, "b": {"roc_auc": 0.8}}}, {}, "ROC AUC from 0.700 to 0.800 at 2 moments"),
    ({"model": {"sampled_customers": 1200, "labelled_customers": 9000}}, {}, "a sample of 1,200 of 9,000 customers"),
    ({"model": TOUCHED}, {}, "1,234 rows of those who were contacted by lot were left out, 56 rows of the control"),
    ({"model": TOUCHED}, {}, "7 rows are of customers who were sure to be contacted. They stayed in"),
    ({}, {"has_recorded_at": False}, "late facts may have flattered the figures"),
]


@pytest.mark.parametrize(("metrics", "facts", "admits"), WEAK)
def test_a_card_admits_weak_points(
    settings: Settings, metrics: dict[str, Any], facts: dict[str, Any], admits: str
) -> None:
    assert admits not in card(settings)
    assert admits in card(settings, METRICS | metrics, FACTS | facts)


def test_a_card_fits_into_the_registry(settings: Settings) -> None:
    many = {f"did_something_{number}": {} for number in range(1000)}
    assert len(card(settings, facts=FACTS | {"activities": many})) <= MOST_CHARACTERS + 1
