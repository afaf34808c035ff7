"""YAML text -> plain values, where a setting that stands twice is an error: YAML would silently keep the last."""

from __future__ import annotations

from typing import Any

import yaml


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
