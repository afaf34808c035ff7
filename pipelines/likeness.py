"""Which presets would fit the file of a source whose mapping finds no column of its own."""

from __future__ import annotations

from collections.abc import Iterator

from pipelines.params import Settings
from pipelines.presets import presets
from pipelines.problems import Problem
from pipelines.source_settings import Table
from pipelines.sources.cells import Shape, cell
from pipelines.sources.located import locate


def likenesses(settings: Settings, faults: list[str]) -> Iterator[str]:
    """One line for each source that lacks a column and holds what a preset reads."""
    for name, setting in settings.sources.items():
        lacking = any(f" sources.{name}." in fault and "has no column" in fault for fault in faults)
        if not lacking or not isinstance(setting, Table):
            continue
        located, _ = locate(setting, f"sources.{name}")
        if fitting := fitting_presets(located[0]):
            yield f"params.yaml: sources.{name}.preset: {' or '.join(fitting)} would fit {located[0].name}."


def fitting_presets(shape: Shape) -> list[str]:
    """Presets that find all they take from a row in a table."""
    return [name for name, one in presets().items() if all(_can_read(wanted, shape) for wanted in one.expressions())]


def _can_read(wanted: str, shape: Shape) -> bool:
    try:
        cell(wanted, shape)
    except Problem:
        return False
    return True
