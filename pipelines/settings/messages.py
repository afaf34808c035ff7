"""Validation errors in our words: `churn.silent_28d.horizon_day is not a setting. Did you mean horizon_days?`"""

from __future__ import annotations

import types
import typing
from typing import Annotated, Any, Literal, Union

from pydantic import BaseModel, ValidationError

from pipelines.runtime.errors import did_you_mean

_WORDS = {
    "int_parsing": "must be a whole number",
    "int_type": "must be a whole number",
    "int_from_float": "must be a whole number",
    "float_parsing": "must be a number",
    "float_type": "must be a number",
    "finite_number": "must be a finite number",
    "bool_parsing": "must be true or false",
    "bool_type": "must be true or false",
    "string_type": "must be text (put it into quotes)",
    "string_too_short": "must not be empty",
    "string_too_long": "must have at most {max_length} characters",
    "string_pattern_mismatch": "must match {pattern}",
    "greater_than": "must be more than {gt:g}",
    "greater_than_equal": "must be at least {ge:g}",
    "less_than": "must be less than {lt:g}",
    "less_than_equal": "must be at most {le:g}",
    "dict_type": "must be a mapping of settings",
    "model_type": "must be a mapping of settings",
    "model_attributes_type": "must be a mapping of settings",
    "list_type": "must be a list",
    "too_short": "must have at least {min_length} entries",
    "too_long": "must have at most {max_length} entries",
}


_ENTRIES = {"playbook": ("rule", "action")}  # what people call an entry of a list, and which setting names it


def entry(setting: str, place: int, named: object = None) -> str:
    """An entry of a list as people count them: `playbook, rule 1 (apology)`. `place` counts from 0."""
    word = _ENTRIES.get(setting, ("entry", ""))[0]
    return f"{setting}, {word} {place + 1}" + (f" ({named})" if isinstance(named, str) and named else "")


def in_words(error: ValidationError, settings: type[BaseModel], content: Any = None) -> list[str]:
    """One line for every setting that is wrong, also where it fits none of several kinds (a number, or `auto`).

    `content`: what was read; entries of its lists are called by their names.
    """
    lines: dict[str, list[tuple[str, str]]] = {}
    for fault in error.errors():
        shown, holder = _place(fault["loc"], settings)
        name = _written(shown, content)
        lines.setdefault(name, []).append(_sentence(fault, name, holder))
    return [_joined(parts) for parts in lines.values()]


def _joined(parts: list[tuple[str, str]]) -> str:
    """Sentences and what was found: `x must be a whole number or one of auto, found 'often'.`"""
    sentences = list(dict.fromkeys(sentence for sentence, _ in parts))
    found = parts[0][1]
    if not found or len(sentences) == 1:
        return " ".join(f"{sentence}{tail}" for sentence, tail in dict.fromkeys(parts))
    name = sentences[0].partition(" must ")[0]
    return " or ".join([sentences[0], *(other.removeprefix(f"{name} must be ") for other in sentences[1:])]) + found


def _sentence(fault: Any, name: str, holder: Any) -> tuple[str, str]:
    """A fault, and `, found ...` where that says more. `holder`: the annotation of what holds the setting."""
    what, context = fault["type"], fault.get("ctx", {})
    found = _found(fault["input"])
    named = _misnamed(fault, name, holder)
    if named:
        return named, ""
    if what == "literal_error":
        return f"{name} must be {context['expected'].replace(chr(39), '')}", found
    if what in _WORDS:
        return f"{name} {_WORDS[what].format(**context)}", found or "."
    message = fault["msg"].removeprefix("Value error, ")
    stop = "" if message.endswith((".", "?")) else "."
    return f"{name}: {message}{stop}".removeprefix(": "), ""


def _found(value: Any) -> str:
    """`, found 'often'.`; nothing for a whole section. A bare yes or no is a truth value in YAML, which few know."""
    if isinstance(value, dict):
        return ""
    bare = " (for YAML a bare yes, no, on or off; a word needs quotes)" if isinstance(value, bool) else ""
    return f", found {'nothing' if value is None else repr(value)}{bare}."


