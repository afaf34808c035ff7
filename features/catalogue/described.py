"""What is said of columns, by today's words: sentence and direction of each, whatever was written when they were made.

A model keeps the columns.json that it was trained with. What an activity means and how it is called are no numbers:
whoever corrects them need not train again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from features.catalogue.catalogue import Feature, Own, role_of
from features.catalogue.measures import MEASURES


def described(
    columns_info: Sequence[Mapping[str, Any]], main_activity: str, own: Own | None = None
) -> list[dict[str, Any]]:
    """Entries of columns.json with `sentence` and `higher_is_worse` as the catalogue has them now.

    Args:
        columns_info: the entries; those of customers' attributes, and of measures that are no more, stay as they are.
        main_activity: what customers ordinarily do.
        own: what is declared of one's own activities.
    """
    present = {str(column["name"]) for column in columns_info}
    return [_described(column, main_activity, own or {}, present) for column in columns_info]


def _described(column: Mapping[str, Any], main: str, own: Own, present: set[str]) -> dict[str, Any]:
    activity, measure, days = column.get("activity"), column.get("measure"), column.get("days")
    if not activity or measure not in MEASURES or MEASURES[measure].windowed != (days is not None):
        return dict(column)
    feature = Feature(activity, measure, days, role_of(activity, main, own), main, own)
    if feature.name != column["name"]:
        return dict(column)
    sentence = feature.sentence if feature.columns_said <= present else ""
    return {**column, "sentence": sentence, "higher_is_worse": feature.higher_is_worse}
