"""What is known of activities, with what `activities:` of params.yaml sets."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from features.catalogue.activities import Activity, activity_of
from pipelines.settings.activities import ActivityWords


def declared(activities: Mapping[str, ActivityWords]) -> dict[str, Activity]:
    """The section, as the catalogue of features takes it."""
    return {name: _declared(name, words) for name, words in activities.items()}


def _declared(name: str, words: ActivityWords) -> Activity:
    known = activity_of(name)
    if words.noun is not None:
        known = replace(known, noun=words.noun[0], nouns=words.noun[1])
    if words.burden == "neither":
        return replace(known, bearing="neither")
    return known if words.burden is None else replace(known, bearing="burden" if words.burden else "good")
