"""The table of presets says what they say, and each of its entries works on the file that it tells how to get."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any

import pytest
import yaml

from pipelines.commands.reference.presets import preset_table
from pipelines.settings.presets.catalogue import expanded, presets
from tests.pipelines.presets_for_tests import EXPECTED, activities, fixture_of


def rows() -> dict[str, list[str]]:
    """The rows of the documentation by preset: the export, what it becomes, the entry; as a reader sees them."""
    written = preset_table().splitlines()[2:]
    cells = [row.strip("| ").replace("\\|", "\0").split(" | ") for row in written]
    found = [[cell.replace("\0", "|") for cell in row] for row in cells]
    return {next(iter(source(row))): row for row in found}


def source(row: list[str]) -> dict[str, Any]:
    """The entry of a row, under its name."""
    entry = yaml.safe_load(row[2].strip("`"))
    assert isinstance(entry, dict)
    return entry


def test_every_preset_has_an_entry() -> None:
    assert list(rows()) == list(presets())
    for name, row in rows().items():
        assert [len(row), row[1]] == [3, ", ".join(f"`{one}`" for one in presets()[name].activities())]
        assert presets()[name].export.strip() in row[0]


def test_every_entry_can_be_copied() -> None:
    entries = [line.rsplit("| `", 1)[1].removesuffix("` |") for line in preset_table().splitlines()[2:]]
    assert len(entries) == len(presets())
    for entry in entries:
        (settings,) = expanded({"sources": yaml.safe_load(entry)})["sources"].values()
        assert settings["reader"] in settings["path"] or settings["reader"] == "csv"
        assert "preset" not in settings


def test_an_api_is_named_with_the_command_that_makes_a_file_of_its_answers() -> None:
    for name, row in rows().items():
        program, options = presets()[name].unwrap, ["-c", "-s"] if presets()[name].together else ["-c"]
        _, _, command = row[0].partition(". Then `")
        wanted = ["jq", *options, program, f"answers/{name}/*.json", ">", f"exports/{name}.json"]
        assert shlex.split(command.removesuffix("`")) == (wanted if program else [])


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(presets()))
def test_the_entry_of_the_table_reads_the_file_it_tells_of(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    fixture_of(name, "exports")
    assert activities(source(rows()[name])[name]) == EXPECTED[name]
