"""Faults of mappings, from headers and schemas alone: each with source, setting and the nearest existing column."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

import duckdb

from pipelines.runtime.errors import ChurnError
from pipelines.runtime.text.column_names import columns_in_words, nearest_column
from pipelines.settings.campaign.contacts import COLUMNS, ContactDatabase, ContactFiles, is_consent
from pipelines.settings.messages import entry
from pipelines.settings.sources import Customers, Mapped, Mapping, Table
from pipelines.settings.tables.time_format import NUMBERED_TIMES, YEAR_FIRST
from pipelines.sources.access.headers import LocatedFile
from pipelines.sources.expressions.activity_query import columns_of
from pipelines.sources.expressions.cell import as_text_in_query, cell
from pipelines.sources.expressions.convert import NUMBERS, TIMES, formats_of
from pipelines.sources.expressions.optional import applicable, fitted
from pipelines.sources.expressions.parse import checker
from pipelines.sources.expressions.types import FOREIGN, Shape

_KINDS = {
    "occurred_at": TIMES,
    "recorded_at": TIMES,
    "joined_at": TIMES,
    "valid_from": TIMES,
    "value": NUMBERS,
    "quantity": NUMBERS,
}
_ANY_KIND = ("text", "number", "day", "empty", "bool")
_CONDITION_KINDS = ("bool", "empty")
_PERSONAL = re.compile(r"@.*\.|\d{5}|(\d[\s/()-]*){7}")
_CONTACT_KINDS = ("text", "number", "bool", "empty")


def customer_columns(setting: Customers, file: LocatedFile, attributes: list[str]) -> dict[str, str]:
    """Our column -> the file's. Without a mapping only what the schema names and the listed attributes are read."""
    if setting.columns:
        return dict(setting.columns)
    return {name: name for name in ("customer_id", "joined_at", "valid_from", *attributes) if name in file.columns}


def activity_faults(name: str, setting: Mapped, shapes: Sequence[Shape]) -> list[str]:
    """What keeps the tables of one source from becoming activities; a column that is missing is named once."""
    section = f"sources.{name}"
    faults: list[str] = []
    for shape in shapes:
        by_column: dict[str, str] = {}
        for i, (mapping, absent) in enumerate(fitted(setting, shape)):
            if absent:
                continue
            at = f"{entry(f'{section}.yields', i)}, " if setting.yields else f"{section}."
            for fault in _mapping_faults(at, mapping, shape):
                by_column.setdefault(_missing_column(fault), fault + _delimiter_hint(setting, shape))
        faults += _with_hint(list(by_column.values()), shape)
        for why, condition in applicable(setting, shape).exclusions().items():
            at = f"{section}.exclude" + (f", {why}" if why else "")
            faults += _column_faults(at, condition, shape, setting, _CONDITION_KINDS)
    return list(dict.fromkeys(faults))


def _missing_column(fault: str) -> str:
    """The file and the column where a fault is that one is missing; else the fault."""
    match = re.match(r"params\.yaml: [^:]+: (.* has no column '.*?')", fault)
    return match[1] if match else fault


def _mapping_faults(at: str, mapping: Mapping, shape: Shape) -> Iterator[str]:
    wanted = columns_of(mapping, shape)
    required = ["customer_id", "occurred_at", *([] if mapping.activity else ["activity"])]
    yield from _absent_columns(at, shape, [one for one in required if one not in wanted])
    for ours, theirs in wanted.items():
        where = f"{at}columns.{ours}"
        yield from _column_faults(where, theirs, shape, mapping, _KINDS.get(ours, _ANY_KIND))
    for one in mapping.order_key:
        yield from _column_faults(f"{at}group_by", one, shape, mapping, _ANY_KIND)
    if mapping.where:
        yield from _column_faults(f"{at}where", mapping.where, shape, mapping, _CONDITION_KINDS)


def _column_faults(
    where: str, wanted: str, shape: Shape, setting: Mapping | Table, allowed: tuple[str, ...]
) -> Iterator[str]:
    """Why `wanted` cannot be taken from a table, or cannot be read as what it shall be."""
    try:
        kind = cell(wanted, shape, number=allowed is NUMBERS, condition=allowed is _CONDITION_KINDS).kind
    except ChurnError as problem:
        yield from (f"params.yaml: {where}: {fault}" for fault in problem.faults)
        return
    unknown = next(filter(None, map(_unknown_format, formats_of(setting.time_format))), "")
    if allowed is TIMES and unknown:
        yield f"params.yaml: {where.partition('.columns.')[0]}.time_format: {unknown}"
    elif allowed is TIMES and kind == "number":
        if setting.time_format not in NUMBERED_TIMES:
            section = where.partition(".columns.")[0]
            hint = f"Set {section}.time_format to {', '.join(NUMBERED_TIMES[:-1])} or {NUMBERED_TIMES[-1]}."
            yield f"params.yaml: {where}: {shape.name} has numbers there. {hint}"
    elif kind.startswith(FOREIGN):
        yield f"params.yaml: {where}: {shape.name} has a {kind} there. {as_text_in_query(wanted, kind)}"
    elif kind not in allowed:
        has = "no condition (true or false)" if allowed is _CONDITION_KINDS else f"a {kind}"
        yield f"params.yaml: {where}: {shape.name} has {has} there. Allowed: {', '.join(allowed[:-1])}."


