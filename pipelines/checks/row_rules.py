"""Rules about single rows of activity and scores, as SQL over the view of a `Table`, by name of the figure."""

# Queries are put together from our own names.
# ruff: noqa: S608

from __future__ import annotations

import pyarrow as pa

from features.activity import ACTIVITY_NAME
from pipelines.checks.figures import VIEW, Rule, duplicate_keys, iso
from pipelines.settings.row_display import RowDisplay

SCORE_SCHEMA = {
    "customer_id": pa.string(),
    "as_of": pa.date32(),
    "churn_probability": pa.float64(),
    "expected_value": pa.float64(),
    "value_at_risk": pa.float64(),
    "model_version": pa.string(),
}
"""The contract of scores."""


def activity_rules(moment: int, display: RowDisplay, *, removals: bool = False) -> dict[str, Rule]:
    """The rules about rows of a stream that ends at `moment` (microseconds, UTC). `display`: how times are shown.

    `removals`: whether the stream has `removed_at`.
    """
    removed = f"epoch_us(removed_at) > {moment}" if removals else "false"
    occurred, recorded = "epoch_us(occurred_at)", "epoch_us(recorded_at)"
    month = "strftime(make_timestamp(epoch_us(occurred_at)), '%Y-%m')"
    return {
        "rows_without_activity_id": Rule("coalesce(activity_id, '') = ''"),
        "rows_with_repeated_activity_id": duplicate_keys("activity_id"),
        "rows_without_customer_id": Rule("coalesce(customer_id, '') = ''"),
        "rows_without_occurred_at": Rule("occurred_at IS NULL"),
        "rows_at_or_after_moment": Rule(f"{occurred} >= {moment}", display.exact_time("occurred_at")),
        "rows_recorded_at_or_after_moment": Rule(f"{recorded} >= {moment}", display.exact_time("recorded_at")),
        "rows_removed_after_moment": Rule(removed, display.exact_time("removed_at") if removals else "NULL"),
        "rows_misnamed": Rule(
            f"NOT coalesce(regexp_full_match(activity, '{ACTIVITY_NAME.pattern}'), false)", "coalesce(activity, 'null')"
        ),
        "rows_with_unusable_value": Rule("NOT isfinite(value)", "value"),
        "rows_with_unusable_quantity": Rule("NOT isfinite(quantity)", "quantity"),
        "rows_in_another_month": Rule(f"{month} <> in_file", f"in_file || '.parquet: ' || {iso('occurred_at')}"),
    }


def score_rules(as_of: str) -> dict[str, Rule]:
    """The rules about rows of scores for the day `as_of`."""
    product = "churn_probability * expected_value"
    return {
        "rows_without_customer_id": Rule("coalesce(customer_id, '') = ''"),
        "rows_with_repeated_customer_id": duplicate_keys("customer_id"),
        "rows_of_another_moment": Rule(f"as_of IS DISTINCT FROM DATE '{as_of}'", "coalesce(as_of::VARCHAR, 'null')"),
        "rows_without_model_version": Rule(
            f"coalesce(model_version, '') = '' OR model_version <> (SELECT min(model_version) FROM {VIEW})",
            "model_version",
        ),
        "rows_without_expected_value": Rule(
            f"expected_value IS NULL AND (SELECT count(expected_value) FROM {VIEW}) > 0"
        ),
        "rows_with_unusable_expected_value": Rule(
            "NOT isfinite(expected_value) OR expected_value < 0", "expected_value"
        ),
        "rows_with_wrong_value_at_risk": Rule(
            "(expected_value IS NULL) <> (value_at_risk IS NULL) "
            f"OR abs(value_at_risk - {product}) > 1e-6 * (1 + abs({product}))",
            f"value_at_risk || ' instead of ' || {product}",
        ),
    }
