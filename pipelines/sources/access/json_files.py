"""JSON files: one object per line, or a list of objects, or objects one after the other.

Fields of objects within objects are columns with a dot (`user.id`). Numbers and texts arrive as text, so that a field
means the same in every file. A line that is no JSON object is a bad row; a list that is broken is no file at all.
"""

# ruff: noqa: S608

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import islice
from typing import Any

from pipelines.runtime.errors import ChurnError
from pipelines.runtime.sql import text

LINES, LIST, OBJECTS = "newline_delimited", "array", "unstructured"
SAMPLE_BYTES = 1 << 22
_MOST_FIELDS = 1000


def form_of(start: str) -> str:
    """How a JSON file is written, by its beginning."""
    bare = start.lstrip()
    if bare.startswith("["):
        return LIST
    try:
        json.loads(bare.partition("\n")[0])
    except ValueError:
        return OBJECTS if bare.startswith("{") and "\n" in bare and _begins_with_value(bare) else LINES
    return LINES


def _begins_with_value(start: str) -> bool:
    try:
        json.JSONDecoder().raw_decode(start)
    except ValueError:
        return False
    return True


def fields_of(start: str, name: str) -> tuple[str, ...]:
    """Every field that the beginning of a file shows, in order of appearance.

    Raises:
        ChurnError: not one JSON object is there.
    """
    fields: dict[str, None] = {}
    for entry in _objects(start):
        fields.update(dict.fromkeys(_field_names(entry)))
    if not fields:
        raise ChurnError(f"{name}: begins with no JSON object. One object per line, or a list of them, is read.")
    return tuple(fields)[:_MOST_FIELDS]


def lists_of(start: str) -> tuple[str, ...]:
    """The fields that hold a list of objects, where a file's beginning shows one object: as an API answers."""
    entries = list(islice(_objects(start), 2))
    return tuple(_list_names(entries[0])) if len(entries) == 1 else ()


def _list_names(entry: dict[str, Any], prefix: str = "") -> Iterator[str]:
    for key, value in entry.items():
        if isinstance(value, dict):
            yield from _list_names(value, f"{prefix}{key}.")
        elif isinstance(value, list) and value and isinstance(value[0], dict):
            yield prefix + key


def _objects(start: str) -> Iterator[dict[str, Any]]:
    if form_of(start) == LINES:
        for line in start.splitlines():
            try:
                value = json.loads(line)
            except ValueError:
                continue
            if isinstance(value, dict):
                yield value
        return
    decoder, position = json.JSONDecoder(), 0
    while True:
        while position < len(start) and start[position] in " \r\n\t,[":
            position += 1
        try:
            value, position = decoder.raw_decode(start, position)
        except ValueError:
            return
        if isinstance(value, dict):
            yield value


def _field_names(entry: dict[str, Any], prefix: str = "") -> Iterator[str]:
    for key, value in entry.items():
        yield prefix + key
        if isinstance(value, dict):
            yield from _field_names(value, f"{prefix}{key}.")


def scan_json(path: str, form: str, columns: tuple[str, ...]) -> str:
    """SQL of a file's rows: `record` and its columns as `c0`, `c1`, ...; what is no JSON object is left out."""
    picked = ", ".join(f"{_picked(name)} as c{i}" for i, name in enumerate(columns))
    return f"select record, {picked} from ({_records(path, form)}) where whole is not null"


def _picked(name: str) -> str:
    """A field. A dot in a name may be a step into an object, or belong to the name as in `{"user.id": 7}`."""
    nested = f"json_extract_string(whole, {text(_pointer(name))})"
    if "." not in name:
        return nested
    flat = text("$" + _key(name))
    return f"coalesce({nested}, json_extract_string(whole, {flat}))"


def no_objects(path: str, form: str) -> str:
    """SQL of the records that are no JSON object."""
    return f"select record from ({_records(path, form)}) where whole is null order by record"


def _records(path: str, form: str) -> str:
    ignore = ", ignore_errors = true" if form == LINES else ""
    objects = f"read_json_objects({text(path)}, format = {text(form)}, maximum_object_size = 67108864{ignore})"
    whole = "case when json_type(json) = 'OBJECT' then json end as whole"
    return f"select row_number() over () as record, {whole} from {objects}"


def _pointer(name: str) -> str:
    return "$" + "".join(map(_key, name.split(".")))


def _key(part: str) -> str:
    return '."' + part.replace('"', '\\"') + '"'