def _unknown_format(time_format: str) -> str:
    """What is wrong with a time format; empty where nothing is."""
    if time_format in (*NUMBERED_TIMES, YEAR_FIRST):
        return ""
    try:
        checker().execute("select try_strptime('', $1)", [time_format])
    except duckdb.Error as error:
        reason = str(error).splitlines()[0].partition("specifier ")[2] or str(error).splitlines()[0]
        return f'{reason}. Write it as in strptime, for example "%d.%m.%Y %H:%M".'
    return ""


def customer_faults(setting: Customers, files: list[LocatedFile], attributes: list[str]) -> list[str]:
    """What keeps the customers table from giving the attributes that the model shall use."""
    faults: list[str] = []
    for file in files:
        wanted = customer_columns(setting, file, attributes)
        faults += _absent_columns("customers.", file, [one for one in ("customer_id",) if one not in wanted])
        for ours, theirs in wanted.items():
            faults += _plain_column("customers", setting, file, ours, theirs)
        given = tuple(wanted) or file.columns
        faults += [
            f"params.yaml: features.attributes: {file.name} gives no {one}.{nearest_column(one, given)}"
            for one in attributes
            if one not in wanted
        ]
    if attributes and not setting.static:
        faults.append(
            "params.yaml: features.attributes: today's attributes would leak into yesterday's observations. Set "
            "customers.static: true if they never change, or empty the list."
        )
    return list(dict.fromkeys(faults))


def contact_columns(setting: ContactFiles | ContactDatabase, shape: Shape) -> dict[str, str]:
    """Our column of a contacts table -> the table's, or the expression over them."""
    return dict(setting.columns) or {name: name for name in shape.columns if name in COLUMNS or is_consent(name)}


def contact_faults(setting: ContactFiles | ContactDatabase, shapes: Sequence[Shape]) -> list[str]:
    """What keeps tables from being read as contacts. A first line that is no header is not repeated: it is a person."""
    faults: list[str] = []
    for shape in shapes:
        if any(_PERSONAL.search(name) for name in shape.columns):
            faults.append(
                f"{shape.name}: the first line holds somebody's data, not the names of the columns. Put a line with "
                "their names above it."
            )
            continue
        wanted = contact_columns(setting, shape)
        faults += _absent_columns("contacts.", shape, [one for one in ("customer_id",) if one not in wanted])
        for ours, theirs in wanted.items():
            faults += _column_faults(f"contacts.columns.{ours}", theirs, shape, Mapping(), _CONTACT_KINDS)
        faults = [fault + _delimiter_hint(setting, shape) for fault in faults]
    return list(dict.fromkeys(faults))


def _plain_column(section: str, setting: Customers, file: LocatedFile, ours: str, theirs: str) -> Iterator[str]:
    """Customers' columns are columns, not expressions."""
    where = f"{section}.columns.{ours}"
    if theirs in file.columns:
        yield from _column_faults(where, theirs, file, setting, _KINDS.get(ours, _ANY_KIND))
        return
    yield f"params.yaml: {where}: {file.name} has no column {theirs!r}.{nearest_column(theirs, file.columns)}"


def _absent_columns(at: str, shape: Shape, missing: list[str]) -> list[str]:
    """A table without mapping that is not in our schema."""
    return [
        f"params.yaml: {at}columns.{one} is missing and {shape.name} has no column {one}."
        f"{columns_in_words(shape.columns)}"
        for one in missing
    ]


def _delimiter_hint(setting: object, shape: Shape) -> str:
    if isinstance(setting, Table) and setting.reader == "csv" and len(shape.columns) == 1:
        return " The header was read as one column: set delimiter."
    return ""


def _with_hint(faults: list[str], shape: Shape) -> list[str]:
    """The first column that is missing tells what to do with an API's answer: an object with a list of those meant."""
    at = next((i for i, fault in enumerate(faults) if "has no column" in fault), None)
    if at is not None and isinstance(shape, LocatedFile) and shape.lists:
        faults[at] += (
            " If this is an API's whole answer, make a file of the objects in it, such as "
            f"jq -c '.{shape.lists[0]}[]' {shape.name} (`churn sources show` has the command of each preset)."
        )
    return faults