def _misnamed(fault: Any, name: str, holder: Any) -> str:
    """What is wrong with a name rather than a value: unknown, missing, no such kind; empty where it is the value."""
    what, context, last = fault["type"], fault.get("ctx", {}), str(fault["loc"][-1]) if fault["loc"] else ""
    setting = str(context.get("discriminator", "")).strip("'")
    sentences = {
        "extra_forbidden": lambda: f"{name} is not a setting.{did_you_mean(last, _names(holder))}",
        "missing": lambda: f"{name} is missing. Add it.",
        "union_tag_not_found": lambda: f"{name} has no {setting}. Allowed: {', '.join(_tags(holder))}.",
        "union_tag_invalid": lambda: (
            f"{name}.{setting} cannot be {context['tag']!r}.{_one_of(context['tag'], list(_tags(holder)))}"
        ),
        "[key]": lambda: f"{name} is not a column of ours.{did_you_mean(str(fault['input']), _names(holder))}",
    }
    key = "[key]" if (what, last) == ("literal_error", "[key]") else what
    return sentences[key]() if key in sentences else ""


def _one_of(found: str, allowed: list[str]) -> str:
    near = did_you_mean(found, allowed)
    return near if near.startswith(" Allowed") else f"{near} Allowed: {', '.join(allowed)}."


def _written(shown: list[Any], content: Any) -> str:
    """The setting's name: `churn.silent_28d.horizon_days`, `playbook, rule 1 (apology), when.segment`."""
    name, mark = "", ""
    for part in shown:
        content = _inside(content, part)
        if isinstance(part, int):
            named = _inside(content, _ENTRIES[name][1]) if name in _ENTRIES else None
            name, mark = entry(name, part, named), ", "
        else:
            name, mark = f"{name}{mark}{part}", "."
    return name


def _inside(content: Any, part: Any) -> Any:
    try:
        return content[part]
    except (KeyError, IndexError, TypeError):
        return None


def _place(loc: tuple[Any, ...], settings: type[BaseModel]) -> tuple[list[Any], Any]:
    """The parts of the setting's name as people write it, and the annotation of what holds it.

    pydantic's own marks (the tag of a union, the kind of a number, `[key]`) are no part of the name.
    """
    shown: list[Any] = []
    holder: Any = settings
    for i, part in enumerate(loc):
        kind = _bare(holder)
        inner, visible = _step(kind, part)
        if visible:
            shown.append(part)
        if i == len(loc) - 1 and inner is not None and _tags(_bare(inner)):
            return shown, _bare(inner)
        if i < len(loc) - 1 and loc[i + 1] != "[key]":
            holder = inner
    return shown, _bare(holder)


def _step(kind: Any, part: Any) -> tuple[Any, bool]:
    """What lies under `part` of an annotation, and whether people write that part."""
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        field = kind.model_fields.get(part)
        return (field.annotation if field else None), True
    if typing.get_origin(kind) in (dict, list):
        return typing.get_args(kind)[-1], part != "[key]"
    return _tags(kind).get(part), False


def _bare(annotation: Any) -> Any:
    """Without `Annotated` and without `| None`."""
    if typing.get_origin(annotation) is Annotated:
        return _bare(typing.get_args(annotation)[0])
    if typing.get_origin(annotation) in (Union, types.UnionType):
        inner = [one for one in typing.get_args(annotation) if one is not type(None)]
        return _bare(inner[0]) if len(inner) == 1 else annotation
    return annotation


def _tags(kind: Any) -> dict[str, Any]:
    """The classes of a union by the word that chooses between them (`reader: csv`); empty where it is none."""
    if typing.get_origin(kind) not in (Union, types.UnionType):
        return {}
    sections = [one for one in typing.get_args(kind) if isinstance(one, type) and issubclass(one, BaseModel)]
    return {
        tag: section
        for section in sections
        for field in section.model_fields.values()
        if field.is_required() and typing.get_origin(field.annotation) is Literal
        for tag in typing.get_args(field.annotation)
    }


def _names(kind: Any) -> list[str]:
    """What may stand in a section, or the keys that a mapping may have."""
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        return list(kind.model_fields)
    if typing.get_origin(kind) is dict and typing.get_origin(typing.get_args(kind)[0]) is Literal:
        return list(typing.get_args(typing.get_args(kind)[0]))
    return []
