"""The feature catalogue: the measures of each activity, and their windows, that become columns.

A column's name is computed from its declaration, so that name and meaning cannot drift. Features appear only for
activities that the stream has, and those of values, quantities and details only where it has them. What people do to
customers (`was_listed`, ...) is never a feature.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from features.activity import ACTIVITY_NAME, OUR_ACTIVITIES
from features.catalogue.activities import Activity, activity_of
from features.catalogue.measures import MEASURES, MONTH_PARTS, WEEKDAYS, Measure
from features.catalogue.wording import sentence_of
from features.errors import FeatureError

__all__ = ["ANY", "OUR_ACTIVITIES", "Feature", "catalogue", "role_of", "unavailable"]

ANY = "any_activity"  # stands for all activities together
UNITS = {
    "visited_site": "minutes",
    "earned_points": "points",
    "redeemed_points": "points",
    "mentioned_brand": "sentiment",
}
# What other activities than the main one are good for as a reason; the other measures' words are about orders.
SPOKEN_OF_OTHERS = ("days_since_last", "count", "count_trend", "value_change")

Role = Literal["main", "engagement", "survey", "support", "any"]
Line = tuple[str, tuple[int, ...] | None]

WINDOWS = (7, 14, 28, 56, 91, 182, 364)
_MAIN: tuple[Line, ...] = (
    ("days_since_last", None),
    ("days_since_first", None),
    ("count", WINDOWS),
    ("count_ever", None),
    ("active_days", WINDOWS),
    ("per_week", (56, 91, 182, 364)),
    ("weeks_active_share", (28, 56, 91, 182, 364)),
    ("total_value", WINDOWS),
    ("total_value_ever", None),
    ("mean_value", (28, 91, 364)),
    ("value_spread", None),
    ("last_value", None),
    ("quantity", (28, 91, 364)),
    ("mean_quantity", (91, 364)),
    ("distinct_details", (28, 91, 364)),
    *((name, None) for name in MEASURES if MEASURES[name].family == "rhythm" and not MEASURES[name].windowed),
    ("silence_outlasts_share", (14, 28, 56, 91)),
    ("btyd_frequency", None),
    ("btyd_recency", None),
    ("btyd_age", None),
    ("btyd_monetary", None),
    ("decayed_count", (7, 14, 28, 91, 182)),
    ("decayed_value", (28, 91, 182)),
    ("count_trend", (14, 28, 56, 91, 182)),
    ("count_before", (14, 28, 56, 91, 182)),
    ("value_trend", (28, 91)),
    ("count_slope", (56, 168, 336)),
    *((f"{day}_share", None) for day in WEEKDAYS),
    *((f"month_{part}_share", None) for part in MONTH_PARTS),
    ("usual_days_missed", None),
    ("count_year_ago", (28, 91)),
)
_ENGAGEMENT: tuple[Line, ...] = (
    ("days_since_last", None),
    ("days_since_first", None),
    ("count", (28, 91, 364)),
    ("active_days", (91,)),
    ("decayed_count", (28, 91)),
    ("count_trend", (28, 91)),
    ("count_before", (28, 91)),
    ("per_main", (91, 364)),
    ("since_main_count", None),
    ("total_value", (28, 91, 364)),
    ("mean_value", (364,)),
    ("quantity", (91,)),
    ("distinct_details", (91, 364)),
)
_SURVEY: tuple[Line, ...] = (
    ("days_since_last", None),
    ("count", (91, 364)),
    ("last_value", None),
    ("mean_value", (91, 364)),
    ("value_change", None),
    ("since_main_count", None),
)
_PLAN: dict[Role, tuple[Line, ...]] = {
    "main": _MAIN,
    "engagement": _ENGAGEMENT,
    "support": _ENGAGEMENT,
    "survey": _SURVEY,
    "any": (("days_since_last", None), ("days_since_first", None), ("count", (28,)), ("kinds", (28, 91))),
}
_SAVED = re.compile(r"(saved_with|returned|refunded)_.*")


Own = Mapping[str, Activity]
"""What is declared of one's own activities, by name."""


def role_of(activity: str, main_activity: str, own: Own | None = None) -> Role:
    """The role of an activity, which decides on its measures: a burden is what support hears of."""
    if activity == main_activity:
        return "main"
    if activity == ANY:
        return "any"
    if activity.startswith("answered_"):
        return "survey"
    return "support" if activity_of(activity, own).bearing == "burden" else "engagement"


