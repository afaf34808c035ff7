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


def _mapping(loader: _Strict, node: yaml.MappingNode) -> dict[Any, Any]:
    loader.flatten_mapping(node)
    found: dict[Any, Any] = {}
    for key_node, value_node in node.value:
        key = loader.construct_object(key_node, deep=True)
        if key in found:
            raise yaml.YAMLError(f"{key} stands there twice (line {key_node.start_mark.line + 1}). Keep one of them.")
        found[key] = loader.construct_object(value_node, deep=True)
    return found


_Strict.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, _mapping)


def parse(text: str) -> Any:
    """The values of a YAML text.

    Raises:
        yaml.YAMLError: no YAML, or a key that stands twice.
    """
    return yaml.load(text, Loader=_Strict)  # noqa: S506 - a SafeLoader
