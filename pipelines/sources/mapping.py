"""Which column of a file becomes which of ours, and what is wrong with that: all of it found before a row is read."""

from __future__ import annotations

from pipelines.problems import did_you_mean
from pipelines.source_settings import UNIX_TIMES, Customers, Files, Table
from pipelines.sources.convert import NUMBERS, TIMES
from pipelines.sources.located import Located
from pipelines.sources.stream import COLUMNS

_KINDS = {
    "occurred_at": TIMES,
    "recorded_at": TIMES,
    "joined_at": TIMES,
    "valid_from": TIMES,
    "value": NUMBERS,
    "quantity": NUMBERS,
}


def activity_columns(setting: Files, file: Located) -> dict[str, str]:
    """Our column -> the file's. Without a mapping the file has our names; those that it lacks are left out."""
    if setting.columns:
        return {str(ours): theirs for ours, theirs in setting.columns.items()}
    return {name: name for name in COLUMNS if name in file.columns and not (name == "activity" and setting.activity)}


def customer_columns(setting: Customers, file: Located, attributes: list[str]) -> dict[str, str]:
    """Our column -> the file's. Without a mapping only what the schema names and the listed attributes are read."""
    if setting.columns:
        return dict(setting.columns)
    return {name: name for name in ("customer_id", "joined_at", "valid_from", *attributes) if name in file.columns}


def activity_faults(name: str, setting: Files, files: list[Located]) -> list[str]:
    """What keeps the files of one source from becoming activities."""
    section = f"sources.{name}"
    faults: list[str] = []
    for file in files:
        wanted = activity_columns(setting, file)
        required = ["customer_id", "occurred_at", *([] if setting.activity else ["activity"])]
        faults += _absent(section, setting, file, [one for one in required if one not in wanted])
        faults += _column_faults(section, setting, file, wanted)
    return list(dict.fromkeys(faults))


def customer_faults(setting: Customers, files: list[Located], attributes: list[str]) -> list[str]:
    """What keeps the customers table from giving the attributes that the model shall use."""
    faults: list[str] = []
    for file in files:
        wanted = customer_columns(setting, file, attributes)
        faults += _absent("customers", setting, file, [one for one in ("customer_id",) if one not in wanted])
        faults += _column_faults("customers", setting, file, wanted)
        faults += [
            f"params.yaml: features.attributes: {file.name} gives no {one}.{did_you_mean(one, wanted or file.columns)}"
            for one in attributes
            if one not in wanted
        ]
    if attributes and not setting.static:
        faults.append(
            "params.yaml: features.attributes: today's attributes would leak into yesterday's observations. Set "
            "customers.static: true if they never change, or empty the list."
        )
    return list(dict.fromkeys(faults))


def _absent(section: str, setting: Table, file: Located, missing: list[str]) -> list[str]:
    """A file without mapping that is not in our schema."""
    return [
        f"params.yaml: {section}.columns.{one} is missing and {file.name} has no column {one}. "
        f"Its columns: {_some(file.columns)}.{_delimiter_hint(section, setting, file)}"
        for one in missing
    ]


def _column_faults(section: str, setting: Table, file: Located, wanted: dict[str, str]) -> list[str]:
    """Mapped columns that the file lacks, has twice, or has in a kind that cannot be read as what they shall be."""
    faults = []
    for ours, theirs in wanted.items():
        where = f"params.yaml: {section}.columns.{ours}: {file.name}"
        if file.columns.count(theirs) > 1:
            faults.append(f"{where} has {file.columns.count(theirs)} columns {theirs!r}. Rename all but one.")
        elif theirs not in file.columns:
            near = did_you_mean(theirs, file.columns)
            hint = near if "Did you mean" in near else f" Its columns: {_some(file.columns)}."
            faults.append(f"{where} has no column {theirs!r}.{hint}{_delimiter_hint(section, setting, file)}")
        else:
            faults += _kind_faults(where, section, setting, ours, file.type_of(theirs))
    return faults


def _kind_faults(where: str, section: str, setting: Table, ours: str, kind: str) -> list[str]:
    if ours in _KINDS and _KINDS[ours] is TIMES and kind == "number":
        if setting.time_format in UNIX_TIMES:
            return []
        return [f"{where} has numbers there. Set {section}.time_format to {' or '.join(UNIX_TIMES)}."]
    allowed = _KINDS.get(ours, ("text", "number", "day", "empty", "bool"))
    if kind in allowed:
        return []
    return [f"{where} has a {kind} there. Allowed: {', '.join(allowed[:-1])}."]


def _delimiter_hint(section: str, setting: Table, file: Located) -> str:
    if setting.reader == "csv" and len(file.columns) == 1:
        return f" The header was read as one column: set {section}.delimiter."
    return ""


def _some(columns: tuple[str, ...]) -> str:
    return ", ".join(columns[:12]) + (", ..." if len(columns) > 12 else "")
