"""Readings as the landing store keeps them: a step says how its files were read, a piece is named by it."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict
from typing import Any

from pipelines.sources.expressions.readings import AS_WRITTEN, Readings
from pipelines.sources.expressions.time_text import TimeReading


def as_json(readings: Readings) -> dict[str, Any]:
    """Readings as JSON."""
    return {"commas": sorted(readings.commas), "times": {name: asdict(one) for name, one in readings.times}}


def from_json(content: dict[str, Any] | None) -> Readings:
    """What `as_json` made; as computers write where there is nothing."""
    if content is None:
        return AS_WRITTEN
    times = tuple((name, TimeReading(**one)) for name, one in content["times"].items())
    return Readings(frozenset(content["commas"]), times)


def key_of(readings: Readings) -> str:
    """A short name: other readings have another."""
    return hashlib.sha256(json.dumps(as_json(readings), sort_keys=True).encode()).hexdigest()[:8]
