"""Types of the values of settings, and the messages for wrong ones."""

from __future__ import annotations

import re
import zoneinfo
from datetime import date
from typing import Annotated, Any

import yaml
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

from features.activity import ACTIVITY_NAME
from pipelines.runtime.errors import did_you_mean


def _day(value: Any) -> Any:
    if isinstance(value, date):
        raise ValueError(f'must be quoted: write "{value}"')
    try:
        date.fromisoformat(value)
    except (TypeError, ValueError):
        raise ValueError(f'{value!r} is not a date. Write it as "2017-12-04"') from None
    return value


def _name(value: str) -> str:
    if not ACTIVITY_NAME.fullmatch(value):
        raise ValueError(f"{value!r} is not a name. Allowed: small letters, digits and _, starting with a letter")
    return value


def _timezone(value: str) -> str:
    if value not in zoneinfo.available_timezones():
        near = did_you_mean(value, zoneinfo.available_timezones())
        hint = near if "Did you mean" in near else " Write it like Europe/Berlin"
        raise ValueError(f"{value!r} is not a timezone.{hint}")
    return value


TIME_COLUMNS = ("occurred_at", "recorded_at", "removed_at")
Zones = str | dict[str, str] | None
"""`Europe/Berlin` for all times of a table, or `{occurred_at: Europe/Berlin, recorded_at: UTC}`, column by column."""


def zones_of(*columns: str) -> BeforeValidator:
    """Checks the `timezone` of a table: a zone, or one for each of `columns`, which are those that hold times."""

    def checked(value: Any) -> Any:
        if value is None or isinstance(value, str):
            return value if value is None else _timezone(value)
        if not columns or not isinstance(value, dict):
            of_each = f", or one for each of {', '.join(columns)}" if columns else ""
            raise ValueError(f"{value!r} is not a timezone. Write it like Europe/Berlin{of_each}")
        faults = [fault for name, zone in value.items() for fault in _zone_faults(name, zone, columns)]
        if faults:
            raise ValueError(". ".join(faults))
        return value

    return BeforeValidator(checked)


def _zone_faults(name: str, zone: Any, columns: tuple[str, ...]) -> list[str]:
    if name not in columns:
        return [f"{name!r} is not a column with times.{did_you_mean(str(name), columns)}".rstrip(".")]
    try:
        _timezone(str(zone))
    except ValueError as error:
        return [f"{name}: {error}"]
    return []


def zone_of(zones: Zones, column: str, default: str) -> str:
    """The timezone of one column's times: its own, else that of the whole table, else `default`."""
    return zones.get(column, default) if isinstance(zones, dict) else zones or default


def bytes_of(size: str) -> int:
    """`512MB` or `1.5GB` in bytes."""
    return int(float(size[:-2]) * {"MB": 1 << 20, "GB": 1 << 30}[size[-2:]])


def _memory(value: Any) -> Any:
    if not isinstance(value, str) or not re.fullmatch(r"[0-9]+(\.[0-9]+)?[MG]B", value):
        raise ValueError(f"{value!r} is not a size of memory. Write it like 4GB or 512MB")
    if bytes_of(value) < LEAST_MEMORY:
        raise ValueError(f"must be at least {LEAST_MEMORY >> 20}MB, found {value}")
    return value


LEAST_MEMORY = 256 << 20
Memory = Annotated[str, BeforeValidator(_memory)]
Day = Annotated[str, BeforeValidator(_day)]
Name = Annotated[str, AfterValidator(_name)]
Zone = Annotated[str, AfterValidator(_timezone)]
Days = Annotated[int, Field(ge=1, le=3660)]
Share = Annotated[float, Field(ge=0, le=1)]


class Section(BaseModel):
    """A part of params.yaml: unknown keys are faults, values are never changed afterwards."""

    # A schema is built when it is first used: by the section that is read, once, not again by each that it holds.
    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)


class _Strict(yaml.SafeLoader):
    """Loads nothing but plain values."""


_MERGE = "tag:yaml.org,2002:merge"


def _mapping(loader: _Strict, node: yaml.MappingNode) -> dict[Any, Any]:
    _require_once(loader, node)  # before what `<<` brings: a key beside it is meant to override
    loader.flatten_mapping(node)
    return {
        loader.construct_object(key, deep=True): loader.construct_object(value, deep=True) for key, value in node.value
    }


def _require_once(loader: _Strict, node: yaml.MappingNode) -> None:
    written = set()
    for key_node, _ in node.value:
        if key_node.tag == _MERGE:
            continue
        key = loader.construct_object(key_node, deep=True)
        if key in written:
            raise yaml.YAMLError(f"{key} stands there twice (line {key_node.start_mark.line + 1}). Keep one of them.")
        written.add(key)


_Strict.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, _mapping)


def parse(text: str) -> Any:
    """The values of a YAML text.

    Raises:
        yaml.YAMLError: no YAML, or a key that stands twice.
    """
    return yaml.load(text, Loader=_Strict)  # noqa: S506 - a SafeLoader
