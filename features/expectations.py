"""Great Expectations suites of activity, features and scores; the only place that builds any.

The suites judge a table's *figures*, not its rows: for every file two rows, the lowest and the highest value of each
column (blank where a row is empty, not a number, or infinite), beside counts that the engine made in the same pass. A
column lies within its bounds exactly if its lowest and highest do, so small and large tables meet the same suite at the
same cost.

Fail closed: Great Expectations lets an empty table and an all-null column pass a between-check, so each suite also asks
for at least one row, the exact columns, and that nothing is blank.
"""

from __future__ import annotations

import warnings
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from features.imports import deferred, hidden

if TYPE_CHECKING:
    import pandas as pd
    from great_expectations.core import ExpectationSuite

SHAPE = {
    "rows": ("There is at least one row", 1.0, None),
    "columns_of_another_type": ("Every column has the type that the contract gives it", 0.0, 0.0),
}
ACTIVITY = {
    "rows_without_activity_id": "Every row has an activity_id",
    "rows_with_repeated_activity_id": "No activity_id appears twice",
    "rows_without_customer_id": "Every row has a customer_id",
    "rows_without_occurred_at": "Every row says when it occurred",
    "rows_at_or_after_moment": "Nothing occurred at or after {moment}",
    "rows_recorded_at_or_after_moment": "Nothing was recorded at or after {moment}",
    "rows_misnamed": "Every activity is named in small letters, digits and _, beginning with a letter",
    "rows_with_unusable_value": "Every value is a finite number, or empty",
    "rows_with_unusable_quantity": "Every quantity is a finite number, or empty",
    "rows_in_another_month": "Every file holds its own month of occurred_at (UTC) and no other",
}
FEATURES = {
    "rows_without_customer_id": "Every row has a customer_id",
    "rows_with_repeated_customer_id": "No customer appears twice at one moment",
    "rows_of_another_moment": "as_of is the moment that the file is named for",
    "rows_after_score_moment": "No moment lies after the moment of the list, {moment}",
}
SCORES = {
    "rows_without_customer_id": "Every row has a customer_id",
    "rows_with_repeated_customer_id": "No customer is scored twice",
    "rows_of_another_moment": "as_of is {moment} in every row",
    "rows_without_model_version": "Every row names the one model that scored it",
    "rows_without_expected_value": "expected_value is given for everyone or for no one",
    "rows_with_unusable_expected_value": "expected_value is a finite number of 0 or more, or empty",
    "rows_with_wrong_value_at_risk": "value_at_risk is churn_probability x expected_value",
    "customers_beyond_activity": "No more customers are scored than the activity knows",
    "activities_vanished": "Every activity that the model was trained on is still there",
}
SAME_BELOW = 10
"""So many are added to both sides of a volume ratio: from 3 to 0 is chance, from 3,000 to 0 is not."""


@dataclass(frozen=True)
class ExpectationResult:
    """One expectation judged: `column` is the figure it is about, `low` and `high` its bounds (null = unbounded)."""

    expectation: str
    column: str
    statement: str
    low: float | None
    high: float | None
    passed: bool


def activity_suite(
    columns: Collection[str], moment: str, silences: Mapping[str, float], volumes: Collection[str], max_ratio: float
) -> ExpectationSuite:
    """What a stream of activity must be on arrival.

    Args:
        columns: of the activity contract.
        moment: before which everything occurred, in words.
        silences: stream or activity -> days that it may be silent before the moment.
        volumes: activities with enough history for their volume to be judged.
        max_ratio: times more or fewer in the last 28 days than in any 28 days of the 24 weeks before.
    """
    counts = {name: (text.format(moment=moment), 0.0, 0.0) for name, text in ACTIVITY.items()}
    days = {
        silence(name): (
            f"{name} goes on until the end: at most {limit:.3g} days without it before {moment}",
            None,
            limit,
        )
        for name, limit in silences.items()
    }
    return _suite("activity", columns, {**SHAPE, **counts, **days, **_volumes(volumes, max_ratio, "in earlier months")})


def features_suite(columns: Sequence[Mapping[str, Any]], attributes: Collection[str], moment: str) -> ExpectationSuite:
    """What the features of every moment must be.

    Args:
        columns: the entries of columns.json. Each is a finite number in every row and within its bounds, rounded
            to float32 as the values are.
        attributes: columns of text about the customer, which may be unknown.
        moment: of the list, after which there are no features.
    """
    counts = {name: (text.format(moment=moment), 0.0, 0.0) for name, text in FEATURES.items()}
    bounds = {entry["name"]: (as_float32(entry["low"]), as_float32(entry["high"])) for entry in columns}
    return _suite("features", ["customer_id", "as_of", *bounds, *attributes], {**SHAPE, **counts}, bounds)


def scores_suite(
    columns: Collection[str], moment: str, max_shift: float, volumes: Collection[str], max_ratio: float
) -> ExpectationSuite:
    """What scores must be before a list is made of them.

    Args:
        columns: of the scores' contract.
        moment: that everyone is scored for.
        max_shift: allowed population stability index of the scores against the champion's training.
        volumes: activities of the champion's training.
        max_ratio: times more or fewer in the last 28 days than in the mean four weeks of training.
    """
    counts = {name: (text.format(moment=moment), 0.0, 0.0) for name, text in SCORES.items()}
    shift = {"score_shift": ("The scores are spread as in training (population stability index)", None, max_shift)}
    figures = {**SHAPE, **counts, **shift, **_volumes(volumes, max_ratio, "in training")}
    return _suite("scores", columns, figures, {"churn_probability": (0.0, 1.0)})


