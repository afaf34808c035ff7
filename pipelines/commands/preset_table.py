"""The README's table of presets, made from their files: running this module writes it between its marks.

A test compares, so the README never says what the presets do not.
"""

from __future__ import annotations

from pathlib import Path

from pipelines.settings.presets.catalogue import Preset, entry_of, presets

BEGIN, END = "<!-- preset table: begin -->", "<!-- preset table: end -->"


def table() -> str:
    """Markdown: one row per preset: what it reads, what it becomes, an entry to copy."""
    lines = ["| the export | becomes | under `sources:` |", "| --- | --- | --- |"]
    return "\n".join([*lines, *(_row(name, preset) for name, preset in presets().items())])


def _row(name: str, preset: Preset) -> str:
    entry = entry_of(name, preset)[1].strip()
    becomes = ", ".join(f"`{one}`" for one in preset.activities())
    command = preset.unwrapping(name)
    export = preset.export.strip() + (f". Then `{command}`" if command else "")
    export = export.replace("|", "\\|")
    return f"| **[{preset.title}]({preset.documented})**: {export} | {becomes} | `{entry}` |"


def renewed(readme: str) -> str:
    """The README with the table of today between its marks."""
    head, rest = readme.split(BEGIN)
    return f"{head}{BEGIN}\n{table()}\n{END}{rest.split(END)[1]}"


def main() -> None:
    """Write the table into README.md of this folder."""
    readme = Path("README.md")
    readme.write_text(renewed(readme.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main()
