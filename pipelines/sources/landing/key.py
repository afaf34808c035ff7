"""The key under which the landing store keeps a source: made of everything that decides how a row is read.

Settings that version 0.1 did not know are left out where they are not set, so that what it landed is found.
"""

from __future__ import annotations

import hashlib
import json
from typing import Any

import duckdb

from pipelines.runtime.files import digest_of
from pipelines.settings.sources import Mapped
from pipelines.settings.types import TIME_COLUMNS, zone_of
from pipelines.sources.expressions.context import Context
from pipelines.sources.privacy.erased import FILE as TOMBSTONES

FORM = (3, duckdb.__version__)
"""Of what lies in the store and of its hashes; another one is another key."""

_GATHERING = ("one_row_is", "group_by", "value_of", "returns", "repeats")
_ABSENCE = ("scale", "optional", "optional_columns", "optional_exclude")
_SINCE_V0_1 = ("thousands", "day_first", "without_customer", "term_days", *_GATHERING, *_ABSENCE)


def key_of(setting: Mapped, context: Context) -> str:
    """16 hexadecimal digits; another mapping, timezone or erased customer gives others."""
    section = _without_new(setting.model_dump(mode="json", exclude={"max_bad_share"}))
    erased = digest_of(TOMBSTONES) if TOMBSTONES.is_file() else None
    inputs = [FORM, section, context.timezone, context.far_future, erased]
    inputs += ["days end"] if _has_days_of_another_timezone(setting, context) else []
    inputs += [context.rates] if context.rates and any("currency" in one.columns for one in setting.mappings()) else []
    return hashlib.sha256(json.dumps(inputs, sort_keys=True).encode()).hexdigest()[:16]


def _has_days_of_another_timezone(setting: Mapped, context: Context) -> bool:
    """Whether version 0.1 would read days of the source otherwise; all else that it left is still right."""
    zones = {zone_of(one.timezone, ours, context.timezone) for one in setting.mappings() for ours in TIME_COLUMNS}
    return bool(zones - {context.timezone})


def _without_new(section: Any) -> Any:
    """A section as version 0.1 would have written it: a decimal point was the default."""
    if isinstance(section, list):
        return [_without_new(one) for one in section]
    if not isinstance(section, dict):
        return section
    known = {name: _without_new(one) for name, one in section.items() if one is not None or name not in _SINCE_V0_1}
    return {**known, "decimal": known["decimal"] or "."} if "decimal" in known else known
