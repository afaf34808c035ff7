"""Every setting of params.yaml, from the models that check it: name, type, default, bounds, and what it means.

Made from the JSON schema of `Settings`, so that nothing but its name has to be known here. A section's words are the
docstrings of its model and of the models that it inherits from; a setting's are those that stand beside it in the
params.yaml that ships.
"""

from __future__ import annotations

import inspect
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipelines.commands.reference.markdown import code, table
from pipelines.settings.params import Settings
from pipelines.settings.types import Section

HEADS = ("setting", "type", "default", "allowed", "in short")
_TYPES = {"integer": "whole number", "number": "number", "string": "text", "boolean": "true or false", "null": "null"}
_BOUNDS = {
    "minimum": "at least {}",
    "ge": "at least {}",
    "exclusiveMinimum": "above {}",
    "maximum": "at most {}",
    "le": "at most {}",
    "exclusiveMaximum": "below {}",
    "minItems": "entries: at least {}",
    "minProperties": "entries: at least {}",
    "pattern": "like `{}`",
}
_LINE = re.compile(r"(?P<indent> *)(?P<entry>- )?(?P<name>[a-z_0-9]+):(?P<value>.*?)(?:\s+# (?P<words>.*))?")
Schema = Mapping[str, Any]


@dataclass(frozen=True)
class _Section:
    """A part of params.yaml. `path`: where it stands; `kind`: which of several shapes, "" where there is one."""

    path: str
    kind: str
    schema: Schema

    @property
    def title(self) -> str:
        place = code(self.path) if self.path else "The top level"
        return f"{place}, {self.kind}" if self.kind else place


def settings(shipped: Path = Path("params.yaml")) -> str:
    """A heading, the words and a table for every section; sections in the order in which they stand in the model."""
    schema, words = Settings.model_json_schema(), comments_of(shipped.read_text(encoding="utf-8"))
    shapes = schema["$defs"]
    parts, seen = [], set()
    for section in _sections(_Section("", "", schema), shapes):
        if (section.path, section.kind) not in seen:
            seen.add((section.path, section.kind))
            parts.append(_written(section, words))
    return "\n\n".join(parts)


def comments_of(text: str) -> dict[str, str]:
    """The words that stand beside settings in a params.yaml, by the setting's path; entries of a list are `path[]`."""
    found: dict[str, str] = {}
    above: list[tuple[int, str]] = []
    for line in text.splitlines():
        match = _LINE.fullmatch(line)
        if match is None:
            continue
        depth = len(match["indent"]) + len(match["entry"] or "")
        above = [(indent, name) for indent, name in above if indent < depth]
        if match["entry"] and above:
            above[-1] = (above[-1][0], above[-1][1].removesuffix("[]") + "[]")
        above.append((depth, match["name"]))
        if match["words"]:
            found.setdefault(".".join(name for _, name in above), match["words"])
    return found


def _sections(section: _Section, shapes: Schema) -> Iterator[_Section]:
    yield section
    for name, field in section.schema.get("properties", {}).items():
        path = f"{section.path}.{name}" if section.path else name
        for where, kind, inner in _inside(path, field, shapes):
            yield from _sections(_Section(where, kind, inner), shapes)


def _inside(path: str, field: Schema, shapes: Schema) -> Iterator[tuple[str, str, Schema]]:
    """The sections that a field holds: itself, entries by name (`path.NAME`), or entries of a list (`path[]`)."""
    if "$ref" in field:
        yield path, "", _shape(field, shapes)
    elif "discriminator" in field:
        key, mapping = field["discriminator"]["propertyName"], field["discriminator"]["mapping"]
        for shape in dict.fromkeys(mapping.values()):
            words = " or ".join(f"`{word}`" for word, other in mapping.items() if other == shape)
            yield path, f"{key} {words}", _shape({"$ref": shape}, shapes)
    elif isinstance(field.get("additionalProperties"), Mapping):
        yield from _inside(f"{path}.NAME", field["additionalProperties"], shapes)
    elif isinstance(field.get("items"), Mapping):
        yield from _inside(f"{path}[]", field["items"], shapes)
    for one in field.get("anyOf", ()):
        yield from _inside(path, one, shapes)


def _shape(field: Schema, shapes: Schema) -> Schema:
    found: Schema = shapes[field["$ref"].rsplit("/", 1)[1]]
    return found


def _written(section: _Section, words: Mapping[str, str]) -> str:
    needed, above = section.schema.get("required", ()), f"{section.path}." if section.path else ""
    rows = [
        (code(name), _kind(field), _default(field, needed=name in needed), _allowed(field), words.get(above + name, ""))
        for name, field in section.schema.get("properties", {}).items()
    ]
    parts = [f"### {section.title}", *_words(str(section.schema["title"])), table(HEADS, rows) if rows else ""]
    return "\n\n".join(part for part in parts if part)


def _words(model: str) -> list[str]:
    """The docstrings of a model and of those that it inherits from, its own first."""
    found = next(one for one in _models(Section) if one.__name__ == model)
    above = [one for one in found.__mro__ if issubclass(one, Section) and one is not Section]
    return [inspect.cleandoc(vars(one)["__doc__"]) for one in above if vars(one).get("__doc__")]


def _models(base: type[Section]) -> Iterator[type[Section]]:
    for one in base.__subclasses__():
        yield one
        yield from _models(one)


def _kind(field: Schema) -> str:
    """The type in words."""
    if "anyOf" in field:
        return " or ".join(dict.fromkeys(_kind(one) for one in field["anyOf"]))
    if words := field.get("enum") or [field[key] for key in ("const",) if key in field]:
        return " or ".join(code(one) for one in words)
    if "$ref" in field or "discriminator" in field:
        return "a section"
    if field.get("type") == "array":
        return f"list: {_kind(field['items'])}"
    return _by_name(field) if field.get("type") == "object" else _TYPES.get(str(field.get("type")), "any")


def _by_name(field: Schema) -> str:
    for pattern, of in field.get("patternProperties", {}).items():
        return f"by name ({_BOUNDS['pattern'].format(pattern)}): {_kind(of)}"
    names = _allowed(field.get("propertyNames", {})) or _kind({"type": "string", **field.get("propertyNames", {})})
    of = field.get("additionalProperties")
    return f"by name ({names}): {_kind(of)}" if isinstance(of, Mapping) else f"by name ({names})"


def _default(field: Schema, *, needed: bool) -> str:
    if needed:
        return "**must be set**"
    if "default" not in field:
        return "empty"
    default = field["default"]
    return "see below" if isinstance(default, Mapping) and default else code(json.dumps(default, ensure_ascii=False))


def _allowed(field: Schema) -> str:
    """The bounds in words."""
    own = [words.format(field[key]) for key, words in _BOUNDS.items() if key in field]
    inner = [_allowed(one) for one in field.get("anyOf", ())]
    inner += [_allowed(field["items"])] if isinstance(field.get("items"), Mapping) else []
    return ", ".join([*own, *(one for one in inner if one)])
