"""Presets: the mapping of a well-known export, so that naming it and a path is enough. One file of `PRESETS` each.

A preset is expanded into plain settings before they are checked; everything behind that is one way. What stands beside
`preset:` overrides it: `columns` and `timezone` name by name, `where` is added to its conditions, `exclude` to
its reasons, `activity` makes every row that one.
"""

from __future__ import annotations

import copy
from functools import cache
from pathlib import Path
from typing import Any

from pydantic import Field, ValidationError

from pipelines.runtime.errors import ChurnError, did_you_mean
from pipelines.settings.messages import in_words
from pipelines.settings.types import TIME_COLUMNS, Section, parse

PRESETS = Path(__file__).parent


class Preset(Section):
    """A file of `PRESETS`.

    `title`: what it is. `export`: where a person gets it. `unwrap`: of an API, the jq program that takes the objects
    out of its answers; `together`: of a list of them all, not of each. `documented`: the vendor's page. `compared`:
    which names were compared, and with what. `money`: what is in the value: tax, shipping, tips, refunds.
    `without_customer`: rows that name no customer (visitors who are not
    logged in) are skipped, not bad. `source`: settings as in params.yaml.
    """

    title: str
    export: str
    unwrap: str | None = Field(default=None, pattern="^[^'\n]+$")
    together: bool = False
    documented: str = Field(pattern="^https://")
    compared: str
    money: str | None = None
    without_customer: str = Field(default="refused", pattern="^(refused|skipped)$")
    source: dict[str, Any]

    def activities(self) -> list[str]:
        """What it yields."""
        entries = self.source.get("yields") or [self.source]
        return [entry["activity"] for entry in entries]

    def unwrapping(self, name: str) -> str | None:
        """The command that makes the preset's file of an API's answers; None where the export is that file."""
        if not self.unwrap:
            return None
        options = "-c -s" if self.together else "-c"
        return f"jq {options} '{self.unwrap}' answers/{name}/*.json > exports/{name}.json"

    def expressions(self) -> list[str]:
        """All that it must have of a row: columns, expressions over them, conditions."""
        entries = [self.source, *(one for one in self.source.get("yields", []) if not one.get("optional"))]
        rare = set(self.source.get("optional_columns", ()))
        entries = [one | {"columns": _without(one.get("columns", {}), rare)} for one in entries]
        taken = [one for entry in entries for one in (*entry.get("columns", {}).values(), entry.get("where"))]
        rare = set(self.source.get("optional_exclude", ()))
        conditions = [one for name, one in self.source.get("exclude", {}).items() if name not in rare]
        return [one for one in (*taken, *conditions) if one]

    def fields(self) -> dict[str, str]:
        """Our column -> the export's, or the expression over them; of all activities together."""
        found: dict[str, list[str]] = {}
        for entry in [self.source, *self.source.get("yields", [])]:
            for ours, theirs in entry.get("columns", {}).items():
                found.setdefault(ours, []).append(theirs)
        return {ours: " or ".join(dict.fromkeys(theirs)) for ours, theirs in found.items()}


@cache
def presets() -> dict[str, Preset]:
    """Every preset by its name, sorted.

    Raises:
        ChurnError: a file is not a preset.
    """
    return {path.stem: _read(path) for path in sorted(PRESETS.glob("*.yaml"))}


def _read(path: Path) -> Preset:
    try:
        return Preset.model_validate(parse(path.read_text(encoding="utf-8")))
    except ValidationError as error:
        raise ChurnError(*(f"{path.name}: {fault}" for fault in in_words(error, Preset))) from None


def expanded(content: dict[str, Any]) -> dict[str, Any]:
    """Settings as YAML gave them, with every `preset:` under `sources` replaced by what it stands for.

    Raises:
        ChurnError: a preset that is none; all of them at once.
    """
    sources = content.get("sources")
    if not isinstance(sources, dict):
        return content
    faults = [
        f"params.yaml: sources.{name}.preset: {source['preset']!r} is not a preset."
        f"{did_you_mean(str(source['preset']), presets())} `churn sources` lists them all."
        for name, source in sources.items()
        if isinstance(source, dict) and "preset" in source and source["preset"] not in presets()
    ]
    if faults:
        raise ChurnError(*faults)
    return {**content, "sources": {name: _expanded(source) for name, source in sources.items()}}


def _expanded(source: Any) -> Any:
    if not isinstance(source, dict) or "preset" not in source:
        return source
    given = {key: value for key, value in source.items() if key != "preset"}
    preset = presets()[source["preset"]]
    base = copy.deepcopy(preset.source)
    if "yields" in given or "activity" in given or "activity" in _columns(given):
        base = {key: value for key, value in base.items() if key not in ("yields", "activity")}
    merged = {**base, **given, **_zones(base, given), "columns": {**base["columns"], **_columns(given)}}
    entries = merged.get("yields")
    for entry in entries if isinstance(entries, list) else []:
        if isinstance(entry, dict) and "customer_id" in _columns(given):
            entry.get("columns", {}).pop("customer_id", None)
    always = [base.get("where"), given.get("where")]
    if preset.without_customer == "skipped":
        merged.setdefault("without_customer", "skipped")
    if "exclude" in base:
        merged["exclude"] = _exclusions(base["exclude"], given.get("exclude"))
    return _with_conditions(merged, always)


def _zones(base: dict[str, Any], given: dict[str, Any]) -> dict[str, Any]:
    """The timezone of each column where those of some are given: the others keep the preset's."""
    own, chosen = base.get("timezone"), given.get("timezone")
    return {"timezone": {**dict.fromkeys(TIME_COLUMNS, own), **chosen}} if own and isinstance(chosen, dict) else {}


def _columns(source: dict[str, Any]) -> dict[str, Any]:
    found = source.get("columns")
    return found if isinstance(found, dict) else {}


def _without(columns: dict[str, str], rare: set[str]) -> dict[str, str]:
    return {ours: theirs for ours, theirs in columns.items() if ours not in rare}


def _exclusions(base: dict[str, str], given: Any) -> Any:
    """A preset's reasons to leave rows out with those beside it: `{pending: null}` takes one of its own away."""
    more = {"excluded": given} if isinstance(given, str) else given or {}
    if not isinstance(more, dict):
        return given
    return {name: condition for name, condition in {**base, **more}.items() if condition is not None}


def _with_conditions(merged: dict[str, Any], always: list[Any]) -> dict[str, Any]:
    """The source with each of its conditions in full: an entry of `yields` would else replace those above it."""
    entries = merged.get("yields")
    if isinstance(entries, list):
        merged["yields"] = [
            {**entry, "where": _all([*always, entry.get("where")])} if isinstance(entry, dict) else entry
            for entry in entries
        ]
    merged["where"] = _all(always)
    for one in [merged, *(entry for entry in merged.get("yields") or [] if isinstance(entry, dict))]:
        if one["where"] is None:
            del one["where"]
    return merged


def _all(conditions: list[Any]) -> str | None:
    told = [str(one) for one in conditions if one]
    return " and ".join(f"({one})" for one in told) if len(told) > 1 else told[0] if told else None


def entry_of(name: str, preset: Preset) -> list[str]:
    """The lines of params.yaml that use a preset."""
    ending = {"json": "json", "parquet": "parquet"}.get(preset.source["reader"], "csv")
    return ["sources:", f"  {name}: {{preset: {name}, path: exports/{name}*.{ending}}}"]
