"""Great Expectations judges a suite; the only place that knows it.

It meets the figures one below the other, each beside its own bounds (column, found, low, high): five expectations judge
any number of columns, and name those that fail. Two for each of 150 columns took ten times as long.

Fail closed: Great Expectations lets an empty table and an all-null column pass a comparison, so a suite also asks for
at least one row, the exact columns, and that nothing is blank; an expectation that cannot be judged, or that fails and
names no row, has failed for every column.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from features.imports import deferred, hidden

if TYPE_CHECKING:
    import pandas as pd

    from features.expectations import Check, Suite

COLUMNS = "expect_table_columns_to_match_set"
FILLED = "expect_column_values_to_not_be_null"
WITHIN = "expect_column_pair_values_a_to_be_greater_than_b"


@dataclass(frozen=True)
class ExpectationResult:
    """One statement judged: `column` is the figure it is about, `low` and `high` its bounds (null = unbounded).

    `expectation`: the one of Great Expectations by which it was judged.
    """

    expectation: str
    column: str
    statement: str
    low: float | None
    high: float | None
    passed: bool


def judge(suite: Suite, figures: pd.DataFrame) -> list[ExpectationResult]:
    """The whole suite at once, in its order.

    A check whose column is missing has failed. That there is a row, and that the figure `rows` is above zero, is one
    statement.
    """
    expectations = load_great_expectations().expectations
    no_row, other_columns = _failures(
        figures,
        expectations.ExpectTableRowCountToBeBetween(min_value=1),
        expectations.ExpectTableColumnsToMatchSet(column_set=list(suite.columns), exact_match=True),
    )
    greater = partial(
        expectations.ExpectColumnPairValuesAToBeGreaterThanB, or_equal=True, ignore_row_if="either_value_is_missing"
    )
    # A figure that nobody could compute is blank, and a blank passes a comparison.
    blank, below, above = _failures(
        _one_below_the_other(suite, figures),
        expectations.ExpectColumnValuesToNotBeNull(column="found"),
        greater(column_A="found", column_B="low"),
        greater(column_A="high", column_B="found"),
    )

    def passed(check: Check) -> bool:
        name = check.column
        if name not in figures or (name == "rows" and no_row(name)):
            return False
        return not (check.filled and blank(name)) and not (check.bounded and (below(name) or above(name)))

    first, *others = [
        ExpectationResult(
            WITHIN if check.bounded else FILLED, check.column, check.statement, check.low, check.high, passed(check)
        )
        for check in suite.checks
    ]
    columns = ExpectationResult(COLUMNS, "", suite.columns_statement, None, None, not other_columns(""))
    return [first, columns, *others]


def _one_below_the_other(suite: Suite, figures: pd.DataFrame) -> pd.DataFrame:
    """A row for every figure of every checked column: `column`, `found`, and its bounds `low` and `high` or blanks."""
    import pandas as pd

    names = [name for name in dict.fromkeys(check.column for check in suite.checks) if name in figures]
    bounds = {check.column: (check.low, check.high) for check in suite.checks if check.bounded}
    low, high = (np.array([bounds.get(name, (None, None))[side] for name in names], dtype=float) for side in (0, 1))
    found = [pd.to_numeric(figures[name], errors="coerce").to_numpy(dtype=float, na_value=np.nan) for name in names]
    rows = {"column": np.array(names, dtype=object), "low": low, "high": high}
    repeated = {name: np.repeat(values, len(figures)) for name, values in rows.items()}
    return pd.DataFrame({**repeated, "found": np.concatenate(found) if found else []})


def _failures(frame: pd.DataFrame, *expectations: Any) -> list[Callable[[str], bool]]:
    """For each expectation: whether a column of figures fails it. One that fails and names no row fails for all."""
    source = _context().data_sources.add_pandas("figures").add_dataframe_asset("figures")
    batch = source.add_batch_definition_whole_dataframe("all").get_batch(batch_parameters={"dataframe": frame})
    by_name = {"result_format": "COMPLETE", "unexpected_index_column_names": ["column"]}
    return [_failure(batch.validate(expectation, result_format=by_name)) for expectation in expectations]


def _failure(result: Any) -> Callable[[str], bool]:
    if result.success:
        return lambda _: False
    rows = result.result.get("unexpected_index_list") or []
    columns = {row["column"] for row in rows}
    return lambda column: not columns or column in columns


def load_great_expectations() -> Any:
    """Imported where it is needed, without what nothing here uses of it and without warnings about its libraries.

    altair and scipy.stats serve one expectation (of the divergence of distributions), jsonschema another; pyspark and
    SQLAlchemy are other engines than pandas, boto3 and google other places of data. Together they are half of the
    import.
    """
    absent = ("boto3", "botocore", "google", "pyspark", "sqlalchemy")
    with warnings.catch_warnings(), hidden(*absent), deferred("altair", "jsonschema", "scipy.stats"):
        warnings.simplefilter("ignore")
        import great_expectations as gx
        import great_expectations.expectations
    return gx


def _context() -> Any:
    """Great Expectations' surroundings: everything in memory, no files, no calls home, no progress bars."""
    gx = load_great_expectations()
    from great_expectations.data_context.types.base import DataContextConfig, InMemoryStoreBackendDefaults

    settings = DataContextConfig(
        store_backend_defaults=InMemoryStoreBackendDefaults(init_temp_docs_sites=False),
        progress_bars={"globally": False, "metric_calculations": False},
        analytics_enabled=False,
    )
    return gx.get_context(mode="ephemeral", project_config=settings)
