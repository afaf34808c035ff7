"""Topics: columns that say the same about one activity are one topic, and a topic is stated once.

An activity that only repeats the main one (a discount on every order) has no story of its own: its columns join the
main activity's topics and are not spoken of.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

Column = Mapping[str, Any]

# Correlation of counts over the same windows from which on an activity repeats the main one.
REPEATS = 0.9
_MOST_ROWS = 20_000

STORIES = {
    "recency": "time since the last",
    "rhythm": "time since the last",
    "calendar": "own pace",
    "frequency": "how often",
    "decay": "how often",
    "btyd": "own pace",
    "money": "how much",
    "trend": "lately beside before",
    "shape": "what kind",
    "variety": "how many different",
    "tenure": "how long a customer",
}
THE_ACTIVITY_ITSELF = ("engagement", "survey", "support")
STORIES_OF_MEASURES = {
    "weeks_active_share": "how often",
    "quantity": "how much",
    "usual_days_missed": "time since the last",
    "btyd_recency": "time since the last",
    **dict.fromkeys(("gap_mean", "gap_median", "gap_p90", "gap_spread", "longest_gap"), "own pace"),
}
STORIES_OF_REPEATS = {
    "days_since_last": "time since the last",
    "total_value": "how much",
    "count_trend": "lately beside before",
}

# What a retention team wants to read first about a topic, where several numbers could state it.
PREFERRED = (
    "days_since_last",
    "silence_per_gap",
    "count_trend",
    "count",
    "total_value",
    "value_change",
    "gap_mean",
)

# Numbers that compare customers with themselves, and the number that says "as before": beyond it lies good or bad news.
# Their sentences name no second number.
AS_BEFORE = {
    "count_trend": 0.0,
    "value_trend": 0.0,
    "value_change": 0.0,
    "gap_change": 1.0,
    "silence_per_gap": 1.0,
    "silence_per_longest_gap": 1.0,
    "gap_share_shorter": 0.5,
    "usual_days_missed": 1.0,
}
# Neither good nor bad news in itself; as a reason it is stated from one side only: who buys seldom, not who buys often.
STATED_FROM = {"gap_mean": True}
SILENCES = ("days_since_last", "silence_per_gap", "silence_per_longest_gap", "gap_share_shorter", "usual_days_missed")


class Topics:
    """The topic of every column, for one model and one population.

    Args:
        columns_info: the entries of columns.json.
        everyone: features of everyone scored, in which repeating activities show.
    """

    def __init__(self, columns_info: Sequence[Column], everyone: pd.DataFrame) -> None:
        self.main = next((column["activity"] for column in columns_info if column["family"] == "frequency"), None)
        self.repeating = _repeating(columns_info, everyone, self.main)

    def of(self, column: Column) -> str:
        """In words: the activity, where there is one, and the story ("placed order: how often")."""
        family, measure, activity = str(column["family"]), column["measure"], column.get("activity")
        if activity in self.repeating:
            activity, story = self.main, STORIES_OF_REPEATS.get(measure, "how often")
        else:
            story = STORIES_OF_MEASURES.get(measure) or STORIES.get(family, family)
        parts = [str(activity or ""), "" if activity and story in THE_ACTIVITY_ITSELF else story]
        return ": ".join(part.replace("_", " ") for part in parts if part)

    def spoken(self, column: Column) -> bool:
        """Whether the column has a sentence that says something of its own."""
        return bool(column["sentence"]) and column.get("activity") not in self.repeating


def wording_order(column: Column) -> tuple[bool, int]:
    """Sorts columns by how well they state their topic; a number that is neither good nor bad news comes last."""
    measure = column["measure"]
    place = PREFERRED.index(measure) if measure in PREFERRED else len(PREFERRED)
    return column["higher_is_worse"] is None, place


def higher_is_worse(column: Column) -> bool | None:
    """Whether a higher number is bad news; None where either may be."""
    known: bool | None = column["higher_is_worse"]
    return STATED_FROM.get(column["measure"]) if known is None else known


def is_silent(column: Column, value: Any) -> bool:
    """Whether the number says that the activity has stopped for now: how long ago, or none in a window."""
    return column["measure"] in SILENCES or value == (-1 if column["measure"] == "count_trend" else 0)


def _repeating(columns_info: Sequence[Column], everyone: pd.DataFrame, main: str | None) -> frozenset[str]:
    step = max(1, len(everyone) // _MOST_ROWS)
    sample = everyone.iloc[::step]
    counts = {
        (column["activity"], column["days"]): column["name"]
        for column in columns_info
        if column["measure"] == "count" and column["name"] in sample.columns
    }
    alike: dict[str, list[float]] = {}
    for (activity, days), name in counts.items():
        if activity != main and (main, days) in counts and sample[name].nunique() > 1:
            alike.setdefault(activity, []).append(float(sample[name].corr(sample[counts[main, days]])))
    return frozenset(activity for activity, found in alike.items() if sum(found) / len(found) >= REPEATS)
