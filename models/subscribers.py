"""Kinds of subscriber: new, growing, steady, shrinking; by the age of the subscription and the course of its use.

Buying segments (segments.py) say how long ago and how often somebody bought: of a start that happens once they would
only say how old it is. Use is the most frequent activity that is neither the subscription's own nor a burden; its trend
is (count - count before) / (count + count before) of two windows, -1 to 1.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from models.segments import NEW_WITHIN_DAYS

if TYPE_CHECKING:
    import pandas as pd

CHANGED = 1 / 3
"""The trend from which use has doubled, or halved where it is negative."""
NEW, GROWING, STEADY, SHRINKING = "new", "growing", "steady", "shrinking"
KINDS = (NEW, GROWING, STEADY, SHRINKING)
_WINDOWS = (91, 56, 28)
_ROLES = ("starts", "renews", "ends", "pauses", "resumes", "pays")
_NO_USE = ("support", "survey")


def kinds(
    features: pd.DataFrame,
    definition: Mapping[str, Any],
    columns_info: Sequence[Mapping[str, Any]],
    volumes: Mapping[str, Mapping[str, Any]],
) -> npt.NDArray[np.str_] | None:
    """The kind of each customer; None where the features do not say how old subscriptions are.

    Args:
        features: one row per customer.
        definition: the setting of kind cancellation.
        columns_info: the entries of columns.json.
        volumes: by activity `previous_weekly_mean`.
    """
    age = f"{definition.get('starts', '')}_days_since_first"
    if age not in features:
        return None
    days = features[age].to_numpy(dtype=np.float64)
    name = _trend(definition, columns_info, volumes)
    trend = features[name].to_numpy(dtype=np.float64) if name in features else np.zeros(len(features))
    conditions = [days <= NEW_WITHIN_DAYS, trend >= CHANGED, trend <= -CHANGED]
    return np.select(conditions, [NEW, GROWING, SHRINKING], default=STEADY)


def _trend(
    definition: Mapping[str, Any],
    columns_info: Sequence[Mapping[str, Any]],
    volumes: Mapping[str, Mapping[str, Any]],
) -> str:
    """The column that tells how use changes; "" where nothing is used."""
    own = {definition.get(role) for role in _ROLES}
    found = [
        info
        for info in columns_info
        if info["measure"] == "count_trend"
        and info["days"] in _WINDOWS
        and info["activity"] not in own
        and info["family"] not in _NO_USE
        and info["higher_is_worse"] is False
    ]

    def preference(info: Mapping[str, Any]) -> tuple[bool, float, int]:
        often = float(volumes.get(info["activity"], {}).get("previous_weekly_mean", 0.0))
        return info["activity"] == definition.get("activity"), often, int(info["days"])

    return str(max(found, key=preference)["name"]) if found else ""
