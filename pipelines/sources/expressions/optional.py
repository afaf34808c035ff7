"""What a mapping asks of a table that does not have it: optional columns are not mapped then, optional entries skipped.

Whatever is not optional stays, and is named as missing by whoever checks the mapping.
"""

from __future__ import annotations

import functools

from pipelines.runtime.errors import ChurnError
from pipelines.settings.sources import Mapped, Mapping
from pipelines.sources.expressions.cell import cell
from pipelines.sources.expressions.types import Shape


def applicable(setting: Mapped, shape: Shape) -> Mapped:
    """The source without the optional conditions of `exclude` whose column a table lacks."""
    absent = absent_conditions(setting, shape)
    if not absent:
        return setting
    left = {name: one for name, one in setting.exclusions().items() if name not in absent}
    return setting.model_copy(update={"exclude": left})


def absent_conditions(setting: Mapped, shape: Shape) -> list[str]:
    """Names of optional conditions of `exclude` whose column a table lacks."""
    conditions = setting.exclusions()
    return [one for one in setting.optional_exclude or () if _lacks(conditions.get(one), shape)]


def fitted(setting: Mapped, shape: Shape) -> list[tuple[Mapping, str]]:
    """Each mapping of a source without the optional columns that a table lacks.

    Returns:
        The mappings, and why an optional one gives nothing: the column that it lacks; empty where it can be read.
    """
    return [_fitted(one, shape) for one in setting.mappings()]


def absent_columns(setting: Mapped, shape: Shape) -> list[str]:
    """Our columns that stay empty because a table lacks what is mapped to them."""
    return sorted(
        {
            ours
            for before, (after, why) in zip(setting.mappings(), fitted(setting, shape), strict=True)
            if not why
            for ours in before.columns.keys() - after.columns.keys()
        }
    )


def _fitted(mapping: Mapping, shape: Shape) -> tuple[Mapping, str]:
    absent = {ours for ours in mapping.optional_columns or () if _lacks(mapping.columns.get(ours), shape)}
    columns = {ours: theirs for ours, theirs in mapping.columns.items() if ours not in absent}
    left = mapping.model_copy(update={"columns": columns}) if absent else mapping
    why = ""
    if mapping.optional:
        asked = [*left.columns.values(), left.where, *left.order_key]
        why = next((f"no column {one}" for one in asked if _lacks(one, shape)), "")
    return left, why


def _lacks(wanted: str | None, shape: Shape) -> bool:
    return wanted is not None and not _can_read(wanted, shape)


@functools.lru_cache(maxsize=4096)
def _can_read(wanted: str, shape: Shape) -> bool:
    try:
        cell(wanted, shape)
    except ChurnError:
        return False
    return True
