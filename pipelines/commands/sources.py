"""`churn sources`: the presets and their fields. `churn sources check`: what the configured sources would become."""

# Queries are put together from our own column names; whatever comes from outside is quoted by runtime.sql.text.
# ruff: noqa: S608

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from pipelines.runtime.errors import ChurnError, did_you_mean
from pipelines.settings.params import Settings
from pipelines.settings.presets.catalogue import Preset, entry_of, presets
from pipelines.settings.reading import Reading
from pipelines.settings.row_display import RowDisplay
from pipelines.settings.sources import Mapped
from pipelines.sources.accounts.losses import record_repeated
from pipelines.sources.accounts.statement import accounts_of
from pipelines.sources.exchange import faults_of_currencies, other_currency_in_words
from pipelines.sources.expressions.cell import cell
from pipelines.sources.expressions.optional import absent_columns, absent_conditions
from pipelines.sources.expressions.types import Shape
from pipelines.sources.grouping.likeness import lines_in_words
from pipelines.sources.identity.settle import redact_quarantine
from pipelines.sources.landing.as_of import cut_as_of
from pipelines.sources.quarantine import reasons
from pipelines.sources.reader import Inspection
from pipelines.sources.registry import FOR_EVER, faults_of_tables, inspect_sources, read_sources, unknown_activities
from pipelines.sources.relations import KNOWN, STREAM
from pipelines.sources.stream import connect

_SHOWN = ("customer_id", "occurred_at", "activity", "value", "quantity", "detail")
_WIDEST = 28


def listed(name: str | None = None) -> list[str]:
    """Every preset with its activities and fields, or one of them in full.

    Raises:
        ChurnError: there is no such preset.
    """
    every = presets()
    if name is None:
        lines = [line for one, preset in every.items() for line in _in_short(one, preset)]
        return [*lines, "", "`churn sources show NAME` shows a preset's fields and an entry to copy."]
    if name not in every:
        raise ChurnError(f"{name} is not a preset.{did_you_mean(name, every)}")
    return _in_full(name, every[name])


def _in_short(name: str, preset: Preset) -> list[str]:
    fields = "; ".join(f"{ours} = {theirs}" for ours, theirs in preset.fields().items())
    said = f"{preset.title}: {', '.join(preset.activities())}. {fields}"
    return [name, *textwrap.wrap(said, 108, initial_indent="  ", subsequent_indent="    ", break_on_hyphens=False)]


def _in_full(name: str, preset: Preset) -> list[str]:
    fields = preset.fields()
    wide = max(map(len, fields))
    return [
        preset.title,
        *textwrap.wrap(f"Export: {preset.export}", 110, break_long_words=False, break_on_hyphens=False),
        *([f"Then: {command}"] if (command := preset.unwrapping(name)) else []),
        f"Documented: {preset.documented}",
        *textwrap.wrap(f"Compared: {preset.compared}.", 110, break_on_hyphens=False),
        *(textwrap.wrap(f"Money: {preset.money}.", 110, break_on_hyphens=False) if preset.money else []),
        f"Becomes: {', '.join(preset.activities())}",
        *(f"  {ours:{wide}}  {theirs}" for ours, theirs in fields.items()),
        "",
        *entry_of(name, preset),
    ]


def checked(settings: Settings, rows: int = 5) -> list[str]:
    """Every configured source: its activities, its first rows, what became of all others. Writes nothing.

    What a run would refuse is said at the end: sources that cannot be read, a `churn:` that speaks of other activities.

    Raises:
        ChurnError: no source can be read as configured, or customers, identities or rates cannot; all faults at once.
    """
    whole = Reading.of(settings)
    inspected = inspect_sources(whole)
    faults = faults_of_tables(whole, inspected)
    told_of_faults = [*faults, *unknown_activities(whole), *likenesses(inspected, faults)]
    sound = {name: one for name, one in settings.sources.items() if not inspected[name].faults}
    if not sound or len(faults) > sum(len(one.faults) for one in inspected.values()):
        raise ChurnError(*told_of_faults)
    reading = replace(whole, sources=sound)
    con = connect()
    told = read_sources(con, reading, inspected, cut=False)
    redact_quarantine(con, settings.privacy)
    bad = reasons(con, sound)
    open_questions = faults_of_currencies(con) + _once(con, reading) + told_of_faults
    told += (
        other_currency_in_words(con, reading)
        + absent_in_words(sound, inspected)
        + lines_in_words(con, KNOWN, sound, inspected, settings.timezone)
    )
    accounts = accounts_of(con, sound)
    lines: list[str] = []
    for name in sound:
        lines += [*_source(con, name, rows, reading.display), *(f"  {one.sentence()}" for one in accounts[name])]
        lines += [*(f"  {line}" for line in bad.get(name, [])), ""]
    before = ["Before a run can use them:", *(f"  {one}" for one in open_questions), ""] if open_questions else []
    return [*lines, *told, *before, f"Days and times are those of {settings.timezone}."]


