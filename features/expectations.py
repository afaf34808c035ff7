"""Suites of activity, features and scores: what each asks of a table, as statements in words.

The suites are about a table's *figures*, not its rows: for every file two rows, the lowest and the highest value of
each column (blank where a row is empty, not a number, or infinite), beside counts that the engine made in the same
pass. A column lies within its bounds exactly if its lowest and highest do, so small and large tables meet the same
suite at the same cost. Great Expectations judges them (`features/judging.py`).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

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
    "rows_removed_after_moment": "Nothing was removed after {moment}",
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
PLAUSIBLE = {
    "two_spellings": "Hardly a customer's id is another's in another spelling (capitals, blanks, leading zeros, .0)",
    "one_customer": "No single customer has a large share of all rows",
    "strange_ids": "Ids of customers are short and have no control characters",
    "below_zero": "Hardly a value of the main activity is below zero",
    "largest_value": "No value is larger than money can be",
    "years": "The first row is not from another age",
    "hole": "There is no hole of months between the first row and the last",
    "one_instant": "{activity} does not happen at one instant for many",
}
SAME_BELOW = 10
"""So many are added to both sides of a volume ratio: from 3 to 0 is chance, from 3,000 to 0 is not."""


@dataclass(frozen=True)
class Check:
    """A figure that is not blank where `filled`, and lies within its bounds, both included (null = unbounded)."""

    column: str
    statement: str
    low: float | None = None
    high: float | None = None
    filled: bool = True

    @property
    def bounded(self) -> bool:
        """Whether a bound is given."""
        return self.low is not None or self.high is not None


@dataclass(frozen=True)
class Suite:
    """What a table must be: at least a row, exactly these columns of figures, and every check passed."""

    name: str
    columns: tuple[str, ...]
    columns_statement: str
    checks: tuple[Check, ...]


def activity_suite(
    columns: Collection[str],
    moment: str,
    silences: Mapping[str, float],
    volumes: Collection[str],
    max_ratio: float,
    *,
    doubts: Mapping[str, float] | None = None,
) -> Suite:
    """What a stream of activity must be on arrival.

    Args:
        columns: of the activity contract.
        moment: before which everything occurred, in words.
        silences: stream or activity -> days that it may be silent before the moment.
        volumes: activities with enough history for their volume to be judged.
        max_ratio: times more or fewer in the last 28 days than in any 28 days of the 24 weeks before.
        doubts: figures of what is hardly plausible -> the most that is.
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
    usual = _volumes(volumes, max_ratio, "in earlier months")
    hardly = {name: (_doubt_statement(name), None, limit) for name, limit in (doubts or {}).items()}
    return _suite("activity", columns, {**SHAPE, **counts, **days, **usual, **hardly})


def features_suite(columns: Sequence[Mapping[str, Any]], attributes: Collection[str], moment: str) -> Suite:
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
) -> Suite:
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


def plausible(name: str) -> str:
    """The figure for something that a stream hardly is."""
    return f"plausible {name}"


def _doubt_statement(column: str) -> str:
    name, _, activity = column.removeprefix(plausible("")).partition(" ")
    return PLAUSIBLE[name].format(activity=activity)


def silence(name: str) -> str:
    """The figure for the days without an activity before the moment."""
    return f"days_without {name}"


def volume(name: str) -> str:
    """The figure for how far an activity's volume is from the usual."""
    return f"volume_ratio {name}"


def volume_ratio(found: float, least: float, most: float) -> float:
    """How many times more than `most`, or fewer than `least`, were found; 1 in between. 10 are added to both sides."""
    return max((found + SAME_BELOW) / (most + SAME_BELOW), (least + SAME_BELOW) / (found + SAME_BELOW), 1.0)


Figures = Mapping[str, tuple[str, float | None, float | None]]
Bounds = Mapping[str, tuple[float | None, float | None]]


def _volumes(names: Collection[str], max_ratio: float, usual: str) -> Figures:
    text = "As much {} as usual: in the last 28 days at most {:g} times more or fewer than {}"
    return {volume(name): (text.format(name, max_ratio, usual), None, max_ratio) for name in sorted(names)}


def _suite(name: str, columns: Collection[str], figures: Figures, bounds: Bounds | None = None) -> Suite:
    checks = [Check(column, statement, low, high) for column, (statement, low, high) in figures.items()]
    for column, (low, high) in (bounds or {}).items():
        checks.append(Check(column, f"{column} is a finite number in every row"))
        if low is not None or high is not None:
            checks.append(Check(column, f"{column} {_range(low, high)}", low, high, filled=False))
    statement = f"The columns are exactly the {len(columns)} of the contract"
    return Suite(name, (*columns, *figures), statement, tuple(checks))


def _range(low: float | None, high: float | None) -> str:
    if low is None:
        return f"is at most {high:g}"
    return f"is at least {low:g}" if high is None else f"lies between {low:g} and {high:g}"