def as_float32(bound: float | None) -> float | None:
    """A bound as float32 sees it: what lies within it in double still does after rounding."""
    return None if bound is None else float(np.float32(bound))


def silence(name: str) -> str:
    """The figure for the days without an activity before the moment."""
    return f"days_without {name}"


def volume(name: str) -> str:
    """The figure for how far an activity's volume is from the usual."""
    return f"volume_ratio {name}"


def volume_ratio(found: float, least: float, most: float) -> float:
    """How many times more than `most`, or fewer than `least`, were found; 1 in between. 10 are added to both sides."""
    return max((found + SAME_BELOW) / (most + SAME_BELOW), (least + SAME_BELOW) / (found + SAME_BELOW), 1.0)


def judge(suite: ExpectationSuite, figures: pd.DataFrame) -> list[ExpectationResult]:
    """The whole suite at once, in its order.

    Expectations that share a statement (not blank, and in its range) are one verdict. One that cannot be judged,
    because its column is missing, has failed.
    """
    context = _context()
    asset = context.data_sources.add_pandas("figures").add_dataframe_asset("figures")
    batch = asset.add_batch_definition_whole_dataframe("all").get_batch(batch_parameters={"dataframe": figures})
    results = batch.validate(suite, result_format="BOOLEAN_ONLY").results
    passed = {_key(result.expectation_config): bool(result.success) for result in results}
    verdicts: dict[str, ExpectationResult] = {}
    for expectation in suite.expectations:
        verdict = _verdict(expectation.configuration, passed)
        before = verdicts.get(verdict.statement)
        verdicts[verdict.statement] = replace(verdict, passed=verdict.passed and (before is None or before.passed))
    return list(verdicts.values())


def _great_expectations() -> Any:
    """Imported where it is needed, without what nothing here uses of it and without warnings about its libraries.

    altair and scipy.stats serve one expectation (of the divergence of distributions), pyspark another engine than
    pandas; together they are half of the import.
    """
    with warnings.catch_warnings(), hidden("pyspark"), deferred("altair", "scipy.stats"):
        warnings.simplefilter("ignore")
        import great_expectations as gx
        import great_expectations.expectations
    return gx


def _context() -> Any:
    """Great Expectations' surroundings: everything in memory, no files, no calls home, no progress bars."""
    gx = _great_expectations()
    from great_expectations.data_context.types.base import DataContextConfig, InMemoryStoreBackendDefaults

    settings = DataContextConfig(
        store_backend_defaults=InMemoryStoreBackendDefaults(init_temp_docs_sites=False),
        progress_bars={"globally": False, "metric_calculations": False},
        analytics_enabled=False,
    )
    return gx.get_context(mode="ephemeral", project_config=settings)


def _key(configuration: Any) -> tuple[str, str]:
    return configuration.type, configuration.kwargs.get("column", "")


def _verdict(configuration: Any, passed: Mapping[tuple[str, str], bool]) -> ExpectationResult:
    kwargs = configuration.kwargs
    return ExpectationResult(
        expectation=configuration.type,
        column=kwargs.get("column", ""),
        statement=configuration.meta["statement"],
        low=kwargs.get("min_value"),
        high=kwargs.get("max_value"),
        passed=passed.get(_key(configuration), False),
    )


Figures = Mapping[str, tuple[str, float | None, float | None]]


def _volumes(names: Collection[str], max_ratio: float, usual: str) -> Figures:
    text = "As much {} as usual: in the last 28 days at most {:g} times more or fewer than {}"
    return {volume(name): (text.format(name, max_ratio, usual), None, max_ratio) for name in sorted(names)}


def _suite(
    name: str,
    columns: Collection[str],
    figures: Figures,
    bounds: Mapping[str, tuple[float | None, float | None]] | None = None,
) -> ExpectationSuite:
    gx = _great_expectations()
    columns_text = f"The columns are exactly the {len(columns)} of the contract"
    expectations: list[Any] = [
        gx.expectations.ExpectTableRowCountToBeBetween(min_value=1, meta={"statement": SHAPE["rows"][0]}),
        gx.expectations.ExpectTableColumnsToMatchSet(
            column_set=[*columns, *figures], exact_match=True, meta={"statement": columns_text}
        ),
    ]
    for column, (text, low, high) in figures.items():
        # A figure that nobody could compute is blank, and a blank passes a between-check.
        expectations += [_complete(column, text), _between(column, low, high, text)]
    for column, (low, high) in (bounds or {}).items():
        expectations.append(_complete(column, f"{column} is a finite number in every row"))
        if low is not None or high is not None:
            expectations.append(_between(column, low, high, f"{column} {_range(low, high)}"))
    return gx.ExpectationSuite(name=name, expectations=expectations)


def _between(column: str, low: float | None, high: float | None, statement: str) -> Any:
    return _great_expectations().expectations.ExpectColumnValuesToBeBetween(
        column=column, min_value=low, max_value=high, meta={"statement": statement}
    )


def _complete(column: str, statement: str) -> Any:
    return _great_expectations().expectations.ExpectColumnValuesToNotBeNull(
        column=column, meta={"statement": statement}
    )


def _range(low: float | None, high: float | None) -> str:
    if low is None:
        return f"is at most {high:g}"
    return f"is at least {low:g}" if high is None else f"lies between {low:g} and {high:g}"