def _once(con: Any, reading: Reading) -> list[str]:
    """Count every activity once, whenever it was; what keeps a pull from doing so."""
    try:
        record_repeated(con, cut_as_of(con, FOR_EVER, reading.display))
    except ChurnError as problem:
        con.execute(f"create or replace temp view {KNOWN} as from {STREAM}")
        return list(problem.faults)
    return []


def _source(con: Any, name: str, rows: int, display: RowDisplay) -> list[str]:
    local = display.local("occurred_at")
    counted = con.execute(
        f"select activity, count(*), count(distinct customer_id), min({local})::date, max({local})::date "
        f"from {KNOWN} where source = $1 group by activity order by activity",
        [name],
    ).fetchall()
    if not counted:
        return [f"{name}: not one row becomes an activity."]
    lines = [f"{name}:"]
    for one, n, who, first, last in counted:
        lines.append(f"  {one}: {n:,} by {who:,} customer{'s' * (who != 1)}, {first} to {last}")
    first = con.execute(
        f"select customer_id, {display.time('occurred_at')}, activity, value, quantity, detail "
        f"from {KNOWN} where source = $1 order by occurred_at, activity_id limit $2",
        [name, rows],
    ).fetchall()
    return lines + _table([_SHOWN, *(tuple("" if cell is None else str(cell) for cell in row) for row in first)])


def _table(rows: list[tuple[str, ...]]) -> list[str]:
    cut = [[cell if len(cell) <= _WIDEST else cell[: _WIDEST - 1] + "…" for cell in row] for row in rows]
    wide = [max(len(row[i]) for row in cut) for i in range(len(_SHOWN))]
    return ["  " + "  ".join(f"{cell:{wide[i]}}" for i, cell in enumerate(row)).rstrip() for row in cut]


def absent_in_words(sources: Mapping[str, Any], inspected: Mapping[str, Inspection]) -> list[str]:
    """A line for each file that lacks a column that is optional, or one that would tell which rows to leave out."""
    files = [
        (name, source, file)
        for name, source in sources.items()
        if isinstance(source, Mapped) and name in inspected
        for file in inspected[name].files
    ]
    return [
        *(
            f"sources.{name}: {file.name} has nothing for {', '.join(absent)}: it stays empty."
            for name, source, file in files
            if (absent := absent_columns(source, file))
        ),
        *(
            f"sources.{name}: {file.name} does not tell which rows are {' or '.join(absent)}: they count."
            for name, source, file in files
            if (absent := absent_conditions(source, file))
        ),
    ]


def likenesses(inspected: Mapping[str, Inspection], faults: list[str]) -> Iterator[str]:
    """One line for each source that lacks a column and holds what a preset reads."""
    for name, inspection in inspected.items():
        lacking = any(f" sources.{name}." in fault and "has no column" in fault for fault in faults)
        if lacking and inspection.files and (fitting := fitting_presets(inspection.files[0])):
            yield f"params.yaml: sources.{name}.preset: {' or '.join(fitting)} would fit {inspection.files[0].name}."


def fitting_presets(shape: Shape) -> list[str]:
    """Presets that find all they take from a row in a table."""
    return [name for name, one in presets().items() if all(_can_read(wanted, shape) for wanted in one.expressions())]


def _can_read(wanted: str, shape: Shape) -> bool:
    try:
        cell(wanted, shape)
    except ChurnError:
        return False
    return True