@dataclass(frozen=True)
class Feature:
    """One column: a measure of an activity over the days behind a moment.

    Raises:
        FeatureError: when declared with an unknown measure, days where the measure has none (or none where it needs
            them), or an activity that is no name.
    """

    activity: str
    measure: str
    days: int | None = None
    role: Role = "main"
    main: str = "placed_order"
    own: Own = field(default_factory=dict, compare=False, repr=False)

    def __post_init__(self) -> None:
        faults = []
        if not ACTIVITY_NAME.fullmatch(self.activity):
            faults.append(
                f"activity {self.activity!r} is not a name (small letters, digits and _, starting with a letter)"
            )
        if self.measure not in MEASURES:
            faults.append(f"measure {self.measure!r} is none of {', '.join(MEASURES)}")
        elif MEASURES[self.measure].windowed != (self.days is not None):
            faults.append(
                f"measure {self.measure} {'needs days' if self.days is None else 'has no window, found days'}"
            )
        if self.days is not None and not 1 <= self.days <= 3660:
            faults.append(f"days must be 1 to 3660, found {self.days}")
        if faults:
            raise FeatureError(f"feature {self.activity}_{self.measure}: " + "; ".join(faults))

    @property
    def name(self) -> str:
        """`{activity}_{measure}_{days}d`, or `{activity}_{measure}` where there is no window."""
        return f"{self.activity}_{self.measure}" + ("" if self.days is None else f"_{self.days}d")

    @property
    def how(self) -> Measure:
        """The measure's declaration."""
        return MEASURES[self.measure]

    @property
    def edges(self) -> tuple[int, ...]:
        """Days before a moment at which this feature needs a boundary."""
        return () if self.days is None else self.how.edges(self.days)

    @property
    def family(self) -> str:
        """Family of the column: the measure's own for the main activity, else what the activity is."""
        if self.role in ("main", "any") or self.measure == "value_share":
            return self.how.family if self.role != "any" else "tenure"
        return self.role

    @property
    def unit(self) -> str:
        """Unit of the numbers."""
        return (
            UNITS.get(self.activity, "points" if self.role == "survey" else "money")
            if self.how.unit == "money"
            else self.how.unit
        )

    @property
    def higher_is_worse(self) -> bool | None:
        """Whether a higher number is bad news. A complaint is the other way round; being sent a campaign is neither."""
        bearing = activity_of(self.activity, self.own).bearing if self.role not in ("main", "any") else "good"
        if bearing == "neither" or self.how.higher_is_worse is None:
            return None
        return self.how.higher_is_worse != (bearing == "burden" and self.role != "survey")

    @property
    def sentence(self) -> str:
        """Format template with the names of columns, "" where the number is no reason to give."""
        if self.role == "any" or (self.role != "main" and self.measure not in SPOKEN_OF_OTHERS):
            return ""
        main = self.role == "main"
        return sentence_of(
            self.how.sentence,
            activity=self.activity,
            main=self.main,
            name=self.name,
            days=self.days,
            rhythm=main,
            own=self.own,
        )

    @property
    def columns_said(self) -> set[str]:
        """The columns that the sentence names."""
        return set(re.findall(r"\{(\w+)", self.sentence))

    def column(self) -> dict[str, Any]:
        """The column's entry in columns.json."""
        how = self.how
        return {
            "name": self.name,
            "activity": self.activity,
            "measure": self.measure,
            "days": self.days,
            "family": self.family,
            "unit": self.unit,
            "silence": how.silence,
            "low": how.low,
            "high": how.high,
            "monotone": how.monotone if self.role == "main" else 0,
            "higher_is_worse": self.higher_is_worse,
            "sentence": self.sentence,
        }


def catalogue(
    facts: Mapping[str, Mapping[str, Any]], main_activity: str, own: Own | None = None
) -> tuple[Feature, ...]:
    """All features of a stream.

    Args:
        facts: per activity `has_value`, `has_quantity`, `has_detail` (the "activities" of facts.json).
        main_activity: what a customer does when nothing is wrong; it gets the full treatment.
        own: what is declared of one's own activities: bearing and nouns.

    Raises:
        FeatureError: the stream does not have the main activity, or a declaration is faulty.
    """
    present = sorted(name for name in facts if name not in OUR_ACTIVITIES)
    if main_activity not in present:
        raise FeatureError(
            f"activity: the stream has no {main_activity!r}, which the churn definition is about. "
            f"It has: {', '.join(present) or 'nothing'}. Set `activity` of the definition to one of them, "
            "or map a source to it."
        )
    if ANY in present:
        raise FeatureError(f"activity: {ANY!r} stands for all activities together. Give that activity another name.")
    order = [main_activity, *(name for name in present if name != main_activity), ANY]
    features = tuple(feature for name in order for feature in _features_of(name, facts, main_activity, own or {}))
    _check(features)
    return features


def unavailable(facts: Mapping[str, Mapping[str, Any]], main_activity: str) -> list[str]:
    """In words: the features that the stream does not allow, and why."""
    lacks = [
        f"{name} has no {what}: no {', '.join(sorted(_measures_needing(what)))} of it"
        for name in sorted(facts)
        if name not in OUR_ACTIVITIES and name == main_activity
        for what in ("value", "quantity", "detail")
        if not facts[name].get(f"has_{what}")
    ]
    return lacks + (
        [f"{main_activity} is the only activity: no engagement, surveys or support"]
        if len(set(facts) - set(OUR_ACTIVITIES)) == 1
        else []
    )


def _measures_needing(what: str) -> set[str]:
    return {name for name, _ in _MAIN if MEASURES[name].needs == what}


def _features_of(activity: str, stream: Mapping[str, Mapping[str, Any]], main: str, own: Own) -> Iterable[Feature]:
    role, facts = role_of(activity, main, own), stream.get(activity, {})
    for measure, windows in _PLAN[role]:
        needs = MEASURES[measure].needs
        if needs is None or facts.get(f"has_{needs}"):
            yield from (Feature(activity, measure, days, role, main, own) for days in (windows or (None,)))
    if role != "main" and _SAVED.fullmatch(activity) and facts.get("has_value") and stream[main].get("has_value"):
        yield from (Feature(activity, "value_share", days, role, main, own) for days in (28, 91, 364))


def _check(features: tuple[Feature, ...]) -> None:
    """Names are unique, and a sentence speaks of columns that exist."""
    names = [feature.name for feature in features]
    faults = [f"column {name} is declared twice" for name in sorted({name for name in names if names.count(name) > 1})]
    for feature in features:
        missing = feature.columns_said - set(names)
        faults += [f"the sentence of {feature.name} speaks of {word}, which is no column" for word in sorted(missing)]
    if faults:
        raise FeatureError("\n".join(faults))
