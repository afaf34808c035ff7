"""The table of presets, from their files: what each reads, what it becomes, an entry to copy."""

from __future__ import annotations

from pipelines.commands.reference.markdown import code, table
from pipelines.settings.presets.catalogue import Preset, entry_of, presets

HEADS = ("the export", "becomes", "under `sources:`")


def preset_table() -> str:
    """One row per preset, in the order of their names."""
    return table(HEADS, [row(name, preset) for name, preset in presets().items()])


def row(name: str, preset: Preset) -> tuple[str, str, str]:
    """What is exported and how, the activities it becomes, the entry to copy."""
    entry = entry_of(name, preset)[1].strip()
    command = preset.unwrapping(name)
    money = f". Money: {preset.money.strip()}" if preset.money else ""
    export = preset.export.strip() + money + (f". Then `{command}`" if command else "")
    becomes = ", ".join(code(one) for one in preset.activities())
    return f"**[{preset.title}]({preset.documented})**: {export}", becomes, code(entry)
