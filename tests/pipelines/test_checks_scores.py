"""Every way in which scores can be wrong, alone and against training: what fails, and who is named."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from pipelines.runtime.errors import ChurnError
from tests.pipelines.tables_to_check import (
    FACTS,
    PROFILE,
    VOLUMES,
    Change,
    as_text,
    check_scores,
    fails_as,
    outcome,
    scores,
    set_to,
    settings_with,
)

pytestmark = pytest.mark.slow


def all_at_risk(probability: float) -> Change:
    return lambda frame: frame.assign(churn_probability=probability, value_at_risk=80.0 * probability)


SCORE_FAULTS: list[tuple[str, Change, str, str]] = [
    ("null probability", set_to("churn_probability", None, 3), "churn_probability is a finite number", "c003"),
    ("all-null probability", set_to("churn_probability", None), "churn_probability is a finite number", "c000"),
    ("probability above 1", set_to("churn_probability", 1.2, 3), "churn_probability lies between 0 and 1", "c003"),
    ("probability below 0", set_to("churn_probability", -0.1, 3), "churn_probability lies between 0 and 1", "-0.1"),
    ("null customer", set_to("customer_id", None, 3), "Every row has a customer_id", ""),
    ("customer scored twice", set_to("customer_id", "c001", 2), "No customer is scored twice", "c001"),
    (
        "another moment",
        set_to("as_of", pd.Timestamp("2024-06-24"), 2),
        "as_of is 2024-07-01 in every row",
        "2024-06-24",
    ),
    ("negative value", set_to("expected_value", -5.0, 2), "expected_value is a finite number of 0 or more", "-5.0"),
    ("value for some only", set_to("expected_value", None, 2), "expected_value is given for everyone or", "c002"),
    ("wrong product", set_to("value_at_risk", 1.0, 900), "value_at_risk is churn_probability x", "c900"),
    ("two models", set_to("model_version", "6e52513b", 9), "Every row names the one model", "c009"),
    ("no model", set_to("model_version", None, 9), "Every row names the one model", "c009"),
    ("everyone leaves", all_at_risk(0.95), "The scores are spread as in training", ""),
    ("no rows", lambda frame: frame.iloc[:0], "There is at least one row", ""),
    (
        "missing column",
        lambda frame: frame.drop(columns="value_at_risk"),
        "The columns are exactly the 6",
        "value_at_risk",
    ),
    ("extra column", lambda frame: frame.assign(age=3), "The columns are exactly the 6", "age"),
    ("text", as_text("churn_probability"), "Every column has the type", "VARCHAR"),
    (
        "too many",
        lambda frame: pd.concat([frame, frame.assign(customer_id="x" + frame["customer_id"])]),
        "No more customers",
        "",
    ),
]


@pytest.mark.parametrize(
    ("change", "statement", "named"), [row[1:] for row in SCORE_FAULTS], ids=[row[0] for row in SCORE_FAULTS]
)
def test_scores_that_are_wrong(change: Change, statement: str, named: str) -> None:
    changed = change(scores())
    if "churn_probability" in changed and statement.startswith("churn_probability"):
        changed["churn_probability"] = changed["churn_probability"].astype("float64")
    fails_as(check_scores(changed, PROFILE, FACTS, settings_with()), statement, named)


@pytest.mark.parametrize(
    ("here", "statement"),
    [
        ({"placed_order": {"last_28d_count": 60, "previous_weekly_mean": 100.0}}, "As much placed_order as usual"),
        ({"placed_order": {"last_28d_count": 4000, "previous_weekly_mean": 100.0}}, "As much placed_order as usual"),
        (
            {"visited_site": {"last_28d_count": 400, "previous_weekly_mean": 100.0}},
            "Every activity that the model was trained on",
        ),
    ],
    ids=["too few", "too many", "vanished"],
)
def test_activity_far_from_training(here: dict[str, Any], statement: str) -> None:
    fails_as(check_scores(scores(), PROFILE, {**FACTS, "activities": here}, settings_with()), statement, "")


def test_good_scores_pass_with_and_without_money() -> None:
    assert outcome(check_scores(scores(), PROFILE, FACTS, settings_with())) == {}
    poor = scores().assign(expected_value=None, value_at_risk=np.nan)
    assert outcome(check_scores(poor, PROFILE, FACTS, settings_with())) == {}


def test_few_scores_may_be_spread_unevenly() -> None:
    few = scores().sample(25, random_state=3)
    report = check_scores(few, PROFILE, FACTS, settings_with(max_score_shift=0.01))
    assert outcome(report) == {}


def test_shifted_scores_warn_unless_they_are_to_stop() -> None:
    shifted = all_at_risk(0.9)(scores())
    report = check_scores(shifted, PROFILE, FACTS, settings_with(score_shift="warn"))
    report.require()
    assert [entry["column"] for entry in report.drifted] == ["score_shift"]
    assert "spread as in training" in report.warnings[0]
    with pytest.raises(ChurnError, match="spread as in training"):
        check_scores(shifted, PROFILE, FACTS, settings_with()).require()


def test_a_new_activity_is_noted() -> None:
    here = {**VOLUMES, "visited_site": {"last_28d_count": 4, "previous_weekly_mean": 1.0}}
    report = check_scores(scores(), PROFILE, {**FACTS, "activities": here}, settings_with())
    assert "visited_site" in report.notes[0]
    report.require()
