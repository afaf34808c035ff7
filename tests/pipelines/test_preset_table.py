"""The README says what the presets say."""

from __future__ import annotations

from pathlib import Path

import yaml

from pipelines.preset_table import renewed, table
from pipelines.presets import expanded, presets

README = Path(__file__).resolve().parents[2] / "README.md"


def test_the_readme_holds_the_table_of_today() -> None:
    text = README.read_text(encoding="utf-8")
    assert renewed(text) == text, "run: python -m pipelines.preset_table"


def test_every_entry_can_be_copied() -> None:
    entries = [line.rsplit("| `", 1)[1].removesuffix("` |") for line in table().splitlines()[2:]]
    assert len(entries) == len(presets())
    for entry in entries:
        (source,) = expanded({"sources": yaml.safe_load(entry)})["sources"].values()
        assert source["reader"] in source["path"] or source["reader"] == "csv"
        assert "preset" not in source
